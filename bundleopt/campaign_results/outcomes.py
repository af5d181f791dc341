"""Forecast against what happened: bundle by bundle, by forecast chance of redemption, money and stock."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from bundleopt.campaign_results.campaign import RunCampaign

GROUPS = 5
"""Groups of offers by their forecast chance."""


def bundle_outcomes(campaign: RunCampaign) -> list[dict[str, Any]]:
    """Return one row per bundle: what was planned, shown, expected of the shown, and redeemed; z of the difference."""
    names = {row["bundle_id"]: list(row["item_names"]) for row in campaign.run.bundles.to_dict("records")}
    rows = []
    for bundle, offers in campaign.joined.groupby("bundle_id", sort=True):
        shown = offers[offers["shown"] > 0]
        expected = float(shown["redemption_probability"].sum())
        chance = shown["redemption_probability"]
        spread = math.sqrt(float((chance * (1 - chance)).sum()))
        redeemed = int(shown["redeemed"].sum())
        rows.append(
            {
                "bundle_id": str(bundle),
                "item_names": names.get(bundle, []),
                "price": float(offers["price"].iloc[0]),
                "planned": len(offers),
                "shown": len(shown),
                "expected": round(expected, 2),
                "redeemed": redeemed,
                "z": round((redeemed - expected) / spread, 2) if spread > 0 else 0.0,
                "promo_spend_expected": round(float(shown["promo_spend"].sum()), 2),
                "promo_spend": round(float((_unit_spend(shown) * shown["redeemed"]).sum()), 2),
            }
        )
    return sorted(rows, key=lambda row: (-row["redeemed"], row["bundle_id"]))


def _unit_spend(offers: pd.DataFrame) -> pd.Series[float]:
    """Money a redemption costs, supplier funding taken off."""
    chance = offers["redemption_probability"].clip(lower=1e-12)
    return offers["promo_spend"] / chance


def redemption_calibration(campaign: RunCampaign) -> list[dict[str, Any]]:
    """Return offers in groups of like forecast chance: how many were expected to redeem, and did."""
    shown = campaign.joined[campaign.joined["shown"] > 0]
    order = shown.sort_values(["redemption_probability", "customer_id", "bundle_id"], kind="stable")
    rows = []
    for part in np.array_split(np.arange(len(order)), min(GROUPS, max(len(order), 1))):
        group = order.iloc[part]
        if not len(group):
            continue
        chance = group["redemption_probability"]
        expected, redeemed = float(chance.sum()), int(group["redeemed"].sum())
        rows.append(
            {
                "offers": len(group),
                "chance_from": round(float(chance.min()), 4),
                "chance_to": round(float(chance.max()), 4),
                "expected": round(expected, 2),
                "redeemed": redeemed,
                "ratio": round(redeemed / expected, 3) if expected > 0 else None,
                "error": round(math.sqrt(float((chance * (1 - chance)).sum())) / expected, 3) if expected > 0 else None,
            }
        )
    return rows


def totals(campaign: RunCampaign) -> dict[str, Any]:
    """Return redemptions, promo spend and offers, planned and as they came, beside the budget."""
    rows = bundle_outcomes(campaign)
    plan = campaign.run.document
    return {
        "offers_planned": len(campaign.planned),
        "offers_shown_as_planned": sum(row["shown"] for row in rows),
        "redemptions_expected": round(sum(row["expected"] for row in rows), 2),
        "redemptions": sum(row["redeemed"] for row in rows),
        "promo_spend_expected": round(sum(row["promo_spend_expected"] for row in rows), 2),
        "promo_spend": round(sum(row["promo_spend"] for row in rows), 2),
        "budget": plan["config"].get("solve.budget"),
    }


def stock_outs(campaign: RunCampaign) -> list[dict[str, Any]]:
    """Return items that sold all that was on hand, or have nothing left, with what was expected of them."""
    sold = campaign.lines.groupby("item_id")["units"].sum()
    rows = []
    for row in campaign.run.inventory.to_dict("records"):
        item, on_hand = str(row["item_id"]), row["on_hand"]
        units = float(sold.get(item, 0.0))
        empty = campaign.on_hand.get(item) == 0
        if not empty and (on_hand is None or math.isnan(on_hand) or units < on_hand):
            continue
        rows.append(
            {
                "item_id": item,
                "on_hand": None if on_hand is None or math.isnan(on_hand) else float(on_hand),
                "sold": units,
                "expected": round(float(row["baseline_units"] + row["incremental_units"]), 2),
                "in_a_bundle": item in campaign.campaign_items,
            }
        )
    return rows
