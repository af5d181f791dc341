"""What a bundle is worth, to whom, and step by step what the rules and the rest of the menu leave of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bundleopt.plan.tables import unit_name
from bundleopt.stages import candidates
from bundleopt.stages.multi_buy import bundle_of
from bundleopt.stages.problem import bundle_id, objective_values
from bundleopt.stages.valuation import value_candidates
from bundleopt_data import money

if TYPE_CHECKING:
    from bundleopt.config import SolveConfig
    from bundleopt.explanation.target import AskedBundles
    from bundleopt.stages.week import PlannedWeek
    from bundleopt.verbs.solve import SolveResult
    from bundleopt_models.offer_values import OfferValues, OptionTable

Array = npt.NDArray[np.float64]

_FAMILY = "bundles that were asked about"


@dataclass(frozen=True)
class BundleAnatomy:
    """One bundle at one price; money in the objective's terms where not said otherwise.

    Attributes:
        items: codes. price: money. on_menu: whether the plan offers it at this price.
        customers: whom it is worth showing to, or who are shown it where it is on the menu.
        steps: what is left of its worth: alone; after slots and shared items that the plan's other offers hold;
            after the rules' shadow prices, by rule. Empty where it is on the menu.
        decomposition: row of the waterfall -> (revenue, margin), money.
        probability: of each item, mean over `customers` and over everybody.
        together: pairs of its items -> how many times as often they are bought together as popularity explains.
        odds_lift: of each item, the median factor on its odds at the bundle's price.
    """

    bundle_id: str
    items: tuple[int, ...]
    item_names: tuple[str, ...]
    price: float
    list_value: float
    on_menu: bool
    customers: int
    steps: tuple[tuple[str, float], ...]
    decomposition: dict[str, tuple[float, float]]
    probability: tuple[tuple[float, float], ...]
    together: tuple[tuple[int, int, float], ...]
    odds_lift: tuple[float, ...]

    @property
    def discount(self) -> float:
        """1 - price / list value."""
        return 1.0 - self.price / self.list_value

    def document(self) -> dict[str, Any]:
        """Return the anatomy as JSON."""
        plain = {name: value for name, value in vars(self).items() if name != "items"}
        return plain | {
            "discount": self.discount,
            "steps": [{"step": name, "left": left} for name, left in self.steps],
            "decomposition": {
                name: {"revenue": revenue, "margin": margin} for name, (revenue, margin) in self.decomposition.items()
            },
        }


@dataclass(frozen=True)
class _Valued:
    table: OptionTable
    values: OfferValues
    objective: npt.NDArray[np.float32]


def anatomy(asked: AskedBundles, run: SolveResult, week: PlannedWeek, settings: SolveConfig) -> BundleAnatomy | None:
    """Take apart the bundle on the menu that was asked about, else the one that comes closest to being on it.

    Returns:
        None where no bundle that was asked about has an admissible price.
    """
    on_menu = _menu_prices(run)
    chosen = [items for items in asked.bundles if _id(items, week) in on_menu][:1] or list(asked.bundles)
    priced = candidates.with_prices(chosen, week.campaign, settings, family=_FAMILY)
    if not priced.bundles:
        return None
    valued = _value(priced, week, settings)
    option, is_offered = _option(valued, on_menu, run, week)
    if is_offered:
        return _describe(valued, option, _shown(valued, option, run, week), (week, settings))
    bare = _describe(valued, option, np.flatnonzero(valued.objective[:, option] > 0), (week, settings))
    return replace(bare, on_menu=False, steps=_steps(valued, option, run, week))


def _menu_prices(run: SolveResult) -> dict[str, int]:
    rows = zip(run.bundles["bundle_id"], run.bundles["price"], strict=True)
    return {str(name): money.to_cents(price) for name, price in rows}


def _id(items: tuple[int, ...], week: PlannedWeek) -> str:
    return bundle_id([str(week.campaign.item_ids[item]) for item in items])


def _value(priced: candidates.PricedCandidates, week: PlannedWeek, settings: SolveConfig) -> _Valued:
    table, values = value_candidates(week.forecast, week.campaign, priced, settings)
    return _Valued(table, values, objective_values(values, settings))


def _option(valued: _Valued, on_menu: dict[str, int], run: SolveResult, week: PlannedWeek) -> tuple[int, bool]:
    """The option at the menu's price, else the one of which most is left, else the one that is worth most alone."""
    for option, price in enumerate(valued.table.price_cents):
        if on_menu.get(_id(_bundle_of(valued, option), week)) == int(price):
            return option, True
    left = [_steps(valued, option, run, week)[-1][1] for option in _promising(valued)]
    return _promising(valued)[int(np.argmax(left))], False


def _promising(valued: _Valued) -> list[int]:
    """The options worth most alone: the rest of the search looks at these only."""
    worth = np.maximum(valued.objective, 0).sum(axis=0, dtype=np.float64)
    return [int(option) for option in np.argsort(-worth, kind="stable")[:20]]


def _items_of(valued: _Valued, option: int) -> tuple[int, ...]:
    return tuple(int(item) for item in valued.table.items[option] if item >= 0)


def _bundle_of(valued: _Valued, option: int) -> tuple[int, ...]:
    return bundle_of(_items_of(valued, option), int(valued.table.quantities[option]))


def _shown(valued: _Valued, option: int, run: SolveResult, week: PlannedWeek) -> npt.NDArray[np.int64]:
    """Codes of the customers who are shown the bundle."""
    mine = run.offers[run.offers["bundle_id"] == _id(_bundle_of(valued, option), week)]
    codes = {str(customer): code for code, customer in enumerate(week.forecast.customer_ids)}
    return np.array([codes[str(one)] for one in mine["customer_id"] if str(one) in codes], dtype=np.int64)


