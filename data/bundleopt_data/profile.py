"""The figures of a data set that tell a reader what it holds: counts, span, coverage, and what looks odd."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from bundleopt_data.dataset import Dataset

# A factor of a hundred between a line and its item's median is cents read as euros, or the other way round.
UNIT_ERROR_FACTOR = 100.0


@dataclass(frozen=True)
class Profile:
    """Figures of one data set; counts are rows unless said, shares lie in [0, 1], money is in the data's currency.

    Attributes:
        lines, baskets, customers, items_sold, items: of transactions and of the catalogue.
        first_day, last_day, weeks: span; weeks are Monday weeks, both ends included.
        revenue: sum of quantity x unit price. weekly_revenue: its median over the last 13 weeks.
        list_price_share: share of lines with a regular price of their own.
        price_coverage: share of item-weeks with a seen price, of the items that half of all lines fall on.
        promotion_coverage: share of lines whose item, week and store have a promotion row.
        cost_share: share of sold items with a unit cost. cost_above_price: items that cost more than their list price;
            cost_above_examples: some of them.
        exact_repeats: lines that repeat another one in every column.
        unit_errors: lines whose price is a factor 100 from the item's median; unit_error_examples: some of them.
        short_weeks: weeks with sales on one day only. empty_weeks: weeks without any line.
        future_lines: lines dated after `today`, 0 where it was not given.
        unknown_customers: customers with lines, absent from the customers table; 0 without that table.
        categories: distinct categories of the catalogue.
    """

    lines: int
    baskets: int
    customers: int
    items_sold: int
    items: int
    first_day: date
    last_day: date
    weeks: int
    revenue: float
    weekly_revenue: float
    list_price_share: float
    price_coverage: float
    promotion_coverage: float
    cost_share: float
    cost_above_price: int
    cost_above_examples: tuple[str, ...]
    exact_repeats: int
    unit_errors: int
    unit_error_examples: tuple[str, ...]
    short_weeks: tuple[str, ...]
    empty_weeks: int
    future_lines: int
    unknown_customers: int
    categories: int


def profile(dataset: Dataset, *, today: date | None = None) -> Profile:
    """Measure a data set; `today` is only used to find lines from the future."""
    with dataset.connect() as connection:
        basket = "basket_id" if dataset.has_column("transactions", "basket_id") else "timestamp"
        lines, baskets, customers, items_sold, revenue = _row(connection, _LINES.format(basket=basket))
        weekly, short, filled_weeks = _weeks(connection)
        first, last = dataset.manifest.first_time.date(), dataset.last_day
        weeks = _row(connection, "SELECT (max(week) - min(week)) // 7 + 1 FROM transactions")[0]
        items, categories = _row(connection, "SELECT count(*), count(DISTINCT category) FROM items")
        cost_share, cost_above, dear = _costs(dataset, connection)
        unit_errors, examples = _unit_errors(connection)
        return Profile(
            lines=lines,
            baskets=baskets,
            customers=customers,
            items_sold=items_sold,
            items=items,
            first_day=first,
            last_day=last,
            weeks=weeks,
            revenue=revenue,
            weekly_revenue=weekly,
            list_price_share=_list_price_share(dataset, connection),
            price_coverage=_row(connection, _PRICE_COVERAGE)[0],
            promotion_coverage=_promotion_coverage(dataset, connection, lines),
            cost_share=cost_share,
            cost_above_price=cost_above,
            cost_above_examples=dear,
            exact_repeats=lines - _row(connection, "SELECT count(*) FROM (SELECT DISTINCT * FROM transactions)")[0],
            unit_errors=unit_errors,
            unit_error_examples=examples,
            short_weeks=short,
            empty_weeks=weeks - filled_weeks,
            future_lines=_future_lines(connection, today),
            unknown_customers=_unknown_customers(dataset, connection),
            categories=categories,
        )


def _row(connection: duckdb.DuckDBPyConnection, query: str, parameters: list[object] | None = None) -> tuple:  # type: ignore[type-arg]  # columns differ by query
    return tuple(connection.execute(query, parameters or []).fetchall()[0])


def _weeks(connection: duckdb.DuckDBPyConnection) -> tuple[float, tuple[str, ...], int]:
    rows = connection.execute(_WEEKS).fetchall()
    recent = sorted(revenue for _, _, revenue in rows[-13:])
    short = tuple(f"{week} ({days} day)" for week, days, _ in rows if days == 1)
    return recent[len(recent) // 2], short, len(rows)


def _costs(dataset: Dataset, connection: duckdb.DuckDBPyConnection) -> tuple[float, int, tuple[str, ...]]:
    if not dataset.has_column("items", "unit_cost"):
        return 0.0, 0, ()
    share, count = _row(connection, _COSTS)
    rows = connection.execute(_COST_ABOVE_PRICE).fetchall()
    return share, count, tuple(f"item {item}: cost {cost:g}, price {price:g}" for item, cost, price in rows)


def _unit_errors(connection: duckdb.DuckDBPyConnection) -> tuple[int, tuple[str, ...]]:
    connection.execute(_UNIT_ERRORS, [UNIT_ERROR_FACTOR])
    (count,) = _row(connection, "SELECT count(*) FROM unit_error")
    rows = connection.execute("SELECT * FROM unit_error ORDER BY item_id, unit_price LIMIT 5").fetchall()
    return count, tuple(f"item {item}: {price:g} where the median is {middle:g}" for item, price, middle in rows)


def _list_price_share(dataset: Dataset, connection: duckdb.DuckDBPyConnection) -> float:
    if not dataset.has_column("transactions", "list_price"):
        return 0.0
    return float(_row(connection, "SELECT count(list_price) / count(*) FROM transactions")[0])


def _promotion_coverage(dataset: Dataset, connection: duckdb.DuckDBPyConnection, lines: int) -> float:
    if "promotions" not in dataset.tables or not lines:
        return 0.0
    by_store = all(dataset.has_column(table, "store_id") for table in ("promotions", "transactions"))
    keys = "item_id, week, store_id" if by_store else "item_id, week"
    return float(_row(connection, _PROMOTED.format(keys=keys))[0] or 0) / lines


def _future_lines(connection: duckdb.DuckDBPyConnection, today: date | None) -> int:
    if today is None:
        return 0
    return int(_row(connection, "SELECT count(*) FROM transactions WHERE timestamp::DATE > ?::DATE", [today])[0])


def _unknown_customers(dataset: Dataset, connection: duckdb.DuckDBPyConnection) -> int:
    return int(_row(connection, _UNKNOWN_CUSTOMERS)[0]) if "customers" in dataset.tables else 0


_LINES = """
SELECT count(*), count(DISTINCT (customer_id, {basket})), count(DISTINCT customer_id), count(DISTINCT item_id),
    sum(quantity * unit_price) FROM transactions
