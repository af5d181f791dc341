"""Reads the decisions that people wrote into the workbook of a plan."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bundleopt.round_trip.sheet_faults import refuse_hostile_archive, refuse_unreadable_cells
from bundleopt.round_trip.workbook import BAN, DECISION, KEEP, OVERRIDE, RUN, SHEET
from bundleopt.rundir.csv_files import LIST_SEPARATOR
from bundleopt.stages.item_choice import BUNDLE_SEPARATOR
from bundleopt_data import money
from bundleopt_data.errors import DataProblem, DataRefusedError, UsageError

_NEEDED = (DECISION, OVERRIDE, "bundle_id", "item_ids", "price")
QUANTITY = "quantity"  # units of one item that are sold together; workbooks of earlier versions do not say


@dataclass(frozen=True)
class Decision:
    """What people want of one bundle.

    Attributes:
        row: of the sheet, counted from 1. items: ids, one that is sold several times as often. bundle_id: "" for a
            bundle of their own.
        action: `keep`, `ban` or `re-price`. price: at which it stays, money; None where it is banned, and for a bundle
            of their own whose price is left to the optimiser.
    """

    row: int
    items: tuple[str, ...]
    bundle_id: str
    action: str
    price: float | None

    @property
    def name(self) -> str:
        """Its items as flags take them."""
        return BUNDLE_SEPARATOR.join(self.items)


@dataclass(frozen=True)
class Review:
    """A workbook that came back: of which run, and the decisions in it in the order of its rows."""

    run: str
    decisions: tuple[Decision, ...]

    def settings(self) -> dict[str, list[str]]:
        """Return the decisions as `[solve]` keys."""
        locked = [f"{one.name}@{one.price:.2f}" for one in self.decisions if one.action != BAN and one.price]
        wished = [one.name for one in self.decisions if one.action != BAN and not one.price]
        banned = [one.name for one in self.decisions if one.action == BAN]
        chosen = {"lock": locked, "include": wished, "exclude": banned}
        return {name: texts for name, texts in chosen.items() if texts}


def read_review(path: Path) -> Review:
    """Read a workbook that `export --xlsx` wrote and people filled in.

    Raises:
        UsageError: it is no workbook, or not one of ours. DataRefusedError: a cell makes no sense, or is misread.
    """
    rows, run = _open(path)
    head = [str(cell).strip() for cell in rows[0]] if rows else []
    missing = [name for name in _NEEDED if name not in head]
    if missing:
        raise UsageError(f"{path}: the sheet {SHEET!r} has no column {missing[0]!r}; export it again with --xlsx")
    place = {name: head.index(name) for name in (*_NEEDED, QUANTITY) if name in head}
    refuse_unreadable_cells(path, SHEET, place)
    problems: dict[str, list[str]] = {}
    decisions = []
    for number, row in enumerate(rows[1:], start=2):
        cells = {name: row[column] for name, column in place.items()}
        try:
            decision = _decision(number, cells)
        except UsageError as error:
            problems.setdefault(str(error), []).append(f"row {number}: {_shown(cells)}")
            continue
        decisions += [decision] if decision is not None else []
    if problems:
        raise DataRefusedError(
            [
                DataProblem(path.name, "", check, len(examples), tuple(examples[:5]), fix="mend the row and save")
                for check, examples in problems.items()
            ]
        )
    _refuse_twice(decisions, path)
    return Review(run, tuple(decisions))


def _open(path: Path) -> tuple[list[list[Any]], str]:
    """The rows of the sheet, and the name of the run."""
    from python_calamine import CalamineError, CalamineWorkbook

    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    try:
        refuse_hostile_archive(path)
        book = CalamineWorkbook.from_path(str(path))
        summary = book.get_sheet_by_name("summary").to_python()
        rows = book.get_sheet_by_name(SHEET).to_python(skip_empty_area=False)
    except (CalamineError, zipfile.BadZipFile, OSError) as error:
        raise UsageError(f"{path} is no workbook of a plan: {error}; make one with: bundleopt export --xlsx") from error
    names = {str(row[0]): str(row[1]) for row in summary if len(row) > 1}
    if RUN not in names:
        raise UsageError(f"{path} does not say which run it belongs to; make one with: bundleopt export --xlsx")
    return rows, names[RUN]


def _decision(number: int, cells: dict[str, Any]) -> Decision | None:
    """One row; None where nothing was decided.

    Raises:
        UsageError: the row contradicts itself, or a cell makes no sense; the message is the broken rule.
    """
    action, override = str(cells[DECISION]).strip().casefold(), _amount(cells[OVERRIDE])
    items = tuple(part.strip() for part in _text(cells["item_ids"]).split(LIST_SEPARATOR) if part.strip())
    items *= _units(cells.get(QUANTITY, ""))
    if not action and override is None:
        if items and not _text(cells["bundle_id"]):
            raise UsageError("a bundle of your own needs keep or a price")
        return None
    if action not in {"", KEEP, BAN}:
        raise UsageError(f"{DECISION} must be {KEEP}, {BAN} or empty")
    if not items:
        raise UsageError("a decision needs item_ids")
    if action == BAN:
        if override is not None:
            raise UsageError("a banned bundle has no price")
        return Decision(number, items, _text(cells["bundle_id"]), BAN, None)
    published = _amount(cells["price"])
    price = override if override is not None else published
    is_changed = override is not None and override != published
    return Decision(number, items, _text(cells["bundle_id"]), "re-price" if is_changed else KEEP, price)


def _units(cell: Any) -> int:
    text = _text(cell)
    if text and not (text.isdecimal() and int(text) > 0):
        raise UsageError("quantity is a number of units")
    return int(text or 1)


def _text(cell: Any) -> str:
    """An id as people left it: a spreadsheet may have turned 1234 into the number 1234.0."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _amount(cell: Any) -> float | None:
    if isinstance(cell, bool):
        raise UsageError("a price must be an amount above 0")
    text = str(cell).strip()
    if not text:
        return None
    cents = money.parse_money(text, name="price")
    if cents <= 0:
        raise UsageError("a price must be an amount above 0")
    return cents / 100


def _refuse_twice(decisions: list[Decision], path: Path) -> None:
    seen: dict[tuple[str, ...], int] = {}
    for one in decisions:
        other = seen.setdefault(tuple(sorted(one.items)), one.row)
        if other != one.row:
            example = f"rows {other} and {one.row}: {one.name}"
            raise DataRefusedError([DataProblem(path.name, "", "a bundle is decided twice", 1, (example,))])


def _shown(cells: dict[str, Any]) -> str:
    return ", ".join(f"{name}={cells[name]!r}" for name in (DECISION, OVERRIDE, "item_ids") if cells[name] != "")


Describe = Callable[[Decision], str]


def understood(review: Review) -> list[str]:
    """Say in one line per decision what was understood."""
    words: dict[str, Describe] = {
        KEEP: lambda one: f"keep {one.name}" + (f" at {one.price:.2f}" if one.price else " at a price to be chosen"),
        BAN: lambda one: f"ban {one.name}",
        "re-price": lambda one: f"sell {one.name} at {one.price:.2f}",
    }
    return [f"row {one.row}: {words[one.action](one)}" for one in review.decisions]
