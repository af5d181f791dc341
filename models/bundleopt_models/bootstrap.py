"""Paired comparison of two models over households: the same resampled customers for both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

DRAWS = 400


@dataclass(frozen=True)
class PairedDifference:
    """Relative difference of a summed loss to a reference's, its standard error over customers, and their ratio.

    A negative difference is a gain. z is the difference over its error; 0 where both are 0.
    """

    difference: float
    error: float
    z: float


def paired_difference(loss: Doubles, reference: Doubles, *, draws: int = DRAWS, seed: int = 1) -> PairedDifference:
    """Compare (U,) summed losses by a bootstrap over customers (Efron 1979), those without any loss left out.

    Every draw weighs customers as n draws with replacement would; the reference's total stays that of all customers,
    so that the error is that of the difference alone.
    """
    size = max(len(loss), len(reference))
    left, right = (np.pad(part, (0, size - len(part))) for part in (loss, reference))
    active = np.flatnonzero((left != 0) | (right != 0))
    total = float(right[active].sum())
    if len(active) < 2 or total == 0:
        return PairedDifference(float("nan"), float("nan"), float("nan"))
    gap = (left - right)[active]
    counts = np.random.default_rng(seed).multinomial(len(active), np.full(len(active), 1 / len(active)), draws)
    error = float((counts @ gap / total).std())
    difference = float(gap.sum() / total)
    return PairedDifference(difference, error, difference / error if error > 0 else 0.0)
