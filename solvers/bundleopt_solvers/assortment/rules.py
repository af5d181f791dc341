"""The rules of an assortment: which assortments keep them, as linear rows, and as a report."""

from __future__ import annotations

import numpy as np

from bundleopt_solvers.assortment.problem import AssortmentProblem, AssortmentRules, Flags
from bundleopt_solvers.linear_model import Row
from bundleopt_solvers.plan import RuleReport

# Space is a measure, not money: sums of decimal lengths may miss a limit by rounding alone.
SPACE_TOLERANCE = 1e-9


def space_limit(rules: AssortmentRules) -> float:
    """The most space allowed, with what rounding of its sum may take; infinite where the rule is off."""
    return np.inf if rules.max_space is None else rules.max_space * (1 + SPACE_TOLERANCE) + SPACE_TOLERANCE


def keeps_rules(problem: AssortmentProblem, listed: Flags) -> Flags:
    """(N,) whether assortments `listed` (N, I) keep every rule."""
    rules = problem.rules
    chosen = listed.astype(np.float64)
    good = listed[:, list(rules.keep)].all(1) & ~listed[:, list(rules.drop)].any(1)
    if rules.max_items is not None:
        good &= chosen.sum(1) <= rules.max_items
    if rules.max_space is not None and rules.space is not None:
        good &= chosen @ rules.space <= space_limit(rules)
    for group in rules.coverage:
        good &= chosen @ group.members.astype(np.float64) >= group.least
    return np.asarray(good)


def rule_rows(problem: AssortmentProblem) -> list[Row]:
    """Capacity and coverage as rows over the first I variables (keep and drop are bounds)."""
    rules, every = problem.rules, np.arange(problem.items)
    rows = []
    if rules.max_items is not None:
        rows.append(Row("max_items", every, np.ones(problem.items), -np.inf, float(rules.max_items)))
    if rules.max_space is not None and rules.space is not None:
        rows.append(Row("max_space", every, rules.space, -np.inf, space_limit(rules)))
    for group in rules.coverage:
        inside = np.flatnonzero(group.members)
        rows.append(Row(group.name, inside, np.ones(len(inside)), float(group.least), np.inf))
    return rows


def rule_reports(problem: AssortmentProblem, listed: Flags) -> tuple[RuleReport, ...]:
    """Every rule with its limit, its value and its slack for one assortment (I,)."""
    rules = problem.rules
    found = []
    if rules.max_items is not None:
        found.append(_report("max_items", rules.max_items, int(listed.sum()), at_most=True))
    if rules.max_space is not None and rules.space is not None:
        found.append(_report("max_space", rules.max_space, float(rules.space[listed].sum()), at_most=True))
    found += [_report(g.name, g.least, int((listed & g.members).sum()), at_most=False) for g in rules.coverage]
    for word, codes, wanted in (("keep", rules.keep, True), ("drop", rules.drop, False)):
        for code in codes:
            name = f"{word} {problem.item_ids[code]}"
            found.append(RuleReport(name, float(wanted), float(listed[code]), 0.0, binding=True, shadow_price=None))
    return tuple(found)


def _report(name: str, limit: float, value: float, *, at_most: bool) -> RuleReport:
    slack = limit - value if at_most else value - limit
    return RuleReport(name, float(limit), float(value), float(slack), binding=slack <= 1e-9, shadow_price=None)
