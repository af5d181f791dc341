"""Intervals of a campaign's outcome around its expectation.

Each offer is redeemed or not: a Bernoulli trial with the offer's probability, independent between offers. A total is
a weighted sum of those trials. Its first three cumulants are exact; its quantiles follow by the expansion of

    Cornish & Fisher (1938), Revue de l'Institut International de Statistique 5(4), doi:10.2307/1400905

to the skewness term, cut to the range that the total can take. The interval covers the sampling of redemptions
only: how wrong the forecast itself may be is not in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

COVERS = "sampling of redemptions only; the uncertainty of the forecast itself is not included"


@dataclass(frozen=True)
class Interval:
    """A central interval of the outcome with probability `level`."""

    low: float
    high: float
    level: float


def outcome_interval(probability: Array, amount: Array, *, level: float, offset: float = 0.0) -> Interval:
    """Return the interval of `offset + sum of amount x Bernoulli(probability)`.

    Args:
        probability: (F,) in [0, 1].
        amount: (F,) what one redemption adds, any sign.
        level: in (0, 1).
        offset: a constant that is not random.
    """
    mean = float(np.sum(probability * amount)) + offset
    variance = float(np.sum(probability * (1 - probability) * amount**2))
    if variance <= 0:
        return Interval(mean, mean, level)
    deviation = variance**0.5
    third = float(np.sum(probability * (1 - probability) * (1 - 2 * probability) * amount**3))
    skewness = third / deviation**3
    least = offset + float(np.sum(np.minimum(amount, 0)))
    most = offset + float(np.sum(np.maximum(amount, 0)))
    low, high = (
        min(max(mean + deviation * _quantile(share, skewness), least), most)
        for share in ((1 - level) / 2, (1 + level) / 2)
    )
    # The expansion may cross the mean when a handful of redemptions is expected; an interval holds its own mean.
    return Interval(min(low, mean), max(high, mean), level)


def amount_per_redemption(expected: Array, probability: Array) -> Array:
    """Return what one redemption adds if the expectation is `expected`; 0 where nobody ever redeems."""
    amount = np.zeros_like(expected)
    np.divide(expected, probability, out=amount, where=probability > 0)
    return amount


def _quantile(share: float, skewness: float) -> float:
    z = NormalDist().inv_cdf(share)
    return z + (z * z - 1) * skewness / 6
