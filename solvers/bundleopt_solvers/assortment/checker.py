"""Checks an assortment in exact fractions, from the definitions alone: it shares no code with the search."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from bundleopt_data.errors import Violation
from bundleopt_solvers.assortment.plan import AssortmentPlan
from bundleopt_solvers.assortment.problem import AssortmentProblem

# The published money is a float64 sum; it may differ from the exact one by this share of its terms.
_VALUE_TOLERANCE = Fraction(1, 10**9)
_SPACE_TOLERANCE = Fraction(2, 10**9)


def check_assortment(problem: AssortmentProblem, plan: AssortmentPlan) -> tuple[Violation, ...]:
    """Return every rule that `plan` breaks, and every figure that does not agree with its own recomputation."""
    chosen = np.flatnonzero(plan.listed).tolist()
    return (*_broken_rules(problem, chosen), *_wrong_figures(problem, plan, chosen))


def _broken_rules(problem: AssortmentProblem, chosen: list[int]) -> list[Violation]:
    rules, inside, found = problem.rules, set(chosen), []
    names = problem.item_ids
    found += [Violation("keep", str(names[i]), "not listed") for i in rules.keep if i not in inside]
    found += [Violation("drop", str(names[i]), "listed") for i in rules.drop if i in inside]
    if rules.max_items is not None and len(chosen) > rules.max_items:
        found.append(Violation("max_items", str(rules.max_items), str(len(chosen))))
    if rules.max_space is not None and rules.space is not None:
        used = sum((Fraction(float(rules.space[i])) for i in chosen), Fraction(0))
        if used > Fraction(rules.max_space) + _SPACE_TOLERANCE * (1 + Fraction(rules.max_space)):
            found.append(Violation("max_space", str(rules.max_space), str(float(used))))
    for group in rules.coverage:
        count = sum(1 for i in chosen if group.members[i])
        if count < group.least:
            found.append(Violation(group.name, str(group.least), str(count)))
    return found


def _wrong_figures(problem: AssortmentProblem, plan: AssortmentPlan, chosen: list[int]) -> list[Violation]:
    sold = dict.fromkeys(chosen, Fraction(0))
    for s in range(len(problem.segment_ids)):
        weight = {i: Fraction(float(problem.weight[s, i])) for i in chosen}
        choices = Fraction(float(problem.occasions[s])) / (Fraction(float(problem.outside[s])) + sum(weight.values()))
        for i in chosen:
            sold[i] += choices * weight[i]
    earned, size = Fraction(0), Fraction(0)
    for i, demand in sold.items():
        stock = float(problem.stock[i])
        units = demand if np.isinf(stock) else min(demand, Fraction(stock))
        earned += Fraction(float(problem.value[i])) * units
        size += abs(Fraction(float(problem.value[i]))) * units
    found = []
    value, bound = Fraction(plan.headline.value), Fraction(plan.headline.bound)
    if abs(value - earned) > _VALUE_TOLERANCE * size:
        found.append(Violation("value", f"{float(earned):.9g}", f"{plan.headline.value:.9g}"))
    if bound < earned:
        found.append(Violation("bound", f"{float(earned):.9g}", f"{plan.headline.bound:.9g}"))
    return found
