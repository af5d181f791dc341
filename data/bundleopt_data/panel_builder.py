"""Builds the `Panel`: DuckDB aggregates the lines, numpy lays them out.

Letters: `U` customers, `I` items, `T` weeks, `N` purchases (customer-item-weeks).

Codes follow ascending ids by code point, so `np.searchsorted` on the ids is valid. The modelled items are the top
items by lines strictly before `fit_until`; ties at the cut go to the smaller id, as a number where every id is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from bundleopt_data.dataset import Dataset
from bundleopt_data.errors import DataProblem, DataRefusedError
from bundleopt_data.panel import Floats, Ints, ItemAttributes, Panel, Texts
from bundleopt_data.prices import PRICE_GUARD, fold_of, weekly_prices
from bundleopt_data.progress import Progress
from bundleopt_data.promotions import weekly_promotions
from bundleopt_data.weeks import mondays_between

# Five years: the (T, U) arrays grow with every week, and older habits say nothing of next week.
MAX_WEEKS = 261

# Half a cent: unit prices are quotients, and a line is a deal only where a cent or more is missing.
DEAL_TOLERANCE = 0.005

_LINES = """
CREATE TEMP TABLE line AS SELECT {columns}
FROM transactions l JOIN customer_code c ON c.id = l.customer_id
LEFT JOIN item_code i ON i.id = l.item_id LEFT JOIN items m ON m.item_id = l.item_id
WHERE l.week >= $1::DATE
"""
_ATTRIBUTES = "SELECT {columns} FROM item_code i LEFT JOIN items m ON m.item_id = i.id ORDER BY i.code"


@dataclass(frozen=True)
class PanelAxes:
    """The three axes of a panel, and the tables `line`, `customer_code`, `item_code` that a connection holds for them.

    `line` has one row per transaction line: customer, item (NULL outside the modelled items), week (codes), fold,
    quantity, unit_price, list_price, basket, store_id, is_deal (below the regular price, or the catalogue's).
    """

    connection: duckdb.DuckDBPyConnection
    customer_ids: Texts
    item_ids: Texts
    weeks: npt.NDArray[np.datetime64]
    fit_until: date

    @property
    def shape(self) -> tuple[int, int]:
        """(T, I)."""
        return len(self.weeks), len(self.item_ids)


def build(
    dataset: Dataset, *, fit_until: date, max_items: int, progress: Progress, items: Sequence[str] | None = None
) -> Panel:
    """Build the panel of a data set; see `Dataset.panel`.

    Args:
        dataset: what to build from.
        fit_until: top items are counted before this day.
        max_items: how many.
        progress: told what is being done.
        items: these and no others, ascending; None for the top items.

    Raises:
        DataRefusedError: no transactions before `fit_until`.
    """
    with dataset.connect() as connection:
        progress("choosing items and customers", 0.0)
        axes = _lay_axes(dataset, connection, fit_until, max_items, items)
        progress("counting purchases", 0.2)
        customer, item, week, units, log_price = _purchases(connection)
        trips, lines, deal_lines = _activity(axes)
        attributes = _attributes(dataset, axes)
        progress("deriving prices", 0.4)
        prices = weekly_prices(dataset, axes, attributes.category)
        progress("reading promotions", 0.6)
        promotions = weekly_promotions(dataset, axes)
    return Panel(
        axes.customer_ids,
        axes.item_ids,
        attributes,
        axes.weeks,
        customer,
        item,
        week,
        units,
        log_price,
        trips,
        lines,
        deal_lines,
        prices,
        promotions,
    )


def top_items(counts: Iterable[tuple[str, int]], max_items: int) -> list[str]:
    """Return the ids of the most frequent items, ascending; ties at the cut go to the smaller id.

    >>> top_items([("10", 5), ("9", 5), ("8", 7)], 2)
    ['8', '9']
    """
    entries = list(counts)
    is_number = all(item.isascii() and item.isdigit() for item, _ in entries)
    entries.sort(key=lambda entry: (-entry[1], int(entry[0]) if is_number else 0, entry[0]))
    return sorted(item for item, _ in entries[:max_items])


def _lay_axes(
    dataset: Dataset,
    connection: duckdb.DuckDBPyConnection,
    fit_until: date,
    max_items: int,
    chosen: Sequence[str] | None,
) -> PanelAxes:
    counts = connection.execute(
        "SELECT item_id, count(*) FROM transactions WHERE timestamp < ?::DATE GROUP BY 1", [fit_until]
    ).fetchall()
    if not counts:
        problem = DataProblem("transactions", "timestamp", f"no transactions before {fit_until}", 0, (), "a later date")
        raise DataRefusedError([problem])
    items = top_items(counts, max_items) if chosen is None else list(chosen)
    customers = sorted(row[0] for row in connection.execute("SELECT DISTINCT customer_id FROM transactions").fetchall())
    weeks = mondays_between(dataset.manifest.first_time.date(), dataset.last_day)[-MAX_WEEKS:]
    _register(connection, "customer_code", customers, fold_of(customers))
    _register(connection, "item_code", items, np.zeros(len(items), dtype=np.int32))
    connection.execute(_line_query(dataset), [weeks[0].astype(object)])
    return PanelAxes(connection, _texts(customers), _texts(items), weeks, fit_until)


def _register(connection: duckdb.DuckDBPyConnection, name: str, ids: list[str], fold: Ints) -> None:
    codes = pa.array(np.arange(len(ids), dtype=np.int32))
    table = pa.table({"id": pa.array(ids, pa.string()), "code": codes, "fold": pa.array(fold)})
    connection.register(f"{name}_arrow", table)
    connection.execute(f"CREATE TEMP TABLE {name} AS FROM {name}_arrow")


def _line_query(dataset: Dataset) -> str:
    def optional(column: str, kind: str) -> str:
        return f"l.{column}" if dataset.has_column("transactions", column) else f"NULL::{kind} AS {column}"

    list_price = "l.list_price, " if dataset.has_column("transactions", "list_price") else ""
    columns = [
        "c.code AS customer",
        "i.code AS item",
        "((l.week - $1::DATE) // 7)::INTEGER AS week",
        "c.fold",
        "l.quantity",
        "l.unit_price",
        optional("list_price", "DOUBLE"),
        "coalesce(l.basket_id, l.timestamp::VARCHAR) AS basket"
        if dataset.has_column("transactions", "basket_id")
        else "l.timestamp::VARCHAR AS basket",
        optional("store_id", "VARCHAR"),
        f"l.unit_price < coalesce({list_price}m.list_price) - {DEAL_TOLERANCE} AS is_deal",
    ]
    return _LINES.format(columns=", ".join(columns))


def _purchases(connection: duckdb.DuckDBPyConnection) -> tuple[Ints, Ints, Ints, Floats, Floats]:
    """One row per customer-item-week; the price is kept within the guard around the item's median."""
    found = connection.execute(
        """
        WITH middle AS (SELECT item, median(ln(unit_price)) AS middle FROM line WHERE item IS NOT NULL GROUP BY item)
        SELECT customer, item, week, sum(quantity)::FLOAT AS units,
            least(greatest(ln(sum(quantity * unit_price) / sum(quantity)), any_value(middle) - ?),
                any_value(middle) + ?)::FLOAT AS log_price
        FROM line JOIN middle USING (item) GROUP BY customer, item, week ORDER BY week, customer, item
        """,
        [PRICE_GUARD, PRICE_GUARD],
    ).fetchnumpy()
    codes = [np.asarray(found[name], dtype=np.int32) for name in ("customer", "item", "week")]
    values = [np.asarray(found[name], dtype=np.float32) for name in ("units", "log_price")]
    return codes[0], codes[1], codes[2], values[0], values[1]


def _activity(axes: PanelAxes) -> tuple[Floats, ...]:
    """Trips, lines and lines below the regular price of every customer-week, any item; three (T, U) arrays."""
    found = axes.connection.execute(
        """
        SELECT week, customer, count(DISTINCT basket) AS trips, count(*) AS lines,
            count(*) FILTER (is_deal) AS deals
        FROM line GROUP BY week, customer
        """
    ).fetchnumpy()
    arrays = []
    for name in ("trips", "lines", "deals"):
        array = np.zeros((len(axes.weeks), len(axes.customer_ids)), dtype=np.float32)
        array[found["week"], found["customer"]] = found[name]
        arrays.append(array)
    return tuple(arrays)


def _attributes(dataset: Dataset, axes: PanelAxes) -> ItemAttributes:
    def text(column: str, otherwise: str) -> str:
        return f"coalesce(m.{column}, {otherwise})" if dataset.has_column("items", column) else otherwise

    columns = [
        "coalesce(m.name, i.id)",
        text("category", "'unknown'"),
        text("brand", "'unknown'"),
        text("department", "'unknown'"),
        f"concat_ws(' ', m.name, {text('description', 'NULL')})",
    ]
    rows = axes.connection.execute(_ATTRIBUTES.format(columns=", ".join(columns))).fetchall()
    names, category, brand, department, free_text = (_texts(column) for column in zip(*rows, strict=True))
    category_codes, brand_codes, department_codes = (_encode(texts) for texts in (category, brand, department))
    return ItemAttributes(names, *category_codes, *brand_codes, *department_codes, free_text)


def _encode(texts: Texts) -> tuple[Ints, Texts]:
    """Codes and the ascending distinct texts they point into."""
    distinct = sorted(set(texts))
    position = {text: code for code, text in enumerate(distinct)}
    return np.array([position[text] for text in texts], dtype=np.int32), _texts(distinct)


def _texts(values: Iterable[str]) -> Texts:
    return np.array(list(values), dtype=object)
