"""Observed and expected co-purchases of all item pairs, given a visit: what the fit of gamma starts from.

With x = P(i | visit), y the 0/1 purchases of a customer-week with a visit and w what the odds ratio that all its pairs
share (`fullness.py`) makes of an average pair's chance, E = sum w x_i x_j is the expected count and

    C = sum y_i y_j - w (x_i y_j + x_j y_i) + 2 w x_i x_j

the *adjusted* one, whose ratio to E starts gamma; unlike the raw count its ratio to E does not move, to first order,
when the forecast of one item is a little off.

Letters: `A` items with enough purchases, `N` customer-weeks with a visit, `I` items, `U` customers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_data.panel import Panel
from bundleopt_models.fullness import (
    BasketMoments,
    Fullness,
    basket_moments,
    fit_fullness,
    joined,
    mean_lift,
    week_size,
)

Grid = Callable[[int], tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]]

# Bands of rows of the symmetric product: with four, five eighths of it are worked out.
PANELS = 4

# P(i | visit) as seen by the fit; the largest habits are 0.98.
MIN_CHANCE, MAX_CHANCE = 1e-9, 0.98


@dataclass(frozen=True)
class PairCounts:
    """Sums over customer-weeks with a visit.

    Attributes:
        items: (A,) codes of the items, ascending.
        expected: (A, A) E, symmetric, 0 on the diagonal. adjusted: (A, A) C, likewise.
        chance: (A, N) x. bought: (A, N) y.
        background: log odds ratio that all pairs have in common, on average.
        shift: (N,) what each customer-week adds to it. fullness: the law of both.
    """

    items: npt.NDArray[np.int64]
    expected: torch.Tensor
    adjusted: torch.Tensor
    chance: torch.Tensor
    bought: torch.Tensor
    background: float
    shift: torch.Tensor
    fullness: Fullness


def count_pairs(panel: Panel, weeks: Sequence[int], grid: Grid, *, min_purchases: int, max_items: int) -> PairCounts:
    """Count over some weeks of the panel.

    Args:
        panel: purchases and trips.
        weeks: week indices, each inside the panel.
        grid: week -> ((U, I) purchase probabilities, (U,) visit probabilities), as forecast before that week.
        min_purchases: items bought in fewer customer-weeks are left out.
        max_items: at most so many, the most bought first.
    """
    items = _active_items(panel, weeks, min_purchases, max_items)
    place = np.full(panel.n_items, -1, dtype=np.int64)
    place[items] = np.arange(len(items))
    if len(items) < 2:
        return _nothing_counted(items)
    found = [_week_rows(panel, week, grid(week), (items, place)) for week in weeks]
    moments = joined([rows.moments for rows in found])
    fullness = fit_fullness(moments)
    log_odds = fullness.log_odds(moments.size)
    background = float(np.log(mean_lift(moments, np.exp(log_odds))))
    weight = torch.as_tensor(moments.lift(log_odds), dtype=torch.float32)
    expected, adjusted = _pair_sums(found, weight, len(items))
    shift = torch.as_tensor(log_odds - background, dtype=torch.float32)
    chance, bought = (
        torch.cat([getattr(rows, name) for rows in found]).T.contiguous() for name in ("chance", "bought")
    )
    return PairCounts(items, expected, adjusted, chance, bought, background, shift, fullness)


def _nothing_counted(items: npt.NDArray[np.int64]) -> PairCounts:
    empty, nobody = torch.zeros(len(items), len(items)), torch.zeros(len(items), 0)
    return PairCounts(items, empty, empty, nobody, nobody.bool(), 0.0, torch.zeros(0), Fullness(0.0, 0.0, 1.0))


@dataclass(frozen=True)
class _WeekRows:
    """A week's visitors: (n, A) chances given a visit, (n, A) bools of purchases, and their moments."""

    chance: torch.Tensor
    bought: torch.Tensor
    moments: BasketMoments


def _week_rows(
    panel: Panel,
    week: int,
    scored: tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]],
    active: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
) -> _WeekRows:
    """Cut a week's (U, I) and (U,) chances to visitors and active items; `active` are their codes and places."""
    (probability, visit), (items, place) = scored, active
    went = np.flatnonzero(panel.trips[week] > 0)
    came = np.maximum(visit[went], MIN_CHANCE)
    share = probability[np.ix_(went, items)] / came[:, None]
    chance = torch.as_tensor(share, dtype=torch.float32).clamp(MIN_CHANCE, MAX_CHANCE)
    bought = _purchases(panel, week, went, place)
    size = week_size(probability[went].sum(axis=1, dtype=np.float64) / came, came)
    return _WeekRows(chance, bought.to(torch.bool), basket_moments(chance.numpy(), bought.numpy(), size, (week,)))


def _pair_sums(weeks: Sequence[_WeekRows], weight: torch.Tensor, items: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(A, A) expected and adjusted counts of the formulas above, one Gram product a week; `weight` is (N,) w."""
    expected, crossed = torch.zeros(items, items), torch.zeros(items, items)
    for rows, own in zip(weeks, torch.split(weight, [len(rows.chance) for rows in weeks]), strict=True):
        weighted = rows.chance * own[:, None]
        bought = rows.bought.to(torch.float32)
        _add_products(expected, rows.chance, weighted)
        crossed += torch.sparse.mm(bought.T.to_sparse(), bought - 2.0 * weighted)
    expected = torch.triu(expected) + torch.triu(expected, 1).T
    adjusted = 2.0 * expected + 0.5 * (crossed + crossed.T)
    expected.fill_diagonal_(0.0)
    adjusted.fill_diagonal_(0.0)
    return expected, adjusted


def _add_products(total: torch.Tensor, chance: torch.Tensor, weighted: torch.Tensor) -> None:
    """Add chance.T @ weighted (A, A) to `total`, blocks on and above the diagonal only: the rest is its mirror."""
    edges = torch.linspace(0, total.shape[0], PANELS + 1).round().long().tolist()
    for first, last in pairwise(edges):
        total[first:last, first:].addmm_(chance[:, first:last].T, weighted[:, first:])


def _active_items(panel: Panel, weeks: Sequence[int], min_purchases: int, max_items: int) -> npt.NDArray[np.int64]:
    inside = np.isin(panel.purchase_week, np.asarray(weeks))
    count = np.bincount(panel.purchase_item[inside], minlength=panel.n_items)
    order = np.argsort(-count, kind="stable")[:max_items]
    return np.sort(order[count[order] >= min_purchases])


def _purchases(panel: Panel, week: int, went: npt.NDArray[np.int64], place: npt.NDArray[np.int64]) -> torch.Tensor:
    """(visitors, A) 0/1."""
    row = np.full(panel.n_customers, -1, dtype=np.int64)
    row[went] = np.arange(len(went))
    start, stop = np.searchsorted(panel.purchase_week, [week, week + 1])
    who, what = row[panel.purchase_customer[start:stop]], place[panel.purchase_item[start:stop]]
    keep = (who >= 0) & (what >= 0)
    bought = torch.zeros(len(went), int((place >= 0).sum()))
    bought[torch.as_tensor(who[keep]), torch.as_tensor(what[keep])] = 1.0
    return bought
