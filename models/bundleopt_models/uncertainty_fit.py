"""Estimates how far forecasts are off, from weeks whose sales are known: level, price response, shocks.

With expected purchases E_wi and observed ones Y_wi of item i in week w, R_wi = Y_wi - E_wi e^(r_w) what is left when
the week's own shock r_w = log(sum Y_w / sum E_w) is taken out:

    persistent error    sum_i sum_{w != v} R_wi R_vi / sum_i sum_{w != v} E_wi E_vi        counting noise drops out
    shared by category  the same with products of different items of a category
    shocks of an item   sum (R_wi^2 - E_wi e^(r_w)) / sum E_wi^2, less the persistent error

each by groups of items that sell alike. These are moments of log-normal mixtures of Poisson counts (Hinde & Demetrio
1998, doi:10.1016/S0167-9473(98)00007-3). Price slopes: the curvature of the likelihood of weekly sales in the log of
the slope, with the shocks above as noise (a sandwich; White 1982, doi:10.2307/1912526), and the network's priors.
Letters: `T` weeks looked at, `I` items.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_models.uncertainty import Uncertainty

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.integer]

ITEM_GROUPS = 5
"""Items are grouped by expected sales; errors are relative, and larger where little is sold."""

LEAST_LEVEL, LARGEST_SPREAD = 0.02, 1.0
"""Spreads are kept inside these: no forecast of one item's level is better than 2 %, none worse than a factor of e."""

UNKNOWN_LEVEL, UNKNOWN_WEEK = 0.3, 0.1
"""Spreads of items and weeks where too few weeks are known to measure them."""

SLOPE_PRIOR, CATEGORY_SLOPE_PRIOR, COMMON_SLOPE_PRIOR = 0.32, 0.63, 1.0
"""Prior spreads of log slopes: the network's priors (sd 0.5, 1 and wide before softplus) at a slope of 1."""

CALIBRATION_WEEKS = 4
"""Weeks on which the level was calibrated: the common level is as uncertain as the mean of so many shocks."""


@dataclass(frozen=True)
class WeeklySales:
    """What was forecast and what happened; (T, I) unless said otherwise.

    Attributes:
        expected, bought: customers who buy the item in the week. category: (I,) codes.
        units, units_square: (I,) mean units of a purchase, and mean of their squares.
    """

    expected: Floats
    bought: Floats
    category: Codes
    units: Floats
    units_square: Floats


@dataclass(frozen=True)
class PriceHistory:
    """(T', I) purchases and prices m(x) of all weeks that were fitted; (I,) mean slope of the item."""

    bought: Floats
    position: Floats
    slope: Floats


def fit_uncertainty(sales: WeeklySales, prices: PriceHistory, *, held_out: int) -> Uncertainty:
    """Estimate all spreads.

    Args:
        sales: latest weeks, forecast one step ahead. The last `held_out` of them did not shape the weights: only they
            tell how wrong items' levels are.
        prices: of all fitted weeks.
        held_out: number of weeks; with fewer than two, levels get the spread of what is unknown.
    """
    week, residual, scaled = _without_week_shocks(sales)
    groups = _groups(sales.expected.sum(0))
    recent = slice(max(0, len(residual) - held_out), None)
    persistent = _by_group(_cross_products(residual[recent]), _cross_products(scaled[recent]), groups)
    shared = _shared(residual[recent], scaled[recent], sales.category)
    known = len(residual[recent]) > 1
    persistent = _kept(persistent, groups) if known else np.full(len(groups), UNKNOWN_LEVEL)
    category_level = float(np.sqrt(np.clip(shared, 0.0, None))) if known else 0.0
    category_level = min(category_level, float(persistent.min(initial=UNKNOWN_LEVEL)))
    noise = residual**2 - scaled
    shocks = _by_group(noise.sum(0), (scaled**2).sum(0), groups) - persistent**2
    item_week = np.sqrt(np.clip(shocks, 0.0, LARGEST_SPREAD**2))
    own, by_category, common = _slopes(prices, item_week, sales.category)
    return Uncertainty(
        level=_single(np.sqrt(np.maximum(persistent**2 - category_level**2, LEAST_LEVEL**2))),
        category_level=_single(np.full(len(groups), category_level)),
        slope=_single(own),
        category_slope=_single(by_category),
        item_week=_single(item_week),
        units_square=_single(sales.units_square),
        common_level=week / CALIBRATION_WEEKS**0.5,
        common_slope=common,
        week=week,
    )


