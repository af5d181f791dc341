"""Approvals: a published plan frozen under a name, a time and a hash.

An approval is one file beside the plan. It names the SHA-256 of the run's manifest, which names that of every other
file, so a plan that was changed after it was approved is found before anybody uses it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from bundleopt.rundir.writer import MANIFEST, changed_files
from bundleopt_data import atomic, digests
from bundleopt_data.errors import UsageError

APPROVAL = "approval.json"


@dataclass(frozen=True)
class Approval:
    """Who froze a plan, and what exactly.

    Attributes:
        by: name of the person. at: ISO time, UTC. note: anything they want remembered.
        manifest: SHA-256 of the run's manifest. superseded_by: name of the run approved in its place, or None.
    """

    by: str
    at: str
    note: str
    manifest: str
    superseded_by: str | None = None

    @property
    def is_current(self) -> bool:
        """Whether no other plan was approved in its place."""
        return self.superseded_by is None


def freeze(folder: Path, *, by: str, note: str = "", now: datetime | None = None) -> Approval:
    """Approve the run in `folder` as it is.

    Raises:
        UsageError: nobody is named, it is approved already, or its files differ from what was published.
    """
    if not by.strip():
        raise UsageError("an approval needs a name: --by 'Ada Lovelace'")
    earlier = read_approval(folder)
    if earlier is not None and earlier.is_current:
        raise UsageError(f"{folder.name} was approved by {earlier.by} at {earlier.at}; it needs no second approval")
    refuse_changed(folder)
    at = (now or datetime.now(UTC)).isoformat(timespec="seconds")
    approval = Approval(by.strip(), at, note.strip(), digests.sha256_of_file(folder / MANIFEST))
    _write(folder, approval)
    return approval


def supersede(folder: Path, *, other: str) -> None:
    """Record that the run `other` was approved in place of the one in `folder`."""
    approval = read_approval(folder)
    if approval is not None:
        _write(folder, Approval(approval.by, approval.at, approval.note, approval.manifest, superseded_by=other))


def read_approval(folder: Path) -> Approval | None:
    """Return the approval of a run; None where it has none.

    Raises:
        UsageError: the approval cannot be read.
    """
    path = folder / APPROVAL
    if not path.is_file():
        return None
    try:
        return Approval(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{path} cannot be read; approve the run again after removing it ({error})") from error


def is_frozen(folder: Path) -> bool:
    """Whether the run is approved and no other took its place."""
    approval = read_approval(folder)
    return approval is not None and approval.is_current


def refuse_frozen(folder: Path) -> None:
    """Refuse to change an approved run.

    Raises:
        UsageError: it is approved.
    """
    if is_frozen(folder):
        raise UsageError(f"{folder} is approved and may not change; write to another place")


def refuse_changed(folder: Path) -> None:
    """Refuse a run whose files are not those that were published, and approved where it is.

    Raises:
        UsageError: a file differs; the message names it.
    """
    changed = changed_files(folder)
    if changed:
        raise UsageError(f"{folder}: changed since it was published: {', '.join(changed)}; solve again")
    approval = read_approval(folder)
    if approval is not None and approval.manifest != digests.sha256_of_file(folder / MANIFEST):
        raise UsageError(f"{folder}: changed since {approval.by} approved it: {MANIFEST}")


def _write(folder: Path, approval: Approval) -> None:
    atomic.write_text(folder / APPROVAL, json.dumps(asdict(approval), indent=2, ensure_ascii=False) + "\n")
