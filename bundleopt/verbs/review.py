"""Plans again around the decisions that people wrote into a workbook."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundleopt.comparison.difference import PlanDifference, difference
from bundleopt.replan import as_planned
from bundleopt.report import formats
from bundleopt.round_trip.decisions import Review, read_review, understood
from bundleopt.session import Progress, open_session
from bundleopt.verbs.report import read_result
from bundleopt.verbs.solve import SolveResult, solve_session
from bundleopt.workspace_lock import hold
from bundleopt_data.errors import UsageError


@dataclass(frozen=True)
class ReviewResult:
    """A plan around people's decisions.

    Attributes:
        review: the decisions. before: the plan that they are about. after: the plan that keeps them.
        changes: what differs.
    """

    review: Review
    before: SolveResult
    after: SolveResult
    changes: PlanDifference

    @property
    def least_cost(self) -> float:
        """The decisions cost at least this much of the objective, money; proven by both plans for the same inputs."""
        return max(0.0, float(self.before.document["objective"]["value"]) - self.after.bound)

    @property
    def cost(self) -> float:
        """Objective of the plan before less that of the plan after, money."""
        return float(self.before.document["objective"]["value"] - self.after.document["objective"]["value"])

    @property
    def most_cost(self) -> float:
        """The decisions cost at most this much of the objective, money; proven by both plans."""
        return max(0.0, self.before.bound - float(self.after.document["objective"]["value"]))

    def document(self) -> dict[str, Any]:
        """Return the review as JSON."""
        return {
            "before": str(self.before.folder),
            "after": str(self.after.folder),
            "decisions": [vars(one) | {"items": list(one.items)} for one in self.review.decisions],
            "cost": {"objective": self.cost, "least": self.least_cost, "most": self.most_cost},
            **self.changes.document(),
        }


def review(
    file: Path | str,
    *,
    workspace: Path | str | None = None,
    out: Path | str | None = None,
    wait: bool = False,
    progress: Progress | None = None,
) -> ReviewResult:
    """Read a workbook of `bundleopt export --xlsx` back, and plan again around its decisions.

    Args:
        file: the workbook.
        workspace: its folder; None finds it.
        out: the run folder of the new plan; None means the next one in `runs/`.
        wait: wait for another run in the workspace instead of raising.
        progress: told (what is being done, share done).

    Raises:
        UsageError: it is no such workbook, its run is gone, or it holds no decision.
        DataRefusedError: a cell makes no sense. InfeasiblePlanError: no plan keeps the decisions and the rules.
    """
    decided = read_review(Path(file))
    if not decided.decisions:
        raise UsageError(f"{file} holds no decision: fill in the yellow columns of the sheet 'bundles', and save")
    before = read_result(decided.run, workspace=workspace)
    session = as_planned(open_session(workspace, progress=progress), before, decided.settings())
    with hold(session.workspace, wait=wait):
        after = solve_session(session, out=Path(out) if out else None)
    return ReviewResult(decided, before, after, difference(before, after))


def sentences(result: ReviewResult) -> list[str]:
    """Say what was understood and what it costs."""
    name = result.before.document["objective"]["name"]
    lines = understood(result.review)
    if result.cost < -0.005:
        lines.append(f"The plan with your decisions brings {formats.money(-result.cost)} more of incremental {name}.")
    elif result.most_cost < 0.005:
        lines.append(f"Your decisions cost nothing of incremental {name}.")
    else:
        lines.append(
            f"Your decisions cost {formats.money(max(0.0, result.cost))} of incremental {name}; proven: between "
            f"{formats.money(result.least_cost)} and {formats.money(result.most_cost)}."
        )
    if changed := result.changes.inputs:
        lines.append(f"{len(changed)} inputs changed since {result.before.folder.name}: the cost holds that too.")
    return lines
