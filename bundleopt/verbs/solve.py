"""Plans a campaign."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bundleopt import pipeline, run_registry
from bundleopt.report import formats
from bundleopt.session import Progress, Session, open_session
from bundleopt.stages import optimise, targets
from bundleopt.stages.stopwatch import Stopwatch
from bundleopt.workspace_lock import hold
from bundleopt_data import atomic
from bundleopt_data.errors import InfeasiblePlanError

if TYPE_CHECKING:
    import pandas as pd


CONFLICT_FILE = "conflict.json"


@dataclass(frozen=True, repr=False)
class SolveResult:
    """A published plan; a notebook shows it as its totals, its bound and its menu.

    Attributes:
        folder: the run folder. document: `plan.json`. bundles, offers, inventory: the tables of the run folder.
    """

    folder: Path
    document: dict[str, Any]
    bundles: pd.DataFrame
    offers: pd.DataFrame
    inventory: pd.DataFrame

    @property
    def status(self) -> str:
        """`optimal` (proven within the asked gap), `feasible` or `interrupted`."""
        return str(self.document["status"])

    @property
    def incremental_revenue(self) -> float:
        """Expected revenue with the campaign minus without it, money."""
        return float(self.document["totals"]["incremental_revenue"]["value"])

    @property
    def incremental_margin(self) -> float:
        """Expected margin with the campaign minus without it, money."""
        return float(self.document["totals"]["incremental_margin"]["value"])

    @property
    def bound(self) -> float:
        """No plan over these candidates has a larger objective value, money."""
        return float(self.document["bound"])

    @property
    def gap(self) -> float:
        """(bound - value) / bound, a share."""
        return float(self.document["gap"])

    def __repr__(self) -> str:
        """The plan in one line."""
        from bundleopt.report.plan_card import plan_line

        return plan_line(self.document, self.folder)

    def _repr_html_(self) -> str:
        """The plan as a notebook shows it."""
        from bundleopt.report.plan_card import plan_card

        return plan_card(self.document, self.bundles)


def solve(
    workspace: Path | str | None = None,
    *,
    out: Path | str | None = None,
    write_model: Path | str | None = None,
    frontier: str | None = None,
    wait: bool = False,
    progress: Progress | None = None,
    **settings: Any,
) -> SolveResult:
    """Plan a campaign, verify it, and publish it as a run folder.

    Args:
        workspace: its folder; None finds it: the nearest one upward, else the embedded sample.
        out: the run folder; None means the next one in `runs/`.
        write_model: file that gets the segment menu problem, `.mps` or `.lp`.
        frontier: other budgets to plan beside it for the report, `500:2000:500` or a list.
        wait: wait for another run in the workspace instead of raising.
        progress: told (what is being done, share done).
        **settings: keys of `[solve]`, for example `budget=2000, max_discount="25%"`; they win over the configuration.
            `pareto=6` is none of them: so many plans of revenue against margin are proven beside the plan.

    Raises:
        BundleoptError: one of its leaves, see `bundleopt_data.errors`; nothing is published then.
    """
    pareto = settings.pop("pareto", None)
    session = open_session(workspace, flags=settings, progress=progress)
    with hold(session.workspace, wait=wait):
        return solve_session(
            session,
            out=Path(out) if out else None,
            write_model=Path(write_model) if write_model else None,
            beside=Beside(frontier, None if pareto is None else str(pareto)),
        )


def _write_conflict(session: Session, error: InfeasiblePlanError) -> None:
    """Write the rules in conflict, and what would remove it, as `conflict.json` in the workspace."""
    document = {
        "conflict": list(error.conflict),
        "detail": error.detail,
        "relaxations": [vars(relaxation) for relaxation in error.relaxations],
    }
    atomic.write_text(session.workspace.root / CONFLICT_FILE, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


@dataclass(frozen=True)
class Beside:
    """What is planned beside the plan, as texts of flags: other budgets, points of revenue against margin."""

    frontier: str | None = None
    pareto: str | None = None

    def check(self, session: Session) -> None:
        """Refuse what makes no sense, before minutes go into the plan.

        Raises:
            UsageError: it names the flag.
        """
        from bundleopt.scenarios.frontier import budgets_of
        from bundleopt.scenarios.pareto import points_of, refuse_untradeable

        if self.frontier is not None:
            budgets_of(self.frontier)
        if self.pareto is not None:
            points_of(self.pareto)
            refuse_untradeable(session)

    def join(self, session: Session, solved: pipeline.Solved, watch: Stopwatch) -> pipeline.Solved:
        """Return the plan with what was asked for beside it in its document."""
        from bundleopt.scenarios.frontier import budgets_of, with_frontier
        from bundleopt.scenarios.pareto import points_of, with_pareto

        if self.frontier is not None:
            with watch.stage("frontier"):
                solved = with_frontier(session, solved, budgets_of(self.frontier))
        if self.pareto is not None:
            with watch.stage("revenue against margin"):
                solved = with_pareto(session, solved, points_of(self.pareto))
        return solved


def solve_session(
    session: Session, *, out: Path | None = None, write_model: Path | None = None, beside: Beside | None = None
) -> SolveResult:
    """Plan a campaign in an open session whose workspace is held; see `solve` for the arguments.

    The sentences of the plan write numbers as its configuration says.
    """
    beside = beside or Beside()
    beside.check(session)
    data = session.config.data
    with formats.written_as(formats.number_format(data.number_format, data.currency)):
        return _solve_and_publish(session, out, write_model, beside)


def _solve_and_publish(session: Session, out: Path | None, write_model: Path | None, beside: Beside) -> SolveResult:
    watch = Stopwatch()
    optimise.refuse_unknown_solver(session.config.solve.solver)
    optimise.refuse_unknown_ending(write_model)
    if out is not None:
        run_registry.refuse_foreign_folder(out)
    try:
        prepared = pipeline.prepare(session, watch, in_chunks=write_model is None and beside == Beside())
        session, prepared, start = targets.aim(session, prepared, watch)
        solved = pipeline.solve(session, prepared, watch, write_model=write_model, start=start)
        solved = beside.join(session, solved, watch)
    except InfeasiblePlanError as error:
        _write_conflict(session, error)
        raise
    folder, content = pipeline.publish(session, solved, out=out)
    return SolveResult(folder, content.document, content.bundles, content.offers, content.inventory)
