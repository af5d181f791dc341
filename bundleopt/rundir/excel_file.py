"""The plan as a workbook: a sheet a table, a sheet on how to read it, and nothing that computes or links."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping
from dataclasses import dataclass
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
# Below the table there is room for bundles that people think of themselves.
_ROWS_OF_THEIR_OWN = 50


@dataclass(frozen=True)
class InputColumn:
    """A column that people fill in: one of `choices`, or an amount above 0 where there are none."""

    name: str
    help: str
    choices: tuple[str, ...] = ()


def workbook_bytes(
    tables: Mapping[str, pd.DataFrame],
    summary: list[tuple[str, Any]],
    *,
    inputs: Mapping[str, tuple[InputColumn, ...]] | None = None,
    notes: tuple[str, ...] = (),
) -> bytes:
    """Write the workbook.

    Args:
        tables: sheet name -> table; a table longer than a sheet is cut, and its sheet says so in the last row.
        summary: rows (name, value) of the first sheet.
        inputs: sheet name -> empty columns before the table that people fill in.
        notes: sentences above the dictionary of the sheet "how to read".
    """
    import xlsxwriter

    buffer = io.BytesIO()
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(buffer, options) as book:
        book.set_properties({"created": _CREATED, "title": "bundleopt plan"})
        formats = _formats(book)
        _write_summary(book.add_worksheet("summary"), summary, formats)
        for name, table in tables.items():
            sheet, asked = book.add_worksheet(name), (inputs or {}).get(name, ())
            _write_inputs(sheet, asked, len(table), formats)
            _write_table(sheet, table, formats, left=len(asked))
        _write_dictionary(book.add_worksheet("how to read"), formats, notes)
    return buffer.getvalue()


def _formats(book: Any) -> dict[str, Any]:
    return {
        "head": book.add_format({"bold": True, "bg_color": "#E8EEF4", "bottom": 1, "text_wrap": True}),
        "text": book.add_format({"num_format": "@", "valign": "top"}),
        "money": book.add_format({"num_format": "#,##0.00"}),
        "share": book.add_format({"num_format": "0.0%"}),
        "count": book.add_format({"num_format": "#,##0"}),
        "input": book.add_format({"bg_color": "#FFF8DC", "border": 1, "border_color": "#D8C98A", "locked": False}),
        "input money": book.add_format(
            {"bg_color": "#FFF8DC", "border": 1, "border_color": "#D8C98A", "num_format": "#,##0.00"}
        ),
        "wrapped": book.add_format({"text_wrap": True, "valign": "top"}),
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


def _write_inputs(sheet: Any, columns: tuple[InputColumn, ...], rows: int, formats: dict[str, Any]) -> None:
    """Write the columns that people fill in: one cell a row of the table, and some more for rows of their own."""
    last = rows + _ROWS_OF_THEIR_OWN
    for index, column in enumerate(columns):
        sheet.write_string(0, index, column.name, formats["head"])
        sheet.set_column(index, index, 14)
        for row in range(1, last + 1):
            sheet.write_blank(row, index, None, formats["input" if column.choices else "input money"])
        if column.choices:
            rule: dict[str, Any] = {"validate": "list", "source": list(column.choices)}
        else:
            rule = {"validate": "decimal", "criteria": ">", "value": 0, "ignore_blank": True}
        sheet.data_validation(1, index, last, index, rule | {"input_title": column.name, "input_message": column.help})


def _write_table(sheet: Any, table: pd.DataFrame, formats: dict[str, Any], *, left: int = 0) -> None:
    columns = list(table.columns)
    for index, name in enumerate(columns, start=left):
        sheet.write_string(0, index, name, formats["head"])
        sheet.set_column(index, index, 44 if name in {"item_names", "reason"} else 16)
    shown = table.head(_LARGEST_SHEET - 1)
    for row_index, row in enumerate(shown.itertuples(index=False, name=None), start=1):
        for column_index, cell in enumerate(row):
            _write_cell(sheet, (row_index, left + column_index), cell, _cell_format(columns[column_index], formats))
    if len(table) > len(shown):
        sheet.write_string(len(shown) + 1, left, f"{len(table) - len(shown):,} more rows are in the Parquet file")
    sheet.freeze_panes(1, left + 1)
    sheet.autofilter(0, 0, max(len(shown), 1), max(left + len(columns) - 1, 0))


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


def _write_dictionary(sheet: Any, formats: dict[str, Any], notes: tuple[str, ...]) -> None:
    for row, note in enumerate(notes):
        sheet.write_string(row, 2, note, formats["wrapped"])
    head = len(notes)
    for index, (name, width) in enumerate((("sheet", 12), ("column", 26), ("meaning", 90))):
        sheet.write_string(head, index, name, formats["head"])
        sheet.set_column(index, index, width)
    row = head + 1
    for table, columns in DICTIONARY.items():
        for column, meaning in columns.items():
            for index, text in enumerate((table, column, meaning)):
                sheet.write_string(row, index, text)
            row += 1
    sheet.freeze_panes(head + 1, 0)
