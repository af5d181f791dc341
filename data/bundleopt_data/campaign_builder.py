"""Builds the `CampaignWeek`: what is known of a week before it begins, by named rules that are said aloud.

Shelf price, in order: the promotions table's price for the week; the prices table's for the week; the last regular
price; the catalogue's list price. The last regular price is the median list price of the lines of the item's last
`REGULAR_WEEKS` weeks with sales before the campaign; where lines carry no list price, the upper quartile of the last
`QUARTILE_WEEKS` weekly prices (prices table, else what was paid), which passes over promotions. Stores are averaged;
lines beyond the price guard are left out. Nothing of the campaign week itself is read except the promotions and prices
tables, which are plans.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bundleopt_data.campaign import UNLIMITED, CampaignWeek
from bundleopt_data.errors import DataProblem, DataRefusedError, UsageError
from bundleopt_data.money import array_to_cents
from bundleopt_data.panel import Panel
from bundleopt_data.prices import PRICE_GUARD, REGULAR_QUANTILE
from bundleopt_data.settings import CampaignSettings
from bundleopt_data.weeks import is_unfinished

if TYPE_CHECKING:
    from bundleopt_data.dataset import Dataset

# A month of sales: enough lines for a median, recent enough for a price that changed.
REGULAR_WEEKS = 4

# Without list prices two months are needed, so that a promotion of two weeks stays below the upper quartile.
QUARTILE_WEEKS = 8

# Unit sales that stock cover is measured in: the mean of the last quarter's weeks damps holidays.
COVER_WEEKS = 13

Values = npt.NDArray[np.float64]
Texts = npt.NDArray[np.object_]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Known:
    """Columns read from the tables, (I,) each, NaN where the data does not say."""

    promotion_price: Values
    table_price: Values
    regular_table_price: Values
    regular_price: Values
    list_price: Values
    unit_cost: Values
    tax_rate: Values
    funding: Values
    funding_per_unit: Values
    on_hand: Values
    weekly_units: Values
    promotable: Values
    display: Values
    mailer: Values


def build(dataset: Dataset, monday: date, panel: Panel, settings: CampaignSettings) -> CampaignWeek:
    """Assemble the campaign week of `monday` over the panel's items.

    Raises:
        UsageError: `monday` is not a Monday, or costs are missing and no margin is assumed.
        DataRefusedError: an item has no price anywhere.
    """
    if monday.weekday():
        raise UsageError(f"the campaign week must begin on a Monday, and {monday} is a {monday:%A}")
    known = _read(dataset, monday, panel)
    category, department = _names_of(panel)
    shelf, shelf_sentences = _shelf_prices(known, panel)
    tax = _tax_inside_prices(known, settings)
    net = shelf / (1 + tax)
    cost, assumed = _unit_costs(known, net, _margins(settings, category, department))
    on_hand, stock_sentences = _stock(known, settings)
    funding = np.where(np.isnan(known.funding), settings.funding_share, known.funding)
    sentences = (
        *shelf_sentences,
        *_cost_sentences(assumed, settings),
        *stock_sentences,
        *_other_sentences(dataset, known, settings),
    )
    list_price = np.where(np.isnan(known.list_price), shelf, known.list_price)
    return CampaignWeek(
        week=monday,
        item_ids=panel.item_ids,
        names=panel.items.names,
        category=category,
        brand=panel.items.brand_names[panel.items.brand],
        department=department,
        shelf_price_cents=array_to_cents(shelf),
        list_price_cents=array_to_cents(list_price),
        unit_cost_cents=array_to_cents(cost),
        cost_is_assumed=assumed,
        tax_rate=tax,
        funding_share=funding,
        promotable=np.isnan(known.promotable) | (known.promotable > 0),
        on_hand=on_hand,
        display=known.display.astype(np.float32),
        mailer=known.mailer.astype(np.float32),
        assumptions=sentences,
        funding_per_unit_cents=_per_unit(known.funding_per_unit),
    )


def _per_unit(funding: Values) -> npt.NDArray[np.int64] | None:
    return None if np.isnan(funding).all() else array_to_cents(np.nan_to_num(funding))


def _tax_inside_prices(known: _Known, settings: CampaignSettings) -> Values:
    """(I,) the tax rate that is to be taken off a price; 0 where prices are net of tax."""
    if not settings.prices_include_tax:
        return np.zeros_like(known.tax_rate)
    return np.where(np.isnan(known.tax_rate), settings.tax_rate, known.tax_rate)


def _names_of(panel: Panel) -> tuple[Texts, Texts]:
    items = panel.items
    return items.category_names[items.category], items.department_names[items.department]


def _shelf_prices(known: _Known, panel: Panel) -> tuple[Values, tuple[str, ...]]:
    """Shelf price in currency units, at least one cent, and a sentence for every rule that was used."""
    rules = (
        (known.promotion_price, "is the promotions table's price for the week"),
        (known.table_price, "is the prices table's for the week"),
        (known.regular_table_price, f"is the upper quartile of the prices table's last {QUARTILE_WEEKS} weeks"),
        (known.regular_price, "is the last regular price, as the item's recent sales show it"),
        (known.list_price, "is the catalogue's list price, because the item was not sold"),
    )
    shelf = np.full(len(panel.item_ids), np.nan)
    sentences = []
    for price, words in rules:
        used = np.isnan(shelf) & ~np.isnan(price)
        shelf[used] = price[used]
        if used.any():
            sentences.append(f"The shelf price of {used.sum():,} of {len(shelf):,} items {words}.")
    missing = np.isnan(shelf)
    if missing.any():
        examples = tuple(f"item_id {item}" for item in panel.item_ids[missing][:5])
        fix = "give the item a list_price, or leave it out of the items table"
        problem = DataProblem("items", "list_price", "items without any price", int(missing.sum()), examples, fix)
        raise DataRefusedError([problem])
    return np.maximum(shelf, 0.01), tuple(sentences)


def _margins(settings: CampaignSettings, category: Texts, department: Texts) -> Values:
    """Assumed margin of each item as a share of its net price, NaN where none is configured."""

    def pick(mapping: Mapping[str, float], names: Texts) -> Values:
        return np.array([mapping.get(name, np.nan) for name in names], dtype=np.float64)

    margin = pick(settings.assumed_margin_by_category, category)
    margin = np.where(np.isnan(margin), pick(settings.assumed_margin_by_department, department), margin)
    return np.where(np.isnan(margin), np.nan if settings.assumed_margin is None else settings.assumed_margin, margin)


def _unit_costs(known: _Known, net: Values, margins: Values) -> tuple[Values, Flags]:
    assumed = np.isnan(known.unit_cost)
    cost = np.where(assumed, net * (1 - margins), known.unit_cost)
    if np.isnan(cost).any():
        raise UsageError(
            f"{int(np.isnan(cost).sum()):,} items have no unit_cost; add the column to the items table, "
            "or set assumed_margin, for example assumed_margin = 0.3"
        )
    return cost, assumed


def _stock(known: _Known, settings: CampaignSettings) -> tuple[Values, tuple[str, ...]]:
    unknown = np.isnan(known.on_hand)
    if not unknown.any():
        return known.on_hand, ()
    if settings.weeks_of_cover is None:
        have = "item has" if unknown.sum() == 1 else "items have"
        sentence = f"{unknown.sum():,} {have} no inventory row and count as unlimited."
        return np.where(unknown, UNLIMITED, known.on_hand), (sentence,)
    cover = np.ceil(settings.weeks_of_cover * known.weekly_units)
    sentence = (
        f"Stock is assumed for {unknown.sum():,} items without inventory: {settings.weeks_of_cover:g} weeks of their "
        f"mean sales in the last {COVER_WEEKS}."
    )
    return np.where(unknown, cover, known.on_hand), (sentence,)


def _cost_sentences(assumed: Flags, settings: CampaignSettings) -> tuple[str, ...]:
    if not assumed.any():
        return ()
    by = [name for name, mapping in _finer_margins(settings) if mapping]
    how = f"the margins assumed by {' and '.join(by)}" if by else f"an assumed margin of {settings.assumed_margin:.0%}"
    return (f"The costs of {assumed.sum():,} of {len(assumed):,} items rest on {how}.",)


def _finer_margins(settings: CampaignSettings) -> tuple[tuple[str, Mapping[str, float]], ...]:
    return (("category", settings.assumed_margin_by_category), ("department", settings.assumed_margin_by_department))


def _other_sentences(dataset: Dataset, known: _Known, settings: CampaignSettings) -> tuple[str, ...]:
    sentences = []
    if np.isnan(known.funding).any() and settings.funding_share:
        sentences.append(f"Suppliers are assumed to fund {settings.funding_share:.0%} of every discount.")
    if settings.prices_include_tax and np.isnan(known.tax_rate).any():
        sentences.append(f"A tax rate of {settings.tax_rate:.0%} is assumed where the data gives none.")
    if is_unfinished(dataset.last_day):
        sentences.append(f"The data ends on {dataset.last_day}, a {dataset.last_day:%A}: its last week may be short.")
    return tuple(sentences)


def _read(dataset: Dataset, monday: date, panel: Panel) -> _Known:
    with dataset.connect() as connection:
        codes = pa.array(np.arange(len(panel.item_ids), dtype=np.int32))
        connection.register("item_code", pa.table({"id": pa.array(panel.item_ids, pa.string()), "code": codes}))
        n_items = len(panel.item_ids)

        def column(query: str, parameters: list[object]) -> Values:
            found = connection.execute(query, parameters).fetchnumpy()
            values = np.full(n_items, np.nan)
            values[found["code"]] = np.ma.filled(np.ma.asarray(found["value"], dtype=np.float64), np.nan)
            return values

        def optional(table: str, name: str, query: str, *parameters: object) -> Values:
            return column(query, list(parameters)) if dataset.has_column(table, name) else np.full(n_items, np.nan)

        def attribute(name: str) -> Values:
            return optional("items", name, _ATTRIBUTE.replace("NAME", name))

        n_stores = _tracked_stores(dataset, connection)
        return _Known(
            promotion_price=optional("promotions", "price", _PROMOTION_PRICE, monday),
            table_price=optional("prices", "price", _TABLE_PRICE, monday),
            regular_table_price=optional("prices", "price", _REGULAR_TABLE_PRICE, monday),
            regular_price=column(_regular_query(dataset), [monday]),
            list_price=attribute("list_price"),
            unit_cost=attribute("unit_cost"),
            tax_rate=attribute("tax_rate"),
            funding=attribute("funding"),
            funding_per_unit=attribute("funding_per_unit"),
            promotable=attribute("promotable"),
            on_hand=optional("inventory", "on_hand", _ON_HAND),
            weekly_units=np.nan_to_num(column(_WEEKLY_UNITS, [monday, 7 * COVER_WEEKS])),
            display=np.nan_to_num(optional("promotions", "display", _flag_query(dataset, "display"), n_stores, monday)),
            mailer=np.nan_to_num(optional("promotions", "mailer", _flag_query(dataset, "mailer"), n_stores, monday)),
        )


def _tracked_stores(dataset: Dataset, connection: duckdb.DuckDBPyConnection) -> int:
    if not dataset.has_column("promotions", "store_id"):
        return 1
    return max(1, int(connection.execute("SELECT count(DISTINCT store_id) FROM promotions").fetchall()[0][0]))


_ATTRIBUTE = "SELECT i.code, m.NAME::DOUBLE AS value FROM item_code i JOIN items m ON m.item_id = i.id"
_PROMOTION_PRICE = """
SELECT i.code, avg(p.price) AS value FROM promotions p JOIN item_code i ON i.id = p.item_id
WHERE p.week = ?::DATE AND p.price IS NOT NULL GROUP BY 1
"""
_TABLE_PRICE = """
SELECT i.code, avg(p.price) AS value FROM prices p JOIN item_code i ON i.id = p.item_id
WHERE p.week = ?::DATE GROUP BY 1
"""
_REGULAR_TABLE_PRICE = f"""
WITH weekly AS (
    SELECT i.code, avg(p.price) AS price, row_number() OVER (PARTITION BY i.code ORDER BY p.week DESC) AS recency
    FROM prices p JOIN item_code i ON i.id = p.item_id WHERE p.week < ?::DATE GROUP BY i.code, p.week
)
SELECT code, quantile_disc(price, {REGULAR_QUANTILE}) AS value FROM weekly
WHERE recency <= {QUARTILE_WEEKS} GROUP BY code
"""  # noqa: S608 - constants
_ON_HAND = "SELECT i.code, sum(v.on_hand) AS value FROM inventory v JOIN item_code i ON i.id = v.item_id GROUP BY 1"
_WEEKLY_UNITS = """
SELECT i.code, sum(l.quantity) / greatest(1, (
        SELECT count(DISTINCT week) FROM transactions WHERE week < $1::DATE AND week >= $1::DATE - $2::INTEGER
    )) AS value
