"""Checks what must not be offered: resting customers, items with a coupon, and prices that items' own rules forbid."""

from __future__ import annotations

from fractions import Fraction

import pandas as pd

from bundleopt_solvers.checker_exact import decimal, money
from bundleopt_solvers.checker_files import rows_of
from bundleopt_solvers.checker_findings import Findings
from bundleopt_solvers.checker_inputs import CheckLimits
from bundleopt_solvers.checker_menu import MenuBundle


def check_eligibility(offers: pd.DataFrame, ineligible: pd.DataFrame | None, findings: Findings) -> None:
    """Check that no offer is one of the forbidden pairs of customer and item; "" stands for all of them."""
    if ineligible is None:
        return
    pairs = set(zip(ineligible["customer_id"], ineligible["item_id"], strict=True))
    shown = [
        f"{row.customer_id} {row.bundle_id}"
        for row in rows_of(offers)
        if any((one, item) in pairs for one in (row.customer_id, "") for item in (*row.item_ids, ""))
    ]
    findings.each("eligibility", limit="no offer to customers or with items that rest", examples=shown)


def check_price_limits(menu: dict[str, MenuBundle], limits: CheckLimits, findings: Findings) -> None:
    """Check bands of single items and the lowest prices before the week; locked and earlier prices are left out."""
    earlier = {(tuple(sorted(items)), decimal(price)) for items, price in (*limits.lock, *limits.base)}
    for bundle in menu.values():
        if (bundle.units, bundle.value.price) in earlier:
            continue
        place = f"bundle {bundle.bundle_id} at {money(bundle.value.price)}"
        discount = 1 - bundle.value.price / bundle.value.list_value
        for item in bundle.items:
            low, high = limits.bands.get(item, (0.0, 1.0))
            findings.require(
                decimal(low) <= discount <= decimal(high),
                "price band",
                limit=f"{low} to {high} for {item}",
                value=money(discount),
                detail=place,
            )
        if limits.lowest_price:
            reference = sum((decimal(limits.lowest_price[item]) for item in bundle.units), Fraction(0))
            findings.require(
                bundle.value.price < reference,
                "prior lowest price",
                limit=f"below {money(reference)}",
                value=money(bundle.value.price),
                detail=place,
            )
