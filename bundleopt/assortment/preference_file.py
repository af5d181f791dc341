"""Reads a table of preference weights that a team brings: CSV or Parquet, one row for each segment and item.

Columns: segment, item_id, weight (against buying nothing, which weighs 1), price; optional cost, space, brand, name,
stock of the item, and share (of all choices) and outside (another weight of nothing) of the segment.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bundleopt.assortment.preference_table import PreferenceTable
from bundleopt_data.errors import DataProblem, DataRefusedError, UsageError

if TYPE_CHECKING:
    import pandas as pd

REQUIRED = ("segment", "item_id", "weight", "price")
OF_ITEM = ("price", "cost", "space", "stock", "brand", "name")
OF_SEGMENT = ("share", "outside")
_TEXTS = frozenset({"segment", "item_id", "brand", "name"})
_ABOVE_ZERO = frozenset({"price", "outside"})
FIX = "give segment, item_id, weight and price; optional: cost, space, brand, name, stock, share, outside"


def read_preferences(path: Path) -> PreferenceTable:
    """Read a file of preference weights; a segment and item that it does not list together weigh 0.

    Raises:
        UsageError: there is no such file, or it has another ending.
        DataRefusedError: a column is missing, a number is wrong, or rows contradict each other.
    """
    frame = read_table(path)
    missing = [name for name in REQUIRED if name not in frame.columns]
    if missing:
        raise DataRefusedError([DataProblem(path.name, missing[0], "this column is missing", len(frame), fix=FIX)])
    if not len(frame):
        raise DataRefusedError([DataProblem(path.name, "", "the file holds no rows", 0, fix=FIX)])
    present = [name for name in (*REQUIRED, *OF_ITEM[1:], *OF_SEGMENT) if name in frame.columns]
    frame, problems = _parsed(frame[present], path.name)
    if not problems:
        problems = _contradictions(frame, path.name)
    if problems:
        raise DataRefusedError(problems)
    return _table(frame, path)


def read_table(path: Path) -> pd.DataFrame:
    """Read a CSV or Parquet file as texts."""
    import pandas as pd

    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise UsageError(f"{path}: the file must end in .csv or .parquet")
    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise DataRefusedError([DataProblem(path.name, "", f"cannot be read: {str(error)[:200]}", 1)]) from error


def _parsed(frame: pd.DataFrame, name: str) -> tuple[pd.DataFrame, list[DataProblem]]:
    import pandas as pd

    columns, problems = {}, []
    for column in frame.columns:
        if column in _TEXTS:
            columns[column] = frame[column].map(lambda cell: str(cell).strip())
            wrong = [f"row {n}: empty" for n, cell in enumerate(columns[column], start=2) if not cell]
            check = "must not be empty"
            wrong = wrong if column in ("segment", "item_id") else []
        else:
            numbers = [_number(cell, column) for cell in frame[column]]
            columns[column] = pd.Series([math.nan if n is None else n for n in numbers], index=frame.index)
            cells = zip(frame[column], numbers, strict=True)
            wrong = [f"row {n}: {cell!r}" for n, (cell, number) in enumerate(cells, start=2) if number is None]
            check = "must be a number above 0" if column in _ABOVE_ZERO else "must be a number, at least 0"
        if wrong:
            problems.append(DataProblem(name, column, check, len(wrong), tuple(wrong[:5]), fix=FIX))
    return pd.DataFrame(columns), problems


def _number(cell: object, column: str) -> float | None:
    """A finite number in the range of its column; an empty stock is unlimited."""
    text = str(cell).strip()
    if column == "stock" and text.lower() in ("", "nan", "none"):
        return math.inf
    try:
        value = float(text)
    except ValueError:
        return None
    good = math.isfinite(value) and (value > 0 if column in _ABOVE_ZERO else value >= 0)
    return value if good else None


def _contradictions(frame: pd.DataFrame, name: str) -> list[DataProblem]:
    problems = []
    repeated = frame[frame.duplicated(["segment", "item_id"], keep=False)]
    if len(repeated):
        shown = tuple(f"{row.segment} / {row.item_id}" for row in repeated.head(5).itertuples())
        check = "a segment and an item stand together once"
        problems.append(DataProblem(name, "item_id", check, len(repeated), shown))
    for key, columns in (("item_id", OF_ITEM), ("segment", OF_SEGMENT)):
        for column in [one for one in columns if one in frame.columns]:
            kinds = frame.groupby(key)[column].nunique(dropna=False)
            mixed = kinds[kinds > 1]
            if len(mixed):
                check = f"must be the same in all rows of one {key}"
                problems.append(DataProblem(name, column, check, len(mixed), tuple(map(str, mixed.index[:5]))))
    return problems


def _table(frame: pd.DataFrame, path: Path) -> PreferenceTable:
    items = frame.drop_duplicates("item_id").sort_values("item_id").set_index("item_id")
    segments = frame.drop_duplicates("segment").sort_values("segment").set_index("segment")
    weight = frame.pivot_table(index="segment", columns="item_id", values="weight", aggfunc="first", fill_value=0.0)
    size, count = len(items), len(segments)
    if "share" in segments and not segments["share"].sum() > 0:
        raise DataRefusedError([DataProblem(path.name, "share", "must not be 0 for all segments", count)])
    assumptions = [] if "share" in segments else [f"The {count} segments are taken as equally large."]
    occasions = segments["share"].to_numpy(np.float64) if "share" in segments else np.full(count, 1.0 / count)
    price = items["price"].to_numpy(np.float64)
    return PreferenceTable(
        item_ids=items.index.to_numpy(dtype=object),
        names=items["name"].to_numpy(dtype=object) if "name" in items else np.full(size, "", dtype=object),
        brands=items["brand"].to_numpy(dtype=object) if "brand" in items else np.full(size, "", dtype=object),
        price=price,
        margin=price - items["cost"].to_numpy(np.float64) if "cost" in items else np.full(size, np.nan),
        space=items["space"].to_numpy(np.float64) if "space" in items else None,
        units=np.ones(size),
        stock=items["stock"].to_numpy(np.float64) if "stock" in items else np.full(size, np.inf),
        segment_ids=segments.index.to_numpy(dtype=object),
        weight=weight.loc[segments.index, items.index].to_numpy(np.float64),
        outside=segments["outside"].to_numpy(np.float64) if "outside" in segments else np.ones(count),
        occasions=occasions,
        source=f"the preference weights of {path.name}",
        is_money=bool(occasions.sum() > 1.5),
        assumptions=tuple(assumptions),
    )