"""
_WEEKS = """
SELECT week, count(DISTINCT timestamp::DATE) AS days, sum(quantity * unit_price) AS revenue
FROM transactions GROUP BY week ORDER BY week
"""
_COSTS = """
SELECT count(unit_cost) / greatest(1, count(*)), count(*) FILTER (unit_cost > list_price)
FROM items WHERE item_id IN (SELECT item_id FROM transactions)
"""
_COST_ABOVE_PRICE = """
SELECT item_id, unit_cost, list_price FROM items
WHERE unit_cost > list_price AND item_id IN (SELECT item_id FROM transactions) ORDER BY item_id LIMIT 5
"""
_PRICE_COVERAGE = """
WITH sold AS (SELECT item_id, count(*) AS lines, count(DISTINCT week) AS weeks FROM transactions GROUP BY item_id),
ranked AS (
    SELECT *, sum(lines) OVER (ORDER BY lines DESC, item_id) - lines AS before, sum(lines) OVER () AS total FROM sold
)
SELECT sum(weeks) / (count(*) * (SELECT (max(week) - min(week)) // 7 + 1 FROM transactions))
FROM ranked WHERE before * 2 < total
"""
_UNIT_ERRORS = """
CREATE OR REPLACE TEMP TABLE unit_error AS
SELECT item_id, unit_price, middle FROM (
    SELECT item_id, unit_price, median(unit_price) OVER (PARTITION BY item_id) AS middle FROM transactions
) WHERE greatest(unit_price / middle, middle / unit_price) >= ?
"""
_PROMOTED = """
WITH bought AS (SELECT {keys}, count(*) AS lines FROM transactions GROUP BY ALL),
found AS (SELECT DISTINCT {keys} FROM promotions JOIN bought USING ({keys}))
SELECT sum(lines) FROM bought JOIN found USING ({keys})
"""
_UNKNOWN_CUSTOMERS = """
SELECT count(*) FROM (
    SELECT DISTINCT customer_id FROM transactions WHERE customer_id NOT IN (SELECT customer_id FROM customers)
)
"""
