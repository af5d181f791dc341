"""Complementarity and substitution from the log: gamma of item pairs, fitted by likelihood in the joint law.

Not a lift: what an item's popularity, the customer's taste, the week's prices and the chance of a visit explain is in
the forecast x = P(i | visit) that the observed co-purchases are compared with. Steps: adjusted and expected counts of
all pairs (one Gram product a week), a prior from items and categories, Gamma-Poisson start, Newton steps in the exact
pair law for well supported pairs, Benjamini-Hochberg test, and the list. See VALUATION.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_data.errors import UsageError
from bundleopt_data.panel import Panel
from bundleopt_models.forecast import PairRelations
from bundleopt_models.relation_counts import Grid, PairCounts, count_pairs
from bundleopt_models.relation_newton import PairEstimates, refine
from bundleopt_models.relation_prior import PairPrior, fit_prior
from bundleopt_models.relation_shrinkage import shrink


@dataclass(frozen=True)
class RelationSettings:
    """Settings of `fit_relations`.

    Attributes:
        false_discovery: share of false complements and substitutes among the significant ones.
        top_per_item: pairs listed per item beside the significant ones, those that move most expected co-purchases.
        min_purchases: customer-weeks in which an item must be bought to take part.
        max_items: most items that take part.
        min_expected: co-purchases a pair must be expected to have to be tested or listed; says nothing of the outcome.
        exact_expected: pairs expected at least so often get Newton steps in the exact law.
        newton_steps: at most so many; most pairs need one.
    """

    false_discovery: float = 0.05
    top_per_item: int = 50
    min_purchases: int = 15
    max_items: int = 5000
    min_expected: float = 1.0
    exact_expected: float = 20.0
    newton_steps: int = 4

    @classmethod
    def fast(cls) -> RelationSettings:
        """Half the time: fewer rare items, exact steps for fewer pairs."""
        return cls(min_purchases=25, max_items=3000, exact_expected=40.0, newton_steps=3)


def fit_relations(
    panel: Panel, weeks: Sequence[int], grid: Grid, settings: RelationSettings | None = None
) -> PairRelations:
    """Fit gamma on the customer-weeks of `weeks` that have a visit.

    Args:
        panel: purchases and trips.
        weeks: week indices of the panel, best the ones that the forecast was not fitted on.
        grid: week -> ((U, I) purchase probabilities, (U,) visit probabilities), as forecast before that week.
        settings: None for the defaults.

    Raises:
        UsageError: no week is given, or one lies outside the panel.
    """
    settings = settings or RelationSettings()
    if not len(weeks) or min(weeks) < 0 or max(weeks) >= panel.n_weeks:
        raise UsageError(f"relations need weeks inside 0..{panel.n_weeks - 1}, not {list(weeks)!r}")
    counts = count_pairs(panel, weeks, grid, min_purchases=settings.min_purchases, max_items=settings.max_items)
    if len(counts.items) < 2:
        return no_relations()
    prior = fit_prior(counts, panel.items.category[counts.items])
    estimates = _estimate(counts, prior, settings)
    significant = _significant(counts, prior, estimates, settings.false_discovery)
    return _listed(counts, estimates, significant, settings.top_per_item)


def no_relations() -> PairRelations:
    """Independence: what is known where nothing could be counted."""
    none = np.zeros(0, np.int32)
    return PairRelations(none, none, np.zeros(0, np.float32), np.zeros(0, np.float32), 0.0, np.zeros(0, np.bool_))


def _estimate(counts: PairCounts, prior: PairPrior, settings: RelationSettings) -> PairEstimates:
    """Gamma-Poisson posterior of every supported pair, then exact steps where chances are large."""
    supported = torch.triu(counts.expected * prior.null.exp() >= settings.min_expected, diagonal=1)
    first, second = supported.nonzero(as_tuple=True)
    mean = prior.mean[first, second].double()
    told = counts.expected[first, second].double() * mean.exp()
    seen = counts.adjusted[first, second].double().clamp_min(0.0)
    posterior = shrink(seen, told)
    mean = counts.background + mean
    start = PairEstimates(first, second, mean + posterior.ratio.log(), seen + posterior.strength)
    exact = (told >= settings.exact_expected).nonzero()[:, 0]
    part = PairEstimates(first[exact], second[exact], start.gamma[exact], start.information[exact])
    better = refine(counts, part, mean[exact], posterior.strength[exact], settings.newton_steps)
    start.gamma[exact], start.information[exact] = better.gamma, better.information
    return start


def _significant(
    counts: PairCounts, prior: PairPrior, pairs: PairEstimates, false_discovery: float
) -> npt.NDArray[np.bool_]:
    """Two-sided Poisson test of the adjusted count against the null of no relation, Benjamini-Hochberg corrected."""
    null = (counts.expected * prior.null.exp())[pairs.first, pairs.second].double()
    seen = counts.adjusted[pairs.first, pairs.second].double().clamp_min(1e-6)
    above = torch.special.gammainc(seen, null)
    below = torch.special.gammaincc(seen + 1.0, null)
    p_value = (2.0 * torch.minimum(above, below)).clamp(max=1.0).numpy()
    return benjamini_hochberg(p_value, false_discovery)


def benjamini_hochberg(p_value: npt.NDArray[np.float64], share: float) -> npt.NDArray[np.bool_]:
    """Which hypotheses to reject so that at most `share` of the rejected are true (1995, 10.1111/j.2517-6161.1995)."""
    ordered = np.sort(p_value)
    passed = np.flatnonzero(ordered <= share * np.arange(1, len(ordered) + 1) / max(1, len(ordered)))
    limit = ordered[passed[-1]] if len(passed) else -1.0
    return p_value <= limit


def _listed(counts: PairCounts, pairs: PairEstimates, significant: npt.NDArray[np.bool_], top: int) -> PairRelations:
    """The significant pairs, and for each item those that move the most expected co-purchases."""
    first, second = pairs.first.numpy(), pairs.second.numpy()
    gamma = pairs.gamma.numpy()
    told = counts.expected.numpy()[first, second]
    weight = told * np.abs(np.expm1(gamma - counts.background))
    keep = significant | _top_of_either(first, second, weight, top)
    return PairRelations(
        first=counts.items[first[keep]].astype(np.int32),
        second=counts.items[second[keep]].astype(np.int32),
        gamma=gamma[keep].astype(np.float32),
        standard_error=(1.0 / np.sqrt(pairs.information.numpy()[keep])).astype(np.float32),
        background=counts.background,
        significant=significant[keep],
        fullness=counts.fullness,
    )


def _top_of_either(
    first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], weight: npt.NDArray[np.float64], top: int
) -> npt.NDArray[np.bool_]:
    """True where a pair is among the `top` heaviest of one of its two items."""
    item, pair = np.concatenate([first, second]), np.tile(np.arange(len(first)), 2)
    order = np.lexsort((pair, -weight[pair], item))
    item, pair = item[order], pair[order]
    rank = np.arange(len(item)) - np.searchsorted(item, item)
    keep = np.zeros(len(first), dtype=np.bool_)
    keep[pair[rank < top]] = True
    return keep
