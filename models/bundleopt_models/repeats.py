"""How likely a customer who comes is to buy again what they bought before: by item, and by visits since the last time.

Each week every customer who comes *meets* every item they know, and buys it or does not. Counting both gives, for each
item and age (visits since the last purchase), the hazard of a repeat; thin items lean on their category, and thin
categories on everything. What customers, items and a customer's categories did beyond those hazards lately are their
*lifts*. Letters: `U` customers, `I` items, `A` ages, n pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_data.panel import Panel
from bundleopt_models.history import History

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

AGES = (0, 1, 2, 3, 4, 5, 7, 9, 13, 21)
"""First visit of each age: single visits where hazards are steep, wider where they are flat."""

HAZARD_DECAY = 0.97
"""Share of a week's weight in the hazards that is left a week later: a half-life of 23 weeks."""

ITEM_PRIOR, CATEGORY_PRIOR = 15.0, 30.0
"""Meetings worth of prior that an item's hazard has towards its category's, and a category's towards everything's."""

FIRST_HAZARD = 0.1
"""Hazard of every age before anything was counted; worth one meeting."""


@dataclass(frozen=True)
class Lift:
    """Repeats beyond expectation of one kind of group.

    Attributes:
        decay: share of a week's weight left a week later. prior: expected repeats worth of prior towards no lift.
        observed, expected: (groups,) decayed counts.
    """

    decay: float
    prior: float
    observed: Doubles
    expected: Doubles

    @classmethod
    def of(cls, size: int, decay: float, prior: float) -> Lift:
        """Nothing counted yet."""
        return cls(decay, prior, np.zeros(size), np.zeros(size))

    def learn(self, group: Ints, hazard: Doubles, bought: npt.NDArray[np.bool_]) -> None:
        """Add one week's meetings."""
        _fade(self.observed, self.decay, np.bincount(group, bought, minlength=len(self.observed)))
        _fade(self.expected, self.decay, np.bincount(group, hazard, minlength=len(self.expected)))

    def log(self, group: Ints) -> Floats:
        """(n,) shrunk log ratio of observed to expected repeats."""
        ratio = (self.observed[group] + self.prior) / (self.expected[group] + self.prior)
        return np.log(ratio).astype(np.float32)


def _fade(total: Doubles, decay: float, fresh: npt.NDArray[np.integer] | Doubles) -> None:
    """Let a running total fade by one week and add the week's own, in place."""
    total *= decay
    total += fresh


class _Counts:
    """Meetings and repeats of `groups` x A, with decay."""

    def __init__(self, groups: int) -> None:
        self.met, self.bought = np.zeros((groups, len(AGES))), np.zeros((groups, len(AGES)))

    def learn(self, group: Ints, age: Ints, bought: npt.NDArray[np.bool_]) -> None:
        place = group * len(AGES) + age
        shape = self.met.shape
        _fade(self.met, HAZARD_DECAY, np.bincount(place, minlength=self.met.size).reshape(shape))
        _fade(self.bought, HAZARD_DECAY, np.bincount(place, bought, minlength=self.met.size).reshape(shape))

    def rate(self, prior: Doubles, strength: float) -> Doubles:
        """(groups, A) shrunk hazards."""
        return (self.bought + strength * prior) / (self.met + strength)


REPEAT_FEATURES = (
    "hazard_item", "hazard_category", "hazard_all", "lift_customer", "lift_item", "lift_item_1", "lift_own_category",
)  # fmt: skip


class Repeats:
    """Hazards and lifts before one week; `learn` takes in the next."""

    def __init__(self, panel: Panel, history: History) -> None:
        """Nothing is known yet; `history` is only asked for its pairs."""
        self._panel, self._category = panel, panel.items.category.astype(np.int64)
        self._everything = _Counts(1)
        self._categories, self._items = _Counts(history.groups.n_categories), _Counts(panel.n_items)
        self._customer = Lift.of(panel.n_customers, 0.9, 3.0)
        self._item, self._item_now = Lift.of(panel.n_items, 0.8, 2.0), Lift.of(panel.n_items, 0.0, 2.0)
        self._own_category = Lift.of(max(len(history.category.level.key), 1), 0.85, 1.0)

    def hazards(self) -> tuple[Doubles, Doubles, Doubles]:
        """(I, A), (C, A) and (A,) chances that a known item is bought at a visit."""
        everything = self._everything.rate(np.full(len(AGES), FIRST_HAZARD), 1.0)
        categories = self._categories.rate(everything, CATEGORY_PRIOR)
        return self._items.rate(categories[self._category], ITEM_PRIOR), categories, everything[0]

    def learn(self, history: History, met: Ints, bought: npt.NDArray[np.bool_]) -> None:
        """Take in the week that `history` stands before: known item pairs of customers who came, and their purchases.

        Args:
            history: before the week.
            met: (n,) indices of item pairs.
            bought: (n,) whether they were bought.
        """
        state = history.item
        customer, item = state.level.customer[met], state.level.group[met]
        age = ages(history, met, history.week)
        hazard = self.hazards()[0][item, age]
        self._item.learn(item, hazard, bought)
        self._item_now.learn(item, hazard, bought)
        self._items.learn(item, age, bought)
        # What several items share is learned from the modelled ones alone.
        mine = item < self._panel.n_modelled
        customer, item, age = customer[mine], item[mine], age[mine]
        hazard, bought = hazard[mine], bought[mine]
        self._customer.learn(customer, hazard, bought)
        own = history.category.level.find(customer, self._category[item])
        self._own_category.learn(own, hazard, bought)
        self._categories.learn(self._category[item], age, bought)
        self._everything.learn(np.zeros(len(item), np.int64), age, bought)

    def features(self, history: History, pair: Ints, week: int) -> Floats:
        """(n, len(REPEAT_FEATURES)) of item pairs with history, before `week`."""
        state = history.item
        customer, item = state.level.customer[pair], state.level.group[pair]
        age, category = ages(history, pair, week), self._category[item]
        items, categories, everything = self.hazards()
        own = history.category.level.find(customer, category)
        columns: list[Floats | Doubles] = [
            _log_odds(items[item, age]),
            _log_odds(categories[category, age]),
            _log_odds(everything[age]),
            self._customer.log(customer),
            self._item.log(item),
            self._item_now.log(item),
            np.where(own >= 0, self._own_category.log(np.maximum(own, 0)), 0.0),
        ]
        return np.stack(columns, axis=1).astype(np.float32)


def ages(history: History, pair: Ints, week: int) -> Ints:
    """(n,) age of each item pair before `week`, 0 to A - 1."""
    state = history.item
    visits = history.visits_before[min(week, len(history.visits_before) - 1), state.level.customer[pair]]
    since = visits - state.visits_at_last[pair]
    return np.asarray(np.searchsorted(AGES, since, side="right") - 1, dtype=np.int64)


def _log_odds(chance: Doubles) -> Doubles:
    kept = np.clip(chance, 1e-5, 0.98)
    return np.asarray(np.log(kept / (1 - kept)), dtype=np.float64)
