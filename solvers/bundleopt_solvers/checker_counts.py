"""Checks the rules that count: bundles by attribute, locks and churn, offers of a bundle, equal treatment of groups."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pandas as pd

from bundleopt_solvers.checker_exact import decimal
from bundleopt_solvers.checker_files import rows_of
from bundleopt_solvers.checker_findings import Findings
from bundleopt_solvers.checker_inputs import CheckLimits, PricedBundle
from bundleopt_solvers.checker_items import Item
from bundleopt_solvers.checker_menu import MenuBundle
from bundleopt_solvers.checker_sums import Sums

SEPARATOR = ":"


@dataclass(frozen=True)
class Line:
    """A rule recomputed: its limit, value and slack, the slack negative where the rule is broken."""

    limit: Fraction
    value: Fraction
    slack: Fraction


def most(limit: Fraction | int, value: Fraction | int) -> Line:
    """A rule that allows at most its limit."""
    return Line(Fraction(limit), Fraction(value), Fraction(limit) - Fraction(value))


def least(limit: Fraction | int, value: Fraction | int) -> Line:
    """A rule that asks for at least its limit."""
    return Line(Fraction(limit), Fraction(value), Fraction(value) - Fraction(limit))


def count_lines(
    sums: Sums, menu: dict[str, MenuBundle], items: dict[str, Item], limits: CheckLimits
) -> dict[str, list[Line]]:
    """Every counting rule with the lines of all its cases; the one with the least slack is reported."""
    lines: dict[str, list[Line]] = {}
    for key, cap in limits.caps.items():
        lines[f"cap:{key}"] = [most(cap, load) for load in _loads(menu, items, key)]
    for key, floor in limits.floors.items():
        lines[f"floor:{key}"] = [least(floor, load) for load in _loads(menu, items, key)]
    offers = [sums.customers.get(name, 0) for name in menu]
    if limits.min_exposure is not None:
        lines["min_exposure"] = [least(limits.min_exposure, min(offers, default=limits.min_exposure))]
    if limits.max_exposure is not None:
        lines["max_exposure"] = [most(limits.max_exposure, max(offers, default=0))]
    if limits.max_churn is not None:
        kept = sum(is_one_of(bundle, limits.base) for bundle in menu.values())
        asked = max(limits.base_size - limits.max_churn, 0)
        lines["max_churn"] = [most(limits.max_churn, len(menu) - kept)] + ([least(asked, kept)] if asked else [])
    if limits.lock:
        held = sum(any(is_one_of(bundle, (one,)) for bundle in menu.values()) for one in limits.lock)
        lines["lock"] = [least(len(limits.lock), held)]
    return lines


def is_one_of(bundle: MenuBundle, others: tuple[PricedBundle, ...]) -> bool:
    """Whether a bundle is one of `others` at the same price."""
    return any(bundle.units == tuple(sorted(items)) and bundle.value.price == decimal(price) for items, price in others)


def _loads(menu: dict[str, MenuBundle], items: dict[str, Item], key: str) -> list[int]:
    """Bundles on the menu with an item of one value of an attribute, or of each value where none is named."""
    name, mark, wanted = key.partition(SEPARATOR)
    held = [{items[item].attributes[name] for item in bundle.items} for bundle in menu.values()]
    values = [wanted] if mark else sorted({item.attributes[name] for item in items.values()} - {""})
    return [sum(value in one for one in held) for value in values]


def parity_lines(offers: pd.DataFrame, customers: pd.DataFrame | None, limits: CheckLimits) -> dict[str, Line]:
    """How far the shown offers per customer of each group are from those of all, as a share of them."""
    lines: dict[str, Line] = {}
    if not limits.fairness or customers is None:
        return lines
    shown = offers.loc[~offers["holdout"], "customer_id"].value_counts()
    total, everybody = int(shown.sum()), len(customers)
    for name, tolerance in limits.fairness.items():
        for label, members in customers.groupby(name, sort=True)["customer_id"]:
            if label == "":
                continue
            got, fair = int(shown.reindex(members).fillna(0).sum()), Fraction(total * len(members), everybody)
            away = abs(got / fair - 1) if fair else Fraction(0)
            lines[f"parity:{name}={label}"] = most(decimal(tolerance), away)
    return lines


def check_counts(counted: dict[str, list[Line]], parity: dict[str, Line], findings: Findings) -> None:
    """Report every counting rule with a negative slack."""
    cases = [*counted.items(), *((name, [line]) for name, line in parity.items())]
    for name, lines in cases:
        broken = [line for line in lines if line.slack < 0]
        findings.each(
            name,
            limit=str(broken[0].limit) if broken else "",
            examples=[f"{float(line.value):g}" for line in broken],
        )


def tightest(lines: list[Line]) -> Line | None:
    """The case that a rule is reported by."""
    return min(lines, key=lambda line: line.slack, default=None)


def check_customers_known(offers: pd.DataFrame, customers: pd.DataFrame | None, findings: Findings) -> None:
    """Every customer with an offer is in the table of groups, once."""
    if customers is None:
        return
    known: Any = set(customers["customer_id"])
    stray = sorted({row.customer_id for row in rows_of(offers)} - known)
    findings.each("fairness", limit="customers of the table of groups", examples=[str(one) for one in stray])
    twice = customers[customers.duplicated("customer_id")]
    findings.each("fairness", limit="each customer once", examples=[str(row.customer_id) for row in rows_of(twice)])
