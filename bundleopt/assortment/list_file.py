"""Reads a list of items, as `assort` writes it or a team keeps it: what a menu may be limited to."""

from __future__ import annotations

from pathlib import Path

from bundleopt.assortment.preference_file import read_table
from bundleopt_data.errors import DataProblem, DataRefusedError

_YES = frozenset({"true", "1", "yes"})


def read_list(path: Path) -> tuple[str, ...]:
    """Return the item ids of a CSV or Parquet file with a column item_id; with a column `listed`, its true rows only.

    Raises:
        UsageError: there is no such file, or it has another ending. DataRefusedError: it has no ids.
    """
    frame = read_table(path)
    if "item_id" not in frame.columns:
        problem = DataProblem(path.name, "item_id", "this column is missing", len(frame), fix="give one item_id a row")
        raise DataRefusedError([problem])
    if "listed" in frame.columns:
        frame = frame[frame["listed"].map(lambda cell: str(cell).strip().lower() in _YES)]
    ids = (_bare(str(cell).strip()) for cell in frame["item_id"])
    found = tuple(dict.fromkeys(one for one in ids if one))
    if not found:
        raise DataRefusedError([DataProblem(path.name, "item_id", "the file lists no item", len(frame))])
    return found


def _bare(text: str) -> str:
    """Take off the apostrophe that our own CSV files put before what a spreadsheet would run."""
    return text[1:] if text[:1] == "'" and text[1:2] in tuple("=+-@|%") else text
