"""Every way a command can fail: its exit code, its one message, and the file that a bug leaves behind."""

from __future__ import annotations

import errno
import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from bundleopt.cli.flags import CommandInterruptedError
from bundleopt_data.errors import BundleoptError, InfeasiblePlanError, VerificationError

INTERRUPTED = 130
INTERNAL_BUG = 1
DISK_OR_PERMISSION = 11


def report_failure(error: BaseException, *, command: str, arguments: Sequence[str]) -> int:
    """Write the message of `error` to stderr (and as JSON to stdout when asked), and return the exit code."""
    code, message = classify(error)
    if "--verbose" in arguments or "-v" in arguments:
        traceback.print_exception(error, file=sys.stderr)
    sys.stderr.write(f"{command}: {message}\n")
    if "--json" in arguments:
        sys.stdout.write(json.dumps(as_document(error, code, message), indent=2, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    return code


def classify(error: BaseException) -> tuple[int, str]:
    """Return the exit code and the message of an error; an unknown one is a bug and leaves a traceback file."""
    if isinstance(error, BundleoptError):
        return error.exit_code, printable(str(error))
    if isinstance(error, KeyboardInterrupt | CommandInterruptedError):
        return INTERRUPTED, "interrupted; nothing was published"
    if isinstance(error, PermissionError) or (isinstance(error, OSError) and error.errno in _DISK_ERRORS):
        return DISK_OR_PERMISSION, printable(f"{error.filename or 'the disk'}: {error.strerror}")
    return INTERNAL_BUG, f"internal error, this is a bug in bundleopt: {_one_line(error)}\n{_write_traceback(error)}"


def as_document(error: BaseException, code: int, message: str) -> dict[str, object]:
    """Return the error as a JSON document, with what programs need beside the message."""
    document: dict[str, object] = {
        "status": "error",
        "exit_code": code,
        "error": type(error).__name__,
        "message": message,
    }
    if isinstance(error, InfeasiblePlanError):
        document["conflict"] = list(error.conflict)
        document["relaxations"] = [vars(relaxation) for relaxation in error.relaxations]
    if isinstance(error, VerificationError):
        document["violations"] = [vars(violation) for violation in error.violations]
    return document


def printable(text: str) -> str:
    """Escape what would steer a terminal (control characters, bidirectional marks); newlines and tabs stay."""
    return "".join(c if c in "\n\t" or c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO})


def _one_line(error: BaseException) -> str:
    return printable(f"{type(error).__name__}: {error}".splitlines()[0])


def _write_traceback(error: BaseException) -> str:
    from bundleopt.workspace import home

    text = "".join(traceback.format_exception(error))
    for folder in (home() / "crashes", Path.cwd()):
        path = folder / f"bundleopt-traceback-{os.getpid()}.txt"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError:
            continue
        return f"traceback: {path}"
    return text
