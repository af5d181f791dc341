"""After the network's fit: its price slopes are set right against weekly counts, item by item.

The network learns slopes beside everything else, from rows in which price moves together with season and category;
the regression of `price_regression` looks at nothing but the price. Its corrections k_i multiply the network's slopes
(who is more sensitive than whom stays the network's answer), so the response stays strictly monotone. The item's level
moves the other way at its usual price: what is expected at the prices of the log does not change.

Units per purchase answer to price cuts as well (stocking up): kappa_i(depth) = kappa_i (1 + eta_c (depth - usual
depth)), eta_c >= 0 by category, shrunk to the mean of all.

Letters: `U` customers, `I` items, `F` folds, `T` weeks, `Q` knots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_data.panel import Panel
from bundleopt_models.model import DemandModel, plan_for
from bundleopt_models.price_regression import PriceData, PriceScales, Values, fit_price_scales
from bundleopt_models.scoring import WeekScorer
from bundleopt_models.week_tables import log_position, planned_reference

KNOTS = np.array([-1.6, -1.1, -0.75, -0.5, -0.3, -0.15, 0.0, 0.15, 0.35, 0.7, 1.2])
"""Where R is worked out, on the scale of k m(x): dense where promotions are."""

CUSTOMERS_PER_CHUNK = 256

LEAST_PURCHASES = 30
"""Purchases that an item needs to be looked at; the others take their category's correction."""

LEAST_WEEKS = 8
"""Weeks that a log needs before anything is corrected."""

STOCKING_PRIOR, MOST_STOCKING = 2.0, 5.0
"""Weight of the mean of all categories in a category's eta, in purchases at a depth of one log unit; and its limit."""

MOST_UNITS = 30.0


@dataclass(frozen=True)
class PriceStep:
    """What was found.

    Attributes:
        scales: of the regression; its arrays follow `items`. items: (n,) codes of the items that took part.
        log_scale: (I,) log k of all items. stocking, usual_depth: (I,) see `stocking_up`.
    """

    scales: PriceScales
    items: npt.NDArray[np.int64]
    log_scale: Values
    stocking: Values
    usual_depth: Values


def correct_prices(model: DemandModel, panel: Panel, weeks: Sequence[int]) -> PriceStep | None:
    """Fit the corrections on `weeks` and put them into the model's network.

    Returns:
        What was found; None, and the model as it was, where the log is too short or no price ever moved.
    """
    seen = np.array(sorted(weeks), dtype=np.int64)
    counts = weekly_counts(model, panel, seen) if len(seen) >= LEAST_WEEKS else None
    if counts is None or not len(counts.items):
        return None
    response, slope = _network_response(model, panel, int(seen[-1]), counts.items)
    category = np.unique(panel.items.category[counts.items], return_inverse=True)[1].reshape(-1)
    data = PriceData(
        counts.buyers, counts.position, counts.used, counts.controls, category.astype(np.int64), KNOTS, response
    )
    scales = fit_price_scales(data)
    log_scale = np.full(panel.n_items, np.log(max(scales.overall, 1e-3)))
    by_category = dict(zip(panel.items.category[counts.items].tolist(), category.tolist(), strict=True))
    for code, place in by_category.items():
        log_scale[panel.items.category == code] = np.log(np.clip(scales.category_scale[place], 0.1, 4.0))
    log_scale[counts.items] = np.log(scales.scale)
    weight = (counts.buyers * counts.used).sum((0, 1))
    usual = np.zeros(panel.n_items)
    usual[counts.items] = (counts.buyers * counts.used * counts.position).sum((0, 1)) / np.maximum(weight, 1.0)
    mean_slope = np.zeros(panel.n_items)
    mean_slope[counts.items] = slope
    step = PriceStep(scales, counts.items, log_scale, *stocking_up(panel, seen))
    _apply(model, panel, step, (np.exp(log_scale) - 1.0) * mean_slope * usual)
    return step


@dataclass(frozen=True)
class WeeklyCounts:
    """Arrays of `PriceData` for chosen items, and their codes."""

    items: npt.NDArray[np.int64]
    buyers: Values
    position: Values
    used: npt.NDArray[np.bool_]
    controls: Values


def weekly_counts(model: DemandModel, panel: Panel, weeks: npt.NDArray[np.int64]) -> WeeklyCounts:
    """Buyers by customer fold beside the prices that the other fold paid; one fold where prices come from a table."""
    fold = np.zeros(panel.n_customers, np.int64) if panel.prices.independent else panel.prices.fold.astype(np.int64)
    folds = int(fold.max(initial=0)) + 1
    shape = (folds, panel.n_weeks, panel.n_items)
    flat = (fold[panel.purchase_customer] * panel.n_weeks + panel.purchase_week) * panel.n_items + panel.purchase_item
    buyers = np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape).astype(np.float64)
    price = panel.prices.log_price[None] if folds == 1 else panel.prices.fold_log_price
    position = log_position(price, planned_reference(panel)[:-1])
    # A price is known where the table has it, or where customers of the other fold bought.
    used = np.broadcast_to(panel.prices.observed, shape) if folds == 1 else buyers[::-1] > 0
    depth = _depth(panel)
    before = [np.vstack([np.zeros((lag, panel.n_items)), depth[:-lag]]) for lag in (1, 2)]
    controls = np.stack([panel.promotions.display, panel.promotions.mailer, *before])[:, weeks]
    with torch.no_grad():
        mapped = model.network.price.map(torch.from_numpy(np.ascontiguousarray(position[:, weeks]))).double().numpy()
    counts, used = buyers[:, weeks], used[:, weeks] & _on_sale(buyers.sum(0))[weeks]
    spread = np.nanmax(np.where(used, mapped, -np.inf), (0, 1)) - np.nanmin(np.where(used, mapped, np.inf), (0, 1))
    chosen = ((counts * used).sum((0, 1)) >= LEAST_PURCHASES) & (spread > 0.02)
    items = np.flatnonzero(chosen)
    return WeeklyCounts(
        items, counts[:, :, items], mapped[:, :, items], used[:, :, items], controls[:, :, items].astype(np.float64)
    )


