"""One week's way through the shop, all shoppers at once; see `agents` for the rules.

Letters: `U` customers, `I` items, `C` categories, `W` items of the largest category, `F` offers, `M` moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bundleopt_data.simulator.offers import OfferList
from bundleopt_data.simulator.shelf import ShelfWeek
from bundleopt_data.simulator.truth import Values

if TYPE_CHECKING:
    from bundleopt_data.simulator.agents import AgentTruth

PARTNER_LOOK = 0.5
"""Chance that a partner in the basket makes a shopper look at a category that is not needed."""

SECOND = 2.0
"""What a second item of a category must be worth more, to be taken in a bundle beside the first."""


@dataclass(frozen=True)
class AgentDraws:
    """All chance of a week, the same whatever prices and offers are.

    Attributes:
        visit, arrival: (U,) uniform. look, partner, order: (U, C) uniform. without: (U, C) and noise: (U, I) Gumbel.
        units: (U, I) uniform.
    """

    visit: Values
    arrival: Values
    look: Values
    partner: Values
    order: Values
    without: Values
    noise: Values
    units: Values

    @classmethod
    def make(cls, seed: tuple[int, ...], shape: tuple[int, ...], n_categories: int) -> AgentDraws:
        """Draw them for (U, I) `shape`."""
        n_customers, n_items = shape
        draw = np.random.default_rng([*seed])
        by_category, by_item = (n_customers, n_categories), (n_customers, n_items)
        return cls(
            visit=draw.random(n_customers),
            arrival=draw.random(n_customers),
            look=draw.random(by_category),
            partner=draw.random(by_category),
            order=draw.random(by_category),
            without=draw.gumbel(size=by_category),
            noise=draw.gumbel(size=by_item),
            units=draw.random(by_item),
        )


class Trip:
    """The baskets of shoppers who come; who does not come is taken out afterwards.

    Attributes:
        bought: (U, I) bool after `walk`. left_cents: (U,) rest of the budget.
    """

    def __init__(self, truth: AgentTruth, shelf: ShelfWeek, draws: AgentDraws, urgency: Values) -> None:
        self._truth, self._shelf, self._draws, self._urgency = truth, shelf, draws, urgency
        self._utility, self._slope = truth.utility(shelf), truth.slope()
        n_customers, n_items = self._utility.shape
        self.bought = np.zeros((n_customers, n_items), dtype=np.bool_)
        self._committed = np.zeros_like(self.bought)  # by a bundle that was taken: these do not go back
        self.left_cents = truth.budget_cents.copy()
        self._partners = np.zeros((n_items, n_items))
        planted = truth.planted
        self._partners[planted.first, planted.second] = planted.effect
        self._partners[planted.second, planted.first] = planted.effect
        self._bonus = np.zeros((n_customers, n_items))
        self._price = np.append(shelf.price_cents, 1).astype(np.float64)

    def walk(self, *, moves: Values | None = None, weight: Values | None = None) -> Values:
        """Go through all categories; with `moves` (M,) and `weight` (U,) also returns (M, I) expected purchases."""
        n_customers, n_categories = self._urgency.shape
        moves = np.zeros(0) if moves is None else moves
        total = np.zeros((len(moves), len(self._price)))
        order = np.argsort(self._draws.order - self._urgency, axis=1, kind="stable")
        everyone = np.arange(n_customers)
        for place in range(n_categories):
            category = order[:, place]
            items = self._truth.members[category]
            value = self._values(items)
            looked = self._look_chance(everyone, category, items)
            if weight is not None:
                self._expect(total, items, value, weight * looked, moves)
            self._choose(everyone, category, items, value, looked)
        return total[:, :-1]

    def _values(self, items: npt.NDArray[np.int64]) -> Values:
        """(U, W) worth before noise, -inf where the slot is empty or the money is not enough."""
        rows = np.arange(len(items))[:, None]
        value = self._utility[rows, items] + self._bonus[rows, items]
        out = (items < 0) | (self._price[items] > self.left_cents[:, None])
        return np.where(out, -np.inf, value)

    def _look_chance(
        self, everyone: npt.NDArray[np.int64], category: npt.NDArray[np.int64], items: npt.NDArray[np.int64]
    ) -> Values:
        """(U,) chance of looking at the category."""
        pulled = ((self._bonus[everyone[:, None], items] > 0) & (items >= 0)).any(axis=1)
        urgency = self._urgency[everyone, category]
        return np.asarray(1.0 - (1.0 - urgency) * (1.0 - PARTNER_LOOK * pulled), dtype=np.float64)

    def _choose(
        self,
        everyone: npt.NDArray[np.int64],
        category: npt.NDArray[np.int64],
        items: npt.NDArray[np.int64],
        value: Values,
        looked: Values,
    ) -> None:
        noisy = value + self._draws.noise[everyone[:, None], items]
        best = noisy.argmax(axis=1)
        takes = noisy[everyone, best] > self._draws.without[everyone, category]
        takes &= self._draws.look[everyone, category] < looked
        who, item = everyone[takes], items[takes, best[takes]]
        self.bought[who, item] = True
        self.left_cents[who] -= self._price[item]
        self._bonus[who] += self._partners[item]

    def _expect(
        self, total: Values, items: npt.NDArray[np.int64], value: Values, weight: Values, moves: Values
    ) -> None:
        """Add the chance of each last choice, with each item's own price moved and all others as they are."""
        rows = np.arange(len(items))[:, None]
        odds = np.exp(value)
        others = 1.0 + odds.sum(axis=1, keepdims=True) - odds
        rich = self._price[items]
        plain = np.exp(self._utility[rows, items] + self._bonus[rows, items])
        slope = self._slope[rows, items]
        for place, move in enumerate(moves):
            moved = plain * np.exp(-slope * np.log1p(move))
            moved = np.where((items < 0) | (rich * (1.0 + move) > self.left_cents[:, None]), 0.0, moved)
            part = weight[:, None] * moved / (others + moved)
            total[place] += np.bincount(items.ravel() % len(self._price), part.ravel(), minlength=len(self._price))

    def respond(
        self, offers: OfferList, now: npt.NDArray[np.int64], taken: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.bool_]:
        """Which of the offers `now` (one a customer) are taken; changes `taken` (U, I) and the rest of the budget."""
        who, items, price = offers.customer[now], offers.items[now], offers.price_cents[now]
        shelf = offers.shelf_cents(self._shelf.price_cents)[now]
        discount = -np.log(np.minimum(price / np.maximum(shelf, 1), 1.0))
        gain = self._partner_gain(who, items, taken)
        for slot in range(items.shape[1]):
            gain += self._gain(who, items, slot, discount, taken)
        row = who[:, None]
        new = (items >= 0) & ~taken[row, items]
        already = np.where((items >= 0) & ~new, self._price[items], 0.0).sum(axis=1)
        redeems = (price < shelf) & (gain > 0) & (price - already <= self.left_cents[who])
        self._replace(who[redeems], items[redeems], taken)
        self.left_cents[who[redeems]] -= (price - already)[redeems]
        return np.asarray(redeems, dtype=np.bool_)

    def _gain(
        self,
        who: npt.NDArray[np.int64],
        items: npt.NDArray[np.int64],
        slot: int,
        discount: Values,
        taken: npt.NDArray[np.bool_],
    ) -> Values:
        """(F,) what one item of the bundle is worth above what the shopper does otherwise in its category."""
        item = items[:, slot]
        category = self._truth.category[item]
        worth = self._utility[who, item] + self._bonus[who, item] + self._draws.noise[who, item]
        without = self._draws.without[who, category]
        looked = self._draws.look[who, category] < self._urgency[who, category]
        mates = self._truth.members[category]
        other = (mates >= 0) & taken[who[:, None], mates] & (mates != item[:, None])
        inside = (mates[:, :, None] == items[:, None, :]).any(axis=2)
        values = self._utility[who[:, None], mates] + self._draws.noise[who[:, None], mates]
        instead = np.where(other & ~inside, values, -np.inf).max(axis=1)
        otherwise = np.maximum(without, instead)
        second = (other & inside).any(axis=1)
        step = np.where(looked, worth - otherwise - np.where(second, SECOND, 0.0), -np.inf)
        step = np.where(taken[who, item], 0.0, step) + self._slope[who, item] * discount
        return np.where(item >= 0, step, 0.0)

    def _partner_gain(
        self, who: npt.NDArray[np.int64], items: npt.NDArray[np.int64], taken: npt.NDArray[np.bool_]
    ) -> Values:
        """(F,) planted effects of the pairs inside a bundle, where the basket holds neither of the two yet."""
        gain = np.zeros(len(who))
        for one in range(items.shape[1]):
            for other in range(one + 1, items.shape[1]):
                a, b = items[:, one], items[:, other]
                neither = ~taken[who, a] & ~taken[who, b] & (a >= 0) & (b >= 0)
                gain += np.where(neither, self._partners[a, b], 0.0)
        return gain

    def _replace(self, who: npt.NDArray[np.int64], items: npt.NDArray[np.int64], taken: npt.NDArray[np.bool_]) -> None:
        """Put the bundle into the basket; other items of its categories go back unless they were bought as well."""
        for row, customer in enumerate(who):
            held = items[row][items[row] >= 0]
            fresh = held[~taken[customer, held]]
            for category in np.unique(self._truth.category[fresh]):
                mates = self._truth.members[category]
                mates = mates[mates >= 0]
                back = mates[taken[customer, mates] & ~self._committed[customer, mates] & ~np.isin(mates, held)]
                taken[customer, back] = False
                self.left_cents[customer] += self._price[back].sum()
            taken[customer, held] = self._committed[customer, held] = True
