"""Features of customer-item pairs in one week, from what was known before it.

Pairs *with history* (the customer bought the item before) carry the full set; all other pairs carry what the customer
does in the item's category, family and brand. Absent groups have all-zero features. Row order is the caller's.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_data.panel import Panel
from bundleopt_models.history import DECAYS, LAGS, History, LevelState
from bundleopt_models.like_minded import LIKE_FEATURES, LikeMinded
from bundleopt_models.promotion_memory import MEMORY_FEATURES, PromotionMemory
from bundleopt_models.repeats import REPEAT_FEATURES, Repeats
from bundleopt_models.week_tables import CUSTOMER_FEATURES, ITEM_FEATURES, WeekTables

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

GROUP_FEATURES = (
    "has", "log_count", *(f"log_decayed_{decay:g}" for decay in DECAYS), "log_weeks_since", "log_visits_since",
    "log_gap_ratio", "log_odds",
)  # fmt: skip
OWN_FEATURES = (
    *GROUP_FEATURES, "is_repeat", "log_gap", "price_paid", "last_price_paid", "log_units", "last_units",
    *(f"lag_{lag}" for lag in range(1, LAGS + 1)),
)  # fmt: skip
PAIR_FEATURES = (*OWN_FEATURES, *REPEAT_FEATURES, *MEMORY_FEATURES)
PROMO_FEATURES = ("display", "mailer", "store_display", "store_mailer", "store_lift", *LIKE_FEATURES)

RATE_PRIOR = 8.0
"""Visits worth of prior that the item's own popularity gets in the smoothed log odds of a pair."""

STORE_PRIOR = 4.0
"""Expected buyers worth of prior in the popularity of an item in a store group against the chain."""

STORE_DECAY = 0.92
"""Share of a purchase's weight that is left a week later in a store group's popularity."""


def schema_hash() -> str:
    """Hash of every feature name: a checkpoint is refused where it differs."""
    names = [CUSTOMER_FEATURES, ITEM_FEATURES, GROUP_FEATURES, PAIR_FEATURES, PROMO_FEATURES]
    record = {"names": names, "decays": [round(float(decay), 6) for decay in DECAYS]}
    return hashlib.sha256(json.dumps(record).encode()).hexdigest()


def group_features(state: LevelState, pair: Ints, week: int, log_rate: Floats | None = None) -> Floats:
    """(n, F) features of pairs of one level before `week`; zeros where `pair` is -1 or never happened.

    Args:
        state: of the level, moved to `week` (or to the panel's end, for later weeks).
        pair: (n,) indices of the level, -1 for none.
        week: the week that is asked about.
        log_rate: (n,) log popularity of the group, the prior of the smoothed log odds; None: a constant.
    """
    inside = np.maximum(pair, 0)
    out = np.zeros((len(pair), len(GROUP_FEATURES)), np.float32)
    if len(state.level.key) == 0:
        return out
    count = np.where(pair >= 0, state.count[inside], 0.0)
    some = np.flatnonzero(count > 0)
    index, count = inside[some], count[some]
    visits_now = state._visits_before[min(week, len(state._visits_before) - 1), state.level.customer[index]]  # noqa: SLF001
    at_first, at_last = state.visits_at_first[index], state.visits_at_last[index]
    since = np.maximum(visits_now - at_last, 0)
    gap = (at_last - at_first) / np.maximum(count - 1, 1)
    usual = np.where(count > 1, np.maximum(gap, 1), np.maximum(visits_now - at_first, 1) + 4)
    prior = np.exp(log_rate[some]) if log_rate is not None else np.float32(0.02)
    rate = (count + RATE_PRIOR * prior) / (visits_now - at_first + 1 + RATE_PRIOR)
    rate = np.clip(rate, 1e-5, 0.98)
    out[some, 0] = 1.0
    out[some, 1] = np.log1p(count)
    out[some, 2 : 2 + len(DECAYS)] = np.log1p(state.decayed[index])
    rest = 2 + len(DECAYS)
    out[some, rest] = np.log(np.maximum(week - state.last[index], 1))
    out[some, rest + 1] = np.log1p(since)
    out[some, rest + 2] = np.log(since + 1) - np.log(usual)
    out[some, rest + 3] = np.log(rate / (1 - rate))
    return out


