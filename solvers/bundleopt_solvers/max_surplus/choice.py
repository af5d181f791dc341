"""The choice rule: who buys what at given prices, in exact cents."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.max_surplus.problem import Cents, WillingnessProblem

NOT_OFFERED = -1


def choices(problem: WillingnessProblem, price: Cents) -> tuple[npt.NDArray[np.int64], Cents]:
    """Bundle (S,) that each segment buys, -1 for nothing, and its surplus (S,) in cents.

    Ties go to what earns the seller most, then to the bundle listed first; nothing earns 0.
    """
    offered = price >= 0
    surplus = np.where(offered, problem.willingness - price, -1)
    best = np.maximum(surplus.max(axis=1, initial=0), 0)
    earned = np.where(offered & (surplus == best[:, None]), price - problem.cost, np.iinfo(np.int64).min // 2)
    bundle = earned.argmax(axis=1)
    margin = earned[np.arange(len(bundle)), bundle]
    # at a surplus of 0 a segment may as well buy nothing, which the seller prefers to selling at a loss
    is_nothing = (margin < -(10**17)) | ((best == 0) & (margin < 0))
    return np.where(is_nothing, -1, bundle).astype(np.int64), best.astype(np.int64)


def profit(problem: WillingnessProblem, price: Cents) -> float:
    """Money earned at `price` (B,)."""
    bundle, _ = choices(problem, price)
    sold = bundle >= 0
    return float((problem.size[sold] * (price - problem.cost)[bundle[sold]]).sum() / 100.0)
