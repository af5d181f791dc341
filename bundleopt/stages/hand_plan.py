"""Reads a plan that people wrote by hand: offers to customers, or bundles for whoever they suit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bundleopt_data import money
from bundleopt_data.campaign import CampaignWeek
from bundleopt_data.errors import DataProblem, DataRefusedError, UsageError

if TYPE_CHECKING:
    import pandas as pd

LIST_SEPARATOR = "|"
REQUIRED = ("item_ids", "price")
QUANTITY = "quantity"  # may be left out


@dataclass(frozen=True)
class HandPlan:
    """A plan as written.

    Attributes:
        bundles: tuples of ascending item codes, distinct, the one of a multi-buy as often as it is sold.
        price_cents: price of each.
        customers: (F,) customer codes and offered: (F,) bundle numbers; None where the file names no customers.
    """

    bundles: tuple[tuple[int, ...], ...]
    price_cents: tuple[int, ...]
    customers: np.ndarray[Any, np.dtype[np.int32]] | None
    offered: np.ndarray[Any, np.dtype[np.int32]] | None


def read_hand_plan(path: Path, campaign: CampaignWeek, customer_ids: Any) -> HandPlan:
    """Read a CSV or Parquet file with the columns of `offers` or of `bundles`; other columns are ignored.

    Raises:
        UsageError: the file cannot be read. DataRefusedError: a column is missing, or rows are wrong.
    """
    frame = _read(path)
    missing = [column for column in REQUIRED if column not in frame.columns]
    if missing:
        problem = DataProblem(path.name, missing[0], "this column is missing", len(frame), fix=_COLUMNS)
        raise DataRefusedError([problem])
    if not len(frame):
        raise DataRefusedError([DataProblem(path.name, "", "the file holds no rows", 0, fix=_COLUMNS)])
    problems: list[DataProblem] = []
    items = _codes_of(frame, campaign, path.name, problems)
    items = _with_units(frame, items, path.name, problems)
    prices = _prices_of(frame, path.name, problems)
    customers = _customers_of(frame, customer_ids, path.name, problems)
    if problems:
        raise DataRefusedError(problems)
    return _assemble(items, prices, customers, path.name)


_COLUMNS = "give item_ids (like A|B) and price, and customer_id for offers to named customers"


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError, UnicodeDecodeError) as error:
        raise DataRefusedError([DataProblem(path.name, "", f"cannot be read: {error}", 1, fix=_COLUMNS)]) from error


def _codes_of(
    frame: pd.DataFrame, campaign: CampaignWeek, name: str, problems: list[DataProblem]
) -> list[tuple[int, ...]]:
    codes = {str(item): code for code, item in enumerate(campaign.item_ids)}
    rows, wrong = [], []
    for number, cell in enumerate(frame["item_ids"], start=2):
        parts = [part.strip() for part in _neutral(cell).split(LIST_SEPARATOR)] if isinstance(cell, str) else list(cell)
        unknown = [part for part in parts if part not in codes]
        if unknown or len(set(parts)) != len(parts) or not 1 <= len(parts) <= 4:
            wrong.append(f"row {number}: {cell!r}" + (f", unknown {unknown[0]!r}" if unknown else ""))
        rows.append(tuple(sorted(codes.get(str(part), -1) for part in parts)))
    if wrong:
        check = "must be 1 to 4 distinct items that the model knows"
        problems.append(DataProblem(name, "item_ids", check, len(wrong), tuple(wrong[:5]), fix="write them like A|B"))
    return rows


def _with_units(
    frame: pd.DataFrame, items: list[tuple[int, ...]], name: str, problems: list[DataProblem]
) -> list[tuple[int, ...]]:
    """The bundles with the one item of a multi-buy as often as the column `quantity` says, where there is one."""
    from bundleopt_models.multi_buy import MAX_QUANTITY

    if QUANTITY not in frame.columns:
        return items
    rows, wrong = [], []
    for number, (cell, bundle) in enumerate(zip(frame[QUANTITY], items, strict=True), start=2):
        text = str(cell).strip() or "1"
        count = int(text) if text.isdecimal() else 0
        if not 1 <= count <= MAX_QUANTITY or (count > 1 and len(bundle) > 1):
            wrong.append(f"row {number}: {cell!r}")
        rows.append(bundle * count)
    if wrong:
        check = f"must be 1, or 2 to {MAX_QUANTITY} units of one item"
        problems.append(DataProblem(name, QUANTITY, check, len(wrong), tuple(wrong[:5]), fix="leave it empty for 1"))
    return rows


def _neutral(text: str) -> str:
    """Take off the apostrophe that our own CSV files put before what a spreadsheet would run."""
    return text[1:] if text[:1] == "'" and text[1:2] in tuple("=+-@\t\r|%") else text


def _prices_of(frame: pd.DataFrame, name: str, problems: list[DataProblem]) -> list[int]:
    cents, wrong = [], []
    for number, cell in enumerate(frame["price"], start=2):
        try:
            amount = money.parse_money(str(cell), name="price")
        except UsageError:
            amount = 0
        if amount <= 0:
            wrong.append(f"row {number}: {cell!r}")
        cents.append(amount)
    if wrong:
        problems.append(
            DataProblem(name, "price", "must be above 0", len(wrong), tuple(wrong[:5]), fix="write it like 3.99")
        )
    return cents


def _customers_of(frame: pd.DataFrame, customer_ids: Any, name: str, problems: list[DataProblem]) -> list[int] | None:
    if "customer_id" not in frame.columns:
        return None
    codes = {str(customer): code for code, customer in enumerate(customer_ids)}
    wrong = [
        f"row {number}: {cell!r}" for number, cell in enumerate(frame["customer_id"], start=2) if str(cell) not in codes
    ]
    if wrong:
        problems.append(DataProblem(name, "customer_id", "unknown customer", len(wrong), tuple(wrong[:5])))
    return [codes.get(str(cell), -1) for cell in frame["customer_id"]]


def _assemble(items: list[tuple[int, ...]], prices: list[int], customers: list[int] | None, name: str) -> HandPlan:
    """Give each distinct (items, price) a number, and order the offers by customer, then bundle."""
    keys = list(dict.fromkeys(zip(items, prices, strict=True)))
    several = {bundle for bundle, _ in keys if sum(other == bundle for other, _ in keys) > 1}
    if several:
        problem = DataProblem(name, "price", "a bundle has one price for everybody", len(several))
        raise DataRefusedError([problem])
    place = {bundle: number for number, (bundle, _) in enumerate(keys)}
    bundles, ladder = tuple(bundle for bundle, _ in keys), tuple(price for _, price in keys)
    if customers is None:
        return HandPlan(bundles, ladder, None, None)
    offered = np.array([place[bundle] for bundle in items], dtype=np.int32)
    who = np.array(customers, dtype=np.int32)
    order = np.lexsort((offered, who))
    pairs = np.stack([who[order], offered[order]])
    if len(np.unique(pairs, axis=1).T) != pairs.shape[1]:
        raise DataRefusedError([DataProblem(name, "", "a customer is offered the same bundle twice", 1)])
    return HandPlan(bundles, ladder, pairs[0], pairs[1])
