"""The equation-based mechanism: a multivariate logit whose every expectation is known in closed form.

    P(visit) = logistic(v_u + holiday_t)
    log odds of item i bought alone, given a visit = a_i + taste_ui + season_c + display + mailer
                                                     - beta_ui log(p_i / list price_i),  beta = s_c s_i s_u
    pairs: planted effects inside groups (`equation_law`); units: 1 + extra, independent of the price

An offer (bundle b at r = p_b / p(b) < 1) multiplies the weight of every basket that holds b by
M = exp(sum_i beta_ui (-log r)): with P(b) its chance before and D = 1 + (M - 1) P(b), a customer who would not have
bought b does so with chance 1 - 1 / D, and the rest of the basket follows the law given b. With one offer this is
exactly the tilted law; several offers of one customer are looked at one after another. Chances are given a visit, so
that nobody comes for an offer, as nobody comes for a shelf price. With the knob `brings_visits` they are those of the
week, the empty basket of who stays at home included: then an offer may bring a visit, and a whole basket with it.

Letters: `U` customers, `I` items, `C` categories, `G` groups, `F` offers, `K` items of a bundle.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bundleopt_data.simulator import equation_law as law
from bundleopt_data.simulator.offers import MOST_OFFERS, OfferList
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

BASKET = 8.0
"""Items that a visit brings home on average, whatever the size of the catalogue."""

TASTES = 6
"""Length of the taste vectors."""

CUSTOMERS_PER_CHUNK = 2048


@dataclass(frozen=True)
class EquationTruth:
    """Parameters; see the module's formula.

    Attributes:
        taste: (U, I) float32, a_i included. visit: (U,) log odds. beta_item: (I,) s_c s_i. beta_customer: (U,).
        category: (I,) codes. list_cents: (I,). extra: (I,) chance of a second unit.
        shown: (2,) effects of display and mailer. groups, bonus: of `equation_law`.
        planted: the pairs. brings_visits: () bool, whether who would stay at home may come for an offer.
    """

    taste: npt.NDArray[np.float32]
    visit: Values
    beta_item: Values
    beta_customer: Values
    category: npt.NDArray[np.int64]
    list_cents: npt.NDArray[np.int64]
    extra: Values
    shown: Values
    groups: npt.NDArray[np.int64]
    bonus: Values
    planted: PlantedRelations
    brings_visits: npt.NDArray[np.bool_]

    def utility(self, shelf: ShelfWeek, rows: slice) -> Values:
        """(U, I) log odds of each item bought alone, given a visit."""
        level = shelf.season[self.category] + self.shown[0] * shelf.display + self.shown[1] * shelf.mailer
        position = np.log(shelf.price_cents / self.list_cents)
        slope = self.beta_customer[rows, None] * self.beta_item[None, :]
        return np.asarray(self.taste[rows].astype(np.float64) + level - slope * position, dtype=np.float64)

    def chances(self, shelf: ShelfWeek, rows: slice) -> Values:
        """(U, G, S) chances of the states of every group, given a visit."""
        return law.state_chances(self.utility(shelf, rows), self.groups, self.bonus)

    def _chunks(self) -> list[slice]:
        return [slice(start, start + CUSTOMERS_PER_CHUNK) for start in range(0, len(self.visit), CUSTOMERS_PER_CHUNK)]

    def purchase_chance(self, shelf: ShelfWeek) -> Values:
        """(U, I) chance that the customer buys the item in the week."""
        parts = [
            chance(self.visit[rows])[:, None] * law.marginals(self.chances(shelf, rows), self.groups, len(self.extra))
            for rows in self._chunks()
        ]
        return np.concatenate(parts)

    def expected_units(self, shelf: ShelfWeek) -> Values:
        """See `Truth`; exact."""
        return np.asarray(self.purchase_chance(shelf).sum(axis=0) * mean_units(self.extra), dtype=np.float64)

    def own_price_units(self, shelf: ShelfWeek, moves: Values) -> Values:
        """See `Truth`; exact: a step of one item's log odds by d turns its chance x into x e^d / (1 - x + x e^d)."""
        total = np.zeros((len(moves), len(self.extra)))
        for rows in self._chunks():
            given = law.marginals(self.chances(shelf, rows), self.groups, len(self.extra))
            slope = self.beta_customer[rows, None] * self.beta_item[None, :]
            for place, move in enumerate(moves):
                factor = np.exp(-slope * np.log1p(move))
                moved = given * factor / (1.0 - given + given * factor)
                total[place] += (chance(self.visit[rows])[:, None] * moved).sum(axis=0)
        return np.asarray(total * mean_units(self.extra), dtype=np.float64)

    def wants(self, shelf: ShelfWeek, draws: tuple[int, ...], offers: OfferList) -> Wants:
        """See `Truth`."""
        draw = np.random.default_rng([*draws])
        n_customers, n_items = len(self.visit), len(self.extra)
        uniform: dict[str, Values] = {
            "visit": draw.random(n_customers),
            "state": draw.random((n_customers, len(self.groups))),
            "again": draw.random((n_customers, len(self.groups))),
            "offer": draw.random((n_customers, MOST_OFFERS)),
        }
        units = extra_units(self.extra, draw.random((n_customers, n_items)))
        arrival: Values = draw.random(n_customers)
        plain, taken, redeemed = [], [], np.zeros(len(offers), dtype=np.bool_)
        for rows in self._chunks():
            week = _Week(self.chances(shelf, rows), chance(self.visit[rows]), {k: v[rows] for k, v in uniform.items()})
            plain.append(self._bought(week))
            mine = np.flatnonzero((offers.customer >= rows.start) & (offers.customer < rows.stop))
            for place in range(int(offers.place[mine].max(initial=-1)) + 1):
                now = mine[offers.place[mine] == place]
                redeemed[now] = self._respond(week, shelf, offers, now, rows.start)
            taken.append(self._bought(week))
        return Wants(np.concatenate(taken) * units, np.concatenate(plain) * units, redeemed, arrival)

    def _bought(self, week: _Week) -> npt.NDArray[np.bool_]:
        """(U, I) bool."""
        inside = law.STATES[week.state] & week.came[:, None, None]
        out = np.zeros((len(week.came), len(self.extra)), dtype=np.bool_)
        slot = self.groups >= 0
        out[:, self.groups[slot]] = inside[:, slot]
        return out

    def _respond(
        self, week: _Week, shelf: ShelfWeek, offers: OfferList, now: npt.NDArray[np.int64], first: int
    ) -> npt.NDArray[np.bool_]:
        """Let one offer of each customer act on the week's states; returns who redeems."""
        who, items = offers.customer[now] - first, offers.items[now]
        ratio = offers.price_cents[now] / np.maximum(offers.shelf_cents(shelf.price_cents)[now], 1)
        mask = self.masks(items)
        held = law.holds(mask)
        before = (week.chances[who] * held).sum(axis=2).prod(axis=1)
        before *= np.where(self.brings_visits, week.visit_chance[who], 1.0)
        slope = np.append(self.beta_item, 0.0)[items].sum(axis=1) * self.beta_customer[offers.customer[now]]
        multiplier = np.exp(-slope * np.log(np.minimum(ratio, 1.0)))
        has = week.came[who] & ((week.state[who] & mask) == mask).all(axis=1)
        gained = 1.0 - 1.0 / (1.0 + (multiplier - 1.0) * before)
        induced = (
            ~has & (week.came[who] | self.brings_visits) & (week.uniform["offer"][who, offers.place[now]] < gained)
        )
        active = ratio < 1.0
        week.accept(who[induced & active], mask[induced & active])
        week.bound(who[has & active], mask[has & active])
        return np.asarray((has | induced) & active, dtype=np.bool_)

    def masks(self, items: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """(F, G) bit masks of the slots that (F, K) items take."""
        row_of, bit_of = np.zeros((2, len(self.extra) + 1), dtype=np.int64)
        slot = np.argwhere(self.groups >= 0)
        codes = self.groups[slot[:, 0], slot[:, 1]]
        row_of[codes], bit_of[codes] = slot[:, 0], 1 << slot[:, 1]
        mask = np.zeros((len(items), len(self.groups)), dtype=np.int64)
        np.bitwise_or.at(mask, (np.arange(len(items))[:, None], row_of[items]), np.where(items >= 0, bit_of[items], 0))
        return mask

    def after(self, units: npt.NDArray[np.int64]) -> EquationTruth:  # noqa: ARG002 - the law has no memory
        """See `Truth`: every week is a new draw."""
        return self

    def arrays(self) -> Arrays:
        """See `Truth`."""
        own = {name: value for name, value in vars(self).items() if name != "planted"}
        return own | {f"planted.{name}": value for name, value in vars(self.planted).items()}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> EquationTruth:
        """Read what `arrays` wrote."""
        planted = PlantedRelations(**{name: arrays[f"planted.{name}"] for name in ("first", "second", "effect")})
        own = {name: value for name, value in arrays.items() if not name.startswith("planted.")}
        return cls(**own, planted=planted)


class _Week:
    """The states of a block of customers while their offers are looked at."""

    def __init__(self, chances: Values, visit_chance: Values, uniform: dict[str, Values]) -> None:
        self.chances, self.visit_chance, self.uniform = chances, visit_chance, uniform
        self.state = law.draw_states(chances, uniform["state"])
        self.came = uniform["visit"] < visit_chance
        self._kept = np.zeros(self.state.shape, dtype=np.int64)

    def accept(self, who: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> None:
        """Draw the touched groups anew, given the bundle and what earlier offers brought."""
        self.came[who] = True
        self._kept[who] |= mask
        row, group = np.nonzero(mask)
        customer = who[row]
        allowed = self.chances[customer, group] * law.holds(self._kept[customer, group])
        self.state[customer, group] = law.draw_states(allowed, self.uniform["again"][customer, group])

    def bound(self, who: npt.NDArray[np.int64], mask: npt.NDArray[np.int64]) -> None:
        """Keep what redeemers would have bought anyway."""
        self._kept[who] |= mask


def draw_equation_truth(blueprint: Blueprint, draw: np.random.Generator) -> EquationTruth:
    """Draw the parameters of a market."""
    knobs, catalogue = blueprint.knobs, blueprint.catalogue
    n_customers, n_items, spread = knobs.customers, knobs.items, knobs.sensitivity_spread
    n_categories = len(catalogue.category_names)
    popularity = draw.normal(0.0, 0.6, n_items)
    taste = draw.normal(0, 0.45, (n_customers, TASTES)) @ draw.normal(0, 0.8, (TASTES, n_items))
    taste += draw.normal(0, 0.5, (n_customers, n_categories))[:, catalogue.category]
    taste += draw.normal(0, 0.5, (n_customers, n_items)) + popularity
    category_part = np.exp(draw.normal(0, spread, n_categories))[catalogue.category]
    truth = EquationTruth(
        taste=taste.astype(np.float32),
        visit=draw.normal(0.6, 1.0, n_customers),
        beta_item=knobs.price_sensitivity * category_part * np.exp(draw.normal(0, spread, n_items)),
        beta_customer=np.exp(draw.normal(0, spread, n_customers)),
        category=catalogue.category,
        list_cents=catalogue.list_price_cents,
        extra=draw.uniform(0.05, 0.3, n_items),
        shown=np.array([knobs.display, knobs.mailer]),
        groups=law.group_items(n_items, blueprint.planted),
        bonus=np.zeros(0),
        planted=blueprint.planted,
        brings_visits=np.array(knobs.brings_visits),
    )
    truth = replace(truth, bonus=law.interaction(truth.groups, blueprint.planted))
    return replace(truth, taste=truth.taste + _level(truth, min(BASKET, n_items / 3)))


def _level(truth: EquationTruth, basket: float) -> np.float32:
    """The constant that makes the mean basket at list prices hold `basket` items (bisection)."""
    quiet = ShelfWeek(
        truth.list_cents,
        np.zeros(len(truth.extra), np.bool_),
        np.zeros(len(truth.extra), np.bool_),
        np.zeros(int(truth.category.max()) + 1),
    )
    low, high = -15.0, 5.0
    some = replace(truth, taste=truth.taste[:CUSTOMERS_PER_CHUNK], beta_customer=truth.beta_customer, visit=truth.visit)
    rows = slice(0, len(some.taste))
    utility = some.utility(quiet, rows)
    for _ in range(30):
        middle = (low + high) / 2
        chances = law.state_chances(utility + middle, truth.groups, truth.bonus)
        if law.marginals(chances, truth.groups, len(truth.extra)).sum(axis=1).mean() < basket:
            low = middle
        else:
            high = middle
    return np.float32((low + high) / 2)
