"""Measures a trained model's uncertainty on its own latest weeks, with as little scoring as possible.

Letters: `U` customers, `I` items, `T` weeks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_data.panel import Panel
from bundleopt_models.settings import PriceSource
from bundleopt_models.uncertainty import Uncertainty
from bundleopt_models.uncertainty_fit import PriceHistory, WeeklySales, fit_uncertainty
from bundleopt_models.week_tables import log_position

if TYPE_CHECKING:
    from bundleopt_models.model import DemandModel

Floats = npt.NDArray[np.float64]

LATEST_WEEKS = 8
"""Weeks that are scored where no other step of the training has scored any."""

MOST_UNITS = 30.0
"""Units of one purchase are cut here, as in `fitting`."""

UNITS_PRIOR = 20.0


def expected_sales(model: DemandModel, panel: Panel, weeks: Sequence[int]) -> dict[int, Floats]:
    """Week -> (I,) expected customers who buy each item, one step ahead, at the prices the model was trained on."""

    def expected(week: int) -> Floats:
        last = panel.prices.log_price[max(week - 1, 0)] if model.settings.price is PriceSource.LAST_WEEK else None
        probability, _ = model.weekly_grid(panel, week, log_price=last)
        return np.asarray(probability.sum(axis=0, dtype=np.float64))

    return {week: expected(week) for week in weeks}


def measure_uncertainty(
    model: DemandModel, panel: Panel, expected: Mapping[int, Floats], *, fitted: Sequence[int], held_out: Sequence[int]
) -> Uncertainty:
    """Compare forecasts with what happened.

    Args:
        model: trained.
        panel: the panel it was trained on.
        expected: from `expected_sales`, for some of the weeks below.
        fitted: weeks that shaped the weights.
        held_out: later weeks that did not, ascending.
    """
    weeks = sorted(expected)
    bought = weekly_purchases(panel)
    kappa, square = units_moments(panel, [*fitted, *held_out])
    sales = WeeklySales(
        expected=np.array([expected[week] for week in weeks]).reshape(len(weeks), panel.n_items),
        bought=bought[weeks].reshape(len(weeks), panel.n_items),
        category=panel.items.category,
        units=kappa,
        units_square=square,
    )
    seen = sorted({*fitted, *held_out})
    slopes = model.mean_slopes(panel, max(seen, default=0)).astype(np.float64)
    prices = PriceHistory(bought[seen], _positions(model, panel, seen), slopes)
    return fit_uncertainty(sales, prices, held_out=len(set(held_out) & set(weeks)))


def weekly_purchases(panel: Panel) -> Floats:
    """(T, I) customers who bought the item in the week."""
    cell = panel.purchase_week.astype(np.int64) * panel.n_items + panel.purchase_item
    counted = np.bincount(cell, minlength=panel.n_weeks * panel.n_items)
    return counted.reshape(panel.n_weeks, panel.n_items).astype(np.float64)


def units_moments(panel: Panel, weeks: Sequence[int]) -> tuple[Floats, Floats]:
    """(I,) mean units of a purchase and mean of their squares, shrunk towards those of all items."""
    chosen = np.isin(panel.purchase_week, np.asarray(weeks, dtype=np.int64))
    units = np.clip(panel.purchase_units[chosen], 1.0, MOST_UNITS).astype(np.float64)
    item = panel.purchase_item[chosen]
    count = np.bincount(item, minlength=panel.n_items)

    def shrunk(values: Floats) -> Floats:
        overall = float(values.mean()) if len(values) else 1.0
        total = np.bincount(item, values, panel.n_items)
        return np.asarray((total + UNITS_PRIOR * overall) / (count + UNITS_PRIOR), dtype=np.float64)

    return shrunk(units), shrunk(units**2)


def _positions(model: DemandModel, panel: Panel, weeks: Sequence[int]) -> Floats:
    """(T, I) m(log relative price) of the weeks."""
    tables = model.view(panel).builder.tables
    rows = [log_position(panel.prices.log_price[week], tables.reference[week]) for week in weeks]
    position = np.array(rows, dtype=np.float32).reshape(len(weeks), panel.n_items)
    with torch.no_grad():
        mapped: Floats = model.network.price.map(torch.from_numpy(position)).double().numpy()
    return mapped
