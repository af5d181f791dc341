"""Observed and expected co-purchases of all item pairs, given a visit: what the fit of gamma starts from.

With x = P(i | visit) and y the 0/1 purchases of a customer-week with a visit, the score of gamma_ij at independence is
sum (y_i - x_i)(y_j - x_j). Added to the expected count E = sum x_i x_j it gives an *adjusted* count, whose ratio to E
starts gamma; unlike the raw count it does not move, to first order, when the forecast of one item is a little off.

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
        expected: (A, A) sum x_i x_j, symmetric, 0 on the diagonal.
        adjusted: (A, A) expected + sum (y_i - x_i)(y_j - x_j), symmetric, 0 on the diagonal.
        chance: (A, N) x. bought: (A, N) y.
    """

    items: npt.NDArray[np.int64]
    expected: torch.Tensor
    adjusted: torch.Tensor
    chance: torch.Tensor
    bought: torch.Tensor


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
    expected = torch.zeros(len(items), len(items))
    crossed = torch.zeros(len(items), len(items))
    chances, boughts = [], []
    for week in weeks:
        probability, visit = grid(week)
        went = np.flatnonzero(panel.trips[week] > 0)
        share = probability[np.ix_(went, items)] / np.maximum(visit[went], MIN_CHANCE)[:, None]
        chance = torch.as_tensor(share, dtype=torch.float32).clamp(MIN_CHANCE, MAX_CHANCE)
        bought = _purchases(panel, week, went, place)
        _add_products(expected, chance)
        crossed += torch.sparse.mm(bought.T.to_sparse(), bought - 2.0 * chance)
        chances.append(chance)
        boughts.append(bought.to(torch.bool))
    expected = torch.triu(expected) + torch.triu(expected, 1).T
    adjusted = 2.0 * expected + 0.5 * (crossed + crossed.T)
    expected.fill_diagonal_(0.0)
    adjusted.fill_diagonal_(0.0)
    return PairCounts(items, expected, adjusted, torch.cat(chances).T.contiguous(), torch.cat(boughts).T.contiguous())


def _add_products(total: torch.Tensor, chance: torch.Tensor) -> None:
    """Add chance.T @ chance (A, A) to `total`, blocks on and above the diagonal only: the rest is its mirror."""
    edges = torch.linspace(0, total.shape[0], PANELS + 1).round().long().tolist()
    for first, last in pairwise(edges):
        total[first:last, first:].addmm_(chance[:, first:last].T, chance[:, first:])


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