def _steps(valued: _Valued, option: int, run: SolveResult, week: PlannedWeek) -> tuple[tuple[str, float], ...]:
    """What is left of the option's worth after each thing that stands in its way, money."""
    worth = np.maximum(valued.objective[:, option].astype(np.float64), 0.0)
    steps = [("alone, shown to everybody whom it gains", float(worth.sum()))]
    held = _held(run, week, _items_of(valued, option))
    worth = np.maximum(worth - held, 0.0)
    steps.append(("beside the plan's other offers (slots, shared items)", float(worth.sum())))
    charges = _charges(valued, option, run)
    for name, charge in charges.items():
        worth_before = worth
        worth = np.maximum(worth - charge, 0.0)
        if worth_before.sum() - worth.sum() > 0:
            steps.append((f"after paying the price of {name}", float(worth.sum())))
    return tuple(steps)


def _held(run: SolveResult, week: PlannedWeek, items: tuple[int, ...]) -> Array:
    """(U,) what a customer's present offers lose where they make room: those that share an item, else the least."""
    ids = {str(week.campaign.item_ids[item]) for item in items}
    codes = {str(customer): code for code, customer in enumerate(week.forecast.customer_ids)}
    slots = int(run.document["config"]["solve.slots"])
    lost = np.zeros(len(codes))
    weight = _objective_weight(run)
    offers = run.offers[~run.offers["holdout"].astype(bool)]
    worth = weight * offers["incremental_revenue"] + (1 - weight) * offers["incremental_margin"]
    mine: dict[int, list[tuple[float, bool]]] = {}
    for customer, held, value in zip(offers["customer_id"], offers["item_ids"], worth, strict=True):
        if str(customer) in codes:
            mine.setdefault(codes[str(customer)], []).append((float(value), bool(ids & set(held))))
    for code, present in mine.items():
        shared = sum(max(value, 0.0) for value, shares in present if shares)
        is_full = len(present) >= slots and not any(shares for _, shares in present)
        lost[code] = min(max(value, 0.0) for value, _ in present) if is_full else shared
    return lost


def _objective_weight(run: SolveResult) -> float:
    """Weight of revenue in the run's objective."""
    name = run.document["objective"]["name"]
    if name == "mix":
        return 1.0 - float(run.document["config"]["solve.mix_margin_weight"])
    return 0.0 if name == "margin" else 1.0


def _charges(valued: _Valued, option: int, run: SolveResult) -> dict[str, Array]:
    """Rule -> (U,) money that the option's use of it is charged at its shadow price."""
    rules = {rule["name"]: rule for rule in run.document["rules"]}
    redemption = valued.values.redemption[:, option].astype(np.float64)
    charges = {}
    price = (rules.get("budget") or {}).get("shadow_price") or 0.0
    if price > 0:
        charges["the budget"] = price * redemption * float(valued.table.unit_spend[option])
    floor = rules.get("min_incremental_margin") or {}
    if (floor.get("shadow_price") or 0.0) > 0:
        margin = valued.values.incremental_margin[:, option].astype(np.float64)
        charges["the margin floor"] = np.maximum(-float(floor["shadow_price"]) * margin, 0.0)
    stock = dict(zip(run.inventory["item_id"], run.inventory["shadow_price"], strict=True))
    item_ids = [str(item) for item in run.inventory["item_id"]]
    for place, item in enumerate(_items_of(valued, option)):
        worth = float(stock.get(item_ids[item], 0.0) if item < len(item_ids) else 0.0)
        if worth > 0:
            units = valued.values.units[:, option, place].astype(np.float64)
            charges[f"stock of {item_ids[item]}"] = worth * units
    return charges


def _describe(
    valued: _Valued, option: int, who: npt.NDArray[np.int64], world: tuple[PlannedWeek, SolveConfig]
) -> BundleAnatomy:
    """Take the option apart as one of the menu, shown to the customers `who`."""
    from bundleopt_models.decomposition import Offers, decompose

    week, settings = world
    items, forecast = _items_of(valued, option), week.forecast
    quantity = int(valued.table.quantities[option])
    rows: dict[str, tuple[float, float]] = {}
    if len(who):
        shown = Offers(who, np.full(len(who), option, dtype=np.int64))
        parts = decompose(
            forecast, week.campaign, valued.table, shown, reach=settings.reach, salience=settings.salience
        )
        rows = parts.totals()
    ratio = np.array([valued.table.price_cents[option] / valued.table.list_value_cents[option]])
    lift = forecast.item_lift(np.array(items, dtype=np.int32), ratio)
    slopes = forecast.slope[who if len(who) else slice(None)][:, list(items)]
    chance = forecast.probability[:, list(items)]
    pairs = [(a, b, _together(week, items[a], items[b])) for a, b in combinations(range(len(items)), 2)]
    return BundleAnatomy(
        bundle_id=_id(_bundle_of(valued, option), week),
        items=items,
        item_names=tuple(unit_name(str(week.campaign.names[item]), quantity) for item in items),
        price=int(valued.table.price_cents[option]) / 100,
        list_value=int(valued.table.list_value_cents[option]) / 100,
        on_menu=True,
        customers=len(who),
        steps=(),
        decomposition=rows,
        probability=tuple(
            (float(chance[who, k].mean()) if len(who) else 0.0, float(chance[:, k].mean())) for k in range(len(items))
        ),
        together=tuple(pairs),
        odds_lift=tuple(float(np.exp(np.median(slopes[:, k]) * lift[k])) for k in range(len(items))),
    )


def _together(week: PlannedWeek, first: int, second: int) -> float:
    relations = week.forecast.relations
    return float(np.exp(relations.log_odds(first, second) - relations.background))
