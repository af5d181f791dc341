"""A bound for all pairs of the catalogue, from a bound for the candidates: pairs outside are judged at its prices.

Let `lagrangian` be the headline bound's formula over the candidates at some prices, with the best menu's k-th score as
`threshold` (0 where the menu isn't full). A pair outside the candidates has the score

    score_o = sum_u (value_uo - budget price * spend_uo - slot_u - toll_ui - toll_uj)^+ - fixed cost

at its best price, where the prices of other rules are left out, which only raises it as long as they are of the kind
"use <= limit" with use >= 0. A menu with such pairs is worth at most lagrangian + the sum of (score - threshold) over
them, so

    no plan over candidates and pairs is worth more than max(bound of the candidates, lagrangian + gain),
    gain = sum of the `max_bundles` largest positive (score - threshold), or the largest one where none is positive.

The second term speaks of plans with at least one pair from outside. Pairs whose screened bound (`candidate_screen`)
is not above the threshold need not be valued; those that are not valued in time count with their screened bound.

Letters: `U` customers, `I` items, `D` price ratios, `n` pairs at hand.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_solvers.candidate_inputs import CandidateInputs, CandidateSettings
from bundleopt_solvers.candidate_money import ItemMoney, item_money
from bundleopt_solvers.candidate_value import EDGE, PairTable, pair_ratio

Floats64 = npt.NDArray[np.float64]
Pairs = npt.NDArray[np.int64]
CELLS_PER_CHUNK = 1 << 18
# Values are float64 sums over customers of a few products; so much of their absolute terms is granted to rounding.
ROUNDING = 1e-11


@dataclass(frozen=True)
class PairPrices:
    """Prices that customers' offers bear, all >= 0.

    Attributes:
        budget: money per unit of promo spend. fixed_cost: money per bundle on the menu.
        slot: (U,) money per offer to a customer. toll: (I, U) money per offer with an item; 0 where it has no price.
    """

    budget: float
    fixed_cost: float
    slot: Floats64
    toll: Floats64


@dataclass(frozen=True)
class FamilyBound:
    """What is proven for candidates and pairs together.

    Attributes:
        bound: money. gain: money that pairs from outside may add to the Lagrangian bound, negative where they can't.
        pairs, score: (n, 2) and (n,) pairs from outside that score above the threshold, best first.
        valued, left: pairs that were valued, and pairs that count with their screened bound for lack of time.
    """

    bound: float
    gain: float
    pairs: Pairs
    score: Floats64
    valued: int
    left: int


@dataclass(frozen=True)
class Restricted:
    """The proven bound of the candidates, the Lagrangian bound at the prices, and the menu's limit and last score."""

    bound: float
    lagrangian: float
    threshold: float
    max_bundles: int


class Scorer(Protocol):
    """Anything that knows the scores of pairs, or bounds on them."""

    def scores(self, pairs: Pairs) -> Floats64:
        """(n,) money for (n, 2) item codes."""
        ...


