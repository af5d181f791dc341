"""Compares two published plans."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bundleopt.comparison.difference import PlanDifference, difference
from bundleopt.run_registry import APPROVED, last_approved
from bundleopt.session import Progress, open_session
from bundleopt.verbs.report import read_result
from bundleopt.workspace import find_workspace
from bundleopt_data.errors import UsageError

if TYPE_CHECKING:
    from bundleopt.comparison.causes import Cause
    from bundleopt.session import Session
    from bundleopt.verbs.solve import SolveResult


@dataclass(frozen=True)
class CompareResult:
    """The second plan against the first.

    Attributes:
        before, after: the plans. changes: what differs. causes: what each cause is worth; None where they were not
            asked for. why_no_causes: says why they are missing although they were asked for.
    """

    before: SolveResult
    after: SolveResult
    changes: PlanDifference
    causes: tuple[Cause, ...] | None = None
    why_no_causes: str | None = None

    def document(self) -> dict[str, Any]:
        """Return the comparison as JSON."""
        return {
            "before": {"run": str(self.before.folder), "week": self.before.document["week"]},
            "after": {"run": str(self.after.folder), "week": self.after.document["week"]},
            **self.changes.document(),
            "causes": [vars(cause) for cause in self.causes] if self.causes is not None else None,
            "why_no_causes": self.why_no_causes,
        }


def compare(
    before: Path | str | None = None,
    after: Path | str | None = None,
    *,
    workspace: Path | str | None = None,
    by_cause: bool = True,
    progress: Progress | None = None,
) -> CompareResult:
    """Compare two plans: bundles, customers, money, and what caused the difference.

    Args:
        before: a run folder, the name or the number of a run; None or `approved` means the last approved one.
        after: the same; None means the latest run.
        workspace: its folder; None finds it.
        by_cause: value the first plan again, step by step in the second plan's world; needs the workspace's model.
        progress: told (what is being done, share done).

    Raises:
        UsageError: there is no such run, or both are the same.
    """
    second = read_result(after, workspace=workspace)
    first = read_result(_before(before, second, workspace), workspace=workspace)
    if first.folder.resolve() == second.folder.resolve():
        raise UsageError(f"{first.folder.name} would be compared with itself; name two runs")
    changes = difference(first, second)
    if not by_cause:
        return CompareResult(first, second, changes)
    session = open_session(workspace, progress=progress)
    found, why = _causes(session, first, second)
    return CompareResult(first, second, changes, found, why)


def _before(name: Path | str | None, second: SolveResult, workspace: Path | str | None) -> Path | str:
    """The run to compare with: the one that is named, else the last approved one beside the second."""
    if name is not None and str(name) != APPROVED:
        return name
    found = last_approved(find_workspace(Path(workspace) if workspace else None), besides=second.folder)
    if found is None:
        raise UsageError("no other run is approved to compare with; name two runs, or approve one: bundleopt approve")
    return found.folder


def _causes(session: Session, first: SolveResult, second: SolveResult) -> tuple[tuple[Cause, ...] | None, str | None]:
    from bundleopt.comparison.causes import causes
    from bundleopt.stages.model import open_model

    trained = open_model(session)
    if trained is None:
        return None, "the workspace has no model to value the first plan again with; make one with: bundleopt train"
    session.progress("valuing the first plan again", 0.0)
    return causes(session, trained, first, second), None
