"""The agent-based mechanism: shoppers with needs that deplete and refill. Nothing here is a logit of a basket.

A week of one shopper:

1. the pantry of every category empties by the shopper's own rate; urgency rises as it empties and with the season;
2. it comes with a chance that grows with its mean urgency; it goes through the categories, most urgent first;
3. a category is looked at with the chance of its urgency, or because a planted partner is in the basket already;
4. one item of it is taken, or none: largest of taste + loyalty + display + mailer - beta_u log(p / list) + noise, items
   that the rest of the weekly budget cannot pay left out; a partner in the basket adds the planted effect;
5. units: one, more where the price is low (stockpiling fills the pantry: the dip after a promotion);
6. what was bought raises the loyalty to the brand in its category.

beta_u comes in three latent classes (times category and item parts). An offer is taken when the bundle at its price is
worth more than what the shopper would do otherwise, category by category, with the same noise. Nobody comes for it, and
it sells nothing in a category that the shopper would not have looked at.

Letters: `U` customers, `I` items, `C` categories, `W` items of the largest category, `F` offers, `M` moves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bundleopt_data.simulator.agent_trip import AgentDraws, Trip
from bundleopt_data.simulator.offers import OfferList
from bundleopt_data.simulator.shelf import ShelfWeek
from bundleopt_data.simulator.truth import (
    Arrays,
    Blueprint,
    PlantedRelations,
    Values,
    Wants,
    chance,
    extra_units,
    mean_units,
)

CLASS_SHARE = (0.35, 0.40, 0.25)
CLASS_SENSITIVITY = (0.5, 1.0, 1.7)
"""The loyal, the average and the price seekers."""

PANTRY_SCALE = 0.4
LOYALTY_KEEP = 0.85
EXPECTATION_DRAWS = 24
"""Weeks over which expected sales average what the last choice of each category leaves to chance."""

STOCKPILING = 5.0
"""At a price cut of 20 % the chance of a second unit about doubles."""


@dataclass(frozen=True)
class AgentTruth:
    """Parameters and the state before the coming week.

    Attributes:
        taste: (U, I) float32. visit: (U,) log odds. rate: (U, C) weekly use. budget_cents: (U,) of a week.
        beta_item: (I,). beta_customer: (U,) class sensitivity. loyalty_weight: (U,).
        extra: (I,) chance of a second unit at the list price. list_cents: (I,). shown: (2,).
        category, brand: (I,). members: (C, W) items, -1 for padding.
        planted: the pairs across categories.
        pantry: (U, C) units at home. loyalty: (U, I) float32 in [0, 1].
    """

    taste: npt.NDArray[np.float32]
    visit: Values
    rate: Values
    budget_cents: Values
    beta_item: Values
    beta_customer: Values
    loyalty_weight: Values
    extra: Values
    list_cents: npt.NDArray[np.int64]
    shown: Values
    category: npt.NDArray[np.int64]
    brand: npt.NDArray[np.int64]
    members: npt.NDArray[np.int64]
    planted: PlantedRelations
    pantry: Values
    loyalty: npt.NDArray[np.float32]

    def utility(self, shelf: ShelfWeek) -> Values:
        """(U, I) worth of each item before noise and partners, against 0 for going without."""
        shown = self.shown[0] * shelf.display + self.shown[1] * shelf.mailer
        cut = -np.log(shelf.price_cents / self.list_cents)
        own = self.taste + self.loyalty_weight[:, None] * self.loyalty
        return np.asarray(own + shown + self.slope() * cut, dtype=np.float64)

    def slope(self) -> Values:
        """(U, I) price sensitivities."""
        return np.asarray(self.beta_customer[:, None] * self.beta_item[None, :], dtype=np.float64)

    def urgency(self, shelf: ShelfWeek) -> Values:
        """(U, C) chance that a category is needed this week."""
        left = np.maximum(self.pantry - self.rate, 0.0)
        return chance((0.5 - left) / PANTRY_SCALE + shelf.season)

    def visit_chance(self, urgency: Values) -> Values:
        """(U,)."""
        return chance(self.visit + 2.0 * (urgency.mean(axis=1) - 0.5))

    def second_unit(self, price_cents: npt.NDArray[np.int64] | Values) -> Values:
        """(..., I) chance of a second unit."""
        cut = np.maximum(-np.log(price_cents / self.list_cents), 0.0)
        return np.asarray(np.minimum(self.extra * (1.0 + STOCKPILING * cut), 0.8), dtype=np.float64)

    def wants(self, shelf: ShelfWeek, draws: tuple[int, ...], offers: OfferList) -> Wants:
        """See `Truth`."""
        chances = AgentDraws.make(draws, self.loyalty.shape, self.rate.shape[1])
        urgency = self.urgency(shelf)
        came = chances.visit < self.visit_chance(urgency)
        trip = Trip(self, shelf, chances, urgency)
        trip.walk()
        units = extra_units(self.second_unit(shelf.price_cents), chances.units)
        plain = trip.bought & came[:, None]
        taken = plain.copy()
        redeemed = np.zeros(len(offers), dtype=np.bool_)
        for place in range(int(offers.place.max(initial=-1)) + 1):
            now = np.flatnonzero(offers.place == place)
            now = now[came[offers.customer[now]]]
            redeemed[now] = trip.respond(offers, now, taken)
        return Wants(taken * units, plain * units, redeemed, chances.arrival)

    def expected_units(self, shelf: ShelfWeek) -> Values:
        """See `Truth`; the last choice of each category is integrated, the way to it is averaged over draws."""
        units: Values = self.own_price_units(shelf, np.zeros(1))[0]
        return units

    def own_price_units(self, shelf: ShelfWeek, moves: Values) -> Values:
        """See `Truth`: a category is gone through once, so an item's own price changes only its own last choice."""
        total = np.zeros((len(moves), len(self.list_cents)))
        urgency = self.urgency(shelf)
        weight = self.visit_chance(urgency)
        for number in range(EXPECTATION_DRAWS):
            draws = AgentDraws.make((number, 977), self.loyalty.shape, self.rate.shape[1])
            trip = Trip(self, shelf, draws, urgency)
            total += trip.walk(moves=moves, weight=weight)
        price = shelf.price_cents[None, :] * (1.0 + moves[:, None])
        return np.asarray(total / EXPECTATION_DRAWS * mean_units(self.second_unit(price)), dtype=np.float64)

    def after(self, units: npt.NDArray[np.int64]) -> AgentTruth:
        """See `Truth`."""
        left = np.maximum(self.pantry - self.rate, 0.0)
        filled = np.zeros_like(left)
        np.add.at(filled.T, self.category, units.T)
        bought = units > 0
        same = (self.category[:, None] == self.category[None, :]) & (self.brand[:, None] == self.brand[None, :])
        mates = (bought.astype(np.float32) @ same.astype(np.float32)) > 0
        touched = (bought.astype(np.float32) @ (self.category[:, None] == self.category[None, :])) > 0
        moved = LOYALTY_KEEP * self.loyalty + (1 - LOYALTY_KEEP) * mates
        return replace(self, pantry=left + filled, loyalty=np.where(touched, moved, self.loyalty).astype(np.float32))

    def arrays(self) -> Arrays:
        """See `Truth`."""
        own = {name: value for name, value in vars(self).items() if name != "planted"}
        return own | {f"planted.{name}": value for name, value in vars(self.planted).items()}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> AgentTruth:
        """Read what `arrays` wrote."""
        planted = PlantedRelations(**{name: arrays[f"planted.{name}"] for name in ("first", "second", "effect")})
        own = {name: value for name, value in arrays.items() if not name.startswith("planted.")}
        return cls(**own, planted=planted)


