"""The runs of a workspace: their names, and what is known of each without opening its tables."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bundleopt.workspace import Workspace
from bundleopt_data import atomic
from bundleopt_data.errors import UsageError

APPROVED = "approved"
"""Stands for the newest run whose approval stands, wherever a run is named."""

_NAME = re.compile(r"(\d{4,})-\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Run:
    """A published run folder and its `plan.json`."""

    folder: Path
    document: dict[str, Any]

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.name

    @property
    def approved_by(self) -> str | None:
        """Who approved it; None where nobody did, or another run took its place."""
        from bundleopt.approval import read_approval

        approval = read_approval(self.folder)
        return approval.by if approval is not None and approval.is_current else None

    @property
    def label(self) -> str:
        """What people call it; "" where they gave it no name of their own."""
        from bundleopt.run_label import read_label

        return read_label(self.folder)

    def row(self) -> dict[str, Any]:
        """Return one line of `runs list`."""
        totals = self.document["totals"]
        return {
            "run": self.name,
            "week": self.document["week"],
            "status": self.document["status"],
            "bundles": self.document["menu"]["bundles"],
            "offers": self.document["menu"]["offers"],
            "incremental_revenue": totals["incremental_revenue"]["value"],
            "incremental_margin": totals["incremental_margin"]["value"],
            "promo_spend": totals["promo_spend"]["value"],
            "gap": self.document["gap"],
            "approved_by": self.approved_by,
            "label": self.label,
        }


@contextmanager
def numbering(workspace: Workspace) -> Iterator[None]:
    """Hold the numbers of the runs while one is taken and its folder is written: two runs never share one.

    Raises:
        StorageError: the workspace cannot be written.
    """
    import filelock

    path = workspace.cache / "runs.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(path)
        lock.acquire()
    except OSError as error:
        raise atomic.storage_error(error, path) from error
    try:
        yield
    finally:
        lock.release()


def next_folder(workspace: Workspace, week: date) -> Path:
    """Return the folder of a new run: a number that only counts up, and the week; never a clock."""
    numbers = [int(match[1]) for path in workspace.runs.iterdir() if (match := _NAME.fullmatch(path.name))]
    return workspace.runs / f"{max(numbers, default=0) + 1:04d}-{week.isoformat()}"


def all_runs(workspace: Workspace) -> list[Run]:
    """Return the runs of a workspace, oldest first; folders without a readable plan are left out."""
    if not workspace.runs.is_dir():
        return []
    runs = []
    for folder in sorted(workspace.runs.iterdir()):
        if _NAME.fullmatch(folder.name):
            try:
                runs.append(open_run(folder))
            except UsageError:
                continue
    return runs


def search(runs: list[Run], text: str) -> list[Run]:
    """Return the runs that mention a text, whatever its case: names, week, status, approval, settings, items."""
    wanted = text.casefold()
    return [run for run in runs if wanted in _searchable(run).casefold()]


def _searchable(run: Run) -> str:
    document = run.document
    settings = [f"{key}={value}" for key, value in document["config"].items()]
    try:
        bundles = (run.folder / "bundles.csv").read_text(encoding="utf-8")
    except OSError:
        bundles = ""
    parts = (run.name, run.label, document["week"], document["status"], run.approved_by or "", *settings, bundles)
    return "\n".join(str(part) for part in parts)


def find_run(workspace: Workspace, name: str | None) -> Run:
    """Return a run by name or number, by the path of its folder, the last `approved` one, or the latest for None.

    Raises:
        UsageError: there is no such run; the message names those there are.
    """
    if name is not None and (Path(name) / "plan.json").is_file():
        return open_run(Path(name))
    runs = all_runs(workspace)
    if not runs:
        raise UsageError(f"no runs in {workspace.runs}; make one with: bundleopt solve")
    if name is None:
        return runs[-1]
    if name == APPROVED:
        found = last_approved(workspace)
        if found is None:
            raise UsageError("no run is approved yet; approve one with: bundleopt approve --by NAME")
        return found
    for run in runs:
        if run.name == name or run.name.split("-")[0] == name.zfill(4):
            return run
    near = difflib.get_close_matches(name, [run.name for run in runs], n=1)
    hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(run.name for run in runs[-10:])}"
    raise UsageError(f"no run {name!r}{hint}")


def last_approved(workspace: Workspace, *, besides: Path | None = None) -> Run | None:
    """Return the newest run whose approval stands, but for the one in the folder `besides`; None without one."""
    approved = [run for run in all_runs(workspace) if run.approved_by is not None]
    others = [run for run in approved if besides is None or run.folder.resolve() != besides.resolve()]
    return others[-1] if others else None


def remove(workspace: Workspace, names: list[str], *, force: bool = False) -> list[str]:
    """Remove runs of the workspace, all or none, and return their names.

    Raises:
        UsageError: one is not a run of this workspace, or is approved and not forced.
    """
    runs = {run.folder: run for run in (find_run(workspace, name) for name in names)}
    for run in runs.values():
        if run.folder.resolve().parent != workspace.runs.resolve():
            raise UsageError(f"{run.folder} lies outside {workspace.runs}; remove it by hand")
        if run.approved_by is not None and not force:
            raise UsageError(f"{run.name} was approved by {run.approved_by}; remove it with --force")
    for folder in runs:
        atomic.remove(folder)
    return [run.name for run in runs.values()]


def open_run(folder: Path) -> Run:
    """Open one run folder.

    Raises:
        UsageError: it holds no readable plan.
    """
    try:
        document = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder} is not a run folder: its plan.json cannot be read ({error})") from error
    return Run(folder, document)


def refuse_foreign_folder(folder: Path) -> None:
    """Refuse to replace a folder that is not a run folder, or holds an approved run.

    Raises:
        UsageError: it exists, is not empty, and holds no `plan.json`; or its run is approved.
    """
    from bundleopt.approval import refuse_frozen

    refuse_frozen(folder)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "plan.json").is_file():
        raise UsageError(f"{folder} holds other files; give --out a new folder, or one that holds a run")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; give --out a folder")
