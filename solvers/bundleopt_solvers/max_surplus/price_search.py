"""Good prices fast: coordinate search over the prices at which a segment changes its mind.

At given prices of the others, profit as a function of one price jumps only where some segment's surplus from the
bundle equals its best other surplus. So those prices, and its ceiling, are all that need trying.
"""

from __future__ import annotations

import numpy as np

from bundleopt_solvers.max_surplus.choice import NOT_OFFERED, profit
from bundleopt_solvers.max_surplus.covers import capped
from bundleopt_solvers.max_surplus.problem import Cents, Offering, WillingnessProblem

MOST_ROUNDS = 50


def search_prices(problem: WillingnessProblem, offering: Offering) -> Cents:
    """Prices (B,) that no change of a single price improves, from several starts; the best of them."""
    if offering is Offering.PURE:
        return _best_single_price(problem)
    found = [_climb(problem, start, offering) for start in _starts(problem, offering)]
    return max(found, key=lambda price: profit(problem, price))


def _best_single_price(problem: WillingnessProblem) -> Cents:
    price = np.full(len(problem.bundles), NOT_OFFERED, np.int64)
    trials = []
    for worth in np.unique(problem.willingness[:, problem.whole]).tolist():
        trial = price.copy()
        trial[problem.whole] = worth
        trials.append(trial)
    return max(trials, key=lambda trial: profit(problem, trial))


def _starts(problem: WillingnessProblem, offering: Offering) -> list[Cents]:
    levels = [problem.ceiling, *np.quantile(problem.willingness, (0.25, 0.5, 0.75), axis=0, method="nearest")]
    starts = [_joined(problem, np.asarray(level, np.int64), offering) for level in levels]
    if offering is Offering.MIXED and all(_single(problem, one) for one in problem.bundles):
        starts.append(_climb(problem, _joined(problem, problem.ceiling, Offering.COMPONENTS), Offering.COMPONENTS))
    return starts


def _climb(problem: WillingnessProblem, price: Cents, offering: Offering) -> Cents:
    best = profit(problem, price)
    free = [b for b, one in enumerate(problem.bundles) if offering is Offering.MIXED or len(one) == 1]
    for _ in range(MOST_ROUNDS):
        before = best
        for b in free:
            for trial in _trials(problem, price, b, offering):
                worth = profit(problem, trial)
                if worth > best + 1e-9:
                    best, price = worth, trial
        if best <= before:
            break
    return price


def _trials(problem: WillingnessProblem, price: Cents, bundle: int, offering: Offering) -> list[Cents]:
    """The prices with that of `bundle` moved to every point at which a segment changes its mind."""
    others = np.delete(problem.willingness - price, bundle, axis=1)
    best_other = np.maximum(others.max(axis=1, initial=0), 0)
    points = np.unique(np.append(problem.willingness[:, bundle] - best_other, problem.ceiling[bundle]))
    trials = []
    for point in points[(points >= 0) & (points != price[bundle])].tolist():
        trial = price.copy()
        trial[bundle] = point
        trials.append(_joined(problem, trial, offering))
    return trials


def _joined(problem: WillingnessProblem, price: Cents, offering: Offering) -> Cents:
    """Prices that keep the rules: sums of components, or no dearer than their parts."""
    if offering is Offering.COMPONENTS:
        single = {one[0]: b for b, one in enumerate(problem.bundles) if len(one) == 1}
        return np.array([sum(int(price[single[item]]) for item in one) for one in problem.bundles], np.int64)
    return capped(problem.bundles, price)


def _single(problem: WillingnessProblem, bundle: tuple[int, ...]) -> bool:
    return all((item,) in problem.bundles for item in bundle)
