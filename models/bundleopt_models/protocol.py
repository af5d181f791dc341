"""Who is evaluated on what: weeks, population, cells and lists of the evaluation protocol.

Population: every customer with a visit in the 26 weeks before, times all items, whether they come or not. Probability
metrics use all purchases, all pairs with history and a sample of never-bought cells, re-weighted; lists of ten are for
customers who bought, from their own history and the most popular items. One step ahead: what a week is predicted from
is everything before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from bundleopt_data.panel import Panel
from bundleopt_models.features import FeatureBuilder
from bundleopt_models.week_tables import ITEM_FEATURES, eligible

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NEVER_SHARE = 0.03
"""Share of never-bought cells that are scored; they stand for the rest with weight one over it."""

POPULAR_CANDIDATES = 500


@dataclass(frozen=True)
class ProtocolWeeks:
    """Indices of the weeks for tuning and for the test; fitting sees nothing from `test` on."""

    validation: tuple[int, ...]
    test: tuple[int, ...]


def protocol_weeks(n_weeks: int) -> ProtocolWeeks:
    """The last 5 weeks for the test and 4 before them for tuning; shorter logs give up weeks of both."""
    test = min(5, max(n_weeks // 4, 1))
    validation = min(4, max((n_weeks - test) // 4, 0))
    first = n_weeks - test
    return ProtocolWeeks(tuple(range(first - validation, first)), tuple(range(first, n_weeks)))


def protocol_dates(first_monday: date, n_weeks: int) -> tuple[date, date]:
    """(first tuning Monday, first test Monday): top items are counted before the first, fitting ends at the second."""
    weeks = protocol_weeks(n_weeks)
    start = np.datetime64(first_monday, "D")
    test = start + 7 * weeks.test[0]
    tuning = start + 7 * weeks.validation[0] if weeks.validation else test
    return tuning.astype(object), test.astype(object)


@dataclass(frozen=True)
class WeekCells:
    """The cells of one week.

    Attributes:
        customer, item: (n,) codes of the scored cells. bought, known: (n,) purchase of the week, own history before it.
        weight: (n,) one over the sampling rate.
        buyers: (A,) population customers who bought in the week.
        list_bought, list_known, candidate: (A, I) purchases, own history, what may stand in a list.
    """

    week: int
    customer: Ints
    item: Ints
    bought: Flags
    known: Flags
    weight: npt.NDArray[np.float64]
    buyers: Ints
    list_bought: Flags
    list_known: Flags
    candidate: Flags


def week_cells(builder: FeatureBuilder, week: int) -> WeekCells:
    """Choose the cells of a week; the sample depends on the week alone. Moves the builder to the week."""
    builder.move_to(week)
    panel = builder.panel
    population = np.flatnonzero(eligible(panel, week))
    bought, known = _flags(panel, builder, population, week)
    never = np.random.default_rng(week).random(bought.shape, dtype=np.float32) < NEVER_SHARE
    row, item = np.nonzero(bought | known | never)
    is_certain = bought[row, item] | known[row, item]
    is_buyer = bought.any(axis=1)
    popularity = builder.tables.item[week, :, ITEM_FEATURES.index("popularity_13")]
    popular = np.argsort(-popularity, kind="stable")[:POPULAR_CANDIDATES]
    candidate = known[is_buyer].copy()
    candidate[:, popular] = True
    return WeekCells(
        week=week,
        customer=population[row],
        item=item,
        bought=bought[row, item],
        known=known[row, item],
        weight=np.where(is_certain, 1.0, 1.0 / NEVER_SHARE),
        buyers=population[is_buyer],
        list_bought=bought[is_buyer],
        list_known=known[is_buyer],
        candidate=candidate,
    )


def _flags(panel: Panel, builder: FeatureBuilder, population: Ints, week: int) -> tuple[Flags, Flags]:
    """(n, I) purchases of the week and own history before it, of the population."""
    place = np.full(panel.n_customers, -1, np.int64)
    place[population] = np.arange(len(population))
    bought = np.zeros((len(population), panel.n_items), bool)
    known = np.zeros_like(bought)
    start, stop = np.searchsorted(panel.purchase_week, [week, week + 1])
    customer, item = panel.purchase_customer[start:stop], panel.purchase_item[start:stop]
    inside = place[customer] >= 0
    bought[place[customer[inside]], item[inside]] = True
    level = builder.history.item.level
    pairs = np.flatnonzero((builder.history.item.count > 0) & (place[level.customer] >= 0))
    known[place[level.customer[pairs]], level.group[pairs]] = True
    return bought, known
