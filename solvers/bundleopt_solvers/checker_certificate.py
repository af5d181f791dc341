"""Checks what the plan claims of itself: objective, bounds, gaps, the reported rules."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pandas as pd

from bundleopt_solvers.checker_counts import Line, count_lines, least, most, tightest
from bundleopt_solvers.checker_draws import worst_mean
from bundleopt_solvers.checker_exact import RELATIVE, agrees, decimal, money
from bundleopt_solvers.checker_findings import Findings
from bundleopt_solvers.checker_inputs import CheckLimits
from bundleopt_solvers.checker_items import Item
from bundleopt_solvers.checker_menu import MenuBundle, broken_arbitrage, cap_loads
from bundleopt_solvers.checker_sums import Sums, margin_floors, missing_includes

_COUNTED = ("min_incremental_revenue", "min_exposure", "max_exposure", "max_churn", "budget_confidence")
HALF_CENT = Fraction(1, 200)
# The gap of a bound of nothing is taken against this, so that 0 of 0 is no gap.
LEAST_BOUND = 1e-9


def check_certificates(plan: dict[str, Any], exact: Fraction, findings: Findings) -> None:
    """Objective against the offers, value against bound, gap arithmetic; the same for the labelled certificates."""
    objective = plan["objective"]
    if not isinstance(objective, dict) or not isinstance(objective.get("name"), str):
        findings.add("objective", limit="a name and a value", value=repr(objective))
        return
    value = objective.get("value")
    findings.require(
        _is_near(value, exact),
        "objective",
        limit=f"{money(exact)} by the offers",
        value=value,
    )
    headline = {"value": value, "bound": plan["bound"], "gap": plan["gap"], "family": plan.get("family", "plan")}
    certificates = plan["certificates"] if isinstance(plan["certificates"], dict) else {"certificates": None}
    for name, claim in {"headline": headline, **certificates}.items():
        _check_claim(f"certificate: {name}", claim, findings)


def _is_near(value: Any, exact: Fraction) -> bool:
    return _is_number(value) and abs(decimal(value) - exact) <= HALF_CENT + decimal(RELATIVE) * abs(exact)


def objective_value(sums: Sums, bundles: int, limits: CheckLimits, draws: pd.DataFrame | None) -> Fraction:
    """The objective of the shown offers, less fixed and contact cost; the worst draws have their weight in it."""
    weight = decimal(limits.objective_revenue)
    revenue, margin = sums.bundle["incremental_revenue"], sums.bundle["incremental_margin"]
    by_bundle = {name: weight * revenue[name] + (1 - weight) * margin[name] for name in revenue}
    gain = sum(by_bundle.values(), Fraction(0))
    if limits.risk_share is not None and draws is not None:
        part = decimal(limits.risk_weight)
        gain = (1 - part) * gain + part * worst_mean(by_bundle, draws, limits.risk_share)
    return gain - decimal(limits.fixed_cost_per_bundle) * bundles - decimal(limits.contact_cost) * sums.offers


def _check_claim(rule: str, claim: Any, findings: Findings) -> None:
    if not isinstance(claim, dict) or not all(_is_number(claim.get(key)) for key in ("value", "bound", "gap")):
        findings.add(rule, limit="value, bound and gap as numbers", value=repr(claim))
        return
    value, bound, gap = claim["value"], claim["bound"], claim["gap"]
    room = float(HALF_CENT) + RELATIVE * abs(bound)
    findings.require(value <= bound + room, rule, limit=f"value at most the bound {bound!r}", value=repr(value))
    expected = max(0.0, (bound - value) / max(abs(bound), LEAST_BOUND))
    findings.require(
        math.isclose(gap, expected, rel_tol=1e-6, abs_tol=1e-9), rule, limit=f"gap {expected!r}", value=repr(gap)
    )
    family = claim.get("family")
    findings.require(bool(family) and isinstance(family, str), rule, limit="a family in words", value=repr(family))


def check_rules(reported: Any, expected: dict[str, Line], required: set[str], findings: Findings) -> None:
    """The reported rules against those recomputed: every asked rule is there, every figure is right.

    Includes may be counted by bundle or by what was asked for, so only what is missing is compared.
    """
    if not isinstance(reported, list) or not all(isinstance(rule, dict) for rule in reported):
        findings.add("rules", limit="a list of rules", value=repr(reported)[:80])
        return
    names = [str(rule.get("name")) for rule in reported]
    findings.each("rules", limit="every asked rule is reported", examples=sorted(required - set(names)))
    findings.each("rules", limit="each rule once", examples=sorted({n for n in names if names.count(n) > 1}))
    findings.each("rules", limit="a rule the checker can recompute", examples=sorted(set(names) - set(expected)))
    wrong = [
        f"{rule['name']} {key} {rule.get(key)!r}, recomputed {money(getattr(expected[str(rule['name'])], key))}"
        for rule in reported
        if str(rule.get("name")) in expected
        for key in (("slack",) if rule["name"] == "include" else ("limit", "value", "slack"))
        if not _agrees(rule.get(key), getattr(expected[str(rule["name"])], key))
    ]
    findings.each("rules", limit="limit, value and slack as recomputed", examples=wrong)
    findings.each("rules", limit="binding true or false, price a number or empty", examples=_malformed(reported))


def _agrees(stored: Any, exact: Fraction) -> bool:
    return _is_number(stored) and agrees(float(stored), exact)


def _malformed(reported: list[dict[str, Any]]) -> list[str]:
    return [
        str(rule.get("name"))
        for rule in reported
        if not isinstance(rule.get("binding"), bool)
        or "shadow_price" not in rule
        or not (rule["shadow_price"] is None or _is_number(rule["shadow_price"]))
    ]


def recomputed_rules(
    sums: Sums, menu: dict[str, MenuBundle], items: dict[str, Item], limits: CheckLimits
) -> dict[str, Line]:
    """Every rule that can be reported, by name."""
    lines: dict[str, Line] = {}
    if limits.budget is not None:
        lines["budget"] = most(decimal(limits.budget), sums.column["promo_spend"])
    for name, floor, (revenue, margin) in margin_floors(sums, menu, items, limits):
        lines[name] = least(floor, margin / revenue if revenue > 0 else floor)
    for what in ("margin", "revenue"):
        asked = getattr(limits, f"min_incremental_{what}")
        if asked is not None:
            lines[f"min_incremental_{what}"] = least(decimal(asked), sums.column[f"incremental_{what}"])
    for name, item in items.items():
        if item.allowed_units is not None:
            lines[f"stock:{name}"] = most(item.allowed_units, sums.units.get(name, Fraction(0)))
    categories, single = cap_loads(menu, items)
    counts = {
        "max_bundles": (limits.max_bundles, len(menu)),
        "slots": (limits.slots, sums.most_offers),
        "category_cap": (limits.category_cap, max(categories.values(), default=0)),
        "item_overlap": (limits.item_overlap, max(single.values(), default=0)),
        "no_arbitrage": (0 if limits.no_arbitrage else None, len(broken_arbitrage(menu, items))),
    }
    lines |= {name: most(Fraction(cap), Fraction(load)) for name, (cap, load) in counts.items() if cap is not None}
    counted = {name: tightest(cases) for name, cases in count_lines(sums, menu, items, limits).items()}
    lines |= {name: line for name, line in counted.items() if line is not None}
    return lines | _include_line(sums, menu, limits)


def required_rules(limits: CheckLimits) -> set[str]:
    """Names of the rules that were asked for and must be reported."""
    asked = ("budget", "min_margin", "min_incremental_margin", "max_bundles", "slots", "category_cap", "item_overlap")
    names = {name for name in (*asked, *_COUNTED) if getattr(limits, name) is not None}
    names |= {f"cap:{key}" for key in limits.caps if ":" in key} | {
        f"floor:{key}" for key in limits.floors if ":" in key
    }
    names |= {"lock"} if limits.lock else set()
    return names | {f"min_margin:{category}" for category in limits.category_min_margin}


def _include_line(sums: Sums, menu: dict[str, MenuBundle], limits: CheckLimits) -> dict[str, Line]:
    asked = len(limits.include) + len(limits.include_items)
    if not asked:
        return {}
    return {"include": least(Fraction(asked), Fraction(asked - len(missing_includes(sums, menu, limits))))}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
