"""Customers in words: groups of like taste, named by what they buy and how they take prices, and interests of each.

Groups are clusters of the states that the network has learned; distances between states are distances between the
log odds of purchases they stand for (`DemandModel.states`). Names come from what a group buys more of than others do.
Letters: `U` customers, `S` groups, `C` categories, `I` items.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_data.panel import Panel
from bundleopt_models.forecast import DemandForecast
from bundleopt_models.k_means import k_means

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]

INTERESTS = 3
"""Most interest tags of a customer."""

LEAST_PURCHASES = 3
"""Purchases (weeks x items) in a category before it can be an interest: once is chance."""

LEAST_LIFT = 1.25
"""A category is an interest if it is bought so much more often than by others; the same for names of groups."""

PRIOR_PURCHASES = 5.0
"""Purchases by which lifts of single customers are shrunk towards 1, so that rare categories do not come first."""

LEAST_SHARE = 0.01
"""A category names a group only where so many of the group's purchases fall into it."""

SENSITIVE, INSENSITIVE = 1.08, 0.92
"""A group is called sensitive, or not, to prices where slope and deal share, both as ratios to all customers', have a
product beyond these."""

PRICE_WORDS = ("deal seekers", "usual price response", "less price-sensitive")


@dataclass(frozen=True)
class InterestGroup:
    """One group.

    Attributes:
        name: unique. customers: how many. buys: categories, by lift. lifts: of those, against all customers.
        price_sensitivity: mean slope of its purchases over that of all customers' purchases.
        deal_share: share of lines bought below the regular price.
    """

    name: str
    customers: int
    buys: tuple[str, ...]
    lifts: tuple[float, ...]
    price_sensitivity: float
    deal_share: float


@dataclass(frozen=True)
class InterestGroups:
    """All groups and what is known of each customer.

    Attributes:
        groups: (S,), the largest first. segment: (U,) group codes.
        interests: (U,) categories of each customer, the strongest first; empty where little is known.
        price_sensitivity: (U,) as of a group. deal_share: (U,), NaN where nothing was bought.
    """

    groups: tuple[InterestGroup, ...]
    segment: Codes
    interests: tuple[tuple[str, ...], ...]
    price_sensitivity: Floats
    deal_share: Floats


def interest_groups(forecast: DemandForecast, panel: Panel, n_groups: int, *, seed: int = 0) -> InterestGroups:
    """Group the customers of a forecast and put them into words.

    Args:
        forecast: of the week, with states.
        panel: of the same customers and items; only weeks before the forecast's are looked at.
        n_groups: at most so many; fewer where fewer customers differ.
        seed: of the clustering.
    """
    state = forecast.state if forecast.state is not None else np.zeros((len(forecast.customer_ids), 1), np.float32)
    segment = k_means(torch.from_numpy(state), n_groups, seed=seed).numpy().astype(np.int32)
    until = panel.week_index(forecast.week)
    counts = category_purchases(panel, until)
    slope = _mean_slopes(forecast)
    lines, deals = (part[:until].sum(axis=0, dtype=np.float64) for part in (panel.lines, panel.deal_lines))
    names = np.array([readable(str(name)) for name in panel.items.category_names], dtype=object)
    return InterestGroups(
        groups=_described(segment, counts, (slope, lines, deals), names),
        segment=segment,
        interests=interests(counts, names),
        price_sensitivity=slope / max(float(np.average(slope)), 1e-12) if len(slope) else slope,
        deal_share=np.divide(deals, lines, out=np.full(len(lines), np.nan), where=lines > 0),
    )


def category_purchases(panel: Panel, until: int) -> Floats:
    """(U, C) purchases (customer-item-weeks) before week `until`."""
    before = panel.purchase_week < until
    n_categories = max(len(panel.items.category_names), 1)
    category = panel.items.category[panel.purchase_item[before]].astype(np.int64)
    cell = panel.purchase_customer[before].astype(np.int64) * n_categories + category
    return np.bincount(cell, minlength=panel.n_customers * n_categories).reshape(-1, n_categories).astype(np.float64)


