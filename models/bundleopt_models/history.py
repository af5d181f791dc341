"""Who bought what, how often and how long ago: decayed counts per customer and group, week by week.

A *group* is an item, a category, a family (items whose names differ only in size) or a brand inside a category. The
state before week t holds purchases of weeks < t only; it is advanced one week at a time, so that no look ahead can be
written by mistake. Letters: `P` customer-group pairs that ever meet, `K` decays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_data.panel import Panel

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

DECAYS = np.array([0.5, 0.75, 0.9, 0.96, 0.99], dtype=np.float32)
"""Share of a purchase's weight that is left a week later: half-lives of 1, 2.4, 6.6, 17 and 69 weeks."""

LAGS = 8
"""Latest weeks of which each pair's purchases are kept one by one: rhythms of two or four weeks show there."""

PRICE_MEMORY = 0.5
"""Weight of the newest purchase in the running mean of prices this customer paid."""


@dataclass(frozen=True)
class Level:
    """Customer-group pairs in ascending order of (customer, group), and their purchase weeks.

    Attributes:
        n_groups: number of groups.
        key: (P,) customer * n_groups + group, ascending.
        customer, group: (P,) codes.
        event_pair: (E,) pair of each distinct (pair, week), by week. event_start: (T + 1,) offsets into it.
        event_price: (E,) log paid price less log reference of that week, mean over the group's items.
        event_units: (E,) units.
    """

    n_groups: int
    key: Ints
    customer: Ints
    group: Ints
    event_pair: Ints
    event_start: Ints
    event_price: Floats
    event_units: Floats

    def find(self, customer: Ints, group: Ints) -> Ints:
        """Pair index of each (customer, group), -1 where they never meet."""
        wanted = customer.astype(np.int64) * self.n_groups + group
        if len(self.key) == 0:
            return np.full(len(wanted), -1, dtype=np.int64)
        place = np.minimum(np.searchsorted(self.key, wanted), len(self.key) - 1)
        return np.where(self.key[place] == wanted, place, -1)


def build_level(
    panel: Panel, group_of_item: npt.NDArray[np.int32], n_groups: int, *, modelled_only: bool = False
) -> Level:
    """Collect the distinct (customer, group, week) of the panel's purchases; of modelled items alone where asked."""
    kept = np.flatnonzero(panel.purchase_item < (panel.n_modelled if modelled_only else panel.n_items))
    customer = panel.purchase_customer[kept].astype(np.int64)
    week = panel.purchase_week[kept].astype(np.int64)
    item = panel.purchase_item[kept].astype(np.int64)
    key, pair = np.unique(customer * n_groups + group_of_item[item], return_inverse=True)
    event, place = np.unique(week * max(len(key), 1) + pair, return_inverse=True)
    size = np.bincount(place, minlength=len(event)).astype(np.float32)
    position = panel.purchase_log_price[kept] - panel.prices.log_reference[week, item]
    position = np.clip(np.nan_to_num(position), -2.0, 2.0)
    price = np.bincount(place, position, minlength=len(event)) / np.maximum(size, 1)
    units = np.bincount(place, panel.purchase_units[kept], minlength=len(event))
    event_week = event // max(len(key), 1)
    return Level(
        n_groups=n_groups,
        key=key,
        customer=key // n_groups,
        group=key % n_groups,
        event_pair=event % max(len(key), 1),
        event_start=np.searchsorted(event_week, np.arange(panel.n_weeks + 1)),
        event_price=price.astype(np.float32),
        event_units=units.astype(np.float32),
    )


