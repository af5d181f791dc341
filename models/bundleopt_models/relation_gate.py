"""Does the joint law foresee co-purchases, by how often customers visit? Do complements and substitutes stay so?

Letters: `U` customers, `I` items, `P` pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_data.panel import Panel
from bundleopt_models.forecast import MIN_VISIT, PairRelations
from bundleopt_models.joint_law import both_probability, conditional_marginals
from bundleopt_models.relation_counts import Grid, count_pairs
from bundleopt_models.relation_prior import fit_prior

CELLS_PER_CHUNK = 1 << 18
USUAL_WEEKS = 13


@dataclass(frozen=True)
class CopurchaseGate:
    """Weekly co-purchases of all pairs of the looked-at items, summed over weeks, by group of customers.

    Attributes:
        visit_rate: (groups,) mean predicted chance of a visit.
        predicted, observed: (groups,) expected and counted co-purchases, unconditional on a visit.
        marginal_ratio: (groups,) predicted over observed single purchases of the same items: what of a miss is not
            the joint law's.
        standard_error: (groups,) of the ratio, over customers: large baskets are few, and count squared.
    """

    visit_rate: npt.NDArray[np.float64]
    predicted: npt.NDArray[np.float64]
    observed: npt.NDArray[np.float64]
    marginal_ratio: npt.NDArray[np.float64]
    standard_error: npt.NDArray[np.float64]

    @property
    def ratio(self) -> npt.NDArray[np.float64]:
        """(groups,) predicted over observed; NaN where nothing was observed."""
        return np.where(self.observed > 0, self.predicted / np.maximum(self.observed, 1.0), np.nan)


def measure_copurchases(
    panel: Panel, weeks: Sequence[int], grid: Grid, relations: PairRelations, *, groups: int = 10, items: int = 300
) -> CopurchaseGate:
    """Compare over some weeks, best ones that no fit has seen.

    Args:
        panel: purchases.
        weeks: week indices inside the panel.
        grid: week -> ((U, I) purchase probabilities, (U,) visit probabilities), as forecast before that week.
        relations: gamma of listed pairs and the background.
        groups: how many groups of equally many customers, by mean predicted visit probability.
        items: the most bought items of the weeks before, whose pairs are counted: a choice by the outcome would pick
            items that happened to sell more than they were expected to.
    """
    chosen = _usual_items(panel, min(weeks), items)
    totals = np.zeros((4, panel.n_customers))
    visits = np.zeros(panel.n_customers)
    for week in weeks:
        probability, visit = grid(week)
        basket = probability.sum(axis=1, dtype=np.float64) / np.maximum(visit, MIN_VISIT)
        probability = probability[:, chosen]
        visits += visit
        totals[0] += predicted_pairs(probability, visit, chosen, relations, basket)
        bought = _bought(panel, week, chosen)
        totals[1] += bought * (bought - 1.0) / 2.0
        totals[2] += probability.sum(1)
        totals[3] += bought
    edges = np.linspace(0, panel.n_customers, groups + 1).round().astype(int)
    order = np.argsort(visits, kind="stable")
    return _by_group(totals, visits / len(weeks), [order[low:high] for low, high in pairwise(edges)])


def _usual_items(panel: Panel, week: int, items: int) -> npt.NDArray[np.int64]:
    """Codes of the items bought most in the USUAL_WEEKS before a week, ascending; of all weeks where none is before."""
    inside = (panel.purchase_week < week) & (panel.purchase_week >= week - USUAL_WEEKS)
    bought = panel.purchase_item[inside] if inside.any() else panel.purchase_item
    count = np.bincount(bought, minlength=panel.n_items)
    return np.sort(np.argsort(-count, kind="stable")[:items])


def _by_group(
    totals: npt.NDArray[np.float64], visits: npt.NDArray[np.float64], groups: list[npt.NDArray[np.int64]]
) -> CopurchaseGate:
    """Sum (4, U) predicted pairs, observed pairs, predicted and observed singles over groups of customers."""
    sums = np.array([totals[:, members].sum(1) for members in groups])
    ratio = sums[:, 0] / np.maximum(sums[:, 1], 1.0)
    residual = [
        np.sqrt(((totals[0, members] - value * totals[1, members]) ** 2).sum())
        for members, value in zip(groups, ratio, strict=True)
    ]
    return CopurchaseGate(
        visit_rate=np.array([visits[members].mean() for members in groups]),
        predicted=sums[:, 0],
        observed=sums[:, 1],
        marginal_ratio=np.where(sums[:, 3] > 0, sums[:, 2] / np.maximum(sums[:, 3], 1.0), np.nan),
        standard_error=np.array(residual) / np.maximum(sums[:, 1], 1.0),
    )


def predicted_pairs(
    probability: npt.NDArray[np.floating],
    visit: npt.NDArray[np.floating],
    items: npt.NDArray[np.int64],
    relations: PairRelations,
    basket: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """(U,) expected number of pairs bought in the week.

    Args:
        probability: (U, n) of the items.
        visit: (U,).
        items: (n,) codes.
        relations: of all items.
        basket: (U,) expected purchases of all items given a visit.
    """
    went = torch.as_tensor(np.asarray(visit, dtype=np.float64))
    chance = conditional_marginals(torch.as_tensor(np.asarray(probability, dtype=np.float64).T.copy()), went)
    first, second = np.triu_indices(len(items), 1)
    gamma = torch.as_tensor(relations.log_odds(items[first], items[second]))[:, None]
    shift = torch.as_tensor(relations.shift(basket, visit))
    total = torch.zeros_like(went)
    step = max(1, CELLS_PER_CHUNK // max(1, len(went)))
    for start in range(0, len(first), step):
        rows = slice(start, start + step)
        total += both_probability(chance[first[rows]], chance[second[rows]], gamma[rows] + shift).sum(0)
    expected: npt.NDArray[np.float64] = (total * went).numpy()
    return expected


def _bought(panel: Panel, week: int, items: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """(U,) how many of the items each customer bought."""
    start, stop = np.searchsorted(panel.purchase_week, [week, week + 1])
    mine = np.isin(panel.purchase_item[start:stop], items)
    return np.bincount(panel.purchase_customer[start:stop][mine], minlength=panel.n_customers).astype(np.float64)


@dataclass(frozen=True)
class HeldRelations:
    """Known pairs on weeks that their fit has not seen.

    Attributes:
        is_complement: (P,) the fitted sign. told: (P,) co-purchases of unrelated items of the same kind. seen: (P,)
            adjusted count; 0 and 0 where an item was not bought at all. surprise: (P,) |gamma - background| over its
            standard error, from the fit.
    """

    is_complement: npt.NDArray[np.bool_]
    told: npt.NDArray[np.float64]
    seen: npt.NDArray[np.float64]
    surprise: npt.NDArray[np.float64]

    def share_held(self, pairs: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> float:
        """Share of some pairs that stray from independence to the fitted side; NaN where there are none."""
        beyond = np.where(self.is_complement, 1.0, -1.0) * (self.seen - self.told)
        return float((beyond[pairs] > 0).mean()) if len(beyond[pairs]) else float("nan")

    def share_by_chance(self, pairs: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> float:
        """Share that would be held if what was seen were what is true, counts being Poisson."""
        rate, limit = torch.as_tensor(np.maximum(self.seen[pairs], 0.0)), torch.as_tensor(self.told[pairs]).floor()
        below = torch.special.gammaincc(limit + 1.0, rate.clamp_min(1e-9))
        up = torch.as_tensor(self.is_complement[pairs])
        return float(torch.where(up, 1.0 - below, below).mean())


def measure_holding(panel: Panel, weeks: Sequence[int], grid: Grid, relations: PairRelations) -> HeldRelations:
    """Compare the known pairs with the counts of some weeks, beside what both items have with everything else there.

    Args:
        panel: purchases and trips.
        weeks: week indices inside the panel, best ones that no fit has seen.
        grid: week -> ((U, I) purchase probabilities, (U,) visit probabilities), as forecast before that week.
        relations: fitted elsewhere.
    """
    known = relations.known()
    counts = count_pairs(panel, weeks, grid, min_purchases=1, max_items=panel.n_items)
    null = fit_prior(counts, panel.items.category[counts.items]).null.exp() * counts.expected
    place = np.full(panel.n_items, -1, np.int64)
    place[counts.items] = np.arange(len(counts.items))
    one, other = place[known.first], place[known.second]
    both = (one >= 0) & (other >= 0)
    excess = known.gamma.astype(np.float64) - known.background
    return HeldRelations(
        is_complement=excess > 0,
        told=np.where(both, null.numpy()[one, other], 0.0).astype(np.float64),
        seen=np.where(both, counts.adjusted.numpy()[one, other], 0.0).astype(np.float64),
        surprise=np.abs(excess) / known.standard_error,
    )
