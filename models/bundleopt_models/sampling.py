"""Which customer-item-weeks are shown to the network, and the log odds that undo the sampling exactly.

All purchases of a week are kept. Of the cells without purchase two strata are thinned: pairs with own history at rate
r(u, i) in (0, 1], pairs without at an expected count r(u, i) = n pu(u) pi(i), drawn with replacement. With rate r the
odds in the sample are the true odds divided by r, so that adding -log r to the model's logit makes the likelihood of
the sample the likelihood of the process (prior correction: King & Zeng 2001, Political Analysis 9:137-163).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_models.features import FeatureBuilder

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

UNIFORM_SHARE = 0.25
"""Share of never-bought negatives that is drawn uniformly, so that no cell is without a chance."""

LEAST_AMOUNT = 500
"""Purchases a week for which negatives are drawn at least: small logs can afford to show nearly every pair."""

SMALLEST_RATE = 0.02
"""Least chance of a history pair to be drawn."""


@dataclass(frozen=True)
class SampledRows:
    """n rows of one week: codes, whether bought, and the sampling rate of a negative in that cell."""

    customer: Ints
    item: Ints
    bought: npt.NDArray[np.bool_]
    rate: Floats


def _mixed(weight: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Chances that mix a uniform draw with one proportional to `weight`."""
    total = weight.sum()
    uniform = np.full(len(weight), 1.0 / len(weight))
    return uniform if total <= 0 else UNIFORM_SHARE * uniform + (1 - UNIFORM_SHARE) * weight / total


def _history_pairs(builder: FeatureBuilder, population: npt.NDArray[np.bool_]) -> Ints:
    state = builder.history.item
    return np.flatnonzero((state.count > 0) & population[state.level.customer])


def history_rates(builder: FeatureBuilder, pairs: Ints, expected: float) -> npt.NDArray[np.float64]:
    """Rates in (0, 1] that rise with recent purchases and sum to about `expected`."""
    state = builder.history.item
    weight = 0.05 + state.decayed[pairs, 1].astype(np.float64)
    scale = expected / max(weight.sum(), 1e-9)
    return np.asarray(np.clip(scale * weight, SMALLEST_RATE, 1.0), dtype=np.float64)


class WeekSampler:
    """Draws the rows of one week from a builder that stands just before it."""

    def __init__(self, builder: FeatureBuilder, history_rows: float, never_rows: float) -> None:
        """`history_rows` and `never_rows` are expected negatives as multiples of the week's purchases."""
        self._builder, self._history_rows, self._never_rows = builder, history_rows, never_rows

    def draw(self, generator: np.random.Generator) -> SampledRows:
        """Rows of the builder's week among customers who came before; purchases first."""
        builder, panel = self._builder, self._builder.panel
        week = builder.week
        population = builder.tables.visits_before[week] > 0
        start, stop = np.searchsorted(panel.purchase_week, [week, week + 1])
        buyer, bought = panel.purchase_customer[start:stop].astype(np.int64), panel.purchase_item[start:stop]
        known = population[buyer]
        buyer, bought = buyer[known], bought[known].astype(np.int64)
        amount = max(len(buyer), LEAST_AMOUNT)
        pairs = _history_pairs(builder, population)
        pair_rate = history_rates(builder, pairs, self._history_rows * amount)
        kept = generator.random(len(pairs)) < pair_rate
        level = builder.history.item.level
        never_customer, never_item = self._never_draws(generator, population, round(self._never_rows * amount))
        customer = np.concatenate([buyer, level.customer[pairs[kept]], never_customer])
        item = np.concatenate([bought, level.group[pairs[kept]], never_item])
        rate = self._rates(customer, item, pairs, pair_rate)
        is_purchase = np.isin(customer * panel.n_items + item, buyer * panel.n_items + bought)
        label = np.arange(len(customer)) < len(buyer)
        keep = label | ~is_purchase
        return SampledRows(customer[keep], item[keep], label[keep], rate[keep])

    def _never_draws(
        self, generator: np.random.Generator, population: npt.NDArray[np.bool_], amount: int
    ) -> tuple[Ints, Ints]:
        """Draws with replacement by customer activity and item popularity, own history excluded."""
        builder = self._builder
        self._customers = np.flatnonzero(population)
        row = builder.tables.customer[builder.week]
        popularity = np.exp(builder.tables.item[builder.week, :, 2].astype(np.float64))
        self._customer_chance = np.zeros(len(population))
        if len(self._customers):
            self._customer_chance[self._customers] = _mixed(row[self._customers, 2].astype(np.float64))
        self._item_chance = _mixed(popularity)
        self._draws = amount
        if not len(self._customers) or not amount:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        customer = generator.choice(len(population), amount, p=self._customer_chance)
        item = generator.choice(len(popularity), amount, p=self._item_chance)
        level = builder.history.item.level
        pair = level.find(customer, item)
        never = (pair < 0) | (builder.history.item.count[np.maximum(pair, 0)] == 0) if len(level.key) else pair < 0
        return customer[never].astype(np.int64), item[never].astype(np.int64)

    def _rates(self, customer: Ints, item: Ints, pairs: Ints, pair_rate: npt.NDArray[np.float64]) -> Floats:
        """Sampling rate of each row's cell, whichever stratum it is in."""
        level = self._builder.history.item.level
        rate = self._draws * self._customer_chance[customer] * self._item_chance[item]
        all_rates = np.zeros(max(len(level.key), 1))
        all_rates[pairs] = pair_rate
        own = level.find(customer, item)
        own_rate = all_rates[np.maximum(own, 0)] * (own >= 0)
        return np.where(own_rate > 0, own_rate, rate).astype(np.float32)
