"""What is known of every customer and every item before each week, whoever they are paired with.

Row t of a table uses weeks < t only, apart from the prices and promotions planned for week t, which are passed in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_data.panel import Panel
from bundleopt_models.history import visit_weeks_before

Floats = npt.NDArray[np.float32]

NEVER_WEEKS = 30.0
"""Weeks since the last visit of a customer who never came, and the cap for all others."""

ELIGIBLE_WEEKS = 26
"""A customer counts as active with a visit in this many weeks: the evaluation's population, too."""

LINE_LAGS = 6
"""Latest weeks whose basket sizes are kept one by one: a large shopping is followed by small ones."""

CUSTOMER_FEATURES = (
    "visits_1", "visits_4", "visits_13", "visit_rate", "weeks_away", "gap_ratio", "trips_4", "lines_per_visit",
    "lines_4", "deal_share", "tenure", "distinct_items", "new_item_share",
    *(f"lines_{lag}_ago" for lag in range(1, LINE_LAGS + 1)), "lines_per_week",
)  # fmt: skip
ITEM_FEATURES = (
    "popularity_1", "popularity_4", "popularity_13", "popularity_all", "trend", "weeks_known", "last_position",
    "mean_position", "log_reference", "last_display", "last_mailer", "weeks_unseen",
)  # fmt: skip


def _before(weekly: Floats) -> Floats:
    """(T + 1, n) running totals of a (T, n) array: row t sums weeks < t."""
    total = np.zeros((weekly.shape[0] + 1, *weekly.shape[1:]), np.float32)
    np.cumsum(weekly, axis=0, out=total[1:])
    return total


def _window(total: Floats, length: int) -> Floats:
    """(T + 1, n) totals of the last `length` weeks before t, from running totals."""
    weeks = np.arange(len(total))
    return total - total[np.maximum(weeks - length, 0)]


