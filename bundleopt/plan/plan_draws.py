"""A plan on draws of the demand model: how uncertain its expectation is, and what one week may make of it.

Expectation: every draw of the parameters gives the plan an expected total; the interval is that of these. Outcome: on
top of a draw come a shock that the whole week shares, a shock of every item, and the counting of redemptions, each
offer a Bernoulli trial. Letters: `N` draws, `F` offers, `R` simulated weeks a draw.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bundleopt.plan.intervals import Interval, amount_per_redemption
from bundleopt.plan.valued_plan import Array, ValuedPlan
from bundleopt_models.uncertainty import Uncertainty, log_shocks

if TYPE_CHECKING:
    from bundleopt_models.draw_values import DrawValues

EXPECTATION_COVERS = "parameters of the demand model: levels, price response, complementarity"
OUTCOME_COVERS = "parameters of the demand model, shocks of the week and of its items, and who happens to redeem"

WEEKS_A_DRAW = 48


@dataclass(frozen=True)
class PlanDraws:
    """The plan on draws that no optimisation saw.

    Attributes:
        values: (N, F) of the offers. level: (N, I) shifts of the items' log odds in the same draws.
        units: (I,) units of a purchase.
        uncertainty: of the forecast, for the shocks of the outcome. seed: of the shocks, any numbers.
    """

    values: DrawValues
    level: npt.NDArray[np.float32]
    units: npt.NDArray[np.float32]
    uncertainty: Uncertainty
    seed: tuple[int, ...]


@dataclass(frozen=True)
class Spread:
    """What the draws say of one total: both intervals, and its mean over the draws."""

    expectation: Interval
    outcome: Interval
    mean: float


def spreads(valued: ValuedPlan, draws: PlanDraws, *, level: float) -> dict[str, Spread]:
    """Return the spread of every random total of the plan, by name; `level` of both intervals."""
    values = draws.values
    expected = {
        "incremental_revenue": values.incremental_revenue.sum(1),
        "incremental_margin": values.incremental_margin.sum(1),
        "redemptions": values.redemption.sum(1),
        "promo_spend": values.promo_spend.sum(1),
    }
    published = {
        "incremental_revenue": float(valued.incremental_revenue.sum()),
        "incremental_margin": float(valued.incremental_margin.sum()),
        "redemptions": float(valued.redemption.sum()),
        "promo_spend": float(valued.promo_spend.sum()),
    }
    random = np.random.default_rng([*draws.seed])
    outcomes = _outcomes(valued, draws, random)
    shelf = _shelf_sales(valued, draws)
    expected["revenue"] = shelf.sum(1) + expected["incremental_revenue"]
    published["revenue"] = valued.baseline_revenue + published["incremental_revenue"]
    outcomes["revenue"] = outcomes["incremental_revenue"] + _sold_outside(
        valued, draws, shelf, outcomes["week"], random
    )
    return {
        name: Spread(
            expectation=_normal_interval(total, published[name], level),
            outcome=_interval(outcomes[name].reshape(-1), published[name], level),
            mean=float(total.mean()),
        )
        for name, total in expected.items()
    }


def _outcomes(valued: ValuedPlan, draws: PlanDraws, random: np.random.Generator) -> dict[str, Array]:
    """(N, R) totals of simulated weeks, and `week`, their common factors."""
    values, count = draws.values, len(draws.level)
    items, place = _items_of(valued)
    spend = valued.problem.options.unit_spend[valued.option]
    shape = (count, WEEKS_A_DRAW)
    names = ("incremental_revenue", "incremental_margin", "redemptions", "promo_spend")
    totals = {name: np.zeros(shape) for name in names}
    totals["week"] = np.exp(log_shocks(draws.uncertainty.week, random, shape))
    for number in range(count):
        shock = log_shocks(draws.uncertainty.item_week[items], random, (WEEKS_A_DRAW, len(items)))
        # The last column stands for the padding of smaller bundles: no item, no shock.
        shock = np.concatenate([shock, np.zeros((WEEKS_A_DRAW, 1))], axis=1)
        factor = np.exp(shock[:, place].sum(2)) * totals["week"][number][:, None]
        chance = np.minimum(values.redemption[number] * factor, 1.0)
        redeemed = random.random(chance.shape) < chance
        totals["redemptions"][number] = redeemed.sum(1)
        totals["promo_spend"][number] = redeemed @ spend
        for name in names[:2]:
            gained = amount_per_redemption(getattr(values, name)[number], values.redemption[number])
            totals[name][number] = redeemed @ gained
    return totals


def _items_of(valued: ValuedPlan) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Items that are offered, and (F, K) their places among them, the number of items where the bundle is smaller."""
    held = valued.problem.options.items[valued.option].astype(np.int64)
    items = np.unique(held[held >= 0])
    return items, np.where(held >= 0, np.searchsorted(items, held), len(items))


def _shelf_sales(valued: ValuedPlan, draws: PlanDraws) -> Array:
    """(N, I) expected revenue of every item at shelf price without the campaign, under each draw."""
    base = valued.stock.baseline * valued.campaign.shelf_price_cents / 100.0
    return np.asarray(base * np.exp(draws.level.astype(np.float64)), dtype=np.float64)


def _sold_outside(
    valued: ValuedPlan, draws: PlanDraws, shelf: Array, week: Array, random: np.random.Generator
) -> Array:
    """(N, R) revenue of simulated weeks without the campaign: a normal sum over the many items of the shops."""
    price = valued.campaign.shelf_price_cents / 100.0
    own = (shelf**2) @ np.expm1(draws.uncertainty.item_week.astype(np.float64) ** 2)
    # Units of a purchase vary: E[units^2] / E[units] times the expected units is the variance of counting.
    counted = shelf @ (price * draws.uncertainty.units_square / np.maximum(draws.units, 1.0))
    noise = np.sqrt(own + counted)[:, None] * random.standard_normal(week.shape)
    return np.asarray(shelf.sum(1)[:, None] * week + noise * np.sqrt(week), dtype=np.float64)


def _normal_interval(totals: Array, published: float, level: float) -> Interval:
    """Interval of a normal with the draws' mean and spread, wide enough to hold the published value."""
    if len(totals) < 2:
        return Interval(published, published, level)
    half = NormalDist().inv_cdf((1 + level) / 2) * float(totals.std(ddof=1))
    mean = float(totals.mean())
    return Interval(min(mean - half, published), max(mean + half, published), level)


def _interval(totals: Array, published: float, level: float) -> Interval:
    low, high = (float(bound) for bound in np.quantile(totals, [(1 - level) / 2, (1 + level) / 2]))
    return Interval(min(low, published), max(high, published), level)