def draw_agent_truth(blueprint: Blueprint, draw: np.random.Generator) -> AgentTruth:
    """Draw shoppers and their first pantries. Substitutes need no planting: a category is chosen from once a week."""
    knobs, catalogue, planted = blueprint.knobs, blueprint.catalogue, blueprint.planted
    n_customers, n_items, n_categories = knobs.customers, knobs.items, len(catalogue.category_names)
    shares = np.exp(draw.normal(0.0, 0.5, n_items))
    per_category = np.bincount(catalogue.category, minlength=n_categories)
    taste = draw.normal(0.0, 0.9, (n_customers, n_items)) + np.log(shares) + 0.8
    taste -= np.log(per_category)[catalogue.category]
    taste += draw.normal(0.0, 0.7, (n_customers, int(catalogue.brand.max()) + 1))[:, catalogue.brand]
    latent = draw.choice(len(CLASS_SHARE), n_customers, p=CLASS_SHARE)
    category_part = np.exp(draw.normal(0, knobs.sensitivity_spread, n_categories))[catalogue.category]
    rate = draw.gamma(2.0, 0.22, (n_customers, n_categories))
    across = planted.effect > 0
    mean_price = float(catalogue.list_price_cents.mean())
    members = np.full((n_categories, int(per_category.max())), -1, dtype=np.int64)
    for code in range(n_categories):
        mine = np.flatnonzero(catalogue.category == code)
        members[code, : len(mine)] = mine
    return AgentTruth(
        taste=taste.astype(np.float32),
        visit=draw.normal(1.0, 0.9, n_customers),
        rate=rate,
        budget_cents=mean_price * n_categories * draw.uniform(0.4, 1.5, n_customers),
        beta_item=knobs.price_sensitivity * category_part * np.exp(draw.normal(0, knobs.sensitivity_spread, n_items)),
        beta_customer=np.array(CLASS_SENSITIVITY)[latent],
        loyalty_weight=draw.uniform(0.3, 2.0, n_customers),
        extra=draw.uniform(0.05, 0.2, n_items),
        list_cents=catalogue.list_price_cents,
        shown=np.array([knobs.display, knobs.mailer]),
        category=catalogue.category,
        brand=catalogue.brand,
        members=members,
        planted=PlantedRelations(planted.first[across], planted.second[across], planted.effect[across]),
        pantry=draw.gamma(1.0, 0.5, (n_customers, n_categories)),
        loyalty=np.zeros((n_customers, n_items), dtype=np.float32),
    )
