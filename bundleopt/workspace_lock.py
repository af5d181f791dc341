"""One run at a time in a workspace: the second waits, or is told who holds it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bundleopt.workspace import Workspace
from bundleopt_data.errors import StorageError, WorkspaceLockedError


@contextmanager
def hold(workspace: Workspace, *, wait: bool = False) -> Iterator[None]:
    """Hold the workspace while the block runs; what a killed run left half-written is removed first.

    The lock is the operating system's, so it frees itself when its holder dies; the file beside it only says who
    holds it, for people.

    Raises:
        WorkspaceLockedError: another process holds it and `wait` is off; the message names its pid and its start.
        StorageError: the lock file cannot be written.
    """
    import filelock

    path = workspace.cache / "lock"
    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=-1 if wait else 0)
    except filelock.Timeout:
        raise WorkspaceLockedError(
            f"another run holds {workspace.root}: {_holder(path)}; wait for it with --wait"
        ) from None
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
    holder = _holder_file(path)
    try:
        holder.write_text(json.dumps({"pid": os.getpid(), "start": _now()}), encoding="utf-8")
        workspace.remove_strays()
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _holder_file(path: Path) -> Path:
    return path.with_name("lock.holder")


def _holder(path: Path) -> str:
    # The holder writes its name just after it takes the lock; give it that moment.
    for _ in range(5):
        try:
            content = json.loads(_holder_file(path).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            time.sleep(0.05)
            continue
        return f"process {content.get('pid')}, started {content.get('start')}"
    return "process unknown"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
