"""What customers said of the week: ratings, complaints and returns, beside the money."""

from __future__ import annotations

from typing import Any

from bundleopt.campaign_results.campaign import RunCampaign

SIGNALS = ("rating", "complaint", "return")


def satisfaction(campaign: RunCampaign) -> list[dict[str, Any]]:
    """Return one row per signal: how many, and per hundred customers with and without offers; empty without events."""
    events = campaign.events[campaign.events["type"].isin(SIGNALS)]
    if not len(events):
        return []
    with_offers = set(campaign.log["customer_id"])
    arms = campaign.arms
    held = set() if arms is None else set(arms.loc[arms["holdout"].astype(bool), "customer_id"])
    rows = []
    for signal in SIGNALS:
        mine = events[events["type"] == signal]
        if not len(mine):
            continue
        row: dict[str, Any] = {"signal": signal, "count": len(mine)}
        for name, people in (("with_offers", with_offers), ("held_out", held)):
            theirs = mine[mine["customer_id"].isin(people)]
            row[f"{name}_per_hundred"] = round(100 * len(theirs) / len(people), 2) if people else None
            has_mean = signal == "rating" and bool(theirs["value"].notna().any())
            row[f"{name}_mean"] = round(float(theirs["value"].mean()), 3) if has_mean else None
        row["on_campaign_items"] = int(mine["item_id"].isin(campaign.campaign_items).sum())
        rows.append(row)
    return rows
