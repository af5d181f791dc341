"""Approves a published plan."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bundleopt.approval import Approval, freeze, is_frozen, supersede
from bundleopt.run_registry import Run, all_runs, find_run
from bundleopt.workspace import find_workspace
from bundleopt_data.errors import UsageError


@dataclass(frozen=True)
class ApproveResult:
    """A frozen plan. `replaced` names the run of the same week whose approval this one ends, if any."""

    run: Run
    approval: Approval
    replaced: str | None

    def document(self) -> dict[str, Any]:
        """Return the approval as JSON."""
        return {"run": str(self.run.folder), **asdict(self.approval), "replaced": self.replaced}


def approve(
    run: Path | str | None = None,
    *,
    by: str,
    note: str = "",
    replace: bool = False,
    workspace: Path | str | None = None,
    now: datetime | None = None,
) -> ApproveResult:
    """Freeze a plan under a name, the time and the hash of its files.

    Args:
        run: a run folder, the name or the number of a run; None means the latest.
        by: who approves.
        note: kept with the approval.
        replace: end the approval of another run of the same week.
        workspace: its folder; None finds it.
        now: the time; None means the clock's.

    Raises:
        UsageError: the run's files changed, it is approved already, or another run of its week is.
    """
    found = find_workspace(Path(workspace) if workspace else None)
    chosen = find_run(found, str(run) if run is not None else None)
    rival = approved_run(all_runs(found), chosen.document["week"])
    if rival is not None and rival.folder.resolve() != chosen.folder.resolve() and not replace:
        raise UsageError(f"{rival.name} is approved for the week of {chosen.document['week']}; end that with --replace")
    approval = freeze(chosen.folder, by=by, note=note, now=now)
    if rival is None:
        return ApproveResult(chosen, approval, None)
    supersede(rival.folder, other=chosen.name)
    return ApproveResult(chosen, approval, rival.name)


def approved_run(runs: list[Run], week: str | None = None) -> Run | None:
    """Return the approved run of a week, or the latest approved one for None."""
    approved = [run for run in runs if is_frozen(run.folder) and week in (None, run.document["week"])]
    return approved[-1] if approved else None
