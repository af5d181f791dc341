"""Shelf prices at store-week level for single rows: the named rule of `prices`, one step finer.

For a customer, item, store and week, in order: the prices table (store row, then chain row); the mean log price that
customers of the *other* fold paid in that store-week; in that week anywhere; the last week before in which any of
them bought; the catalogue's list price where it does not come from purchases. No purchase of a customer's own fold,
hence none of their own, can move the price they are shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bundleopt_data.dataset import Dataset
from bundleopt_data.prices import PRICE_GUARD, fold_of

Texts = npt.NDArray[np.object_]


class PriceSource(Enum):
    """Where a shelf price was found, in the order of the rule."""

    STORE_TABLE = "prices table, this store"
    CHAIN_TABLE = "prices table"
    STORE_WEEK = "other buyers of the store-week"
    CHAIN_WEEK = "other buyers of the week"
    LAST_SEEN = "last seen by other buyers"
    CATALOGUE = "catalogue"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ShelfRows:
    """Rows that need a price, aligned over N: ids as texts ("" for no store), weeks as datetime64[D] Mondays."""

    customer_ids: Texts
    item_ids: Texts
    store_ids: Texts
    weeks: npt.NDArray[np.datetime64]


@dataclass(frozen=True)
class ShelfPrices:
    """Prices per unit in currency units, NaN where unknown, and the rule each came from; aligned over N."""

    price: npt.NDArray[np.float64]
    source: tuple[PriceSource, ...]


def shelf_prices(dataset: Dataset, rows: ShelfRows) -> ShelfPrices:
    """Return the price that each row's customer saw on the shelf, by the rule of this module."""
    with dataset.connect() as connection:
        _register(connection, rows)
        _make_tables(dataset, connection)
        found = connection.execute(_QUERY).fetchnumpy()
    candidates = [np.ma.filled(np.ma.asarray(found[f"p{step}"], dtype=np.float64), np.nan) for step in range(6)]
    price, step = np.full(len(rows.item_ids), np.nan), np.full(len(rows.item_ids), len(candidates))
    for number, candidate in enumerate(candidates):
        use = np.isnan(price) & ~np.isnan(candidate)
        price[use], step[use] = candidate[use], number
    sources = tuple(PriceSource)
    return ShelfPrices(price, tuple(sources[number] for number in step))


def _register(connection: duckdb.DuckDBPyConnection, rows: ShelfRows) -> None:
    table = pa.table(
        {
            "n": np.arange(len(rows.item_ids)),
            "seen_by": 1 - fold_of(rows.customer_ids),
            "item_id": pa.array(rows.item_ids, pa.string()),
            "store_id": pa.array(rows.store_ids, pa.string()),
            "week": pa.array(rows.weeks.astype("datetime64[D]"), pa.date32()),
        }
    )
    connection.register("wanted", table)
    customers = [row[0] for row in connection.execute("SELECT DISTINCT customer_id FROM transactions").fetchall()]
    folds = pa.table({"customer_id": pa.array(customers, pa.string()), "fold": pa.array(fold_of(customers))})
    connection.register("customer_fold", folds)


def _make_tables(dataset: Dataset, connection: duckdb.DuckDBPyConnection) -> None:
    """Make `seen` (guarded lines of each fold), `tabled` (the prices table) and `listed` (the catalogue)."""
    store = "l.store_id" if dataset.has_column("transactions", "store_id") else "NULL"
    connection.execute(_SEEN.format(store=store), [PRICE_GUARD])
    if "prices" in dataset.tables:
        store = "store_id" if dataset.has_column("prices", "store_id") else "NULL::VARCHAR"
        connection.execute(_TABLED.format(store=store))
    else:
        connection.execute("CREATE TEMP TABLE tabled (item_id VARCHAR, week DATE, store_id VARCHAR, price DOUBLE)")
    hidden = "false" if dataset.manifest.preparation.list_price_from_purchases else "true"
    connection.execute(_LISTED.format(usable=hidden))


_SEEN = """
CREATE TEMP TABLE seen AS
WITH line AS (
    SELECT c.fold, l.item_id, {store} AS store_id, l.week, ln(l.unit_price) AS price,
        median(ln(l.unit_price)) OVER (PARTITION BY c.fold, l.item_id) AS middle
    FROM transactions l JOIN customer_fold c USING (customer_id) WHERE l.item_id IN (SELECT item_id FROM wanted)
)
SELECT fold, item_id, store_id, week, price FROM line WHERE abs(price - middle) <= ?
"""
_TABLED = "CREATE TEMP TABLE tabled AS SELECT item_id, week, {store} AS store_id, price FROM prices"
_LISTED = "CREATE TEMP TABLE listed AS SELECT item_id, list_price FROM items WHERE {usable}"
_QUERY = """
WITH in_store AS (
    SELECT fold, item_id, store_id, week, exp(avg(price)) AS price FROM seen
    WHERE store_id IS NOT NULL GROUP BY ALL
), in_chain AS (SELECT fold, item_id, week, exp(avg(price)) AS price FROM seen GROUP BY ALL),
chain_table AS (SELECT item_id, week, exp(avg(ln(price))) AS price FROM tabled GROUP BY ALL)
SELECT w.n, st.price AS p0, ct.price AS p1, s.price AS p2, c.price AS p3, b.price AS p4, l.list_price AS p5
FROM wanted w
LEFT JOIN tabled st ON st.item_id = w.item_id AND st.week = w.week AND st.store_id = w.store_id
LEFT JOIN chain_table ct ON ct.item_id = w.item_id AND ct.week = w.week
LEFT JOIN in_store s
    ON s.fold = w.seen_by AND s.item_id = w.item_id AND s.week = w.week AND s.store_id = w.store_id
LEFT JOIN in_chain c ON c.fold = w.seen_by AND c.item_id = w.item_id AND c.week = w.week
ASOF LEFT JOIN in_chain b ON b.fold = w.seen_by AND b.item_id = w.item_id AND b.week < w.week
LEFT JOIN listed l ON l.item_id = w.item_id
ORDER BY w.n
"""
