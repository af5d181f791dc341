"""The plan as a workbook: a sheet a table, a sheet on how to read it, and nothing that computes or links."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bundleopt.rundir import csv_files
from bundleopt.rundir.dictionary import DICTIONARY

if TYPE_CHECKING:
    import pandas as pd

# A workbook records when it was made; a fixed date keeps the bytes the same for the same plan.
_CREATED = dt.datetime(2000, 1, 1)
_LARGEST_SHEET = 1_048_575
_SHARES = frozenset({"discount", "redemption_probability", "baseline_probability", "propensity"})
_COUNTS = frozenset({"customers"})


def workbook_bytes(tables: Mapping[str, pd.DataFrame], summary: list[tuple[str, Any]]) -> bytes:
    """Write the workbook.

    Args:
        tables: sheet name -> table; a table longer than a sheet is cut, and its sheet says so in the last row.
        summary: rows (name, value) of the first sheet.
    """
    import xlsxwriter

    buffer = io.BytesIO()
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(buffer, options) as book:
        book.set_properties({"created": _CREATED, "title": "bundleopt plan"})
        formats = _formats(book)
        _write_summary(book.add_worksheet("summary"), summary, formats)
        for name, table in tables.items():
            _write_table(book.add_worksheet(name), table, formats)
        _write_dictionary(book.add_worksheet("how to read"), formats)
    return buffer.getvalue()


def _formats(book: Any) -> dict[str, Any]:
    return {
        "head": book.add_format({"bold": True, "bg_color": "#E8EEF4", "bottom": 1, "text_wrap": True}),
        "text": book.add_format({"num_format": "@", "valign": "top"}),
        "money": book.add_format({"num_format": "#,##0.00"}),
        "share": book.add_format({"num_format": "0.0%"}),
        "count": book.add_format({"num_format": "#,##0"}),
    }


def _write_summary(sheet: Any, rows: list[tuple[str, Any]], formats: dict[str, Any]) -> None:
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 70)
    for index, (name, value) in enumerate(rows):
        sheet.write_string(index, 0, name, formats["head"])
        if isinstance(value, int | float) and not isinstance(value, bool):
            sheet.write_number(index, 1, value, formats["money"])
        else:
            sheet.write_string(index, 1, csv_files.cell_text(value).lstrip("'"), formats["text"])


def _write_table(sheet: Any, table: pd.DataFrame, formats: dict[str, Any]) -> None:
    columns = list(table.columns)
    for index, name in enumerate(columns):
        sheet.write_string(0, index, name, formats["head"])
        sheet.set_column(index, index, 44 if name in {"item_names", "reason"} else 16)
    shown = table.head(_LARGEST_SHEET - 1)
    for row_index, row in enumerate(shown.itertuples(index=False, name=None), start=1):
        for column_index, cell in enumerate(row):
            _write_cell(sheet, (row_index, column_index), cell, _cell_format(columns[column_index], formats))
    if len(table) > len(shown):
        sheet.write_string(len(shown) + 1, 0, f"{len(table) - len(shown):,} more rows are in the Parquet file")
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, max(len(shown), 1), max(len(columns) - 1, 0))


def _write_cell(sheet: Any, place: tuple[int, int], cell: Any, cell_format: Any) -> None:
    is_number = not isinstance(cell, str | list | tuple | bool) and cell is not None and cell == cell  # noqa: PLR0124
    if type(cell).__name__ == "bool":
        sheet.write_boolean(*place, bool(cell))
    elif is_number:
        sheet.write_number(*place, float(cell), cell_format)
    elif isinstance(cell, list | tuple):
        sheet.write_string(*place, csv_files.LIST_SEPARATOR.join(str(part) for part in cell))
    elif isinstance(cell, str):
        sheet.write_string(*place, cell)


def _cell_format(column: str, formats: dict[str, Any]) -> Any:
    if column in _SHARES:
        return formats["share"]
    return formats["count"] if column in _COUNTS else formats["money"]


def _write_dictionary(sheet: Any, formats: dict[str, Any]) -> None:
    for index, (name, width) in enumerate((("sheet", 12), ("column", 26), ("meaning", 90))):
        sheet.write_string(0, index, name, formats["head"])
        sheet.set_column(index, index, width)
    row = 1
    for table, columns in DICTIONARY.items():
        for column, meaning in columns.items():
            for index, text in enumerate((table, column, meaning)):
                sheet.write_string(row, index, text)
            row += 1
    sheet.freeze_panes(1, 0)
