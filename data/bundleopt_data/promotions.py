"""Display and mailer of the panel's weeks, chain-wide and in each customer's favourite tracked store.

A row of the promotions table means "promoted"; no row means not promoted, or a store that is not tracked. Tracked
stores are those that occur in the table. Several rows of one item, week and store count as any of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bundleopt_data.panel import Ints, WeeklyPromotions

if TYPE_CHECKING:
    from bundleopt_data.dataset import Dataset
    from bundleopt_data.panel_builder import PanelAxes

# Bytes for the two (T, G, I) store flags; beyond it only the stores that are favourite of most customers are kept.
STORE_FLAG_BYTES = 2**29

_FLAGS = ("display", "mailer")

_TRACKED = "CREATE TEMP TABLE tracked AS SELECT DISTINCT {store} AS store_id FROM promotions p"
_PROMOTED = """
CREATE TEMP TABLE promoted AS
SELECT ((p.week - $1::DATE) // 7)::INTEGER AS week, i.code AS item, {store} AS store_id,
    coalesce({display}, false) AS display, coalesce({mailer}, false) AS mailer
FROM promotions p JOIN item_code i ON i.id = p.item_id WHERE p.week BETWEEN $1::DATE AND $2::DATE
"""
_SHARES = """
SELECT week, item, count(DISTINCT store_id) AS stores, bool_or(store_id IS NULL) AS everywhere
FROM promoted WHERE {flag} GROUP BY week, item
"""
_IN_STORES = """
SELECT DISTINCT p.week, s.code AS store, p.item FROM promoted p JOIN store_code s ON p.store_id = s.id WHERE p.{flag}
UNION
SELECT DISTINCT p.week, s.code AS store, p.item FROM promoted p CROSS JOIN store_code s
WHERE p.store_id IS NULL AND p.{flag}
"""


def weekly_promotions(dataset: Dataset, axes: PanelAxes) -> WeeklyPromotions:
    """Aggregate the promotions table over the panel's axes; zeros where the source has none."""
    n_weeks, n_items = axes.shape
    nobody = np.full(len(axes.customer_ids), -1, dtype=np.int32)
    if "promotions" not in dataset.tables:
        empty, flags = np.zeros(axes.shape, dtype=np.float32), np.zeros((n_weeks, 0, n_items), dtype=np.uint8)
        return WeeklyPromotions(empty, empty.copy(), flags, flags.copy(), nobody)
    _stage(dataset, axes)
    display, mailer = _chain_shares(axes)
    group, stores = _favourite_stores(axes, max_groups=max(1, STORE_FLAG_BYTES // max(1, 2 * n_weeks * n_items)))
    store_display, store_mailer = _store_flags(axes, stores)
    return WeeklyPromotions(display, mailer, store_display, store_mailer, group)


def _stage(dataset: Dataset, axes: PanelAxes) -> None:
    """Make `promoted`: week, item, store_id, display, mailer of the modelled items; and `tracked`: every store."""

    def optional(column: str, otherwise: str) -> str:
        return f"p.{column}" if dataset.has_column("promotions", column) else otherwise

    store = optional("store_id", "NULL::VARCHAR")
    display, mailer = optional("display", "false"), optional("mailer", "false")
    axes.connection.execute(_TRACKED.format(store=store))
    axes.connection.execute(
        _PROMOTED.format(store=store, display=display, mailer=mailer),
        [axes.weeks[0].astype(object), axes.weeks[-1].astype(object)],
    )


def _chain_shares(axes: PanelAxes) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Share of tracked stores with the flag; a row without a store holds for all of them."""
    (n_stores,) = axes.connection.execute("SELECT count(store_id) FROM tracked").fetchall()[0]
    shares = []
    for flag in _FLAGS:
        found = axes.connection.execute(_SHARES.format(flag=flag)).fetchnumpy()
        array = np.zeros(axes.shape, dtype=np.float32)
        share = np.asarray(found["stores"], dtype=np.float64) / max(1, n_stores)
        array[found["week"], found["item"]] = np.where(found["everywhere"], 1.0, share)
        shares.append(array)
    return shares[0], shares[1]


def _favourite_stores(axes: PanelAxes, *, max_groups: int) -> tuple[Ints, list[str]]:
    """Store group of each customer (most baskets before `fit_until`, ties to the smaller id) and the store ids."""
    found = axes.connection.execute(
        """
        WITH visits AS (
            SELECT customer, store_id, count(DISTINCT basket) AS baskets FROM line SEMI JOIN tracked USING (store_id)
            WHERE week < (?::DATE - ?::DATE) / 7.0 GROUP BY customer, store_id
        )
        SELECT customer, arg_min(store_id, (-baskets, store_id)) AS store_id FROM visits GROUP BY customer
        """,
        [axes.fit_until, axes.weeks[0].astype(object)],
    ).fetchall()
    popularity: dict[str, int] = {}
    for _, store in found:
        popularity[store] = popularity.get(store, 0) + 1
    kept = sorted(sorted(popularity, key=lambda store: (-popularity[store], store))[:max_groups])
    position = {store: code for code, store in enumerate(kept)}
    group = np.full(len(axes.customer_ids), -1, dtype=np.int32)
    for customer, store in found:
        group[customer] = position.get(store, -1)
    return group, kept


def _store_flags(axes: PanelAxes, stores: list[str]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    n_weeks, n_items = axes.shape
    codes = pa.array(np.arange(len(stores), dtype=np.int32))
    axes.connection.register("store_code", pa.table({"id": pa.array(stores, pa.string()), "code": codes}))
    arrays = []
    for flag in _FLAGS:
        found = axes.connection.execute(_IN_STORES.format(flag=flag)).fetchnumpy()
        array = np.zeros((n_weeks, len(stores), n_items), dtype=np.uint8)
        array[found["week"], found["store"], found["item"]] = 1
        arrays.append(array)
    return arrays[0], arrays[1]
