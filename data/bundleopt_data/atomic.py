"""The one way files are written: a file or a folder appears whole, or not at all.

A temporary sibling is written and synced, then renamed over the target, then the folder is synced. Killed at any
point, the old content or the new one is there, never a torso; stray temporaries are removed at the next start.

`BUNDLEOPT_FAULT=write:7:ENOSPC` makes the seventh write of this process fail, `write:7:KILL` kills the process there,
for tests of what happens then.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

from bundleopt_data.errors import StorageError, UsageError

FAULT_VARIABLE = "BUNDLEOPT_FAULT"
_SUFFIX = ".tmp"
_ASIDE = "-old"
_STORAGE_ERRORS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO}
)
_write_number = itertools.count(1)


@contextlib.contextmanager
def writing(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; what is written there becomes `target` when the block ends well.

    The path does not exist yet: create a file or a folder at it. An existing file is replaced; an existing folder is
    moved aside and removed after the rename.

    Raises:
        StorageError: the disk is full, or the place cannot be written; nothing is left behind.
    """
    temporary = _sibling(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _inject_fault()
        _sync_tree(temporary)
        _replace(temporary, target)
        _sync(target.parent)
    except OSError as error:
        if error.errno in _STORAGE_ERRORS and not isinstance(error, StorageError):
            raise storage_error(error, target) from error
        raise
    finally:
        _remove(temporary)


def make_folder(folder: Path) -> None:
    """Make a folder and its parents.

    Raises:
        StorageError: the place cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, folder) from error


def write_bytes(target: Path, content: bytes) -> None:
    """Write a file in one piece; see `writing`."""
    with writing(target) as temporary:
        temporary.write_bytes(content)


def write_text(target: Path, content: str) -> None:
    """Write a UTF-8 text file in one piece, newlines as given; see `writing`."""
    write_bytes(target, content.encode("utf-8"))


def remove(target: Path) -> None:
    """Remove a file or a folder at once: killed halfway, it is whole or gone, and what is left is a stray temporary.

    Raises:
        StorageError: the place cannot be written.
    """
    aside = _sibling(target)
    try:
        target.replace(aside)
    except OSError as error:
        raise storage_error(error, target) from error
    _remove(aside)
    _sync(target.parent)


def remove_stray_temporaries(folder: Path) -> int:
    """Remove what killed writers left in `folder`; temporaries of living processes stay. Returns how many went.

    A folder that a killed writer had moved aside, and not yet replaced, is put back.
    """
    removed = 0
    for path in sorted(folder.glob(f".*{_SUFFIX}")):
        name, _, tag = path.name.removesuffix(_SUFFIX).rpartition(".")
        owner = tag.partition("-")[0]
        if not owner.isdigit() or _is_alive(int(owner)):
            continue
        target = folder / name.removeprefix(".")
        if tag.endswith(_ASIDE) and not target.exists():
            path.replace(target)
        else:
            _remove(path)
        removed += 1
    return removed


def storage_error(error: OSError, target: Path) -> StorageError:
    """Translate an operating-system error of a write into the product's own, with what the user can do."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        with contextlib.suppress(OSError):
            free = shutil.disk_usage(target.parent).free
            return StorageError(
                f"no space left to write {target} ({free:,} bytes free); earlier results are intact. "
                "Free some space, or write elsewhere"
            )
        return StorageError(f"no space left to write {target}; earlier results are intact")
    look = "the disk" if error.errno == errno.EIO else "the folder's permissions"
    return StorageError(f"cannot write {target}: {error.strerror or error}; earlier results are intact, check {look}")


def _sibling(target: Path) -> Path:
    """A new hidden name beside the target that tells which process it belongs to."""
    return target.parent / f".{target.name[:150]}.{os.getpid()}-{secrets.token_hex(4)}{_SUFFIX}"


def _inject_fault() -> None:
    setting = os.environ.get(FAULT_VARIABLE)
    if not setting:
        return
    kind, _, rest = setting.partition(":")
    number, _, name = rest.partition(":")
    code: int | None = getattr(errno, name, None)
    if kind != "write" or not number.isdigit() or (code is None and name != "KILL"):
        raise UsageError(f"{FAULT_VARIABLE} must read like write:7:ENOSPC or write:7:KILL, not {setting!r}")
    if next(_write_number) != int(number):
        return
    if code is None:
        os.kill(os.getpid(), signal.SIGKILL)
    else:
        raise OSError(code, os.strerror(code))


def _sync_tree(path: Path) -> None:
    if path.is_dir():
        for inner in sorted(path.rglob("*")):
            _sync(inner)
    _sync(path)


def _sync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":  # folders cannot be opened there, and renames are journalled
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _replace(temporary: Path, target: Path) -> None:
    """Rename over the target; a folder in the way is moved aside first and put back if the rename fails."""
    if not target.is_dir() or target.is_symlink():
        temporary.replace(target)
        return
    aside = temporary.with_name(temporary.name.removesuffix(_SUFFIX) + _ASIDE + _SUFFIX)
    target.replace(aside)
    try:
        temporary.replace(target)
    except OSError:
        aside.replace(target)
        raise
    _remove(aside)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
