"""Lift of a campaign against its control group: revenue, margin and revenue of the campaign's items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bundleopt.campaign_results.campaign import RunCampaign
from bundleopt_models.lift import LEAST_ARM, LiftEstimate, estimate_lift, pooled

if TYPE_CHECKING:
    from bundleopt_data.campaign import CampaignWeek

Values = npt.NDArray[np.float64]

HEADLINE = ("regression-adjusted", "CUPED", "difference in means")
"""What the report leads with, named before any result is seen: the first that the control group allows."""

NO_CONTROL = "the plan has no control group, so that nothing can be said of its lift; plan with --holdout 5%"


def lift_rows(campaign: RunCampaign, prices: CampaignWeek | None) -> list[dict[str, Any]]:
    """Return every estimate of every outcome; empty without a control group.

    All customers who were drawn from are compared, shown an offer or not: who is shown something is no accident.

    Args:
        campaign: plan and results.
        prices: costs of the week, for margin; None leaves margin out.
    """
    arms = campaign.arms
    if arms is None:
        return []
    treated = ~arms["holdout"].to_numpy(dtype=bool)
    if min(int(treated.sum()), int((~treated).sum())) < LEAST_ARM:
        return []
    people = arms["customer_id"].to_numpy(dtype=object)
    facts = arms[["earlier_spend", "expected_spend", "visit_probability"]].to_numpy(dtype=np.float64)
    outcomes = {"revenue": campaign.spend_of(people)}
    if prices is not None:
        outcomes["margin"] = margin_of(campaign, people, prices)
    outcomes["revenue of the campaign's items"] = campaign.spend_of(people, campaign.campaign_items)
    expected = _expected(campaign, int(treated.sum()))
    return [
        _row(name, estimate, expected.get(name))
        for name, outcome in outcomes.items()
        for estimate in estimate_lift(outcome, treated, facts)
    ]


def margin_of(campaign: RunCampaign, people: npt.NDArray[np.object_], prices: CampaignWeek) -> Values:
    """(U,) margin of the modelled items that customers bought: paid less tax and cost, supplier funding added."""
    cost = dict(zip(prices.item_ids, prices.unit_cost_cents / 100.0, strict=True))
    tax = dict(zip(prices.item_ids, prices.tax_rate, strict=True))
    lines = campaign.lines[campaign.lines["item_id"].isin(list(cost))]
    net = lines["spend"] / (1.0 + lines["item_id"].map(tax)) - lines["units"] * lines["item_id"].map(cost)
    total = net.groupby(lines["customer_id"]).sum().reindex(people).fillna(0.0).to_numpy(dtype=np.float64)
    redeemed = campaign.joined[campaign.joined["redeemed"]]
    own = redeemed["promo_spend"] / redeemed["redemption_probability"].clip(lower=1e-12)
    funded = (redeemed["list_value"] - redeemed["price"] - own).groupby(redeemed["customer_id"]).sum()
    return np.asarray(total + funded.reindex(people).fillna(0.0).to_numpy(dtype=np.float64), dtype=np.float64)


def headline(rows: list[dict[str, Any]], outcome: str = "revenue") -> dict[str, Any] | None:
    """Return the row that leads the report; None without a control group."""
    mine = {row["estimator"]: row for row in rows if row["outcome"] == outcome}
    return next((mine[name] for name in HEADLINE if name in mine), None)


def pooled_row(weeks: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Pool the headline rows of several campaigns, each weighted by its precision; None for fewer than two."""
    if len(weeks) < 2:
        return None
    estimates = [
        LiftEstimate(
            row["estimator"], row["effect"], row["standard_error"], row["low"], row["high"], row["level"],
            row["treated"], row["control"],
        )
        for row in weeks
    ]  # fmt: skip
    found = pooled(estimates)
    expected = [row["expected"] for row in weeks if row["expected"] is not None]
    mean = float(np.mean(expected)) if expected else None
    return _row("revenue", found, mean) | {"weeks": len(weeks)}


def _expected(campaign: RunCampaign, treated: int) -> dict[str, float]:
    """Forecast of the plan per treated customer."""
    totals = campaign.run.document["totals"]
    return {
        "revenue": totals["incremental_revenue"]["value"] / max(treated, 1),
        "margin": totals["incremental_margin"]["value"] / max(treated, 1),
    }


def _row(outcome: str, estimate: LiftEstimate, expected: float | None) -> dict[str, Any]:
    total, low, high = estimate.total
    return {
        "outcome": outcome,
        "estimator": estimate.name,
        "effect": estimate.effect,
        "standard_error": estimate.standard_error,
        "low": estimate.low,
        "high": estimate.high,
        "level": estimate.level,
        "treated": estimate.treated,
        "control": estimate.control,
        "total": round(total, 2),
        "total_low": round(low, 2),
        "total_high": round(high, 2),
        "expected": expected,
        "expected_total": None if expected is None else round(expected * estimate.treated, 2),
        "significant": estimate.is_significant,
        "holds_the_forecast": None if expected is None else bool(estimate.low <= expected <= estimate.high),
    }
