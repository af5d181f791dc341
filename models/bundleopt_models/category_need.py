"""Competition inside a category: which part of the units that an offer induces its neighbours on the shelf lose.

Whether a category is needed this week is one question, what is taken then another (nested choice; McFadden 1978,
"Modelling the choice of residential location"). With x_k = P(k | visit), B the sum of the x_k of a category, and rho
the chance that a needed category is bought at all, an induced unit of item i displaces

    d_ui = rho (B_u - x_ui) / (B_u - rho x_ui)      units of the other items of its category, each in proportion to x_uk

0 where nothing competes (rho = 0, items are bought side by side), all of it where every need ends in a purchase
(rho = 1). rho is learned from the shop's own promotions. They raise some customers' chances and not others': who likes
the promoted items P buys less of the rest, if rho > 0, than who does not. With dx_ui what the promotions of a week add
to the network's own chances (all prices at their reference, no display, no mailer, against the week as it was),

    expected purchases by u of the items of c outside P  ~  theta_ct sum_k x_uk / (1 + sum_P L_ui / (1 - L_ui)),
    L_ui = rho dx_ui / (B_u - rho x_ui)

and theta_ct, one free factor a category and week, takes every demand peak that promotions coincide with: what is
compared are customers of one week. The promoted items themselves are left out, so that a response that the network
over-states is not taken for competition; noise in dx makes rho too small, not too large. The likelihood (multinomial
over customers) is worked out on a grid of rho, and a mixing distribution over the grid, fitted by EM over all
categories (Laird 1978, 10.1080/01621459.1978.10480103), says how much a category with little evidence takes from the
others. The share is its posterior mean.

Letters: `U` customers, `I` items, `C` categories, `G` grid points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bundleopt_data.panel import Panel

Floats = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]

GRID = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
"""Chances of a purchase that a needed category may have; that every need ends in one, no log can show."""

EM_ROUNDS = 50
LARGEST_LOSS, LARGEST_GAIN = 0.95, -0.5
"""One promoted item takes at most this part of its neighbours' sales; prices above the usual give at most so much."""

LEAST_MOVE = 0.02
"""Promoted is what the week's prices, display and mailer lift or lower by this share."""

LEAST_CHANCE, LARGEST_CHANCE = 1e-9, 0.98
MOST_CELLS, MOST_WEEKS = 40_000_000, 20
"""Customers x items x weeks that are looked at (three weeks of the sample), and weeks of a small shop."""

TwoWeeks = Callable[[int], tuple[Floats, Floats, Floats]]
"""Week -> (U, I) chances as the week was, (U, I) with all promotions taken away, (U,) chances of a visit."""


@dataclass(frozen=True)
class NeedEvidence:
    """(G, C) log likelihoods above that of rho = 0, by category code."""

    log_likelihood: Values

    def shares(self) -> Values:
        """(C,) posterior means of rho."""
        table = self.log_likelihood.T - self.log_likelihood.T.max(axis=1, keepdims=True)
        likelihood, weight = np.exp(table), np.full(len(GRID), 1.0 / len(GRID))
        for _ in range(EM_ROUNDS):
            belief = likelihood * weight
            belief /= belief.sum(axis=1, keepdims=True)
            weight = belief.mean(axis=0)
        return np.asarray(belief @ np.array(GRID), dtype=np.float64)


def fit_category_need(panel: Panel, weeks: Sequence[int], scored: TwoWeeks) -> Floats:
    """(I,) rho of each item's category; 0 where a category holds one item, or nothing was bought of it.

    Args:
        panel: purchases and trips.
        weeks: week indices of the panel; those looked at are spread evenly, as many as `MOST_CELLS` allows.
        scored: what the network says of a week.
    """
    category = panel.items.category.astype(np.int64)
    if not len(weeks) or panel.n_items < 2:
        return np.zeros(panel.n_items, np.float32)
    evidence = measure_need(panel, spread_weeks(panel, weeks), scored)
    shares = np.where(evidence.log_likelihood.any(axis=0), evidence.shares(), 0.0)
    shares[np.bincount(category, minlength=len(shares)) < 2] = 0.0
    return shares[category].astype(np.float32)


