"""Checks everything that adds up over offers: coupling rules, stock, the rows of bundles.parquet, the totals."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from bundleopt_solvers.checker_exact import agrees, decimal, exact_sum, exact_sums, money, rounds_to
from bundleopt_solvers.checker_files import RunTables, rows_of
from bundleopt_solvers.checker_findings import Findings
from bundleopt_solvers.checker_inputs import CheckLimits
from bundleopt_solvers.checker_items import Item
from bundleopt_solvers.checker_menu import MenuBundle

SUMMED = ("incremental_revenue", "incremental_margin", "promo_spend")
MONEY_TOTALS = ("revenue", "incremental_revenue", "incremental_margin", "promo_spend")
TOTALS = (*MONEY_TOTALS, "redemptions", "customers_reached")
CENT = Fraction(1, 100)


@dataclass(frozen=True)
class Sums:
    """Exact sums over the offers that are shown, holdout left out, and over the shelf. Money in currency units.

    Attributes:
        column: column -> sum over all offers. bundle: column -> bundle id -> sum. units: item id -> incremental units.
        redemptions: bundle id -> sum of probabilities. customers: bundle id -> customers. reached: distinct customers.
            used: bundles with an offer, or on the shelf.
    """

    column: dict[str, Fraction]
    bundle: dict[str, dict[Any, Fraction]]
    units: dict[Any, Fraction]
    redemptions: dict[Any, Fraction]
    customers: dict[str, int]
    reached: int
    most_offers: int
    offers: int
    used: frozenset[str] = frozenset()


def add_up(offers: pd.DataFrame, shelf: pd.DataFrame | None = None) -> Sums:
    """Add up the shown offers, and what the shelf does, a row for each bundle, where redemption is public."""
    shown = offers[~offers["holdout"]]
    sums = _add_up(shown if shelf is None else pd.concat([shown[list(shelf.columns)], shelf]))
    per_customer = shown["customer_id"].value_counts()
    return replace(
        sums,
        customers={str(name): int(count) for name, count in shown["bundle_id"].value_counts().items()},
        reached=len(per_customer),
        most_offers=int(per_customer.max()) if len(per_customer) else 0,
        offers=len(shown),
    )


def _add_up(shown: pd.DataFrame) -> Sums:
    names = shown["bundle_id"].tolist()
    columns = (*SUMMED, "redemption_revenue", "redemption_margin")
    flat_items = [item for row in shown["item_ids"] for item in row]
    flat_units = np.array([unit for row in shown["incremental_units"] for unit in row], dtype=np.float64)
    return Sums(
        column={name: exact_sum(shown[name].to_numpy()) for name in columns},
        bundle={name: exact_sums(shown[name].to_numpy(), names) for name in columns},
        units=exact_sums(flat_units, flat_items),
        redemptions=exact_sums(shown["redemption_probability"].to_numpy(), names),
        customers={},
        reached=0,
        most_offers=0,
        offers=0,
        used=frozenset(map(str, names)),
    )


def check_coupling(
    sums: Sums, menu: dict[str, MenuBundle], items: dict[str, Item], limits: CheckLimits, findings: Findings
) -> None:
    """Budget, margin floors, include and stock, on exact sums."""
    spend, margin = sums.column["promo_spend"], sums.column["incremental_margin"]
    if limits.budget is not None:
        budget = decimal(limits.budget)
        findings.require(spend <= budget, "budget", limit=money(budget), value=money(spend))
    if limits.min_incremental_margin is not None:
        least = decimal(limits.min_incremental_margin)
        findings.require(margin >= least, "min_incremental_margin", limit=money(least), value=money(margin))
    if limits.min_incremental_revenue is not None:
        least, brought = decimal(limits.min_incremental_revenue), sums.column["incremental_revenue"]
        findings.require(brought >= least, "min_incremental_revenue", limit=money(least), value=money(brought))
    for name, floor, (revenue, earned) in margin_floors(sums, menu, items, limits):
        findings.require(
            earned >= floor * revenue, name, limit=f"{money(floor)} of {money(revenue)}", value=money(earned)
        )
    missing = [" + ".join(asked) for asked in missing_includes(sums, menu, limits)]
    findings.each("include", limit="on the menu with at least one offer", examples=missing)
    over = [
        f"{item}: {money(used)} of {money(items[item].allowed_units or 0)}"
        for item, used in sorted(sums.units.items())
        if items[item].allowed_units is not None and used > (items[item].allowed_units or 0)
    ]
    findings.each("stock", limit="on hand less baseline and safety", examples=over)


def margin_floors(
    sums: Sums, menu: dict[str, MenuBundle], items: dict[str, Item], limits: CheckLimits
) -> list[tuple[str, Fraction, tuple[Fraction, Fraction]]]:
    """Name, floor and (revenue, margin) of bundle sales of each margin rule; by category pro rata to shelf price."""
    revenue, margin = sums.bundle["redemption_revenue"], sums.bundle["redemption_margin"]
    floors = []
    if limits.min_margin is not None:
        whole = (sums.column["redemption_revenue"], sums.column["redemption_margin"])
        floors.append(("min_margin", decimal(limits.min_margin), whole))
    for category, share in sorted(limits.category_min_margin.items()):
        weight = {name: category_weight(menu[name], items, str(category)) for name in revenue}
        parts = tuple(sum((weight[name] * part[name] for name in revenue), Fraction(0)) for part in (revenue, margin))
        floors.append((f"min_margin:{category}", decimal(share), (parts[0], parts[1])))
    return floors


def category_weight(bundle: MenuBundle, items: dict[str, Item], category: str) -> Fraction:
    """Share of a bundle's shelf value that lies in a category."""
    inside = sum(items[item].shelf_cents for item in bundle.items if items[item].category == category)
    return Fraction(inside, sum(items[item].shelf_cents for item in bundle.items))


