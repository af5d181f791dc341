"""Small random assortment problems under random rules, and their optimum by enumeration.

The enumeration shares no code with the package: exact fractions, sums written out, every subset.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np

from bundleopt_solvers.assortment.problem import AssortmentProblem, AssortmentRules, Coverage


def random_assortment(seed: int, *, items: int = 7, segments: int = 3, twins: bool = False) -> AssortmentProblem:
    """A problem in dyadic numbers, each rule on with some chance; some items lose money."""
    rng = np.random.default_rng(seed)
    weight = rng.integers(0, 65, (segments, items)) / 16
    weight[rng.random((segments, items)) < 0.2] = 0.0
    if twins:
        weight = weight[:, rng.integers(0, 2, items)]
    return AssortmentProblem(
        item_ids=np.array([f"i{n}" for n in range(items)], dtype=object),
        segment_ids=np.array([f"s{n}" for n in range(segments)], dtype=object),
        weight=weight,
        outside=rng.integers(1, 33, segments) / 16,
        occasions=rng.integers(1, 65, segments) / 8,
        value=rng.integers(-8, 129, items) / 16,
        rules=random_rules(rng, items),
    )


def random_rules(rng: np.random.Generator, items: int) -> AssortmentRules:
    """Rules of which each is on with some chance; they may conflict."""
    on = rng.random(6) < 0.45
    picked = rng.permutation(items)
    tier = rng.integers(0, 3, items)
    groups = [Coverage(f"tier {g}", tier == g, int(rng.integers(1, 3))) for g in range(2)] if on[3] else []
    return AssortmentRules(
        max_items=int(rng.integers(1, items + 1)) if on[0] else None,
        max_space=float(rng.integers(4, 4 * items) / 4) if on[1] else None,
        space=rng.integers(1, 9, items) / 4,
        keep=tuple(picked[:1].tolist()) if on[2] else (),
        drop=tuple(picked[1:3].tolist()) if on[4] else (),
        coverage=tuple(groups),
        stock=np.where(rng.random(items) < 0.5, rng.integers(0, 33, items) / 8, np.inf) if on[5] else None,
    )


def keeps(problem: AssortmentProblem, chosen: tuple[int, ...]) -> bool:
    """Whether a set of item codes keeps every rule, in fractions."""
    rules, inside = problem.rules, set(chosen)
    if not set(rules.keep) <= inside or inside & set(rules.drop):
        return False
    if rules.max_items is not None and len(inside) > rules.max_items:
        return False
    if rules.max_space is not None:
        used = sum((Fraction(float(rules.space[i])) for i in chosen), Fraction(0))
        if used > Fraction(rules.max_space):
            return False
    return all(sum(bool(group.members[i]) for i in chosen) >= group.least for group in rules.coverage)


def exact_money(problem: AssortmentProblem, chosen: tuple[int, ...]) -> Fraction:
    """Expected money of a set of item codes."""
    sold = dict.fromkeys(chosen, Fraction(0))
    for s in range(len(problem.segment_ids)):
        total = Fraction(float(problem.outside[s])) + sum(Fraction(float(problem.weight[s, i])) for i in chosen)
        for i in chosen:
            sold[i] += Fraction(float(problem.occasions[s])) * Fraction(float(problem.weight[s, i])) / total
    earned = Fraction(0)
    for i, units in sold.items():
        stock = problem.rules.stock
        limit = None if stock is None or np.isinf(stock[i]) else Fraction(float(stock[i]))
        earned += Fraction(float(problem.value[i])) * (units if limit is None else min(units, limit))
    return earned


def best_by_enumeration(problem: AssortmentProblem) -> Fraction | None:
    """The optimum over all subsets; None where none keeps the rules."""
    every = range(problem.items)
    sets = (chosen for size in range(problem.items + 1) for chosen in combinations(every, size))
    return max((exact_money(problem, chosen) for chosen in sets if keeps(problem, chosen)), default=None)