class PairScorer:
    """Scores of pairs at given prices, by Plackett's law, in float64."""

    def __init__(self, inputs: CandidateInputs, settings: CandidateSettings, prices: PairPrices) -> None:
        self._money: ItemMoney = item_money(inputs, settings)
        self._prices, self._reach, self._salience = prices, inputs.reach, inputs.salience
        self._visit = torch.as_tensor(inputs.visit).double()
        chance = torch.as_tensor(inputs.probability).T.contiguous().double()
        inside = torch.where(self._visit > 0, chance / self._visit.clamp_min(1e-12), 0.0)
        self._conditional = inside.clamp_(0, 1 - EDGE)
        self._slope = torch.as_tensor(inputs.slope).T.contiguous().double()
        self._lift = torch.as_tensor(inputs.price_lift.T.copy())
        self._outside = None if inputs.outside is None else torch.as_tensor(inputs.outside).T.contiguous().double()
        self._toll = torch.as_tensor(prices.toll)
        self._slot = torch.as_tensor(prices.slot)
        self._gamma = PairTable(inputs)
        self._shift = torch.zeros(1) if inputs.pair_shift is None else torch.as_tensor(inputs.pair_shift).double()

    def scores(self, pairs: Pairs) -> Floats64:
        """(n,) money, the best admissible price; -fixed cost where none is worth anything."""
        step = max(1, CELLS_PER_CHUNK // max(1, len(self._visit)))
        parts = [self._chunk(pairs[start : start + step]) for start in range(0, len(pairs), step)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _chunk(self, pairs: Pairs) -> Floats64:
        codes = torch.as_tensor(pairs)
        first, second = (self._conditional[codes[:, k]] for k in (0, 1))
        gamma = torch.as_tensor(self._gamma.of(pairs[:, 0], pairs[:, 1]))[:, None] + self._shift
        both = torch.minimum(first * second * pair_ratio(first, second, gamma), torch.minimum(first, second))
        toll = self._slot + self._toll[codes[:, 0]] + self._toll[codes[:, 1]]
        base = self._unpriced(codes, (first, second), both)
        best = torch.zeros(len(pairs), dtype=torch.float64)
        for place in range(len(self._money.ratios)):
            allowed = self._money.admissible(place, codes)
            if bool(allowed.any()):
                best = torch.maximum(best, self._priced(codes, (both, base, toll), place) * allowed)
        return np.asarray(best.numpy() - self._prices.fixed_cost)

    def _unpriced(self, codes: torch.Tensor, owned: tuple[torch.Tensor, ...], both: torch.Tensor) -> torch.Tensor:
        """(n, U) outside less kept: what does not depend on the price."""
        shelf = self._money.shelf.double()[codes]
        total = both * shelf.sum(1, keepdim=True)
        for k, chance in enumerate(owned):
            total = total - chance * shelf[:, k, None]
            if self._outside is not None:
                total = total + (1 - chance) * self._outside[codes[:, k]]
        return total

    def _priced(
        self, codes: torch.Tensor, cells: tuple[torch.Tensor, torch.Tensor, torch.Tensor], place: int
    ) -> torch.Tensor:
        """(n,) sums of positive reduced values at one ratio, rounding granted."""
        both, base, toll = cells
        lift = self._lift[place]
        log = sum(self._slope[codes[:, k]] * lift[codes[:, k], None] for k in (0, 1)) + float(np.log(self._salience))
        raised = torch.expm1(torch.as_tensor(log).clamp(max=60.0)) * both
        gain, redeemed = raised / (1 + raised), (raised + both) / (1 + raised)
        earned = self._money.earned[place].double()[codes].sum(1, keepdim=True)
        given = self._money.shelf.double()[codes].sum(1, keepdim=True) - earned
        spend = self._money.spend[place].double()[codes].sum(1, keepdim=True)
        value = gain * (base + earned * (1 - both)) - both * given - self._prices.budget * spend * redeemed
        size = gain * (base.abs() + earned.abs()) + both * given.abs()
        reduced = self._reach * value * self._visit - toll
        return reduced.clamp_min(0).sum(1) + ROUNDING * self._reach * (size @ self._visit)


def bound_family(
    scorer: Scorer,
    outside: tuple[Pairs, Floats64, float],
    restricted: Restricted,
    *,
    seconds: float = float("inf"),
    progress: Callable[[float], None] = lambda _share: None,
) -> FamilyBound:
    """Bound all plans over the candidates and the pairs outside them.

    Args:
        scorer: values pairs at the prices of the restricted bound.
        outside: pairs (n, 2) that are no candidates, their screened bounds (n,), and a bound on every other pair.
        restricted: bounds over the candidates.
        seconds: after which the rest counts with its screened bound.
        progress: told the share of pairs valued.
    """
    pairs, screened, rest = outside
    order = np.argsort(-screened, kind="stable")
    order = order[screened[order] > restricted.threshold]
    score, valued, start = screened.astype(np.float64).copy(), 0, time.monotonic()
    while valued < len(order) and time.monotonic() - start <= seconds:
        part = order[valued : valued + 512]
        score[part] = np.minimum(score[part], scorer.scores(pairs[part]))
        valued += len(part)
        progress(valued / len(order))
    ranked = order[np.argsort(-score[order], kind="stable")]
    above = ranked[score[ranked] > restricted.threshold]
    gain = _gain(score, rest, restricted)
    bound = max(restricted.bound, restricted.lagrangian + gain)
    return FamilyBound(bound, gain, pairs[above], score[above], valued, len(order) - valued)


def _gain(score: Floats64, rest: float, restricted: Restricted) -> float:
    """The most that pairs from outside add, every place of the menu open to a pair that is not in the list."""
    top = np.sort(np.append(score, np.full(restricted.max_bundles, rest)))[::-1][: restricted.max_bundles]
    excess = top - restricted.threshold
    if not len(excess):
        return -np.inf
    return float(excess[excess > 0].sum()) if excess[0] > 0 else float(excess[0])
