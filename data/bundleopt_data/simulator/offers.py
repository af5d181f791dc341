"""The offers of a campaign as a market sees them. Money is integer cents.

Letters: `F` offers, `K` items of a bundle, `U` customers, `I` items.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from bundleopt_data.errors import UsageError
from bundleopt_data.money import array_to_cents

MOST_OFFERS = 16
"""Offers to one customer in a week; a plan makes three."""


@dataclass(frozen=True)
class OfferList:
    """Offers that are shown, in the order of the file.

    Attributes:
        customer: (F,) codes. items: (F, K) codes, -1 for padding. price_cents: (F,) for one unit of each item.
        place: (F,) 0 for a customer's first offer, 1 for the second, ...
        bundle_id: (F,) texts.
    """

    customer: npt.NDArray[np.int64]
    items: npt.NDArray[np.int64]
    price_cents: npt.NDArray[np.int64]
    place: npt.NDArray[np.int64]
    bundle_id: npt.NDArray[np.object_]

    def __len__(self) -> int:
        """F."""
        return len(self.customer)

    def shelf_cents(self, price_cents: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """(F,) sums of shelf prices (I,) of the bundles."""
        padded = np.append(price_cents, 0)
        return np.asarray(padded[self.items].sum(axis=1), dtype=np.int64)


def no_offers() -> OfferList:
    """A week without a campaign."""
    none = np.zeros(0, dtype=np.int64)
    return OfferList(none, np.zeros((0, 1), dtype=np.int64), none, none, np.zeros(0, dtype=object))


def read_offers(path: Path, customer_ids: npt.NDArray[np.object_], item_ids: npt.NDArray[np.object_]) -> OfferList:
    """Read an `offers.parquet` (or .csv, item ids joined by "|"); offers of the holdout are not shown.

    Raises:
        UsageError: the file is missing, lacks a column, or names customers or items that the market does not know.
    """
    if not path.is_file():
        raise UsageError(f"no offers at {path}; give the offers.parquet of a run folder")
    table = pd.read_csv(path, dtype={"customer_id": str, "bundle_id": str}) if path.suffix == ".csv" else None
    return offers_from_frame(pd.read_parquet(path) if table is None else table, customer_ids, item_ids)


def offers_from_frame(
    table: pd.DataFrame, customer_ids: npt.NDArray[np.object_], item_ids: npt.NDArray[np.object_]
) -> OfferList:
    """Offers from a table with customer_id, item_ids and price, and optionally bundle_id and holdout."""
    missing = sorted({"customer_id", "item_ids", "price"} - set(table.columns))
    if missing:
        raise UsageError(f"the offers lack the column {missing[0]!r}; they need customer_id, item_ids and price")
    if "holdout" in table.columns:
        table = table[~table["holdout"].astype(bool)]
    lists = [cell.split("|") if isinstance(cell, str) else [str(item) for item in cell] for cell in table["item_ids"]]
    customer = _codes(customer_ids, [str(value) for value in table["customer_id"]], "customer_id")
    flat = _codes(item_ids, [item for cell in lists for item in cell], "item_ids")
    items = np.full((len(lists), max((len(cell) for cell in lists), default=1)), -1, dtype=np.int64)
    items[np.arange(items.shape[1])[None, :] < np.array([len(cell) for cell in lists])[:, None]] = flat
    bundle = table["bundle_id"] if "bundle_id" in table.columns else pd.Series(["|".join(cell) for cell in lists])
    order = np.argsort(customer, kind="stable")
    place = np.empty(len(customer), dtype=np.int64)
    place[order] = np.arange(len(customer)) - np.searchsorted(customer[order], customer[order])
    if len(place) and place.max() >= MOST_OFFERS:
        raise UsageError(f"a customer has {place.max() + 1} offers; a simulated week takes {MOST_OFFERS} at most")
    price = array_to_cents(table["price"].to_numpy(dtype=np.float64))
    return OfferList(customer, items, price, place, bundle.to_numpy(dtype=object))


def _codes(known: npt.NDArray[np.object_], asked: list[str], column: str) -> npt.NDArray[np.int64]:
    place = {str(name): code for code, name in enumerate(known)}
    strangers = [name for name in asked if name not in place]
    if strangers:
        raise UsageError(
            f"{column}: {len(strangers):,} values are not of this market, for example {strangers[0]!r}; "
            "play a plan that was made from this market's data"
        )
    return np.array([place[name] for name in asked], dtype=np.int64)