def _without_week_shocks(sales: WeeklySales) -> tuple[float, Floats, Floats]:
    """Spread of the weeks' shocks; residuals and expectations with every week's shock taken out."""
    expected, bought = sales.expected.sum(1), sales.bought.sum(1)
    shock = np.log((bought + 0.5) / (expected + 0.5))
    if len(shock) < 2:
        week = UNKNOWN_WEEK
    else:
        counting = float(np.mean(1.0 / np.maximum(bought, 1.0)))
        week = float(np.sqrt(max(float(np.mean(shock**2)) - counting, 0.0)))
    scaled = sales.expected * np.exp(shock)[:, None]
    return min(week, LARGEST_SPREAD), sales.bought - scaled, scaled


def _groups(total: Floats) -> Codes:
    """(I,) codes of ITEM_GROUPS groups of items that are expected to sell alike, about equally many in each."""
    order = np.argsort(np.argsort(total, kind="stable"), kind="stable")
    return order * ITEM_GROUPS // max(len(total), 1)


def _cross_products(values: Floats) -> Floats:
    """(I,) sum over pairs of different weeks of the products."""
    return np.asarray(values.sum(0) ** 2 - (values**2).sum(0), dtype=np.float64)


def _by_group(above: Floats, below: Floats, groups: Codes) -> Floats:
    """(I,) ratio of the sums over each item's group; 0 where nothing is expected."""
    sums = np.bincount(groups, above, ITEM_GROUPS), np.bincount(groups, below, ITEM_GROUPS)
    return np.asarray(np.divide(*sums, out=np.zeros(ITEM_GROUPS), where=sums[1] > 0)[groups], dtype=np.float64)


def _kept(squares: Floats, groups: Codes) -> Floats:
    """(I,) spreads inside their limits that do not grow with sales: groups out of order are pooled."""
    blocks: list[tuple[float, int]] = []
    for group in range(ITEM_GROUPS):
        of = squares[groups == group]
        blocks.append((float(of[0]) if len(of) else 0.0, 1))
        while len(blocks) > 1 and blocks[-1][0] >= blocks[-2][0]:
            (last, size), (before, other) = blocks.pop(), blocks.pop()
            blocks.append(((last * size + before * other) / (size + other), size + other))
    pooled = np.repeat([value for value, _ in blocks], [size for _, size in blocks])
    return np.asarray(np.sqrt(np.clip(pooled[groups], LEAST_LEVEL**2, LARGEST_SPREAD**2)), dtype=np.float64)


def _shared(residual: Floats, scaled: Floats, category: Codes) -> float:
    """Square of the error that the items of a category share: products of different items in different weeks."""
    above = below = 0.0
    size = int(category.max(initial=-1)) + 1
    for values, sign in ((residual, 0), (scaled, 1)):
        by_category = np.zeros((len(values), size))
        for week, row in enumerate(values):
            by_category[week] = np.bincount(category, row, size)
        total = float(_cross_products(by_category).sum() - _cross_products(values).sum())
        above, below = (total, below) if sign == 0 else (above, total)
    return above / below if below > 0 else 0.0


def _slopes(prices: PriceHistory, item_week: Floats, category: Codes) -> tuple[Floats, Floats, float]:
    """Spreads of log slopes: of items, of their categories, (I,) each, and of all items together."""
    total = np.maximum(prices.bought.sum(0), 1e-9)
    centred = prices.position - (prices.bought * prices.position).sum(0) / total
    push = (prices.slope * centred) ** 2
    information = (prices.bought * push).sum(0)
    noise = (prices.bought * push * (1.0 + prices.bought * item_week**2)).sum(0)
    size = int(category.max(initial=-1)) + 1
    shared = (np.bincount(category, part, size).astype(np.float64) for part in (information, noise))
    everyone = (part.sum(keepdims=True) for part in (information, noise))
    return (
        _posterior(information, noise, prior=SLOPE_PRIOR),
        _posterior(*shared, prior=CATEGORY_SLOPE_PRIOR)[category],
        float(_posterior(*everyone, prior=COMMON_SLOPE_PRIOR)[0]),
    )


def _posterior(information: Floats, noise: Floats, *, prior: float) -> Floats:
    """Standard deviation with a normal prior of spread `prior`, curvature `information` and score variance `noise`."""
    data = np.divide(information**2, noise, out=np.zeros_like(information), where=noise > 0)
    return np.asarray(1.0 / np.sqrt(1.0 / prior**2 + data), dtype=np.float64)


def _single(values: npt.ArrayLike) -> npt.NDArray[np.float32]:
    return np.asarray(values, dtype=np.float32)
