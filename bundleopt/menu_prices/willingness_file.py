"""Reads willingness to pay: CSV or Parquet, one row for each segment and bundle.

Columns: segment, items (one id, or several like A|B), willingness; optional size (customers of the segment) and cost
(of the bundle). A bundle that a segment has no row for is worth the sum of its items to that segment, where all of them
have a row, else nothing; a cost that is missing is the sum of the items' costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bundleopt.assortment.preference_file import read_table
from bundleopt_data import money
from bundleopt_data.errors import DataProblem, DataRefusedError, UsageError
from bundleopt_solvers.max_surplus.problem import WillingnessProblem

if TYPE_CHECKING:
    import pandas as pd

SEPARATOR = "|"
MOST_BUNDLES = 400
FIX = "give segment, items (like A|B) and willingness; optional: size, cost"


@dataclass(frozen=True)
class Willingness:
    """The problem, and sentences on what was filled in."""

    problem: WillingnessProblem
    assumptions: tuple[str, ...]


def read_willingness(path: Path, sizes: tuple[int, int] | None = None) -> Willingness:
    """Read a file; `sizes` adds all bundles of that many items to those that stand in it.

    Raises:
        UsageError: there is no such file, it has another ending, or too many bundles would result.
        DataRefusedError: a column is missing, a number is wrong, or rows contradict each other.
    """
    frame = read_table(path)
    missing = [name for name in ("segment", "items", "willingness") if name not in frame.columns]
    if missing:
        raise DataRefusedError([DataProblem(path.name, missing[0], "this column is missing", len(frame), fix=FIX)])
    if not len(frame):
        raise DataRefusedError([DataProblem(path.name, "", "the file holds no rows", 0, fix=FIX)])
    rows, problems = _rows(frame, path.name)
    problems = problems or _contradictions(rows, path.name)
    if problems:
        raise DataRefusedError(problems)
    return _joined(rows, sizes)


@dataclass(frozen=True)
class _Row:
    segment: str
    items: tuple[str, ...]
    worth: int
    size: float | None
    cost: int | None


def _rows(frame: pd.DataFrame, name: str) -> tuple[list[_Row], list[DataProblem]]:
    wrong: dict[str, list[str]] = {}
    rows = []
    for number, record in enumerate(frame.to_dict("records"), start=2):
        segment = str(record["segment"]).strip()
        items = tuple(sorted(part.strip() for part in str(record["items"]).split(SEPARATOR)))
        cells: dict[str, int | None] = {}
        for column in ("willingness", "cost", "size"):
            text = str(record.get(column, "")).strip()
            try:
                cells[column] = None if not text and column != "willingness" else money.parse_money(text)
            except UsageError:
                wrong.setdefault(column, []).append(f"row {number}: {text!r}")
        if not segment:
            wrong.setdefault("segment", []).append(f"row {number}: empty")
        if not all(items) or len(set(items)) != len(items):
            wrong.setdefault("items", []).append(f"row {number}: {record['items']!r}")
        size = cells.get("size")
        worth = cells.get("willingness") or 0
        rows.append(_Row(segment, items, worth, None if size is None else size / 100, cells.get("cost")))
    checks = {"segment": "must not be empty", "items": "must be distinct items like A|B"}
    found = [
        DataProblem(
            name, column, checks.get(column, "must be a plain number, at least 0"), len(shown), tuple(shown[:5]), FIX
        )
        for column, shown in wrong.items()
    ]
    return rows, found


def _contradictions(rows: list[_Row], name: str) -> list[DataProblem]:
    problems = []
    seen: dict[tuple[str, tuple[str, ...]], int] = {}
    for row in rows:
        seen[row.segment, row.items] = seen.get((row.segment, row.items), 0) + 1
    twice = [f"{segment} / {SEPARATOR.join(items)}" for (segment, items), count in seen.items() if count > 1]
    if twice:
        problems.append(
            DataProblem(name, "items", "a segment and a bundle stand together once", len(twice), tuple(twice[:5]))
        )
    sizes = {segment: {row.size for row in rows if row.segment == segment} for segment in {row.segment for row in rows}}
    mixed = sorted(segment for segment, found in sizes.items() if len(found) > 1)
    if mixed:
        check = "must be the same in all rows of a segment"
        problems.append(DataProblem(name, "size", check, len(mixed), tuple(mixed[:5])))
    costs: dict[tuple[str, ...], set[int | None]] = {}
    for row in rows:
        costs.setdefault(row.items, set()).add(row.cost)
    uneven = sorted(SEPARATOR.join(items) for items, found in costs.items() if len(found) > 1)
    if uneven:
        check = "must be the same in all rows of a bundle"
        problems.append(DataProblem(name, "cost", check, len(uneven), tuple(uneven[:5])))
    return problems


def _joined(rows: list[_Row], sizes: tuple[int, int] | None) -> Willingness:
    segments = sorted({row.segment for row in rows})
    items = sorted({item for row in rows for item in row.items})
    bundles = {row.items for row in rows}
    for count in range(sizes[0], sizes[1] + 1) if sizes else ():
        bundles |= set(combinations(items, count))
        if len(bundles) > MOST_BUNDLES:
            raise UsageError(f"--bundle-size: more than {MOST_BUNDLES} bundles of {len(items)} items; ask for fewer")
    ordered = sorted(bundles, key=lambda one: (len(one), one))
    worth = {(row.segment, row.items): row.worth for row in rows}
    cost = {row.items: row.cost for row in rows if row.cost is not None}
    size = {row.segment: row.size for row in rows}
    notes = _notes(segments, ordered, worth, cost, size)
    code = {item: number for number, item in enumerate(items)}
    problem = WillingnessProblem(
        segment_ids=np.array(segments, dtype=object),
        item_ids=np.array(items, dtype=object),
        bundles=tuple(tuple(code[item] for item in one) for one in ordered),
        size=np.array([1.0 if size[segment] is None else size[segment] for segment in segments], np.float64),
        willingness=np.array([[_worth(worth, segment, one) for one in ordered] for segment in segments], np.int64),
        cost=np.array([_cost(cost, one) for one in ordered], np.int64),
    )
    return Willingness(problem, tuple(notes))


def _worth(worth: dict[tuple[str, tuple[str, ...]], int], segment: str, bundle: tuple[str, ...]) -> int:
    if (segment, bundle) in worth:
        return worth[segment, bundle]
    parts = [worth.get((segment, (item,))) for item in bundle]
    return 0 if None in parts else sum(part for part in parts if part is not None)


def _cost(cost: dict[tuple[str, ...], int], bundle: tuple[str, ...]) -> int:
    return cost[bundle] if bundle in cost else sum(cost.get((item,), 0) for item in bundle)


def _notes(
    segments: list[str],
    bundles: list[tuple[str, ...]],
    worth: dict[tuple[str, tuple[str, ...]], int],
    cost: dict[tuple[str, ...], int],
    size: dict[str, float | None],
) -> list[str]:
    filled = sum((segment, one) not in worth for segment in segments for one in bundles)
    notes = []
    if filled:
        notes.append(f"{filled} willingnesses that the file does not give are sums of the items', or 0 without these.")
    if not cost:
        notes.append("Costs are 0: the file has no column cost.")
    if all(one is None for one in size.values()):
        notes.append("Every segment counts as one customer: the file has no column size.")
    return notes
