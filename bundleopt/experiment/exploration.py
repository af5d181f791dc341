"""Draws prices for a share of the offers, so that next week's plan knows better how customers answer to prices.

What is randomised is the price of a *bundle*, once for everybody. A bundle has one price on the menu: two customers who
compare their offers would find two prices for one thing, `no_arbitrage` speaks of the menu as a whole, and the checker
refuses a second price. So price points are drawn between bundles and between weeks, never between customers.

Bundles of the finished plan are taken in random order until their offers are the asked share. The price of each is
drawn among its admissible price points: with each draw of the model's parameters a point is the best one (Thompson
1933, doi:10.1093/biomet/25.3-4.285); a point's chance is its share of the draws, mixed with equal chances, because a
price that never has a chance teaches nothing. Every row of `offers` carries its chance. Then the plan is solved again
with these prices locked, so that every rule holds, and the difference is what learning costs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bundleopt.stages import optimise
from bundleopt_data.errors import InfeasiblePlanError, NoPlanInTimeError
from bundleopt_models.offer_values import OptionTable
from bundleopt_solvers.arbitrage import broken_covers
from bundleopt_solvers.plan import CampaignPlan, Certificate
from bundleopt_solvers.problem import CampaignProblem

if TYPE_CHECKING:
    from bundleopt.config import SolveConfig
    from bundleopt.prepared import Prepared
    from bundleopt.session import Progress

Values = npt.NDArray[np.float64]

EXPLORE = 5  # keeps these draws apart from those of `bundleopt.stages.draws`
DRAWS = 200
_MOST_BEYOND = 1.5  # a bundle with more offers than that beyond the asked share is passed over
EQUAL_SHARE = 0.2
"""Part of the chances that is the same for every price point."""


@dataclass(frozen=True)
class DrawnPrice:
    """One bundle whose price was drawn: option codes before and after, and the chance of the drawn one."""

    bundle_id: str
    before: int
    after: int
    chance: float


@dataclass(frozen=True)
class Exploration:
    """The plan with drawn prices.

    Attributes:
        problem: with their locks, for the figures. plan: solved on it. drawn: what was drawn. share: asked.
    """

    problem: CampaignProblem
    plan: CampaignPlan
    drawn: tuple[DrawnPrice, ...]
    share: float

    @property
    def price_chance(self) -> dict[int, float]:
        """Option -> chance with which its price was drawn."""
        return {one.after: one.chance for one in self.drawn}

    def document(self, before: CampaignPlan) -> dict[str, Any]:
        """Return what `plan.json` says; `before` is the plan without drawn prices."""
        options = self.problem.options
        rows = [
            {
                "bundle_id": one.bundle_id,
                "price_before": options.price_cents[one.before] / 100.0,
                "price": options.price_cents[one.after] / 100.0,
                "chance": round(one.chance, 4),
            }
            for one in self.drawn
        ]
        explored = np.isin(self.plan.offer_option, [one.after for one in self.drawn])
        value = self.plan.headline.value
        return {
            "share": self.share,
            "offers": int(explored.sum()),
            "of": len(self.plan.offer_option),
            "bundles": rows,
            "cost": {
                "without": round(before.headline.value, 2),
                "with": round(value, 2),
                "cost": round(before.headline.value - value, 2),
                "at_most": round(before.headline.bound - value, 2),
            },
        }


def explore(prepared: Prepared, plan: CampaignPlan, settings: SolveConfig, progress: Progress) -> Exploration:
    """Draw prices and solve again with them.

    Args:
        prepared: problem and forecast.
        plan: solved on it.
        settings: share and seed.
        progress: told what is being done.
    """
    problem, share = prepared.built.problem, settings.explore or 0.0
    week = prepared.week.campaign.week.toordinal()
    random = np.random.default_rng([settings.seed, EXPLORE, week])
    chosen = _choose(problem, plan, share, random)
    drawn = _draw_prices(prepared, plan, settings, chosen, random)
    while drawn:
        locked = replace(problem.rules, lock=(*problem.rules.lock, *(one.after for one in drawn)))
        try:
            found = _solve(prepared, replace(problem, rules=locked), settings, progress, plan, drawn)
        except (InfeasiblePlanError, NoPlanInTimeError):
            # A drawn price that no menu can hold beside the others is given up, the last one first.
            drawn = drawn[:-1]
            continue
        return Exploration(problem, found, tuple(drawn), share)
    return Exploration(problem, plan, (), share)


def _solve(
    prepared: Prepared,
    problem: CampaignProblem,
    settings: SolveConfig,
    progress: Progress,
    plan: CampaignPlan,
    drawn: list[DrawnPrice],
) -> CampaignPlan:
    """Solve with the drawn prices locked and their offers kept; the rule lines are those of the user's own rules.

    The customers who were offered these bundles stay, or a price that few like would be shown to those few alone. In
    the problem that is solved such an offer is worth its list value, more than any other; what that adds is taken off
    value and bound again, so that both speak of plans that keep the same drawn offers.
    """
    value, swapped = problem.value.copy(), plan.offer_option.copy()
    for one in drawn:
        mine = plan.offer_option == one.before
        swapped[mine] = one.after
        value[plan.offer_customer[mine], one.after] = problem.options.list_value_cents[one.after] / 100.0
    start = replace(plan, offer_option=swapped, menu=np.unique(swapped).astype(np.int32))
    family = (
        f"{prepared.built.family(prepared.found.family)}; only plans with the drawn prices of {len(drawn)} bundles and "
        "the same offers at them"
    )
    found = optimise.optimise(replace(problem, value=value), settings, family, progress, start, gap_only=True)
    asked = {rule.name: rule for rule in plan.rules if rule.name == "lock"}
    rules = tuple(asked.get(rule.name, rule) for rule in found.rules if rule.name != "lock" or asked)
    return replace(_at_own_worth(problem, found), rules=rules)


def _at_own_worth(problem: CampaignProblem, found: CampaignPlan) -> CampaignPlan:
    """The plan with value and bounds in the worth of its offers."""
    own = float(problem.value[found.offer_customer, found.offer_option].sum(dtype=np.float64))
    own -= problem.rules.fixed_cost_per_bundle * len(found.menu)
    own -= problem.rules.contact_cost * len(found.offer_option)
    added = found.headline.value - own

    def less(one: Certificate) -> Certificate:
        return replace(one, value=one.value - added, bound=one.bound - added)

    certificates = {name: less(one) for name, one in found.certificates.items()}
    return replace(found, headline=less(found.headline), certificates=certificates)


def _choose(problem: CampaignProblem, plan: CampaignPlan, share: float, random: np.random.Generator) -> list[int]:
    """Options of the menu whose bundles get a drawn price, in random order, until their offers are the share."""
    points = np.bincount(problem.options.bundle)
    free = [
        int(option)
        for option in plan.menu
        if points[problem.options.bundle[option]] > 1 and int(option) not in problem.rules.lock
    ]
    offers = np.bincount(plan.offer_option, minlength=len(problem.options.bundle))
    wanted, chosen, held = share * len(plan.offer_option), [], 0
    for place in random.permutation(len(free)).tolist():
        count = int(offers[free[place]])
        if held < wanted and held + count <= _MOST_BEYOND * wanted:
            chosen.append(free[place])
            held += count
    return chosen or sorted(free, key=lambda option: (offers[option], option))[:1]


def _draw_prices(
    prepared: Prepared, plan: CampaignPlan, settings: SolveConfig, chosen: list[int], random: np.random.Generator
) -> list[DrawnPrice]:
    """Draw a price for the bundle of each chosen option in turn, among those that leave the menu without arbitrage."""
    problem = prepared.built.problem
    options, menu = problem.options, set(plan.menu.tolist())
    drawn = []
    for option in chosen:
        points = np.flatnonzero(options.bundle == options.bundle[option])
        points = points[[_fits(problem, int(one), menu - {option}) for one in points]]
        if len(points) < 2:
            continue
        worth = _worth(prepared, plan, settings, option, points)
        chance = thompson_chances(worth)
        after = int(random.choice(points, p=chance))
        menu = (menu - {option}) | {after}
        bundle = str(options.bundle_ids[options.bundle[option]])
        drawn.append(DrawnPrice(bundle, option, after, float(chance[points == after][0])))
    return drawn


def thompson_chances(worth: Values) -> Values:
    """(D,) chance of each price point: its share of the (N, D) draws in which it is worth most, mixed with 1 / D."""
    count = worth.shape[1]
    best = np.bincount(worth.argmax(axis=1), minlength=count) / max(len(worth), 1) if len(worth) else np.ones(count)
    return np.asarray((1 - EQUAL_SHARE) * best / best.sum() + EQUAL_SHARE / count, dtype=np.float64)


def _worth(
    prepared: Prepared, plan: CampaignPlan, settings: SolveConfig, option: int, points: npt.NDArray[np.int64]
) -> Values:
    """(N, D) worth of a bundle's price points to those who are offered it, under each draw; no rows without draws."""
    from bundleopt.stages.candidates import revenue_weight
    from bundleopt_models.draw_values import option_factors
    from bundleopt_models.uncertainty import draw_parameters

    forecast = prepared.week.forecast
    if forecast.uncertainty is None:
        return np.zeros((0, len(points)))
    people = plan.offer_customer[plan.offer_option == option]
    mean = prepared.built.problem.value[np.ix_(people, points)].sum(axis=0, dtype=np.float64)
    seed = (settings.seed, EXPLORE)
    draws = draw_parameters(forecast.uncertainty, forecast.category, forecast.relations, DRAWS, seed)
    factors = option_factors(
        forecast,
        prepared.week.campaign,
        _rows(prepared.table, points),
        draws,
        revenue_weight=revenue_weight(settings),
    )
    return np.asarray(factors.value * mean, dtype=np.float64)


def _rows(table: OptionTable, points: npt.NDArray[np.int64]) -> OptionTable:
    """The table of the price points of one bundle."""
    return OptionTable(
        items=table.items[points],
        bundle=np.zeros(len(points), dtype=np.int32),
        price_cents=table.price_cents[points],
        list_value_cents=table.list_value_cents[points],
        unit_spend=table.unit_spend[points],
        unit_margin=table.unit_margin[points],
        quantity=None if table.quantity is None else table.quantity[points],
    )


def _fits(problem: CampaignProblem, option: int, menu: set[int]) -> bool:
    """Whether a menu with this price holds no bundle that others cover for less."""
    return not broken_covers(problem, np.array(sorted(menu | {option}), dtype=np.int64))