class LevelState:
    """What is known of every pair of a level before week `week`; all zero for pairs that have not met yet."""

    def __init__(self, level: Level, visits_before: Floats) -> None:
        """Start before the first week; `visits_before` is (T + 1, U), visit weeks before week t."""
        size = len(level.key)
        self.level, self.week, self._visits_before = level, 0, visits_before
        self.count = np.zeros(size, np.float32)
        self.decayed = np.zeros((size, len(DECAYS)), np.float32)
        self.last = np.full(size, -1, np.int32)
        self.visits_at_last = np.zeros(size, np.float32)
        self.visits_at_first = np.zeros(size, np.float32)
        self.price = np.zeros(size, np.float32)
        self.last_price = np.zeros(size, np.float32)
        self.units = np.zeros(size, np.float32)
        self.last_units = np.zeros(size, np.float32)
        self.recent = np.zeros(size, np.uint16)

    def advance(self) -> None:
        """Take in the purchases of week `week`."""
        start, stop = self.level.event_start[self.week : self.week + 2]
        pair = self.level.event_pair[start:stop]
        price = self.level.event_price[start:stop]
        known = np.minimum(self.week + 1, len(self._visits_before) - 1)
        visits = self._visits_before[known, self.level.customer[pair]]
        is_first = self.count[pair] == 0
        self.visits_at_first[pair[is_first]] = visits[is_first]
        self.price[pair] += np.where(is_first, 1.0, PRICE_MEMORY) * (price - self.price[pair])
        self.last_price[pair] = price
        self.decayed *= DECAYS
        self.decayed[pair] += 1.0
        self.count[pair] += 1.0
        self.units[pair] += self.level.event_units[start:stop]
        self.last_units[pair] = self.level.event_units[start:stop]
        self.recent <<= np.uint16(1)
        self.recent[pair] |= np.uint16(1)
        self.last[pair] = self.week
        self.visits_at_last[pair] = visits
        self.week += 1


def visit_weeks_before(panel: Panel) -> Floats:
    """(T + 1, U) number of weeks before t in which the customer came."""
    total = np.zeros((panel.n_weeks + 1, panel.n_customers), np.float32)
    np.cumsum(panel.trips > 0, axis=0, out=total[1:])
    return total


@dataclass(frozen=True)
class Grouping:
    """Group codes of every item, one array a level. (I,) each."""

    category: npt.NDArray[np.int32]
    family: npt.NDArray[np.int32]
    brand: npt.NDArray[np.int32]
    n_categories: int
    n_families: int
    n_brands: int


def _codes(labels: list[tuple[object, ...]]) -> tuple[npt.NDArray[np.int32], int]:
    order = {label: place for place, label in enumerate(sorted(set(labels), key=repr))}
    return np.array([order[label] for label in labels], dtype=np.int32), max(len(order), 1)


def group_items(panel: Panel) -> Grouping:
    """Category as given; family: category and the letters of the text; brand: brand inside its category."""
    items = panel.items
    letters = [re.sub(r"[\W\d_]+", " ", str(text).casefold()).split() for text in items.text]
    # Units of measure tell sizes apart, not kinds of product: words of one or two letters are dropped.
    kinds = [" ".join(word for word in words if len(word) > 2) for words in letters]
    family, n_families = _codes(list(zip(items.category.tolist(), kinds, strict=True)))
    brand, n_brands = _codes(list(zip(items.category.tolist(), items.brand.tolist(), strict=True)))
    return Grouping(
        category=items.category.astype(np.int32),
        family=family,
        brand=brand,
        n_categories=max(len(items.category_names), 1),
        n_families=n_families,
        n_brands=n_brands,
    )


class History:
    """The states of all levels before one week, advanced together."""

    def __init__(self, panel: Panel) -> None:
        """Index the panel's purchases by level; nothing of them is known before week 0."""
        self.panel, self.groups = panel, group_items(panel)
        self.visits_before = visit_weeks_before(panel)
        identity = np.arange(panel.n_items, dtype=np.int32)
        self._levels = {
            "item": build_level(panel, identity, max(panel.n_items, 1)),
            "category": build_level(panel, self.groups.category, self.groups.n_categories, modelled_only=True),
            "family": build_level(panel, self.groups.family, self.groups.n_families, modelled_only=True),
            "brand": build_level(panel, self.groups.brand, self.groups.n_brands, modelled_only=True),
        }
        self.rewind()

    def rewind(self) -> None:
        """Forget everything: back to before week 0."""
        self.week = 0
        self.item, self.category, self.family, self.brand = (
            LevelState(level, self.visits_before) for level in self._levels.values()
        )

    def move_to(self, week: int) -> None:
        """State before `week`; weeks after the panel's last are seen from just after its end."""
        week = min(max(week, 0), self.panel.n_weeks)
        if week < self.week:
            self.rewind()
        while self.week < week:
            for state in (self.item, self.category, self.family, self.brand):
                state.advance()
            self.week += 1
