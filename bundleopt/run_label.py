"""What people call a run: a file beside the plan, outside its manifest: a name can change, and a plan cannot."""

from __future__ import annotations

import json
from pathlib import Path

from bundleopt_data import atomic
from bundleopt_data.errors import UsageError

LABEL = "label.json"
LONGEST = 80


def read_label(folder: Path) -> str:
    """Return the name of a run; "" where it has none, or the file cannot be read: a name is never worth a failure."""
    try:
        content = json.loads((folder / LABEL).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    name = content.get("name") if isinstance(content, dict) else None
    return name if isinstance(name, str) else ""


def checked_label(text: str) -> str:
    """Return a name as it is kept: trimmed, on one line.

    Raises:
        UsageError: it is empty or too long.
    """
    name = " ".join(text.split())
    if not name:
        raise UsageError("a scenario needs a name, like 'half the budget'")
    if len(name) > LONGEST:
        raise UsageError(f"a name has at most {LONGEST} characters; this one has {len(name)}")
    return name


def write_label(folder: Path, text: str) -> None:
    """Name the run in `folder`; an earlier name is replaced.

    Raises:
        UsageError: the name is empty or too long. StorageError: it cannot be written.
    """
    atomic.write_text(folder / LABEL, json.dumps({"name": checked_label(text)}, ensure_ascii=False) + "\n")