def interests(counts: Floats, names: npt.NDArray[np.object_]) -> tuple[tuple[str, ...], ...]:
    """Up to INTERESTS categories of each customer that they buy more of than others do; see the constants."""
    share = counts.sum(axis=0) / max(float(counts.sum()), 1.0)
    expected = counts.sum(axis=1, keepdims=True) * share
    lift = (counts + PRIOR_PURCHASES) / (expected + PRIOR_PURCHASES)
    lift[(counts < LEAST_PURCHASES) | (counts < LEAST_LIFT * expected)] = 0.0
    best = np.argsort(-lift, axis=1, kind="stable")[:, :INTERESTS]
    found = np.take_along_axis(lift, best, axis=1)
    return tuple(
        tuple(str(names[category]) for category, value in zip(row, values, strict=True) if value > 0)
        for row, values in zip(best.tolist(), found.tolist(), strict=True)
    )


def readable(name: str) -> str:
    """A category's name as a shopper would write it.

    >>> readable("BABY FOODS"), readable("Käse/Quark"), readable("dairy")
    ('Baby foods', 'Käse/Quark', 'Dairy')
    """
    text = " ".join(name.split())
    return text.capitalize() if text.isupper() else text[:1].upper() + text[1:]


def _mean_slopes(forecast: DemandForecast) -> Floats:
    """(U,) price slope of what the customer is expected to buy."""
    weight = forecast.probability.sum(axis=1, dtype=np.float64)
    total = np.einsum("ui,ui->u", forecast.probability, forecast.slope, dtype=np.float64)
    return np.asarray(total / np.maximum(weight, 1e-12), dtype=np.float64)


def _described(
    segment: Codes, counts: Floats, prices: tuple[Floats, Floats, Floats], names: npt.NDArray[np.object_]
) -> tuple[InterestGroup, ...]:
    slope, lines, deals = prices
    overall = counts.sum(axis=0) / max(float(counts.sum()), 1.0)
    average = max(float(np.average(slope)), 1e-12) if len(slope) else 1.0
    usual = max(float(deals.sum() / max(float(lines.sum()), 1.0)), 1e-12)
    taken: set[str] = set()
    groups = []
    for code in range(int(segment.max(initial=-1)) + 1):
        mine = segment == code
        bought = counts[mine].sum(axis=0)
        share = bought / max(float(bought.sum()), 1.0)
        lift = np.where(share >= LEAST_SHARE, share / np.maximum(overall, 1e-12), 0.0)
        order = [int(c) for c in np.argsort(-lift, kind="stable") if lift[c] >= LEAST_LIFT]
        sensitivity = float(slope[mine].mean()) / average
        on_deal = float(deals[mine].sum() / max(float(lines[mine].sum()), 1.0))
        buys = tuple(str(names[c]) for c in order[:5])
        groups.append(
            InterestGroup(
                name=_name(buys, _price_words(sensitivity * on_deal / usual), taken),
                customers=int(mine.sum()),
                buys=buys,
                lifts=tuple(round(float(lift[c]), 2) for c in order[:5]),
                price_sensitivity=sensitivity,
                deal_share=on_deal,
            )
        )
    return tuple(groups)


def _price_words(ratio: float) -> str:
    # Without a single deal in the log the product is 0, and says nothing.
    return PRICE_WORDS[0 if ratio >= SENSITIVE else 2 if 0 < ratio <= INSENSITIVE else 1]


def _name(buys: tuple[str, ...], price: str, taken: set[str]) -> str:
    """A name nobody has yet: two categories and the word on prices, then three, then a number."""
    for length in (2, 3, 4):
        what = " & ".join([buys[0], *(one[:1].lower() + one[1:] for one in buys[1:length])]) if buys else "A bit of all"
        name = f"{what}, {price}"
        if name not in taken:
            break
    number = 2
    plain = name
    while name in taken:
        name, number = f"{plain} ({number})", number + 1
    taken.add(name)
    return name