def _last_true(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """(T + 1, n) last week before t at which the flag was up, -1 if none."""
    weeks = np.where(flags, np.arange(len(flags))[:, None], -1)
    last = np.full((len(flags) + 1, flags.shape[1]), -1, dtype=np.int64)
    last[1:] = np.maximum.accumulate(weeks, axis=0)
    return last


def weekly_buyers(panel: Panel) -> Floats:
    """(T, I) customers who bought the item in the week."""
    place = panel.purchase_week.astype(np.int64) * panel.n_items + panel.purchase_item
    count = np.bincount(place, minlength=panel.n_weeks * panel.n_items)
    return count.reshape(panel.n_weeks, panel.n_items).astype(np.float32)


def _first_purchases(panel: Panel) -> Floats:
    """(T, U) items that the customer bought for the first time in the week."""
    kept = np.flatnonzero(panel.purchase_item < panel.n_modelled)
    pair = panel.purchase_customer[kept].astype(np.int64) * panel.n_items + panel.purchase_item[kept]
    _, first = np.unique(pair, return_index=True)
    first = kept[first]
    place = panel.purchase_week[first].astype(np.int64) * panel.n_customers + panel.purchase_customer[first]
    count = np.bincount(place, minlength=panel.n_weeks * panel.n_customers)
    return count.reshape(panel.n_weeks, panel.n_customers).astype(np.float32)


def customer_table(panel: Panel) -> Floats:
    """(T + 1, U, len(CUSTOMER_FEATURES)); see the names."""
    visits, came = visit_weeks_before(panel), panel.trips > 0
    weeks = np.arange(panel.n_weeks + 1, dtype=np.float32)[:, None]
    last, lines, trips = _last_true(came), _before(panel.lines), _before(panel.trips)
    new = _before(_first_purchases(panel))
    first = np.where(came.any(axis=0), came.argmax(axis=0), panel.n_weeks)[None, :]
    tenure = np.maximum(weeks - first, 0)
    away = np.where(last >= 0, np.minimum(weeks - last, NEVER_WEEKS), NEVER_WEEKS)
    gap = tenure / np.maximum(visits, 1)
    recent_visits = np.maximum(_window(visits, 4), 1)
    columns = [
        _window(visits, 1),
        _window(visits, 4),
        _window(visits, 13),
        visits / np.maximum(tenure, 1),
        np.log(away),
        np.log(away) - np.log(np.maximum(gap, 1)),
        np.log1p(_window(trips, 4)),
        np.log1p(lines / np.maximum(visits, 1)),
        np.log1p(_window(lines, 4) / recent_visits),
        (_before(panel.deal_lines) + 5) / (lines + 10),
        np.log1p(tenure),
        np.log1p(new),
        (_window(new, 13) + 1) / (_window(lines, 13) + 3),
        *(np.log1p(_window(lines, lag) - _window(lines, lag - 1)) for lag in range(1, LINE_LAGS + 1)),
        np.log1p(_window(lines, 13) / np.minimum(np.maximum(weeks, 1), 13)),
    ]
    full = [np.broadcast_to(np.asarray(column), visits.shape) for column in columns]
    return np.stack(full, axis=2).astype(np.float32)


def eligible(panel: Panel, week: int) -> npt.NDArray[np.bool_]:
    """(U,) customers with a visit in the 26 weeks before `week`."""
    week = min(week, panel.n_weeks)
    return np.asarray((panel.trips[max(0, week - ELIGIBLE_WEEKS) : week] > 0).any(axis=0), dtype=np.bool_)


def planned_reference(panel: Panel) -> Floats:
    """(T + 1, I) log reference prices, the week after the last one included. NaN where none is known."""
    prices = panel.prices
    return np.concatenate([prices.log_reference, prices.next_log_reference[None]])


def log_position(log_price: Floats, reference: Floats) -> Floats:
    """Log price less log reference, 0 where either is unknown, kept within a factor of e^1.5."""
    return np.asarray(np.clip(np.nan_to_num(log_price - reference, nan=0.0), -1.5, 1.5), dtype=np.float32)


def item_table(panel: Panel) -> Floats:
    """(T + 1, I, len(ITEM_FEATURES)); see the names. Popularity is log buyers per visit week of the population."""
    buyers, visits = _before(weekly_buyers(panel)), visit_weeks_before(panel).sum(axis=1)[:, None]
    shape = (panel.n_weeks + 1, panel.n_items)
    log_rate = {
        length: np.log(_window(buyers, length) + 0.5) - np.log(_window(visits, length) + 1) for length in (1, 4, 13)
    }
    log_rate[0] = np.log(buyers + 0.5) - np.log(visits + 1)
    weeks = np.arange(panel.n_weeks + 1)[:, None]
    sold = weekly_buyers(panel) > 0
    first = np.where(sold.any(axis=0), sold.argmax(axis=0), panel.n_weeks)[None, :]
    reference = planned_reference(panel)
    position = log_position(panel.prices.log_price, reference[:-1])
    columns = [
        log_rate[1],
        log_rate[4],
        log_rate[13],
        log_rate[0],
        log_rate[4] - log_rate[13],
        np.log1p(np.maximum(weeks - first, 0)),
        _previous(position),
        _window(_before(position), 13) / np.minimum(np.maximum(weeks, 1), 13),
        np.nan_to_num(reference, nan=float(np.nanmean(reference)) if np.isfinite(reference).any() else 0.0),
        _previous(panel.promotions.display),
        _previous(panel.promotions.mailer),
        np.log1p(np.minimum(weeks - 1 - _last_true(sold), 26)),
    ]
    return np.stack([np.broadcast_to(column, shape) for column in columns], axis=2).astype(np.float32)


def _previous(weekly: Floats) -> Floats:
    """(T + 1, n): row t holds week t - 1, row 0 zeros."""
    return np.concatenate([np.zeros_like(weekly[:1]), weekly]) if len(weekly) else weekly


@dataclass(frozen=True)
class WeekTables:
    """Tables of all weeks of a panel: customer (T+1, U, .), item (T+1, I, .), visits (T+1, U), reference (T+1, I)."""

    customer: Floats
    item: Floats
    visits_before: Floats
    reference: Floats


def build_week_tables(panel: Panel) -> WeekTables:
    """Compute all tables once; a few hundred megabytes at most for 32,000 customers."""
    return WeekTables(customer_table(panel), item_table(panel), visit_weeks_before(panel), planned_reference(panel))
