"""Which lift a control group can show, before anything is spent on it.

The lift of W weeks is the difference of two means of customers' weekly spend, noise taken out by what each spent
before. A customer's week has the residual variance v, of which b stays from week to week, so that the mean of W weeks
has b + (v - b) / W. With n customers, a share h of them held out:

    smallest lift found in 80 of 100 campaigns = (z_0.975 + z_0.8) sqrt((b + (v - b) / W) (1 / (n h) + 1 / (n (1 - h))))

The share needed for a lift d solves the same for h: h (1 - h) = (z_0.975 + z_0.8)^2 (b + (v - b) / W) / (n d^2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

SIGNIFICANCE, POWER = 0.05, 0.80
MOST_WEEKS = 104
"""Weeks beyond which nobody waits for an answer."""


@dataclass(frozen=True)
class SpendNoise:
    """Weekly spend of customers as an experiment sees it. Money per customer and week, or its square.

    Attributes:
        customers: n. mean: weekly spend. raw_variance: between customers, of one week.
        variance: v, what is left of it when spend before is known. lasting: b, the part that stays, in [0, v].
    """

    customers: int
    mean: float
    raw_variance: float
    variance: float
    lasting: float

    def of_mean(self, weeks: int) -> float:
        """Variance of the mean of so many weeks."""
        return self.lasting + (self.variance - self.lasting) / weeks


def measure_noise(spend: Values, before: Values) -> SpendNoise:
    """Measure the noise on weeks without an experiment.

    Args:
        spend: (W, U) of the last weeks, at least two for the lasting part.
        before: (U,) mean weekly spend of the weeks before those.
    """
    weeks, customers = spend.shape
    centred = before - before.mean()
    theta = float((spend.mean(axis=0) @ centred) / max(float(centred @ centred), 1e-300))
    residual = spend - spend.mean(axis=1, keepdims=True) - theta * centred[None, :]
    freedom = max(customers - 2, 1)
    variance = float((residual**2).sum()) / (weeks * freedom)
    lasting = 0.0
    if weeks > 1:
        # Products of a customer's different weeks: what counting and chance add is gone from their mean.
        total = residual.sum(axis=0)
        crossed = float((total**2).sum() - (residual**2).sum())
        lasting = crossed / (weeks * (weeks - 1) * freedom)
    raw = float(spend.var(axis=1, ddof=1).mean()) if customers > 1 else 0.0
    return SpendNoise(customers, float(spend.mean()), raw, variance, min(max(lasting, 0.0), variance))


def detectable_lift(noise: SpendNoise, share: float, weeks: int = 1) -> float:
    """Return the smallest lift per treated customer and week that is found in 80 of 100 campaigns, money.

    Args:
        noise: of weekly spend.
        share: held out, in (0, 1).
        weeks: pooled, the same customers held out in all of them.
    """
    people = 1.0 / (noise.customers * share) + 1.0 / (noise.customers * (1.0 - share))
    return _reach() * math.sqrt(noise.of_mean(weeks) * people)


def share_needed(noise: SpendNoise, lift: float, weeks: int = 1) -> float | None:
    """Return the smallest share to hold out for a lift per treated customer and week; None where no share is enough."""
    if lift <= 0:
        return None
    product = _reach() ** 2 * noise.of_mean(weeks) / (noise.customers * lift**2)
    return None if product > 0.25 else (1.0 - math.sqrt(1.0 - 4.0 * product)) / 2.0


def weeks_needed(noise: SpendNoise, share: float, lift: float) -> int | None:
    """Return how many weeks to pool before a lift is found; None where two years are not enough."""
    for weeks in range(1, MOST_WEEKS + 1):
        if lift > 0 and detectable_lift(noise, share, weeks) <= lift:
            return weeks
    return None


def power_document(noise: SpendNoise, share: float, lift: float) -> dict[str, Any]:
    """Return what `plan.json` says of the power of a holdout.

    Args:
        noise: of weekly spend.
        share: held out.
        lift: expected per treated customer and week, money.
    """
    kept = noise.variance / noise.raw_variance if noise.raw_variance > 0 else 1.0
    return {
        "significance": SIGNIFICANCE,
        "power": POWER,
        "mean_weekly_spend": round(noise.mean, 4),
        "variance_left": round(kept, 4),
        "expected_lift": round(lift, 4),
        "detectable_lift": {str(weeks): round(detectable_lift(noise, share, weeks), 4) for weeks in (1, 4, 12)},
        "weeks_needed": weeks_needed(noise, share, lift),
        "share_needed": {str(weeks): share_needed(noise, lift, weeks) for weeks in (1, 4, 12)},
    }


def _reach() -> float:
    normal = NormalDist()
    return normal.inv_cdf(1.0 - SIGNIFICANCE / 2) + normal.inv_cdf(POWER)
