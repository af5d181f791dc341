"""Checks the menu: what each bundle is, its price, and the rules between bundles."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any

import pandas as pd

from bundleopt_solvers.checker_exact import agrees, decimal, money, whole_cents
from bundleopt_solvers.checker_files import rows_of
from bundleopt_solvers.checker_findings import Findings
from bundleopt_solvers.checker_inputs import CheckLimits
from bundleopt_solvers.checker_items import BundleValue, Item, bundle_value


@dataclass(frozen=True)
class MenuBundle:
    """One bundle of the menu as the files state it, with its value recomputed."""

    bundle_id: str
    items: tuple[str, ...]
    price_cents: int
    value: BundleValue
    quantity: int = 1

    @property
    def units(self) -> tuple[str, ...]:
        """Its items in order, each as many times as it is sold."""
        return tuple(sorted(self.items * self.quantity))


def check_menu(
    bundles: pd.DataFrame, items: dict[str, Item], limits: CheckLimits, findings: Findings
) -> dict[str, MenuBundle]:
    """Check all bundles; returns those that could be read, by id."""
    menu: dict[str, MenuBundle] = {}
    for row in rows_of(bundles):
        bundle = _read_bundle(row, items, findings)
        if bundle is not None:
            menu[bundle.bundle_id] = bundle
            _check_row(row, bundle, findings)
            if not _has_earlier_price(bundle, limits):
                _check_price(bundle, limits, findings)
            _check_floor(bundle, items, limits, findings)
            _check_members(bundle, items, limits, findings)
    _check_counts(menu, items, limits, findings)
    _check_bans(menu, limits, findings)
    if limits.no_arbitrage:
        _check_arbitrage(menu, items, findings)
    return menu


def cap_loads(menu: dict[str, MenuBundle], items: dict[str, Item]) -> tuple[Counter[str], Counter[str]]:
    """Bundles on the menu by category and by item."""
    categories: Counter[str] = Counter()
    single: Counter[str] = Counter()
    for bundle in menu.values():
        categories.update({items[item].category for item in bundle.items})
        single.update(set(bundle.items))
    return categories, single


def broken_arbitrage(menu: dict[str, MenuBundle], items: dict[str, Item]) -> list[tuple[MenuBundle, int]]:
    """Bundles that cost more than a cover by other offers and shelf items, with the cheapest cover in cents."""
    found = []
    for bundle in menu.values():
        cost = _cheapest_cover(bundle, menu, items)
        if cost < bundle.price_cents:
            found.append((bundle, cost))
    return found


def _read_bundle(row: Any, items: dict[str, Item], findings: Findings) -> MenuBundle | None:
    members, name = row.item_ids, row.bundle_id
    unknown = [item for item in members if item not in items]
    cents = whole_cents(row.price)
    if not members or unknown or len(set(members)) != len(members):
        findings.add("bundle items", limit="known and distinct items", value=repr(members), detail=f"bundle {name}")
        return None
    if cents is None or cents <= 0:
        findings.add(
            "whole cents", limit="a price in whole cents above 0", value=repr(row.price), detail=f"bundle {name}"
        )
        return None
    quantity = int(row.quantity)
    if quantity < 1 or (quantity > 1 and len(members) > 1):
        limit = "1, or several units of one item"
        findings.add("bundle items", limit=limit, value=repr(row.quantity), detail=f"bundle {name}")
        return None
    value = bundle_value([items[item] for item in members] * quantity, cents)
    return MenuBundle(name, tuple(members), cents, value, quantity)


def _check_row(row: Any, bundle: MenuBundle, findings: Findings) -> None:
    """Columns of bundles.parquet that follow from items and price."""
    value, place = bundle.value, f"bundle {bundle.bundle_id}"
    findings.require(
        whole_cents(row.list_value) == value.list_value * 100,
        "list value",
        limit=f"sum of shelf prices {money(value.list_value)}",
        value=row.list_value,
        detail=place,
    )
    discount = 1 - value.price / value.list_value
    findings.require(
        agrees(row.discount, discount), "discount", limit=money(discount), value=row.discount, detail=place
    )
    findings.require(
        len(row.item_names) == len(row.item_ids),
        "item names",
        limit=f"{len(row.item_ids)} names",
        value=len(row.item_names),
        detail=place,
    )


def _has_earlier_price(bundle: MenuBundle, limits: CheckLimits) -> bool:
    """Whether a bundle is one of the earlier plan, or a locked one, at that price; it may be off ladder and band."""
    earlier = [
        tuple(sorted(items)) for items, price in (*limits.lock, *limits.base) if decimal(price) == bundle.value.price
    ]
    return bundle.units in earlier and bundle.value.price < bundle.value.list_value


def _check_price(bundle: MenuBundle, limits: CheckLimits, findings: Findings) -> None:
    """Band after rounding, ending, ladder."""
    value, place = bundle.value, f"bundle {bundle.bundle_id} at {money(bundle.value.price)}"
    total = value.list_value * 100
    low, high = total * (1 - decimal(limits.max_discount)), total * (1 - decimal(limits.min_discount))
    inside = low <= bundle.price_cents <= high and bundle.price_cents < total
    findings.require(
        inside,
        "price band",
        limit=f"{money(low / 100)} to {money(high / 100)}, below {money(total / 100)}",
        value=money(value.price),
        detail=place,
    )
    if limits.price_ending is not None:
        findings.require(
            _has_ending(bundle.price_cents, limits.price_ending),
            "price ending",
            limit=limits.price_ending,
            value=money(value.price),
            detail=place,
        )
    if limits.price_step is not None and inside:
        findings.require(
            _on_ladder(bundle.price_cents, int(total), limits),
            "price ladder",
            limit=f"nearest price to a step of {limits.price_step}",
            value=money(value.price),
            detail=place,
        )


def _check_floor(bundle: MenuBundle, items: dict[str, Item], limits: CheckLimits, findings: Findings) -> None:
    """Nobody pays less for more, and no redemption loses money."""
    value, place = bundle.value, f"bundle {bundle.bundle_id} at {money(bundle.value.price)}"
    dearest = max(items[item].shelf_cents for item in bundle.items)
    if len(bundle.items) > 1:
        findings.require(
            dearest <= bundle.price_cents,
            "dearest item",
            limit=f"at least {money(Fraction(dearest, 100))}",
            value=money(value.price),
            detail=place,
        )
    if bundle.quantity > 1:
        findings.require(
            dearest * (bundle.quantity - 1) < bundle.price_cents,
            "fewer units",
            limit=f"more than {bundle.quantity - 1} units at {money(Fraction(dearest, 100))}",
            value=money(value.price),
            detail=place,
        )
    if not limits.allow_below_cost:
        findings.require(
            value.unit_margin >= 0,
            "below cost",
            limit="unit margin at least 0",
            value=money(value.unit_margin),
            detail=place,
        )


def _has_ending(cents: int, ending: str) -> bool:
    """Whether a price ends as asked; digits are compared as text, so that nothing is shared with the price ladder."""
    text = f"{cents:03d}"
    return any(text.endswith(re.sub(r"\D", "", part.strip().removeprefix("0."))) for part in ending.split(","))


def _on_ladder(cents: int, total: int, limits: CheckLimits) -> bool:
    """Whether no allowed price in the band is nearer than this one to some step of the ladder."""
    low, high = decimal(limits.min_discount), decimal(limits.max_discount)
    step = low
    while step <= high:
        target = total * (1 - step)
        if step > 0 and not _nearer_exists(cents, target, total, limits):
            return True
        step += decimal(limits.price_step or 1.0)
    return False


def _nearer_exists(cents: int, target: Fraction, total: int, limits: CheckLimits) -> bool:
    low, high = total * (1 - decimal(limits.max_discount)), total * (1 - decimal(limits.min_discount))
    gap = abs(cents - target)
    nearer = (price for price in range(int(target - gap), int(target + gap) + 2) if abs(price - target) < gap)
    return any(
        low <= price <= high
        and 0 < price < total
        and (limits.price_ending is None or _has_ending(price, limits.price_ending))
        for price in nearer
    )


def _check_members(bundle: MenuBundle, items: dict[str, Item], limits: CheckLimits, findings: Findings) -> None:
    least, most = limits.bundle_size
    place = f"bundle {bundle.bundle_id}"
    findings.require(
        bundle.quantity <= limits.multi_buy, "multi_buy", limit=limits.multi_buy, value=bundle.quantity, detail=place
    )
    findings.require(
        bundle.quantity > 1 or least <= len(bundle.items) <= most,
        "bundle size",
        limit=f"{least} to {most}",
        value=len(bundle.items),
        detail=place,
    )
    banned = [item for item in bundle.items if not items[item].is_promotable]
    findings.require(not banned, "promotable", limit="promotable items only", value=", ".join(banned), detail=place)


def _check_counts(menu: dict[str, MenuBundle], items: dict[str, Item], limits: CheckLimits, findings: Findings) -> None:
    if limits.max_bundles is not None:
        findings.require(len(menu) <= limits.max_bundles, "max_bundles", limit=limits.max_bundles, value=len(menu))
    categories, single = cap_loads(menu, items)
    for rule, cap, loads in (
        ("category_cap", limits.category_cap, categories),
        ("item_overlap", limits.item_overlap, single),
    ):
        if cap is not None:
            over = [f"{name}: {load}" for name, load in sorted(loads.items()) if load > cap]
            findings.each(rule, limit=f"{cap} bundles", examples=over)
    sets = Counter(bundle.units for bundle in menu.values())
    twice = [" + ".join(members) for members, count in sets.items() if count > 1]
    findings.each("one price per bundle", limit="each item set once on the menu", examples=sorted(twice))


def _check_bans(menu: dict[str, MenuBundle], limits: CheckLimits, findings: Findings) -> None:
    banned = set(limits.exclude_items)
    bundles = {tuple(sorted(bundle)) for bundle in limits.exclude_bundles}
    broken = [b.bundle_id for b in menu.values() if banned & set(b.items) or b.units in bundles]
    findings.each("exclude", limit="no excluded item or bundle", examples=broken)


def _check_arbitrage(menu: dict[str, MenuBundle], items: dict[str, Item], findings: Findings) -> None:
    findings.each(
        "no_arbitrage",
        limit="no bundle dearer than a cover by other offers and shelf items",
        examples=[
            f"{bundle.bundle_id} at {money(bundle.value.price)}, its items for {money(Fraction(cost, 100))}"
            for bundle, cost in broken_arbitrage(menu, items)
        ],
    )
    nested = [
        f"{inner.bundle_id} at {money(inner.value.price)} inside {outer.bundle_id} at {money(outer.value.price)}"
        for one, other in combinations(menu.values(), 2)
        for inner, outer in ((one, other), (other, one))
        if Counter(inner.units) < Counter(outer.units) and inner.price_cents > outer.price_cents
    ]
    findings.each("nested bundles", limit="a bundle inside another costs no more", examples=nested)


def _cheapest_cover(bundle: MenuBundle, menu: dict[str, MenuBundle], items: dict[str, Item]) -> int:
    """Least cents for a set of other offers and shelf items that holds every item of the bundle."""
    if bundle.quantity > 1:
        return _cheapest_units(bundle, menu, items)
    place = {item: 1 << position for position, item in enumerate(bundle.items)}
    pieces = [(bit, items[item].shelf_cents) for item, bit in place.items()]
    for other in menu.values():
        mask = sum(place.get(item, 0) for item in other.items)
        if mask and other.bundle_id != bundle.bundle_id:
            pieces.append((mask, other.price_cents))
    full = (1 << len(bundle.items)) - 1
    best = {0: 0}
    for covered in range(full):  # a piece only adds items, so every smaller mask is final when it is reached
        if covered in best:
            for mask, price in pieces:
                best[covered | mask] = min(best.get(covered | mask, best[covered] + price), best[covered] + price)
    return best[full]


def _cheapest_units(bundle: MenuBundle, menu: dict[str, MenuBundle], items: dict[str, Item]) -> int:
    """Least cents for at least as many units of the one item, from other offers, as often as wanted, and the shelf."""
    item = bundle.items[0]
    others = [other for other in menu.values() if item in other.items and other.bundle_id != bundle.bundle_id]
    pieces = [(1, items[item].shelf_cents), *((other.quantity, other.price_cents) for other in others)]
    best = {0: 0}
    for held in range(bundle.quantity):  # every piece adds units, so fewer units are final when they are reached
        for count, price in pieces:
            reached = min(held + count, bundle.quantity)
            best[reached] = min(best.get(reached, best[held] + price), best[held] + price)
    return best[bundle.quantity]