def pair_features(state: LevelState, pair: Ints, week: int, log_rate: Floats) -> Floats:
    """(n, len(OWN_FEATURES)) of customer-item pairs with history; zeros elsewhere."""
    group = group_features(state, pair, week, log_rate)
    inside = np.maximum(pair, 0)
    out = np.zeros((len(pair), len(OWN_FEATURES)), np.float32)
    out[:, : len(GROUP_FEATURES)] = group
    if len(state.level.key) == 0:
        return out
    has, count = group[:, 0] > 0, np.maximum(state.count[inside], 1)
    gap = (state.visits_at_last[inside] - state.visits_at_first[inside]) / np.maximum(count - 1, 1)
    extra = [
        count > 1,
        np.log1p(gap),
        state.price[inside],
        state.last_price[inside],
        np.log(np.maximum(state.units[inside] / count, 0.1)),
        np.log(np.maximum(state.last_units[inside], 0.1)),
        *_lags(state, inside, week),
    ]
    out[:, len(GROUP_FEATURES) :] = np.where(has[:, None], np.stack(extra, axis=1), 0.0)
    return out


def _lags(state: LevelState, pair: Ints, week: int) -> list[npt.NDArray[np.bool_]]:
    """Whether the pair met one, two, ... LAGS weeks before `week`; weeks after the panel's end count as empty."""
    recent = state.recent[pair].astype(np.int64) << max(week - state.week, 0)
    return [(recent >> lag) & 1 > 0 for lag in range(LAGS)]


class StorePopularity:
    """Log lift of an item's popularity among customers of one store group over the chain, before each week.

    Assortments differ by store: who shops where an item is not listed does not buy it. The last row is for customers
    without a store group.
    """

    def __init__(self, panel: Panel) -> None:
        """Start with nothing known; store groups are `Panel.promotions.store_group`."""
        self._panel = panel
        self._group = panel.promotions.store_group
        self.n_groups = int(panel.promotions.store_display.shape[1]) + 1
        self._bought = np.zeros((self.n_groups, panel.n_items), np.float32)
        self._visits = np.zeros(self.n_groups, np.float32)
        self._start = np.searchsorted(panel.purchase_week, np.arange(panel.n_weeks + 1))
        self.week = 0

    def move_to(self, week: int) -> None:
        """Take in the weeks up to and without `week`; going back starts over."""
        week = min(max(week, 0), self._panel.n_weeks)
        if week < self.week:
            self._bought[:], self._visits[:], self.week = 0, 0, 0
        while self.week < week:
            rows = slice(self._start[self.week], self._start[self.week + 1])
            group = self._group[self._panel.purchase_customer[rows]].astype(np.int64) % self.n_groups
            place = group * self._panel.n_items + self._panel.purchase_item[rows]
            fresh = np.bincount(place, minlength=self._bought.size).reshape(self._bought.shape)
            came = np.bincount(
                self._group.astype(np.int64) % self.n_groups, self._panel.trips[self.week] > 0, self.n_groups
            )
            self._bought = (STORE_DECAY * self._bought + fresh).astype(np.float32)
            self._visits = (STORE_DECAY * self._visits + came).astype(np.float32)
            self.week += 1

    def log_lift(self) -> Floats:
        """(G + 1, I) shrunk log ratio of observed to expected buyers."""
        share = self._bought.sum(axis=0) / max(float(self._visits.sum()), 1.0)
        expected = self._visits[:, None] * share[None, :]
        return np.asarray(np.log((self._bought + STORE_PRIOR) / (expected + STORE_PRIOR)), dtype=np.float32)


@dataclass(frozen=True)
class RowFeatures:
    """Features of n rows of one week, each (n, .); the week's customer and item tables are looked up by code."""

    pair: Floats
    category: Floats
    family: Floats
    brand: Floats
    promo: Floats


@dataclass(frozen=True)
class Planned:
    """What is planned for the week: (I,) log shelf price, share of stores with display, with mailer.

    `store_display`, `store_mailer`: (G, I) for the favourite store's group; G may be 0.
    """

    log_price: Floats
    display: Floats
    mailer: Floats
    store_display: Floats
    store_mailer: Floats