def missing_includes(sums: Sums, menu: dict[str, MenuBundle], limits: CheckLimits) -> list[tuple[str, ...]]:
    """Bundles and items that were asked for and are in no offer."""
    offered = [frozenset(menu[name].items) for name in sums.used]
    bundles = [asked for asked in limits.include if frozenset(asked) not in offered]
    return bundles + [(item,) for item in limits.include_items if not any(item in members for members in offered)]


def check_inventory(inventory: pd.DataFrame, sums: Sums, items: dict[str, Item], findings: Findings) -> None:
    """inventory.parquet against items and offers; every item of an offer has a row."""
    listed = set(inventory["item_id"])
    absent = sorted(set(sums.units) - listed)
    findings.each("inventory", limit="a row for every item of an offer", examples=[str(item) for item in absent])
    findings.each("inventory", limit="known items", examples=sorted(listed - set(items)))
    wrong = []
    for row in rows_of(inventory[inventory["item_id"].isin(list(items))]):
        item, used = items[row.item_id], sums.units.get(row.item_id, Fraction(0))
        allowed = item.allowed_units
        left = None if allowed is None else allowed - used
        figures = (("on_hand", item.on_hand), ("baseline_units", item.baseline), ("incremental_units", used))
        for column, exact in (*figures, ("slack", left)):
            if not _matches(getattr(row, column), exact):
                wrong.append(f"{row.item_id} {column} {getattr(row, column)!r}")
    findings.each("inventory figures", limit="as recomputed from items and offers", examples=wrong)


def _matches(stored: float | None, exact: Fraction | None) -> bool:
    if exact is None:
        return stored is None or math.isnan(stored) or stored == math.inf
    return stored is not None and agrees(stored, exact)


def check_bundle_rows(bundles: pd.DataFrame, sums: Sums, findings: Findings) -> None:
    """Rows of bundles.parquet: counts are exact, money is within a cent of its offers (largest remainder)."""
    wrong = []
    for row in rows_of(bundles):
        name = row.bundle_id
        if row.customers != sums.customers.get(name, 0):
            wrong.append(f"{name} customers {row.customers}")
        if not agrees(row.redemptions, sums.redemptions.get(name, Fraction(0))):
            wrong.append(f"{name} redemptions {row.redemptions!r}")
        wrong += [
            f"{name} {column} {getattr(row, column)!r}"
            for column in SUMMED
            if abs(Fraction(getattr(row, column)) - sums.bundle[column].get(name, Fraction(0))) > CENT
        ]
    findings.each("bundle figures", limit="the sums of their offers", examples=wrong)


def check_totals(run: RunTables, sums: Sums, items: dict[str, Item], findings: Findings) -> None:
    """Totals of plan.json against offers and bundles, to the cent; the decomposition adds up."""
    totals = run.plan["totals"]
    exact = dict(sums.column) | {
        "revenue": sums.column["incremental_revenue"] + _baseline_revenue(items),
        "redemptions": sum(sums.redemptions.values(), Fraction(0)),
        "customers_reached": Fraction(sums.reached),
    }
    for name in TOTALS:
        if not _is_interval(totals.get(name)):
            findings.add(f"totals: {name}", limit="value, low <= high, level in (0, 1)", value=repr(totals.get(name)))
            continue
        value = totals[name]["value"]
        right = rounds_to(value, exact[name]) if name in MONEY_TOTALS else agrees(value, exact[name])
        findings.require(right, f"totals: {name}", limit=f"{money(exact[name])} by the offers", value=value)
    for name in SUMMED:
        rows = exact_sum(run.bundles[name].to_numpy())
        findings.require(
            rounds_to(round(float(rows), 2), sums.column[name]),
            f"totals: {name}",
            limit=f"{money(sums.column[name])} by the offers",
            value=f"{money(rows)} by bundles.parquet",
        )
    _check_decomposition(run.plan["decomposition"], sums, findings)


def _baseline_revenue(items: dict[str, Item]) -> Fraction:
    return sum((item.baseline * Fraction(item.shelf_cents, 100) for item in items.values()), Fraction(0))


def _is_interval(entry: Any) -> bool:
    if not isinstance(entry, dict) or not all(_is_number(entry.get(key)) for key in ("value", "low", "high", "level")):
        return False
    return bool(entry["low"] <= entry["high"] and 0 < entry["level"] < 1)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _check_decomposition(parts: Any, sums: Sums, findings: Findings) -> None:
    """Signed components that add up to incremental revenue, to the cent."""
    if not isinstance(parts, dict) or not all(_is_number(part) for part in parts.values()):
        findings.add("decomposition", limit="component -> signed money", value=repr(parts))
        return
    total = sum((decimal(part) for part in parts.values()), Fraction(0))
    revenue = sums.column["incremental_revenue"]
    findings.require(
        abs(total - revenue) <= CENT, "decomposition", limit=f"adds up to {money(revenue)}", value=money(total)
    )