def spread_weeks(panel: Panel, weeks: Sequence[int]) -> list[int]:
    """Weeks spread evenly over `weeks`, the last among them."""
    count = max(1, min(len(weeks), MOST_WEEKS, MOST_CELLS // max(1, panel.n_customers * panel.n_items)))
    ordered = sorted(weeks)
    return [ordered[-1 - (place * len(ordered)) // count] for place in range(count)][::-1]


def measure_need(panel: Panel, weeks: Sequence[int], scored: TwoWeeks) -> NeedEvidence:
    """Sum the log likelihoods of all weeks."""
    groups = CategoryGroups(panel.items.category)
    total = np.zeros((len(GRID), groups.n_categories))
    for week in weeks:
        chance, quiet, visit = scored(week)
        went = np.flatnonzero(panel.trips[week] > 0)
        given = [_given_visit(part[went], visit[went]) for part in (chance, quiet)]
        total += _log_likelihood(groups, _purchases(panel, week, went), given[0], given[1])
    return NeedEvidence(total - total[0])


class CategoryGroups:
    """Sums over the items of each category."""

    def __init__(self, category: npt.NDArray[np.integer]) -> None:
        self.category = category.astype(np.int64)
        self.n_categories = int(self.category.max(initial=-1)) + 1
        self._order = np.argsort(self.category, kind="stable")
        codes = self.category[self._order]
        self._starts = np.flatnonzero(np.diff(codes, prepend=-1))
        self._codes = codes[self._starts]

    def sums(self, values: npt.NDArray[Any]) -> Values:
        """(U, C) sums of (U, I)."""
        out = np.zeros((len(values), self.n_categories))
        if len(self._starts):
            out[:, self._codes] = np.add.reduceat(values[:, self._order], self._starts, axis=1, dtype=np.float64)
        return out


def displaced_money(
    chance: npt.NDArray[np.floating], category: npt.NDArray[np.integer], need: Floats, money: Values
) -> Floats:
    """(U, I) money >= 0, where `money` is, that the rest of its category loses per induced unit of each item.

    Args:
        chance: (U, I) given a visit.
        category: (I,) codes.
        need: (I,) rho.
        money: (I,) worth of a unit.
    """
    groups = CategoryGroups(category)
    total, worth = groups.sums(chance)[:, groups.category], groups.sums(chance * money)[:, groups.category]
    lost = need * (worth - chance * money) / np.maximum(total - need * chance, LEAST_CHANCE)
    return np.asarray(lost, dtype=np.float32)


def _given_visit(probability: Floats, visit: Floats) -> Floats:
    share = probability / np.maximum(visit, LEAST_CHANCE)[:, None]
    return np.asarray(np.clip(share, LEAST_CHANCE, LARGEST_CHANCE), dtype=np.float32)


def _purchases(panel: Panel, week: int, went: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """(visitors, I) what was bought."""
    row = np.full(panel.n_customers, -1, dtype=np.int64)
    row[went] = np.arange(len(went))
    start, stop = np.searchsorted(panel.purchase_week, [week, week + 1])
    who, what = row[panel.purchase_customer[start:stop]], panel.purchase_item[start:stop]
    bought = np.zeros((len(went), panel.n_items), dtype=np.bool_)
    bought[who[who >= 0], what[who >= 0]] = True
    return bought


def _log_likelihood(groups: CategoryGroups, purchases: npt.NDArray[np.bool_], chance: Floats, quiet: Floats) -> Values:
    """(G, C) multinomial log likelihood of who bought the items that were not promoted, given how many were sold."""
    calm, usual = groups.sums(quiet), quiet.sum(axis=0)
    moved = np.abs(chance.sum(axis=0) - usual) > LEAST_MOVE * usual
    others, bought = groups.sums(chance * ~moved), groups.sums(purchases & ~moved)
    out = np.zeros((len(GRID), groups.n_categories))
    if not moved.any():
        return out
    part, around = CategoryGroups(groups.category[moved]), calm[:, groups.category[moved]]
    gained, before = chance[:, moved] - quiet[:, moved], quiet[:, moved]
    for place, share in enumerate(GRID):
        lost = np.zeros_like(others)
        taken = np.minimum(gained * share / np.maximum(around - share * before, LEAST_CHANCE), LARGEST_LOSS)
        lost[:, : part.n_categories] = part.sums(taken / (1.0 - taken))
        expected = np.maximum(others / (1.0 + np.maximum(lost, LARGEST_GAIN)), LEAST_CHANCE)
        out[place] = (bought * np.log(expected / expected.sum(axis=0))).sum(axis=0)
    return out
