"""The plans that the page shows: runs of the workspace, and drafts that nobody saved yet.

A draft is a whole run folder below the cache. Saving it makes it the next run of the workspace, with a name; from then
on the command line sees it as any other run.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bundleopt import run_registry
from bundleopt.approval import refuse_changed, refuse_frozen
from bundleopt.run_label import checked_label, write_label
from bundleopt.run_registry import Run
from bundleopt.web import limits
from bundleopt.web.refusal import Refusal
from bundleopt.workspace import Workspace
from bundleopt_data import atomic

_DRAFT = "draft-"
_REFERENCE = re.compile(r"(draft-)?(\d{4,9}-\d{4}-\d{2}-\d{2})", re.ASCII)
_LONGEST_REFERENCE = 40


def draft_workspace(workspace: Workspace) -> Workspace:
    """Return where the drafts of a workspace lie, with a registry of their own."""
    return Workspace(workspace.cache / "page")


@dataclass(frozen=True)
class Scenario:
    """A plan as the page refers to it: the name of its run, or `draft-` and the name of the draft."""

    reference: str
    run: Run

    @property
    def is_draft(self) -> bool:
        """Whether nobody saved it yet."""
        return self.reference.startswith(_DRAFT)

    @property
    def title(self) -> str:
        """What people call it."""
        number = self.run.name.split("-")[0].lstrip("0")
        return self.run.label or (f"Unsaved plan {number}" if self.is_draft else f"Run {number}")


class Scenarios:
    """All plans of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        """Look into `workspace`."""
        self.workspace, self.drafts = workspace, draft_workspace(workspace)

    def all(self) -> list[Scenario]:
        """Return the saved ones, then the drafts, each newest first."""
        saved = [Scenario(run.name, run) for run in run_registry.all_runs(self.workspace)]
        drafts = [Scenario(_DRAFT + run.name, run) for run in run_registry.all_runs(self.drafts)]
        return [*reversed(saved), *reversed(drafts)]

    def find(self, reference: str) -> Scenario:
        """Return one by its reference.

        Raises:
            Refusal: there is no such plan, or the text is no reference; 404 in both cases.
        """
        match = _REFERENCE.fullmatch(reference) if len(reference) <= _LONGEST_REFERENCE else None
        if match is None:
            raise _missing()
        folder = (self.drafts if match[1] else self.workspace).runs / match[2]
        if not (folder / "plan.json").is_file() or folder.is_symlink():
            raise _missing()
        return Scenario(reference, run_registry.open_run(folder))

    def save(self, scenario: Scenario, name: str) -> Scenario:
        """Make a draft the next run of the workspace, under a name; name a saved one anew.

        Raises:
            UsageError: the name is empty or too long, the draft was changed, or the run is approved.
            StorageError: it cannot be written.
        """
        label = checked_label(name)
        if not scenario.is_draft:
            refuse_frozen(scenario.run.folder)
            write_label(scenario.run.folder, label)
            return self.find(scenario.reference)
        refuse_changed(scenario.run.folder)
        with run_registry.numbering(self.workspace):
            week = date.fromisoformat(scenario.run.document["week"])
            folder = run_registry.next_folder(self.workspace, week)
            with atomic.writing(folder) as temporary:
                shutil.copytree(scenario.run.folder, temporary)
                write_label(temporary, label)
        atomic.remove(scenario.run.folder)
        return self.find(folder.name)

    def remove(self, scenario: Scenario) -> None:
        """Remove a plan; an approved one stays.

        Raises:
            UsageError: it is approved. StorageError: it cannot be removed.
        """
        run_registry.remove(self.drafts if scenario.is_draft else self.workspace, [scenario.run.name])

    def forget_old_drafts(self, *, keep: frozenset[str] = frozenset()) -> None:
        """Remove the oldest drafts above the number that is kept, but none in a folder that is to `keep`."""
        drafts = [one for one in self.all() if one.is_draft]
        for one in drafts[limits.DRAFTS_KEPT :]:
            if str(one.run.folder) not in keep:
                self.remove(one)


def reference_of_draft(name: str) -> str:
    """Return the reference of a draft by the name of its folder."""
    return _DRAFT + name


def folder_of_frontier(workspace: Workspace, identity: str) -> Path:
    """Return where the files of a sweep lie; `identity` is one that this server made."""
    return draft_workspace(workspace).root / "frontiers" / identity


def _missing() -> Refusal:
    return Refusal(404, "There is no such plan; it may have been removed.")
