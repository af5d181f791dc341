"""What given bundles earn: the value of an offer per customer, positive parts summed over customers.

The value is the formula of `candidate_screen` given a visit, times P(visit): an offer brings no visit. Pairs use
Plackett's closed form. Larger bundles use Kirkwood's closure of the pair law (Kirkwood 1935, doi:10.1063/1.1749657),
P(b | visit) = prod_i x_i prod_(i<j) P(ij) / (x_i x_j): exact where items are independent, otherwise close enough to
choose what is worth valuing exactly. The effect of an offer outside the bundle is counted as if all of it were outside,
which only matters for the order of candidates.

Letters: `U` customers, `I` items, `D` price ratios, `L` budget prices, `K` items of a bundle, `n` bundles at hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_solvers.candidate_inputs import CandidateInputs, CandidateSettings
from bundleopt_solvers.candidate_money import ItemMoney

CELLS_PER_CHUNK = 1 << 19
# Conditional chances stay inside (0, 1), so that odds exist.
EDGE = 1e-7
MAX_LOG_MULTIPLIER = 40.0


@dataclass(frozen=True)
class BundleScores:
    """Scores of n bundles of one size.

    Attributes:
        items: (n, K) item codes, ascending.
        score: (L, n) money, 0 where no price is admissible.
        best_step: (n,) position of the ratio of `score[0]`, -1 where no price is admissible.
        support: (n,) expected customers a week who buy the whole bundle at shelf prices.
    """

    items: npt.NDArray[np.int64]
    score: npt.NDArray[np.float64]
    best_step: npt.NDArray[np.int64]
    support: npt.NDArray[np.float64]

    def where(self, kept: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> BundleScores:
        """The rows in `kept`."""
        return BundleScores(self.items[kept], self.score[:, kept], self.best_step[kept], self.support[kept])


class BundleValuer:
    """Values bundles of any size; holds the inputs transposed, so that a bundle's rows are contiguous."""

    def __init__(self, inputs: CandidateInputs, settings: CandidateSettings, money: ItemMoney) -> None:
        self._money = money
        self._prices = settings.budget_prices
        self._reach = inputs.reach
        self._log_salience = float(np.log(inputs.salience))
        self._visit = torch.as_tensor(inputs.visit)
        probability = torch.as_tensor(inputs.probability).T.contiguous()
        conditional = torch.where(self._visit > 0, probability / self._visit.clamp_min(1e-12), 0.0)
        self._conditional = conditional.clamp_(0, 1 - EDGE)
        self._slope = torch.as_tensor(inputs.slope).T.contiguous()
        self._lift = torch.as_tensor(inputs.price_lift.T.astype(np.float32).copy())
        self._outside = None if inputs.outside is None else torch.as_tensor(inputs.outside).T.contiguous()
        self._gamma = PairTable(inputs)
        self._shift = torch.zeros(1) if inputs.pair_shift is None else torch.as_tensor(inputs.pair_shift)

    def scores(self, items: npt.NDArray[np.int64]) -> BundleScores:
        """Value (n, K) bundles for all customers at all ratios."""
        step = max(1, CELLS_PER_CHUNK // max(1, len(self._visit)))
        parts = [self._chunk(items[start : start + step]) for start in range(0, max(len(items), 1), step)]
        return BundleScores(
            items=items,
            score=np.concatenate([part[0] for part in parts], axis=1),
            best_step=np.concatenate([part[1] for part in parts]),
            support=np.concatenate([part[2] for part in parts]),
        )

    def _chunk(
        self, items: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        codes = torch.as_tensor(items)
        marginal = [self._conditional[codes[:, k]] for k in range(items.shape[1])]
        both = self._joint(items, marginal)
        base = self._unpriced(codes, marginal, both)
        score = torch.zeros((len(self._prices), len(items)), dtype=torch.float64)
        best = torch.full((len(items),), -1)
        for place in range(len(self._money.ratios)):
            allowed = self._money.admissible(place, codes)
            if not bool(allowed.any()):
                continue
            gains = self._priced(codes, both, base, place).mul_(allowed)
            best = torch.where((gains[0] > score[0]) | ((best < 0) & allowed), place, best)
            torch.maximum(score, gains, out=score)
        support = (both @ self._visit).double()
        return score.mul_(self._reach).numpy(), best.numpy(), support.numpy()

    def _joint(self, items: npt.NDArray[np.int64], marginal: Sequence[torch.Tensor]) -> torch.Tensor:
        """(n, U) P(b | visit), at most the smallest marginal and pair."""
        if items.shape[1] == 1:
            return marginal[0].clone()
        joint, least = marginal[0].clone(), marginal[0].clone()
        for x in marginal[1:]:
            joint.mul_(x)
            torch.minimum(least, x, out=least)
        for i, j in combinations(range(items.shape[1]), 2):
            gamma = torch.as_tensor(self._gamma.of(items[:, i], items[:, j]).astype(np.float32))
            joint.mul_(pair_ratio(marginal[i], marginal[j], gamma[:, None] + self._shift))
        return torch.minimum(joint, least)

    def _unpriced(self, codes: torch.Tensor, owned: Sequence[torch.Tensor], both: torch.Tensor) -> torch.Tensor:
        """(n, U) outside less kept: what does not depend on the price."""
        total = both * self._money.shelf[codes].sum(1, keepdim=True)
        for k, chance in enumerate(owned):
            total.addcmul_(chance, self._money.shelf[codes[:, k], None], value=-1)
            if self._outside is not None:
                total.addcmul_(1 - chance, self._outside[codes[:, k]])
        return total

    def _priced(self, codes: torch.Tensor, both: torch.Tensor, base: torch.Tensor, place: int) -> torch.Tensor:
        """(L, n) sums of positive values at one ratio."""
        log_multiplier = torch.full_like(both, self._log_salience)
        for k in range(codes.shape[1]):
            log_multiplier.addcmul_(self._slope[codes[:, k]], self._lift[place, codes[:, k], None])
        raised = log_multiplier.clamp_(max=MAX_LOG_MULTIPLIER).expm1_().mul_(both)
        gain = raised / (1 + raised)
        redeemed = (raised + both) / (1 + raised)
        earned = self._money.earned[place][codes].sum(1, keepdim=True)
        given = self._money.shelf[codes].sum(1, keepdim=True) - earned
        value = gain.mul_(base + earned * (1 - both)).sub_(both * given)
        spend = self._money.spend[place][codes].sum(1, keepdim=True)
        return torch.stack(
            [
                (value - price * spend * redeemed).clamp_min_(0).mul_(self._visit).sum(1, dtype=torch.float64)
                for price in self._prices
            ]
        )


def pair_ratio(first: torch.Tensor, second: torch.Tensor, gamma: torch.Tensor) -> torch.Tensor:
    """P(ij) / (P(i) P(j)) of the 2 x 2 table with these marginals and log odds ratio (Plackett 1965).

    The root that is a probability, written so that nothing cancels.
    """
    excess = torch.expm1(gamma)
    linear = 1 + excess * (first + second)
    either = first * (1 - second) + second * (1 - first)
    root = (1 + 2 * excess * either + (excess * (first - second)).square()).clamp_min(0).sqrt()
    conjugate = 2 * (1 + excess) / (linear + root)
    if not bool((excess < 0).any()):
        return conjugate
    direct = (linear - root) / (2 * excess * first * second).clamp(max=-1e-30)
    return torch.where(linear > 0, conjugate, direct)


class PairTable:
    """Log odds ratios by pair, by search in sorted keys."""

    def __init__(self, inputs: CandidateInputs) -> None:
        self._span = len(inputs.shelf_price)
        keys = self._keys(inputs.related_first.astype(np.int64), inputs.related_second.astype(np.int64))
        order = np.argsort(keys, kind="stable")
        self._keys_sorted, self._values = keys[order], inputs.gamma[order].astype(np.float64)
        self._background = inputs.background

    def of(self, one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """(n,) gamma of the pairs (one, other)."""
        if not len(self._keys_sorted):
            return np.full(len(one), self._background)
        keys = self._keys(one, other)
        place = np.minimum(np.searchsorted(self._keys_sorted, keys), len(self._keys_sorted) - 1)
        return np.where(self._keys_sorted[place] == keys, self._values[place], self._background)

    def _keys(self, one: npt.NDArray[np.int64], other: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return np.minimum(one, other) * self._span + np.maximum(one, other)
