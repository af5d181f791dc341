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

    Raises:
        BundleoptError: one of its leaves, see `bundleopt_data.errors`; nothing is published then.
    """
    session = open_session(workspace, flags=settings, progress=progress)
    with hold(session.workspace, wait=wait):
        return solve_session(
            session,
            out=Path(out) if out else None,
            write_model=Path(write_model) if write_model else None,
            frontier=frontier,
        )


def _write_conflict(session: Session, error: InfeasiblePlanError) -> None:
    """Write the rules in conflict, and what would remove it, as `conflict.json` in the workspace."""
    document = {
        "conflict": list(error.conflict),
        "detail": error.detail,
        "relaxations": [vars(relaxation) for relaxation in error.relaxations],
    }
    atomic.write_text(session.workspace.root / CONFLICT_FILE, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def solve_session(
    session: Session, *, out: Path | None = None, write_model: Path | None = None, frontier: str | None = None
) -> SolveResult:
    """Plan a campaign in an open session whose workspace is held; see `solve` for the arguments.

    The sentences of the plan write numbers as its configuration says.
    """
    from bundleopt.scenarios.frontier import budgets_of

    budgets = budgets_of(frontier) if frontier is not None else []
    data = session.config.data
    with formats.written_as(formats.number_format(data.number_format, data.currency)):
        return _solve_and_publish(session, out, write_model, budgets)


def _solve_and_publish(session: Session, out: Path | None, write_model: Path | None, budgets: list[str]) -> SolveResult:
    from bundleopt.scenarios.frontier import with_frontier

    watch = Stopwatch()
    optimise.refuse_unknown_solver(session.config.solve.solver)
    optimise.refuse_unknown_ending(write_model)
    if out is not None:
        run_registry.refuse_foreign_folder(out)
    try:
        prepared = pipeline.prepare(session, watch, in_chunks=write_model is None and not budgets)
        session, prepared, start = targets.aim(session, prepared, watch)
        solved = pipeline.solve(session, prepared, watch, write_model=write_model, start=start)
        if budgets:
            with watch.stage("frontier"):
                solved = with_frontier(session, solved, budgets)
    except InfeasiblePlanError as error:
        _write_conflict(session, error)
        raise
    folder, content = pipeline.publish(session, solved, out=out)
    return SolveResult(folder, content.document, content.bundles, content.offers, content.inventory)
