"""The plan's tables as CSV for people: UTF-8, fixed number format, no text that a spreadsheet runs as a formula."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from bundleopt.rundir.neutral_text import for_csv

if TYPE_CHECKING:
    import pandas as pd

LIST_SEPARATOR = "|"


def csv_text(table: pd.DataFrame) -> str:
    """Write a table as CSV text with Unix newlines; lists are joined by `|`, empty means none."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(table.columns)
    for row in table.itertuples(index=False, name=None):
        writer.writerow([cell_text(cell) for cell in row])
    return buffer.getvalue()


def cell_text(cell: Any) -> str:
    """Write one cell: texts neutralised, floats in their shortest exact form, lists joined."""
    if isinstance(cell, list | tuple):
        # One neutralised text for the whole cell: a prefix inside it would belong to an item's name.
        return for_csv(LIST_SEPARATOR.join(_scalar_text(part) for part in cell))
    text = _scalar_text(cell)
    return for_csv(text) if isinstance(cell, str) else text


def _scalar_text(cell: Any) -> str:
    if cell is None or cell != cell:  # noqa: PLR0124 - NaN is the only value that differs from itself
        return ""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool) or type(cell).__name__ == "bool":
        return "true" if cell else "false"
    return repr(float(cell)) if isinstance(cell, float) else str(cell)
