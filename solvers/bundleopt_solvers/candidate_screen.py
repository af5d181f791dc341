"""Screening: a proven upper bound on what any pair of the catalogue can earn, from a few matrix products.

For customer u and pair (i, j) let P be the chance of buying both, M = M_ui M_uj the offer's multiplier, L the money
given to a certain buyer, s the promo spend of a redemption and l >= 0 the price of budget money. The offer's value is

    (M - 1) P / D [earned - kept + outside] - P L - l s M P / D,       D = 1 + (M - 1) P >= 1,

and the bracket is at most A = max(earned, 0) + sum of max(-shelf_i, 0) + sum of the largest outside gain of i. Hence

    value+ <= P ((M (A - l s) - A - max(L, 0))+ + max(-L, 0)),
    P <= exp(max(gamma, 0)) w,      w = exp(max(shift_u, 0)) q_ui q_uj / P(visit),

with shift_u what the customer adds to every pair's gamma; the second because a Plackett table with odds ratio psi >= 1
has P(ij) <= psi P(i) P(j), and one with psi <= 1 has P(ij) <= P(i) P(j). With x = M a - c, the sum over customers of
the positive parts is bounded without looking at any of them (Scarf 1958: x+ = (x + |x|) / 2 and Cauchy-Schwarz on |x|):

    sum_u w x+  <=  (sum w x + sqrt(sum w * sum w x^2)) / 2,

and sum w, sum w M, sum w M^2 are entries of three Gram matrices. The bound holds at the ratios that were screened;
rounding of the products is charged at its worst case, so that float32 is no hole in it.

Letters: `U` customers, `I` items, `D` price ratios, `L` budget prices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from bundleopt_solvers.candidate_inputs import CandidateInputs, CandidateSettings, CategoryRule
from bundleopt_solvers.candidate_money import HALF_CENT, ItemMoney

# Blocks of this many rows stay in the cache while the bound is worked out entry by entry.
ROWS_PER_BLOCK = 128
# Unit roundoff of float32 with the handful of operations on top of the products.
FLOAT32_ROUNDOFF = 2.0**-24
# exp() of more than this overflows the second moment in float32; it only happens to slopes no market has.
MAX_LOG_MULTIPLIER = 20.0


@dataclass(frozen=True)
class PairBounds:
    """Upper bounds of all pairs.

    Attributes:
        bound: (L, I, I) money, upper triangle; 0 where a rule bans the pair. screened: pairs looked at.
    """

    bound: torch.Tensor
    screened: int


def screen_pairs(
    inputs: CandidateInputs,
    settings: CandidateSettings,
    money: ItemMoney,
    progress: Callable[[float], None] = lambda _share: None,
) -> PairBounds:
    """Bound every pair of items; memory is about 4 bytes x I x I x (L + 1) and three arrays of U x I."""
    items = len(inputs.shelf_price)
    scaled, slope = _scaled_probability(inputs), torch.as_tensor(inputs.slope)
    weight = _gram(scaled)
    factor = _pair_factor(inputs, settings)
    bound = torch.zeros((len(settings.budget_prices), items, items))
    gains = _outside_gain(inputs)
    for step in range(len(money.ratios)):
        lift = torch.as_tensor(inputs.price_lift[:, step].astype(np.float32))
        multiplier = torch.exp(torch.clamp(slope * lift, max=MAX_LOG_MULTIPLIER))
        first = scaled * multiplier
        second = first * multiplier
        for rows in _blocks(items):
            moments = (weight[rows, rows.start :], *(x[:, rows].T @ x[:, rows.start :] for x in (first, second)))
            allowed = factor[rows, rows.start :] * _admissible(money, step, rows)
            for index, price in enumerate(settings.budget_prices):
                line = _Line.of_pairs(money, gains, (step, rows), price, inputs.salience)
                block = _scarf(moments, line, len(inputs.visit)).mul_(allowed)
                torch.maximum(bound[index, rows, rows.start :], block, out=bound[index, rows, rows.start :])
        progress((step + 1) / len(money.ratios))
    bound *= inputs.reach
    return PairBounds(bound=_upper(bound), screened=items * (items - 1) // 2)


@dataclass(frozen=True)
class _Line:
    """x = M slope - offset per pair of a block of rows, and what is left over; (n, m) money."""

    slope: torch.Tensor
    offset: torch.Tensor
    extra: torch.Tensor

    @classmethod
    def of_pairs(
        cls, money: ItemMoney, gains: torch.Tensor, place: tuple[int, slice], budget_price: float, salience: float
    ) -> _Line:
        step, rows = place

        def pairs(vector: torch.Tensor) -> torch.Tensor:
            return vector[rows, None] + vector[None, rows.start :]

        earned = money.earned[step]
        most = pairs(earned).clamp_min_(0).add_(pairs((-money.shelf).clamp_min(0) + gains))
        given = pairs(money.shelf - earned)
        slope = (most - budget_price * pairs(money.spend[step])).mul_(salience)
        return cls(slope=slope.clamp_min_(0), offset=most.add_(given.clamp_min(0)), extra=given.neg_().clamp_min_(0))


def _scarf(moments: tuple[torch.Tensor, ...], line: _Line, customers: int) -> torch.Tensor:
    """The bound of the module's docstring per pair, every rounding error taken against it."""
    zero, one, two = moments
    error = (customers + 64) * FLOAT32_ROUNDOFF
    up, down = 1 + error, 1 - error
    high, low = line.slope * one, line.offset * zero
    mean = high * up - low * down
    square = line.slope * (line.slope * two * up - 2 * down * line.offset * one) + line.offset * low * up
    spread = torch.sqrt((square.clamp_min_(0) * zero * up).clamp_min_(0))
    return ((mean + spread).clamp_min_(0) * 0.5 + line.extra * zero * up).mul_(up)