class FeatureBuilder:
    """Walks through the weeks of a panel and gives features of any rows."""

    def __init__(self, panel: Panel, tables: WeekTables) -> None:
        """Index the panel once; `tables` are those of the same panel."""
        self.panel, self.tables = panel, tables
        self.history, self.stores = History(panel), StorePopularity(panel)
        self.like_minded = LikeMinded(panel)
        self._forget()
        self.week = 0

    def _forget(self) -> None:
        self.history.rewind()
        self.repeats = Repeats(self.panel, self.history)
        self.memory = PromotionMemory(self.panel, self.history.item)

    def move_to(self, week: int) -> None:
        """Know everything before `week`, and nothing else."""
        self.week = week
        inside = min(max(week, 0), self.panel.n_weeks)
        if inside < self.history.week:
            self._forget()
        while self.history.week < inside:
            self._learn()
            self.history.move_to(self.history.week + 1)
        self.stores.move_to(week)
        self._lift = self.stores.log_lift()

    def _learn(self) -> None:
        """Take in the week that the history stands before."""
        state, week, promotions = self.history.item, self.history.week, self.panel.promotions
        start, stop = state.level.event_start[week : week + 2]
        event = state.level.event_pair[start:stop]
        is_bought = np.zeros(len(state.count), bool)
        is_bought[event] = True
        met = np.flatnonzero((state.count > 0) & (self.panel.trips[week] > 0)[state.level.customer])
        chain = [promotions.mailer[week], promotions.display[week]]
        store = [promotions.store_mailer[week], promotions.store_display[week]]
        self.repeats.learn(self.history, met, is_bought[met])
        self.memory.learn(met, is_bought[met], self.memory.promoted(state, met, chain, store))
        shown = self.memory.promoted(state, event, chain, store)
        self.memory.learn_purchases(state, event, state.level.event_price[start:stop], shown)

    def rows(self, customer: Ints, item: Ints, planned: Planned) -> RowFeatures:
        """Features of (customer, item) rows in the current week."""
        history, groups = self.history, self.history.groups
        row = min(self.week, self.panel.n_weeks)
        log_rate = self.tables.item[row, item, ITEM_FEATURES.index("popularity_13")]

        def level(state: LevelState, code: npt.NDArray[np.integer]) -> Floats:
            pair = state.level.find(customer, code[item].astype(np.int64))
            return group_features(state, pair, self.week)

        own = history.item.level.find(customer, item)
        return RowFeatures(
            pair=self._pairs(own, log_rate, planned),
            category=level(history.category, groups.category),
            family=level(history.family, groups.family),
            brand=level(history.brand, groups.brand),
            promo=self.promo(customer, item, planned),
        )

    def _pairs(self, pair: Ints, log_rate: Floats, planned: Planned) -> Floats:
        """(n, len(PAIR_FEATURES)); zeros for pairs that have not met."""
        state = self.history.item
        out = np.zeros((len(pair), len(PAIR_FEATURES)), np.float32)
        out[:, : len(OWN_FEATURES)] = pair_features(state, pair, self.week, log_rate)
        known = np.flatnonzero(out[:, 0] > 0)
        if not len(known):
            return out
        own = pair[known]
        since = np.expm1(out[known, OWN_FEATURES.index("log_visits_since")])
        chain, store = [planned.mailer, planned.display], [planned.store_mailer, planned.store_display]
        shown = self.memory.promoted(state, own, chain, store)
        out[known, len(OWN_FEATURES) :] = np.concatenate(
            [self.repeats.features(self.history, own, self.week), self.memory.features(state, own, since, shown)],
            axis=1,
        )
        return out

    def promo(self, customer: Ints, item: Ints, planned: Planned) -> Floats:
        """(n, len(PROMO_FEATURES)): chain shares, own store's flags, popularity there and among the like-minded."""
        group = self.panel.promotions.store_group[customer].astype(np.int64)
        out = np.zeros((len(item), len(PROMO_FEATURES)), np.float32)
        out[:, 0], out[:, 1] = planned.display[item], planned.mailer[item]
        known = group >= 0
        if planned.store_display.shape[0]:
            out[known, 2] = planned.store_display[group[known], item[known]]
            out[known, 3] = planned.store_mailer[group[known], item[known]]
        out[:, 4] = self._lift[group % self.stores.n_groups, item]
        out[:, 5:] = self.like_minded.rows(self.history.item, self.week, customer, item)
        return out
