"""One past week: forecast and plan from what was known before it, beside what customers then bought.

No offer was made in these weeks. So what can be checked is the forecast of the week without a campaign, also for the
customers and bundles that the plan would have chosen; what the offers would have added cannot be seen here.
Letters: `U` customers, `I` items, `F` offers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from bundleopt.prepared import Prepared
    from bundleopt_data.panel import Panel
    from bundleopt_solvers.plan import CampaignPlan

Values = npt.NDArray[np.float64]

GROUPS = 10
"""Groups of customers by expected spend."""


@dataclass(frozen=True)
class PastPlan:
    """What a plan of a past week would have been, to be compared with the next: ids and prices, no figures.

    Attributes:
        week: its Monday. price: bundle id -> cents. offers: (customer id, bundle id) pairs.
    """

    week: date
    price: dict[str, int]
    offers: frozenset[tuple[str, str]]


def bought_in(panel: Panel, monday: date) -> tuple[Values, Values]:
    """(U, I) units that were bought in a week, and (U,) 1 where the customer came."""
    week = panel.week_index(monday)
    rows = slice(*np.searchsorted(panel.purchase_week, [week, week + 1]))
    units = np.zeros((panel.n_customers, panel.n_items))
    units[panel.purchase_customer[rows], panel.purchase_item[rows]] = panel.purchase_units[rows]
    return units, np.asarray(panel.trips[week] > 0, dtype=np.float64)


def compare(prepared: Prepared, plan: CampaignPlan, panel: Panel) -> dict[str, Any]:
    """Return the figures of one past week: items, customers, visits, and the sets that the plan would have offered."""
    week = prepared.week
    units, came = bought_in(panel, week.campaign.week)
    price = week.campaign.shelf_price_cents / 100.0
    expected_units, sold = week.stock.baseline, units.sum(axis=0)
    spend = week.forecast.probability.astype(np.float64) @ (week.forecast.units.astype(np.float64) * price)
    paid = units @ price
    return {
        "week": week.campaign.week.isoformat(),
        "items": {
            "expected_units": round(float(expected_units.sum()), 1),
            "sold_units": float(sold.sum()),
            "ratio": _ratio(expected_units.sum(), sold.sum()),
            "weighted_error": _ratio(np.abs(expected_units - sold).sum(), sold.sum()),
            "correlation": _correlation(expected_units, sold),
        },
        "customers": {
            "expected_spend": round(float(spend.sum()), 2),
            "spend": round(float(paid.sum()), 2),
            "ratio": _ratio(spend.sum(), paid.sum()),
            "correlation": _correlation(spend, paid),
            "tenths": tenths(spend, paid),
            "expected_visitors": round(float(week.forecast.visit_probability.sum(dtype=np.float64)), 1),
            "visitors": float(came.sum()),
        },
        "plan": _sets(prepared, plan, units),
    }


def tenths(expected: Values, actual: Values) -> list[dict[str, float]]:
    """Return customers in tenths by what was expected of them: mean expected and mean actual."""
    order = np.argsort(expected, kind="stable")
    return [
        {"expected": round(float(expected[part].mean()), 4), "actual": round(float(actual[part].mean()), 4)}
        for part in np.array_split(order, min(GROUPS, len(order)))
        if len(part)
    ]


def _sets(prepared: Prepared, plan: CampaignPlan, units: Values) -> dict[str, Any]:
    """Of the customers and bundles that the plan chose: how many bought the full set anyway, forecast and in truth."""
    options = prepared.built.problem.options
    at = plan.offer_customer, plan.offer_option
    chance = prepared.values.baseline[at].astype(np.float64)
    items = options.items[plan.offer_option]
    wanted = options.quantities[plan.offer_option][:, None]
    held = (units[plan.offer_customer[:, None], np.maximum(items, 0)] >= wanted) | (items < 0)
    bought = int(held.all(axis=1).sum())
    expected, spread = float(chance.sum()), math.sqrt(float((chance * (1 - chance)).sum()))
    return {
        "bundles": len(plan.menu),
        "offers": len(plan.offer_option),
        "expected_incremental_revenue": round(float(prepared.values.incremental_revenue[at].sum(dtype=np.float64)), 2),
        "gap": plan.headline.gap,
        "bought_anyway_expected": round(expected, 2),
        "bought_anyway": bought,
        "z": round((bought - expected) / spread, 2) if spread > 0 else 0.0,
    }


def past_plan(prepared: Prepared, plan: CampaignPlan) -> PastPlan:
    """Return what the plan would have been, by ids."""
    options = prepared.built.problem.options
    names = options.bundle_ids[options.bundle]
    people = prepared.week.forecast.customer_ids
    return PastPlan(
        week=prepared.week.campaign.week,
        price={str(names[option]): int(options.price_cents[option]) for option in plan.menu.tolist()},
        offers=frozenset(
            (str(people[customer]), str(names[option]))
            for customer, option in zip(plan.offer_customer.tolist(), plan.offer_option.tolist(), strict=True)
        ),
    )


def stability(before: PastPlan, after: PastPlan) -> dict[str, Any]:
    """Return how alike the plans of two weeks are: shares of what either holds that both hold."""
    kept = set(before.price) & set(after.price)
    return {
        "from": before.week.isoformat(),
        "to": after.week.isoformat(),
        "bundles_in_both": len(kept),
        "bundles_alike": _alike(set(before.price), set(after.price)),
        "same_price": _ratio(sum(before.price[name] == after.price[name] for name in kept), len(kept)),
        "offers_alike": _alike(before.offers, after.offers),
        "customers_alike": _alike({one for one, _ in before.offers}, {one for one, _ in after.offers}),
    }


def _alike(one: set[Any] | frozenset[Any], other: set[Any] | frozenset[Any]) -> float | None:
    """Jaccard's index; None where both are empty."""
    either = len(one | other)
    return round(len(one & other) / either, 4) if either else None


def _ratio(above: float, below: float) -> float | None:
    return round(float(above) / float(below), 4) if below > 0 else None


def _correlation(one: Values, other: Values) -> float | None:
    if len(one) < 2 or one.std() == 0 or other.std() == 0:
        return None
    return round(float(np.corrcoef(one, other)[0, 1]), 4)