def _scaled_probability(inputs: CandidateInputs) -> torch.Tensor:
    """(U, I) q sqrt(exp(max(shift, 0)) / P(visit)), 0 for who never comes."""
    visit = torch.as_tensor(inputs.visit)[:, None]
    share = torch.where(visit > 0, visit.clamp_min(1e-12).rsqrt(), torch.zeros_like(visit))
    if inputs.pair_shift is not None:
        share = share * (0.5 * torch.as_tensor(inputs.pair_shift).clamp_min(0.0)).exp()[:, None]
    return torch.as_tensor(inputs.probability) * share


def _gram(columns: torch.Tensor) -> torch.Tensor:
    gram = torch.zeros((columns.shape[1], columns.shape[1]))
    for rows in _blocks(columns.shape[1]):
        torch.mm(columns[:, rows].T, columns[:, rows.start :], out=gram[rows, rows.start :])
    return gram


def _pair_factor(inputs: CandidateInputs, settings: CandidateSettings) -> torch.Tensor:
    """(I, I) exp(max(gamma, 0)), 0 where a rule bans the pair; only the upper triangle is used."""
    items = len(inputs.shelf_price)
    factor = torch.full((items, items), float(np.exp(max(inputs.background, 0.0))))
    low = np.minimum(inputs.related_first, inputs.related_second)
    high = np.maximum(inputs.related_first, inputs.related_second)
    factor[low, high] = torch.as_tensor(np.exp(np.maximum(inputs.gamma, 0)).astype(np.float32))
    category = torch.as_tensor(inputs.category)
    if settings.category_rule is not CategoryRule.ANY:
        same = category[:, None] == category[None, :]
        factor *= same if settings.category_rule is CategoryRule.SAME else ~same
    pairs = np.sort(inputs.substitutes, axis=1)
    factor[pairs[:, 0], pairs[:, 1]] = 0
    for banned in inputs.excluded:
        if len(banned) == 2:
            factor[min(banned), max(banned)] = 0
    eligible = torch.as_tensor(inputs.eligible)
    return factor * eligible[:, None] * eligible[None, :]


def _outside_gain(inputs: CandidateInputs) -> torch.Tensor:
    """(I,) the most that an induced unit of an item earns elsewhere, over customers, at least 0."""
    if inputs.outside is None:
        return torch.zeros(len(inputs.shelf_price))
    return torch.as_tensor(inputs.outside).amax(0).clamp_min(0)


def _admissible(money: ItemMoney, step: int, rows: slice) -> torch.Tensor:
    """(n, m) whether the pairs of a block may have this price ratio."""
    price, margin, ratio = money.price, money.margin[step], money.ratios[step]
    total = price[rows, None] + price[None, rows.start :]
    allowed = torch.maximum(price[rows, None], price[None, rows.start :]) <= ratio * total + money.slack
    if not money.allow_below_cost:
        allowed &= margin[rows, None] + margin[None, rows.start :] >= -HALF_CENT
    return allowed if ratio < 1 else torch.zeros_like(allowed)


def _blocks(items: int) -> Iterator[slice]:
    for start in range(0, items, ROWS_PER_BLOCK):
        yield slice(start, min(start + ROWS_PER_BLOCK, items))


def _upper(bound: torch.Tensor) -> torch.Tensor:
    for layer in bound:
        layer.triu_(1)
    return bound
