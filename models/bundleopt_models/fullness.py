"""Fuller and emptier baskets: why all pairs of items meet more often than marginals say, and for whom most.

What a customer carries home in a week is the sum of a few trips of different size. So given a visit all purchases rise
and fall together, and the less so the more trips and items the week holds. With n expected trips given a visit and b
expected items given a visit, P(i and j) / (x_i x_j) of an unrelated pair is, where both are rare,

    psi = 1 + spread (n b)^-power,        n = -log(1 - P(visit)) / P(visit)  (trips are Poisson),        b = sum_i x_i

The shared factor is integrated out: what is left of it is a log odds ratio that every pair of the customer has in
common, and marginals stay what they are. Power 0 is one background for everybody. spread and power are fitted by two
moments, the pairs bought by all customers together and the same weighted by log(n b); what the exact pair law makes of
an odds ratio where items are not rare is averaged over pairs drawn by their chances.

Letters: `U` customers, `N` customer-weeks with a visit, `A` items, `M` drawn pairs of a customer-week.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_models.joint_law import both_probability

Reals = npt.NDArray[np.float64]

MAX_POWER = 1.5
# Ratios beyond these are no basket's; the exponent of the first is the least odds ratio of a pair.
MIN_RATIO, MAX_RATIO = 0.2, 8.0
# Customer-weeks with less than this share's n b are treated like those at it: a power law explodes at nothing.
LEAST_SHARE = 0.01
HALVINGS, ROUNDS = 40, 12
LEAST_ODDS = 1e-3
PAIRS_DRAWN = 16


@dataclass(frozen=True)
class Fullness:
    """See the formula above.

    Attributes:
        spread, power: its two numbers. least: smallest n b it is used at.
    """

    spread: float
    power: float
    least: float

    def log_odds(self, size: npt.ArrayLike) -> Reals:
        """Log odds ratio that all pairs of a customer's week share, from its n b (`week_size`)."""
        bounded = np.maximum(np.asarray(size, dtype=np.float64), self.least)
        ratio = np.clip(1.0 + self.spread * bounded**-self.power, MIN_RATIO, MAX_RATIO)
        return np.asarray(np.log(ratio), dtype=np.float64)


@dataclass(frozen=True)
class BasketMoments:
    """Sums over the pairs of items of each customer-week, x the chances given a visit and y the purchases.

    Attributes:
        size: (N,) n b. together: (N,) pairs bought. expected: (N,) sum x_i x_j.
        independent: (N,) sum x_i y_j + x_j y_i - x_i x_j, the same in expectation at independence, but right to first
            order where a chance is a little off.
        one, other: (N, M) chances of the items of pairs drawn with chance x_i x_j.
    """

    size: Reals
    together: Reals
    expected: Reals
    independent: Reals
    one: Reals
    other: Reals

    def lift(self, log_odds: Reals) -> Reals:
        """(N,) expected pairs under an odds ratio over those at independence, both in the exact pair law."""
        one, other = torch.as_tensor(self.one), torch.as_tensor(self.other)
        both = both_probability(one, other, torch.as_tensor(log_odds)[:, None])
        lift: Reals = (both / (one * other)).mean(1).numpy()
        return lift


def week_size(basket: npt.ArrayLike, visit: npt.ArrayLike) -> Reals:
    """Expected trips times expected items of a customer's week, given a visit."""
    chance = np.clip(np.asarray(visit, dtype=np.float64), 1e-9, 1.0 - 1e-6)
    return np.asarray(basket, dtype=np.float64) * (-np.log1p(-chance) / chance)


def basket_moments(
    chance: npt.NDArray[np.float32], bought: npt.NDArray[np.float32], size: Reals, seed: tuple[int, ...] = ()
) -> BasketMoments:
    """Moments of (N, A) chances given a visit, inside (0, 1), and 0/1 purchases of the same items; A is 2 or more."""

    def pairs(values: npt.NDArray[np.float32]) -> Reals:
        total = values.sum(axis=1, dtype=np.float64)
        return np.asarray(0.5 * (total**2 - np.einsum("na,na->n", values, values, dtype=np.float64)))

    count, mean = bought.sum(axis=1, dtype=np.float64), chance.sum(axis=1, dtype=np.float64)
    crossed = count * mean - np.einsum("na,na->n", chance, bought, dtype=np.float64)
    expected = pairs(chance)
    drawn = _drawn_pairs(chance, np.random.default_rng([PAIRS_DRAWN, *seed]))
    return BasketMoments(size, pairs(bought), expected, crossed - expected, *drawn)


def _drawn_pairs(chance: npt.NDArray[np.float32], random: np.random.Generator) -> tuple[Reals, Reals]:
    """Chances (N, M) of two different items each, drawn with chances in proportion to x_i x_j."""
    rows, items = chance.shape
    edge = np.cumsum(chance, axis=1, dtype=np.float64)
    edge = (edge / edge[:, -1:] + np.arange(rows)[:, None]).reshape(-1)
    start = np.arange(rows)[:, None] + random.random((rows, 2 * PAIRS_DRAWN))
    place = np.minimum(np.searchsorted(edge, start) - np.arange(rows)[:, None] * items, items - 1)
    one, other = place[:, :PAIRS_DRAWN], place[:, PAIRS_DRAWN:]
    # The same item twice is no pair: its neighbour stands in, which is rare where there are many items.
    other = np.where(one == other, (other + 1) % items, other)
    row = np.arange(rows)[:, None]
    return chance[row, one].astype(np.float64), chance[row, other].astype(np.float64)


def joined(parts: Sequence[BasketMoments]) -> BasketMoments:
    """The moments of several weeks, one after the other."""
    names = ("size", "together", "expected", "independent", "one", "other")
    return BasketMoments(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def fit_fullness(moments: BasketMoments) -> Fullness:
    """Solve the two moments in the exact pair law, by rounds of the law in which an odds ratio adds in proportion."""
    least = max(float(np.quantile(moments.size, LEAST_SHARE)), 1e-3) if len(moments.size) else 1.0
    fullness, per_odds = Fullness(0.0, 0.0, least), np.ones(len(moments.size))
    for _ in range(ROUNDS):
        fullness = _solve(moments, moments.independent * per_odds, least)
        odds = np.exp(fullness.log_odds(moments.size)) - 1.0
        far = np.abs(odds) > LEAST_ODDS
        odds = np.where(far, odds, LEAST_ODDS)
        per_odds = (moments.lift(np.log1p(odds)) - 1.0) / odds
    return fullness


def _solve(moments: BasketMoments, room: Reals, least: float) -> Fullness:
    """Spread and power where an odds ratio adds `room` times its excess over one: a power is looked for by halving."""
    size = np.maximum(moments.size, least)
    excess, log_size = moments.together - moments.independent, np.log(size)

    def spread(power: float) -> float:
        added = float((room * size**-power).sum())
        return float(excess.sum()) / added if added > 0 else 0.0

    def imbalance(power: float) -> float:
        return float((log_size * (excess - spread(power) * room * size**-power)).sum())

    # Only an excess that is there can fall with the size; without one, or rising, it is the same for everybody.
    low = high = 0.0
    if excess.sum() > 0 and imbalance(0.0) < 0.0:
        high = MAX_POWER
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if imbalance(middle) > 0.0 else (middle, high)
    return Fullness(spread(low), low, least)


def mean_lift(moments: BasketMoments, lift: Reals) -> float:
    """Lift of all pairs together: (N,) that of the customer-weeks, weighted by the pairs they are expected to buy."""
    expected = float(moments.expected.sum())
    return float((moments.expected * lift).sum() / expected) if expected > 0 else 1.0
