"""Weekly prices derived from purchases by a rule that keeps a customer's own purchases out of what they are shown.

A price that is seen only through purchases leaks the label: the household's own purchase creates the price of its
week. Customers are therefore split into two folds by a hash of their id, and a customer's rows use only prices that
customers of the other fold paid. The named rule, in order:

1. the mean log price paid in that week by the other fold (in that store, where a store is asked for, then chain-wide);
2. the last such price of an earlier week;
3. the catalogue's list price, where it is known independently of purchases;
4. the first such price of a later week;
5. the other fold's mean over the item's category in all weeks, then over everything.

Lines whose price is further than `PRICE_GUARD` in log units from the item's median (in the same fold) are unit errors
and shape no price. Where a prices table or a price in the promotions table covers an item-week, that price is used for
both folds: it does not depend on purchases.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bundleopt_data.panel import Ints, WeeklyPrices

if TYPE_CHECKING:
    from bundleopt_data.dataset import Dataset
    from bundleopt_data.panel_builder import PanelAxes

# Log units around the item's median: a factor of 3.3. Weights, multi-packs and typing errors lie outside it.
PRICE_GUARD = 1.2

# The regular price is what the shelf said lately: a quarter of a year, long enough to hold weeks without promotion.
REFERENCE_WEEKS = 13

# Without list prices on the lines the regular price is the upper quartile of recent weekly prices, above promotions.
REGULAR_QUANTILE = 0.75

Values = npt.NDArray[np.float64]

_WEEKLY = """
WITH middle AS (
    SELECT item, {group} AS fold, median(ln(unit_price)) AS middle FROM line WHERE item IS NOT NULL GROUP BY 1, 2
)
SELECT l.week, l.item, m.fold, avg(ln(l.unit_price)) AS price
FROM line l JOIN middle m ON m.item = l.item AND m.fold = {line_group}
WHERE abs(ln(l.unit_price) - m.middle) <= {guard} GROUP BY l.week, l.item, m.fold
"""
# No guard here: the guard's median holds all weeks, and the reference of a week must not know that week.
_MEDIANS = """
SELECT week, item, median(ln(unit_price)) AS paid, median(ln(list_price)) AS regular
FROM line WHERE item IS NOT NULL GROUP BY week, item
"""


_TABLE = """
SELECT ((p.week - $1::DATE) // 7)::INTEGER AS week, i.code AS item, avg(ln(p.price)) AS price
FROM {table} p JOIN item_code i ON i.id = p.item_id
WHERE p.price IS NOT NULL AND p.week BETWEEN $1::DATE AND $2::DATE GROUP BY 1, 2
"""


def fold_of(customer_ids: Iterable[str]) -> Ints:
    """Fold 0 or 1 of each customer: one bit of a hash of the id, the same on every machine and in every data set."""
    digests = (hashlib.blake2b(customer.encode("utf-8"), digest_size=1).digest()[0] for customer in customer_ids)
    return np.fromiter((byte & 1 for byte in digests), dtype=np.int32)


def weekly_prices(dataset: Dataset, axes: PanelAxes, category: Ints) -> WeeklyPrices:
    """Derive the item-week prices of a panel; see the module for the rule and `WeeklyPrices` for the fields."""
    table, catalogue = table_prices(dataset, axes), _catalogue_prices(dataset, axes)

    def with_table(bought: Values) -> Values:
        return np.where(np.isnan(table), bought, table)

    everyone, folds = with_table(_seen(axes, by_fold=False)[0]), _seen(axes, by_fold=True)
    # Row f is for the customers of fold f, hence made from the purchases of fold 1 - f.
    shown = [_complete(with_table(folds[1 - f]), catalogue, category) for f in (0, 1)]
    paid, regular = _medians(axes)
    reference = reference_prices(regular, with_table(paid), catalogue, category)
    return WeeklyPrices(
        log_price=_complete(everyone, catalogue, category).astype(np.float32),
        fold_log_price=np.stack(shown).astype(np.float32),
        fold=fold_of(axes.customer_ids),
        log_reference=reference[:-1].astype(np.float32),
        observed=~np.isnan(everyone),
        independent=bool(np.isfinite(table).any(axis=0).all()),
        next_log_reference=reference[-1].astype(np.float32),
    )


def table_prices(dataset: Dataset, axes: PanelAxes) -> Values:
    """Log prices of the prices table, overlaid with those of the promotions table; (T, I), NaN where neither knows."""
    prices = np.full(axes.shape, np.nan)
    for table in ("prices", "promotions"):
        if not dataset.has_column(table, "price"):
            continue
        span = [axes.weeks[0].astype(object), axes.weeks[-1].astype(object)]
        found = axes.connection.execute(_TABLE.format(table=table), span).fetchnumpy()
        prices[found["week"], found["item"]] = found["price"]
    return prices


def reference_prices(regular: Values, seen: Values, catalogue: Values, category: Ints) -> Values:
    """Log regular price known before each week, and before the week after the last: (T + 1, I).

    The median of the last weeks' regular prices; where lines carry no list price, the upper quartile of the last
    weeks' prices. Before an item was first sold: its catalogue price, else the first regular price of a *later* week
    than the one asked for, so that no purchase of week t shapes the reference of week t; else the category's mean.

    Args:
        regular: (T, I) log list prices of the lines, NaN where nobody bought.
        seen: (T, I) log prices, NaN where nobody bought.
        catalogue: (I,) log list prices known apart from purchases, NaN where there is none.
        category: (I,) codes.
    """
    n_weeks, n_items = seen.shape
    reference = np.full((n_weeks + 1, n_items), np.nan)
    for week in range(1, n_weeks + 1):
        recent = slice(max(0, week - REFERENCE_WEEKS), week)
        listed, paid = _quantile(regular[recent], 0.5), _quantile(seen[recent], REGULAR_QUANTILE)
        reference[week] = np.where(np.isnan(listed), paid, listed)
    reference = _carry_forward(reference)
    reference = np.where(np.isnan(reference), catalogue, reference)
    basis = np.where(np.isnan(regular), seen, regular)
    nothing = np.full((1, n_items), np.nan)
    after = np.vstack([_carry_forward(basis[::-1])[::-1][1:], nothing, nothing])
    return _fill_by_category(np.where(np.isnan(reference), after, reference), category)


def _seen(axes: PanelAxes, *, by_fold: bool) -> Values:
    """Mean log price of guarded lines: (F, T, I), NaN where nobody bought; F is 2 by fold, else 1."""
    query = _WEEKLY.format(group="fold" if by_fold else "0", line_group="l.fold" if by_fold else "0", guard=PRICE_GUARD)
    found = axes.connection.execute(query).fetchnumpy()
    price = np.full((2 if by_fold else 1, *axes.shape), np.nan)
    price[found["fold"], found["week"], found["item"]] = found["price"]
    return price


def _medians(axes: PanelAxes) -> tuple[Values, Values]:
    """Median log price and median log list price of each item-week: two (T, I), NaN where there is none."""
    found = axes.connection.execute(_MEDIANS).fetchnumpy()
    arrays = []
    for name in ("paid", "regular"):
        array = np.full(axes.shape, np.nan)
        array[found["week"], found["item"]] = np.ma.filled(np.ma.asarray(found[name], dtype=np.float64), np.nan)
        arrays.append(array)
    return arrays[0], arrays[1]


def _catalogue_prices(dataset: Dataset, axes: PanelAxes) -> Values:
    """Log list prices of the items table, (I,); NaN where the source derived them from purchases."""
    if dataset.manifest.preparation.list_price_from_purchases:
        return np.full(axes.shape[1], np.nan)
    found = axes.connection.execute(
        "SELECT i.code AS item, ln(m.list_price) AS price FROM item_code i JOIN items m ON m.item_id = i.id"
    ).fetchnumpy()
    prices = np.full(axes.shape[1], np.nan)
    prices[found["item"]] = np.ma.filled(np.ma.asarray(found["price"], dtype=np.float64), np.nan)
    return prices


def _complete(seen: Values, catalogue: Values, category: Ints) -> Values:
    """Rules 2 to 5 on (T, I) log prices with NaN where unseen."""
    filled = _carry_forward(seen)
    filled = np.where(np.isnan(filled), catalogue, filled)
    filled = np.where(np.isnan(filled), _carry_forward(filled[::-1])[::-1], filled)
    return _fill_by_category(filled, category)


def _carry_forward(values: Values) -> Values:
    """Repeat the last known row of each column downwards; leading NaN stay."""
    rows = np.where(np.isnan(values), -1, np.arange(len(values))[:, None])
    last = np.maximum.accumulate(rows, axis=0)
    return np.where(last >= 0, np.take_along_axis(values, np.maximum(last, 0), axis=0), np.nan)


def _fill_by_category(values: Values, category: Ints) -> Values:
    """Replace what is still NaN by the week's mean over the category, then over the week, then over everything."""
    if not np.isnan(values).any():
        return values
    filled = values.copy()
    overall = float(np.nanmean(values)) if np.isfinite(values).any() else 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a week or category without any price is the case handled here
        week_mean = np.nanmean(values, axis=1)
        for code in np.unique(category[np.isnan(values).any(axis=0)]):
            columns = np.flatnonzero(category == code)
            mean = np.nanmean(values[:, columns], axis=1)[:, None]
            filled[:, columns] = np.where(np.isnan(values[:, columns]), mean, values[:, columns])
    filled = np.where(np.isnan(filled), week_mean[:, None], filled)
    return np.where(np.isnan(filled), overall, filled)


def _quantile(window: Values, share: float) -> Values:
    """Quantile of each column over its finite rows, linear between them; NaN where a column has none."""
    ordered = np.sort(window, axis=0)
    count = np.isfinite(window).sum(axis=0)
    place = np.maximum(count - 1, 0) * share
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    below, above = (np.take_along_axis(ordered, index[None], axis=0)[0] for index in (low, high))
    return np.where(count > 0, below + (above - below) * (place - low), np.nan)