FROM transactions l JOIN item_code i ON i.id = l.item_id
WHERE l.week < $1::DATE AND l.week >= $1::DATE - $2::INTEGER GROUP BY 1
"""
_REGULAR = """
WITH sold AS (
    SELECT i.code, l.week, l.unit_price, {list_price} AS list_price,
        median(ln(l.unit_price)) OVER (PARTITION BY i.code) AS middle
    FROM transactions l JOIN item_code i ON i.id = l.item_id WHERE l.week < ?::DATE
), weekly AS (
    SELECT code, median(unit_price) AS price, list(list_price) AS list_prices,
        row_number() OVER (PARTITION BY code ORDER BY week DESC) AS recency
    FROM sold WHERE abs(ln(unit_price) - middle) <= {guard} GROUP BY code, week
), listed AS (
    SELECT code, median(list_price) AS list_price FROM (
        SELECT code, unnest(list_prices) AS list_price FROM weekly WHERE recency <= {weeks}
    ) GROUP BY code
)
SELECT w.code, coalesce(any_value(l.list_price), quantile_disc(w.price, {quantile})) AS value
FROM weekly w LEFT JOIN listed l USING (code) WHERE w.recency <= {quartile_weeks} GROUP BY w.code
"""
_FLAG = """
SELECT i.code, least(1, {share} / $1::DOUBLE) AS value FROM promotions p JOIN item_code i ON i.id = p.item_id
WHERE p.week = $2::DATE AND p.{flag} GROUP BY 1
"""


def _regular_query(dataset: Dataset) -> str:
    return _REGULAR.format(
        list_price="l.list_price" if dataset.has_column("transactions", "list_price") else "NULL::DOUBLE",
        guard=PRICE_GUARD,
        weeks=REGULAR_WEEKS,
        quartile_weeks=QUARTILE_WEEKS,
        quantile=REGULAR_QUANTILE,
    )


def _flag_query(dataset: Dataset, flag: str) -> str:
    has_store = dataset.has_column("promotions", "store_id")
    # A row without a store holds in all of them.
    share = "CASE WHEN bool_or(p.store_id IS NULL) THEN $1 ELSE count(DISTINCT p.store_id) END" if has_store else "$1"
    return _FLAG.format(share=share, flag=flag)