def _on_sale(buyers: Values) -> npt.NDArray[np.bool_]:
    """(T, I) weeks from an item's first sale to its last."""
    sold = buyers > 0
    started = np.maximum.accumulate(sold, axis=0)
    goes_on = np.maximum.accumulate(sold[::-1], axis=0)[::-1]
    return np.asarray(started & goes_on, dtype=np.bool_)


def _network_response(
    model: DemandModel, panel: Panel, week: int, items: npt.NDArray[np.int64]
) -> tuple[Values, Values]:
    """(n, Q) R of the module `price_regression`, and (n,) mean slopes of the buyers, at the prices of one week."""
    view = model.view(panel)
    inputs = model.week_inputs(view, week, plan_for(panel, week, None, (None, None)))
    scores = WeekScorer(model.network, model.calibration, inputs).score(with_slope=True)
    assert scores.slope is not None  # noqa: S101 - asked for one line above
    chance, slope, log_visit = scores.probability, scores.slope, inputs.log_visit.numpy()
    with torch.no_grad():
        mapped = model.network.price.map(torch.from_numpy(inputs.position)).numpy()
    total = np.zeros((len(items), len(KNOTS)))
    weighted = np.zeros(len(items))
    for start in range(0, len(chance), CUSTOMERS_PER_CHUNK):
        rows = slice(start, start + CUSTOMERS_PER_CHUNK)
        came = np.exp(log_visit[rows])[:, None]
        given = np.clip(chance[rows][:, items] / came, 1e-12, 1 - 1e-6)
        beta = slope[rows][:, items]
        odds = given / (1.0 - given) * np.exp(beta * mapped[items])
        for place, knot in enumerate(KNOTS):
            moved = odds * np.exp(-beta * np.float32(knot))
            total[:, place] += (came * (moved / (1.0 + moved))).sum(0, dtype=np.float64)
        weighted += (came * given * beta).sum(0, dtype=np.float64)
    at = int(np.searchsorted(KNOTS, 0.0))
    logs = np.log(np.maximum(total, 1e-12))
    return logs - logs[:, [at]], weighted / np.maximum(total[:, at], 1e-12)


def stocking_up(panel: Panel, weeks: npt.NDArray[np.int64]) -> tuple[Values, Values]:
    """(I,) eta, relative rise of units per purchase a log unit of price cut, and (I,) the usual depth of purchases."""
    inside = np.isin(panel.purchase_week, weeks)
    week, item = panel.purchase_week[inside], panel.purchase_item[inside]
    depth = _depth(panel)[week, item]
    units = np.clip(panel.purchase_units[inside], 1.0, MOST_UNITS).astype(np.float64)
    count = np.maximum(np.bincount(item, minlength=panel.n_items), 1)
    usual_units = np.bincount(item, units, minlength=panel.n_items) / count
    usual_depth = np.bincount(item, depth, minlength=panel.n_items) / count
    away = depth - usual_depth[item]
    category, n_categories = panel.items.category[item], len(panel.items.category_names)
    told = np.bincount(category, away * (units / usual_units[item] - 1.0), minlength=n_categories)
    moved = np.bincount(category, away**2, minlength=n_categories)
    overall = float(told.sum() / max(moved.sum(), 1e-9))
    eta = np.clip((told + STOCKING_PRIOR * overall) / (moved + STOCKING_PRIOR), 0.0, MOST_STOCKING)
    return eta[panel.items.category], usual_depth


def _depth(panel: Panel) -> Values:
    """(T, I) log units below the reference price, 0 above it."""
    position = log_position(panel.prices.log_price, planned_reference(panel)[:-1])
    return np.maximum(-position, 0.0).astype(np.float64)


def _apply(model: DemandModel, panel: Panel, step: PriceStep, shift: Values) -> None:
    """Write scales and levels into the network's own tables."""
    code = model.view(panel).catalogue.item
    with torch.no_grad():
        table = model.network.price.log_scale
        table.fill_(float(np.log(max(step.scales.overall, 1e-3))))
        table[code] = torch.from_numpy(step.log_scale).to(table.dtype)
        model.network.price.stocking[code] = torch.from_numpy(step.stocking).to(table.dtype)
        model.network.price.usual_depth[code] = torch.from_numpy(step.usual_depth).to(table.dtype)
        model.network.price.shift[code] += torch.from_numpy(shift).to(table.dtype)
