"""What a pair's gamma is expected to be before its own purchases are looked at.

    prior mean of gamma_ij = background + m_ij,      m_ij = s_i + s_j + t_{category i, category j}

`background` is what all pairs share (`PairCounts.background`; expected counts hold each customer-week's part in it),
s_i an item's part in it (a symmetric term of rank two), t what two categories have to do with each other. Both are
ratios of adjusted to expected counts, shrunk by pseudo counts. Further symmetric factors were tried and lost on
held-out weeks: VALUATION.md.

Letters: `A` items, `C` categories.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_models.relation_counts import PairCounts

# Pseudo counts of co-purchases; measured on held-out weeks of grocery data (VALUATION.md).
ITEM_COUNTS = 300.0
CATEGORY_COUNTS = 20.0
ITEM_ROUNDS = 3
# No item or category moves the odds by more than this factor.
MAX_EFFECT = 1.5


@dataclass(frozen=True)
class PairPrior:
    """See the formula above.

    Attributes:
        item_effect: (A,) s. null: (A, A) s_i + s_j. mean: (A, A) m.
    """

    item_effect: torch.Tensor
    null: torch.Tensor
    mean: torch.Tensor


def fit_prior(counts: PairCounts, category: npt.NDArray[np.int32]) -> PairPrior:
    """Estimate the prior of all pairs.

    Args:
        counts: of A items.
        category: (A,) codes.
    """
    expected, adjusted = counts.expected, counts.adjusted
    effect = _item_effects(expected, adjusted)
    null = effect[:, None] + effect[None, :]
    codes = np.unique(category, return_inverse=True)[1].reshape(-1)
    member = torch.zeros(int(codes.max(initial=0)) + 1, len(codes))
    member[torch.as_tensor(codes), torch.arange(len(codes))] = 1.0
    between = _log_ratio(member @ adjusted @ member.T, member @ (expected * null.exp()) @ member.T, CATEGORY_COUNTS)
    row = torch.as_tensor(codes)
    mean = null + between[row][:, row]
    return PairPrior(effect, null, mean)


def _item_effects(expected: torch.Tensor, adjusted: torch.Tensor) -> torch.Tensor:
    """(A,) s such that every item's sum of adjusted counts is met, shrunk towards 0."""
    effect = torch.zeros(expected.shape[0])
    seen = adjusted.sum(1)
    for _ in range(ITEM_ROUNDS):
        told = (expected @ effect.exp()) * effect.exp()
        effect = effect + 0.5 * _log_ratio(seen, told, ITEM_COUNTS)
    return effect


def _log_ratio(seen: torch.Tensor, told: torch.Tensor, pseudo: float) -> torch.Tensor:
    """log((seen + pseudo) / (told + pseudo)), kept within MAX_EFFECT; adjusted counts may be negative."""
    ratio = (seen + pseudo) / (told + pseudo)
    return ratio.clamp(float(np.exp(-MAX_EFFECT)), float(np.exp(MAX_EFFECT))).log()
