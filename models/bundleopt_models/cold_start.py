"""How well the model speaks of what it has never seen: items and customers that are held out of everything.

Three questions, against the popularity of the item's category (or of the item, where it is known): items that nobody
could buy yet, for customers who are known; customers on their first visit, of whom nothing is known; and customers with
history whom the training never saw. The first and the last are asked in weeks after fitting. First visits are real
ones, of customers who joined once the log was under way, whatever the week: a regular of years who is called new fills
twice the basket (Complete Journey: 13.2 items a week against 7.5 on a first visit after week 24).

Letters: `U` customers, `I` items, n rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from bundleopt_data.panel import Panel
from bundleopt_models.extension import NewItem, with_customers, with_items
from bundleopt_models.metrics import ProbabilityMetrics, RankingMetrics, probability_metrics, ranking_metrics
from bundleopt_models.model import DemandModel
from bundleopt_models.week_tables import eligible, weekly_buyers

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

POPULARITY_WEEKS = 13

LATE_WEEK = 16
"""Who comes for the first time in the weeks before was hardly new to the shop, but to the log."""

LATE_SHARE = 0.5
"""Share of late joiners who are held out beside the others: there are few, and training needs some of them, too."""


@dataclass(frozen=True)
class HeldOut:
    """A panel without some of its customers and items, and what was taken out.

    Attributes:
        full: everything. rest: without them. customers, items: (.,) codes in `full`, ascending.
        joiners: those of the customers who came for the first time in LATE_WEEK or later.
    """

    full: Panel
    rest: Panel
    customers: Codes
    items: Codes
    joiners: Codes


@dataclass(frozen=True)
class ColdStartRow:
    """One ranking of one kind of stranger.

    Attributes:
        stranger: who or what is new. model: bundleopt, or the popularity it is compared with.
        probability, ranking: over all cells, and of lists of ten of the buyers. cells, purchases: how many.
        error: standard error of predicted over observed, over strangers.
    """

    stranger: str
    model: str
    probability: ProbabilityMetrics
    ranking: RankingMetrics
    cells: int
    purchases: int
    error: float


def hold_out(panel: Panel, share: float = 0.1, *, seed: int = 0) -> HeldOut:
    """Take a share of customers and items out of a panel, and half of the late joiners; a seed takes the same ones."""
    random = np.random.default_rng([seed, panel.n_customers, panel.n_items])
    customers = _chosen(panel.n_customers, share, random)
    items = _chosen(panel.n_items, share, random)
    late = np.flatnonzero(_first_week(panel) >= LATE_WEEK)
    late = random.choice(late, round(LATE_SHARE * len(late)), replace=False)
    customers = np.union1d(customers, late)
    joiners = customers[_first_week(panel)[customers] >= LATE_WEEK]
    return HeldOut(panel, without(panel, customers, items), customers, items, joiners)


def _first_week(panel: Panel) -> Codes:
    """(U,) week of the first visit; -1 for who never came."""
    came = panel.trips > 0
    return np.where(came.any(axis=0), came.argmax(axis=0), -1).astype(np.int64)


def _chosen(total: int, share: float, random: np.random.Generator) -> Codes:
    return np.sort(random.choice(total, max(1, round(share * total)), replace=False)).astype(np.int64)


def without(panel: Panel, customers: Codes, items: Codes) -> Panel:
    """The panel without some customers and items, as if neither had ever been there.

    Weekly prices and activities of the rest stay: baskets of held-out items still are trips.
    """
    kept_customers = np.setdiff1d(np.arange(panel.n_customers), customers)
    kept_items = np.setdiff1d(np.arange(panel.n_items), items)
    return selected(panel, kept_customers, kept_items)


def selected(panel: Panel, customers: Codes, items: Codes) -> Panel:
    """The panel of some customers and items, ascending codes."""
    row, column = _places(customers, panel.n_customers), _places(items, panel.n_items)
    kept = (row[panel.purchase_customer] >= 0) & (column[panel.purchase_item] >= 0)
    names = ("names", "category", "brand", "department", "text")
    prices, promotions = panel.prices, panel.promotions
    return replace(
        panel,
        customer_ids=panel.customer_ids[customers],
        item_ids=panel.item_ids[items],
        items=replace(panel.items, **{name: getattr(panel.items, name)[items] for name in names}),
        purchase_customer=row[panel.purchase_customer[kept]].astype(np.int32),
        purchase_item=column[panel.purchase_item[kept]].astype(np.int32),
        purchase_week=panel.purchase_week[kept],
        purchase_units=panel.purchase_units[kept],
        purchase_log_price=panel.purchase_log_price[kept],
        trips=panel.trips[:, customers],
        lines=panel.lines[:, customers],
        deal_lines=panel.deal_lines[:, customers],
        prices=replace(
            prices,
            log_price=prices.log_price[:, items],
            fold_log_price=prices.fold_log_price[:, :, items],
            fold=prices.fold[customers],
            log_reference=prices.log_reference[:, items],
            observed=prices.observed[:, items],
            next_log_reference=prices.next_log_reference[items],
        ),
        promotions=replace(
            promotions,
            display=promotions.display[:, items],
            mailer=promotions.mailer[:, items],
            store_display=promotions.store_display[:, :, items],
            store_mailer=promotions.store_mailer[:, :, items],
            store_group=promotions.store_group[customers],
        ),
    )


def _places(kept: Codes, total: int) -> Codes:
    place = np.full(total, -1, np.int64)
    place[kept] = np.arange(len(kept))
    return place


def measure_cold_start(model: DemandModel, held: HeldOut, weeks: Sequence[int]) -> tuple[ColdStartRow, ...]:
    """Score strangers in some weeks, one step ahead.

    Args:
        model: trained on `held.rest` before the weeks.
        held: what was taken out.
        weeks: indices of the panel.
    """
    first_visits = _first_visits(model, held)
    return (
        *_rows("new items", _new_items(model, held, weeks)),
        *(_rows("customers on their first visit", first_visits) if first_visits else ()),
        *_rows("customers new to the model, with history", _untrained(model, held, weeks)),
    )


@dataclass(frozen=True)
class _Scored:
    """One week: (n, m) outcomes, our probabilities, and those of popularity; `who` (n, m) is the stranger of a cell."""

    who: Codes
    bought: npt.NDArray[np.bool_]
    ours: Floats
    popular: Floats


def _rows(stranger: str, weeks: Sequence[_Scored]) -> list[ColdStartRow]:
    bought = np.concatenate([week.bought.reshape(-1) for week in weeks])
    rows = []
    for name in ("bundleopt", "popularity within category"):
        grids = [week.ours if name == "bundleopt" else week.popular for week in weeks]
        q = np.concatenate([grid.reshape(-1) for grid in grids])
        rows.append(
            ColdStartRow(
                stranger=stranger,
                model=name,
                probability=probability_metrics(q, bought, np.ones(len(q))),
                ranking=_mean_ranking([(grid, week.bought) for grid, week in zip(grids, weeks, strict=True)]),
                cells=len(q),
                purchases=int(bought.sum()),
                error=_error(np.concatenate([week.who.reshape(-1) for week in weeks]), q, bought),
            )
        )
    return rows


def _error(who: Codes, q: Floats, bought: npt.NDArray[np.bool_]) -> float:
    """Standard error of sum q / sum bought, strangers being the draw."""
    ratio = float(q.sum() / max(bought.sum(), 1))
    place = np.unique(who, return_inverse=True)[1].reshape(-1)
    miss = np.bincount(place, q) - ratio * np.bincount(place, bought)
    return float(np.sqrt((miss**2).sum()) / max(bought.sum(), 1))


def _mean_ranking(weeks: Sequence[tuple[Floats, npt.NDArray[np.bool_]]]) -> RankingMetrics:
    """Lists of ten over all weeks at once: buyers of each week are rows."""
    buyers = [bought.any(axis=1) for _, bought in weeks]
    score = np.concatenate([grid[of] for (grid, _), of in zip(weeks, buyers, strict=True)])
    bought = np.concatenate([labels[of] for (_, labels), of in zip(weeks, buyers, strict=True)])
    nothing = np.zeros(bought.shape, dtype=bool)
    return ranking_metrics(score, bought, nothing, np.ones(bought.shape, dtype=bool))


def _labels(panel: Panel, week: int, customers: Codes, items: Codes) -> npt.NDArray[np.bool_]:
    """(len(customers), len(items)) purchases of a week."""
    row, column = _places(customers, panel.n_customers), _places(items, panel.n_items)
    at = panel.purchase_week == week
    place = row[panel.purchase_customer[at]], column[panel.purchase_item[at]]
    inside = (place[0] >= 0) & (place[1] >= 0)
    bought = np.zeros((len(customers), len(items)), dtype=bool)
    bought[place[0][inside], place[1][inside]] = True
    return bought


def popularity(panel: Panel, week: int) -> tuple[Floats, Floats]:
    """(I,) share of active customers who buy the item in a week, and (I,) the mean of that over its category."""
    recent = slice(max(0, week - POPULARITY_WEEKS), week)
    buyers = weekly_buyers(panel)[recent].sum(0, dtype=np.float64)
    active = max(int(eligible(panel, week).sum()), 1) * max(week - max(0, week - POPULARITY_WEEKS), 1)
    rate = (buyers + 0.5) / active
    category = panel.items.category
    size = int(category.max(initial=-1)) + 1
    mean = np.bincount(category, rate, size) / np.maximum(np.bincount(category, minlength=size), 1)
    return rate, mean[category]


def _by_category(panel: Panel, week: int, asked: Sequence[str]) -> Floats:
    """Mean popularity of the named categories in `panel`; of all items where a category is not there."""
    rate, mean = popularity(panel, week)
    names = [str(panel.items.category_names[code]) for code in panel.items.category]
    known = dict(zip(names, mean.tolist(), strict=True))
    overall = float(rate.mean()) if len(rate) else 0.0
    return np.array([known.get(name, overall) for name in asked])


def _new_items(model: DemandModel, held: HeldOut, weeks: Sequence[int]) -> list[_Scored]:
    """Held-out items for the customers that stayed, who were active lately."""
    full, rest = held.full, held.rest
    items = [_as_new(full, int(item)) for item in held.items]
    asked = with_items(rest, items)
    kept = np.setdiff1d(np.arange(full.n_customers), held.customers)
    categories = [item.category for item in items]

    def scored(week: int) -> _Scored:
        active = np.flatnonzero(eligible(rest, week))
        log_price = np.concatenate([rest.prices.log_price[week], full.prices.log_price[week, held.items]])
        display, mailer = (
            np.concatenate([getattr(rest.promotions, name)[week], getattr(full.promotions, name)[week, held.items]])
            for name in ("display", "mailer")
        )
        grid, _ = model.weekly_grid(asked, week, log_price=log_price, display=display, mailer=mailer)
        ours = grid[active][:, rest.n_items :].astype(np.float64)
        popular = np.broadcast_to(_by_category(rest, week, categories), ours.shape)
        who = np.broadcast_to(held.items, ours.shape)
        return _Scored(who, _labels(full, week, kept[active], held.items), ours, popular)

    return [scored(week) for week in weeks]


def _as_new(panel: Panel, item: int) -> NewItem:
    """What a catalogue knows of an item before it is sold: texts and its regular price."""
    facts = panel.items
    reference = panel.prices.log_reference[:, item]
    known = reference[np.isfinite(reference)]
    return NewItem(
        item_id=str(panel.item_ids[item]),
        name=str(facts.names[item]),
        category=str(facts.category_names[facts.category[item]]),
        brand=str(facts.brand_names[facts.brand[item]]),
        department=str(facts.department_names[facts.department[item]]),
        text=str(facts.text[item]),
        price=float(np.exp(known[0])) if len(known) else float("nan"),
    )


def _first_visits(model: DemandModel, held: HeldOut) -> list[_Scored]:
    """Held-out late joiners in the week in which they came for the first time: their chances given the visit."""
    full, rest = held.full, held.rest
    asked = with_customers(rest, ["a stranger"])
    stranger = range(asked.n_customers - 1, asked.n_customers)
    kept_items = np.setdiff1d(np.arange(full.n_items), held.items)
    first = _first_week(full)

    def scored(week: int) -> _Scored:
        came = held.joiners[first[held.joiners] == week]
        bought = _labels(full, week, came, kept_items)
        recent = rest.trips[max(0, week - POPULARITY_WEEKS) : week] > 0
        # Popularity of those who are active, as a chance given a visit.
        popular = popularity(rest, week)[0] * int(eligible(rest, week).sum()) / max(float(recent.sum(1).mean()), 1.0)
        given = model.given_visit(asked, week, stranger).astype(np.float64)
        who = np.broadcast_to(came[:, None], bought.shape)
        return _Scored(who, bought, np.broadcast_to(given, bought.shape), np.broadcast_to(popular, bought.shape))

    return [scored(int(week)) for week in np.unique(first[held.joiners])]


def _untrained(model: DemandModel, held: HeldOut, weeks: Sequence[int]) -> list[_Scored]:
    """Held-out customers with all of their history, who were active lately."""
    full = held.full
    kept_items = np.setdiff1d(np.arange(full.n_items), held.items)
    panel = selected(full, np.arange(full.n_customers), kept_items)

    def scored(week: int) -> _Scored:
        active = held.customers[eligible(full, week)[held.customers]]
        grid, _ = model.weekly_grid(panel, week)
        bought = _labels(full, week, active, kept_items)
        popular = np.broadcast_to(popularity(panel, week)[0], bought.shape)
        who = np.broadcast_to(active[:, None], bought.shape)
        return _Scored(who, bought, grid[active].astype(np.float64), popular)

    return [scored(week) for week in weeks]
