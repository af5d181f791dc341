"""A plan of two bundles and three customers, made without a model, with names that want to do harm."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from bundleopt.plan.document import PlanFacts, plan_document
from bundleopt.plan.totals import all_totals
from bundleopt.plan.valued_plan import Stock, ValuedPlan
from bundleopt_data.campaign import CampaignWeek
from bundleopt_models.offer_values import OfferValues
from bundleopt_solvers.plan import CampaignPlan, Certificate, RuleReport, StopReason
from bundleopt_solvers.problem import CampaignProblem, Options, Rules

HOSTILE_NAMES = (
    "</script><script>window.__x=1</script>",
    '=HYPERLINK("http://evil","x")',
    "[red]markup[/red] \x1b[31mansi\x1b[0m",
    "＝cmd|' /C calc'!A0",
)
ITEM_IDS = ("001", "=1+1", "@x", "1e5")


def small_valued_plan(names: tuple[str, ...] = HOSTILE_NAMES, *, offers: bool = True) -> ValuedPlan:
    """Return a plan: items 0 and 1 in one bundle, 2 and 3 in the other; three customers, four offers."""
    options = Options(
        bundle_ids=np.array(["B1", "B2"], dtype=object),
        item_ids=np.array(ITEM_IDS, dtype=object),
        items=np.array([[0, 1], [2, 3]], dtype=np.int32),
        bundle=np.array([0, 1], dtype=np.int32),
        price_cents=np.array([399, 799], dtype=np.int64),
        list_value_cents=np.array([500, 1000], dtype=np.int64),
        unit_spend=np.array([0.505, 2.01]),
        unit_margin=np.array([1.2, 2.5]),
    )
    draw = np.random.default_rng(5)
    shape = (3, 2)
    values = OfferValues(
        redemption=draw.uniform(0.05, 0.3, shape).astype(np.float32),
        baseline=draw.uniform(0.0, 0.05, shape).astype(np.float32),
        incremental_revenue=draw.uniform(0.1, 1.0, shape).astype(np.float32),
        incremental_margin=draw.uniform(-0.2, 0.3, shape).astype(np.float32),
        units=draw.uniform(0.0, 0.2, (3, 2, 2)).astype(np.float32),
    )
    customer = np.array([0, 0, 1, 2] if offers else [], dtype=np.int32)
    option = np.array([0, 1, 1, 0] if offers else [], dtype=np.int32)
    value = float(values.incremental_revenue[customer, option].astype(np.float64).sum())
    problem = CampaignProblem(
        customer_ids=np.array(["c1", "+c2", "c3"], dtype=object),
        options=options,
        value=values.incremental_revenue,
        redemption=values.redemption,
        incremental_margin=values.incremental_margin,
        units=values.units,
        segment=np.zeros(3, dtype=np.int32),
        rules=Rules(budget=10.0),
    )
    plan = CampaignPlan(
        menu=np.unique(option).astype(np.int32),
        offer_customer=customer,
        offer_option=option,
        headline=Certificate(value, value * 1.02, "every menu of the candidates"),
        certificates={"assignment": Certificate(value, value, "this menu")},
        rules=(RuleReport("budget", 10.0, 1.0, 9.0, binding=False, shadow_price=0.1),),
        item_shadow_price=np.zeros(4),
        reduced_value=np.zeros(2),
        reason=StopReason.TIME_LIMIT,
        seconds=1.0,
        work=10,
        solver="test",
    )
    stock = Stock(
        on_hand=np.array([10.0, np.inf, 5.0, 0.5]),
        baseline=np.array([2.0, 1.0, 3.0, 0.4]),
        safety=np.array([1.0, 0.0, 1.0, 0.1]),
        slack=np.array([7.0, np.inf, 1.0, 0.0]),
    )
    return ValuedPlan(_campaign(names), problem, values, plan, stock, baseline_revenue=20.0)


def small_document(valued: ValuedPlan, **changes: Any) -> dict[str, Any]:
    """Return the plan document of `valued`, with some facts changed."""
    facts: dict[str, Any] = {
        "totals": all_totals(valued, level=0.9),
        "decomposition": {"new": 2.0, "cannibalised": -0.5},
        "margin_decomposition": {"new": 0.5, "cannibalised": -0.1},
        "objective": "revenue",
        "gap_asked": 0.005,
        "margin_neutral": None,
        "assumptions": ("Margins are assumed <b>boldly</b>.",),
        "warnings": (),
        "excluded": {"not promotable": ["1e5"]},
        "included": [],
        "config": {"solve.budget": 10.0, "data.currency": "USD"},
        "config_sources": {"solve.budget": "--budget"},
        "inputs": {"transactions.csv": "0" * 64},
        "versions": {"python": "3.11"},
        "seeds": {"solve": 0},
        "seconds": {"optimise": 1.0},
        "model": {"training": "quick"},
        "break_even": [],
        "additivity": {},
        "data_findings": [],
    }
    return plan_document(valued, PlanFacts(**(facts | changes)))


def _campaign(names: tuple[str, ...]) -> CampaignWeek:
    texts = np.array(["food"] * 4, dtype=object)
    return CampaignWeek(
        week=date(2024, 10, 7),
        item_ids=np.array(ITEM_IDS, dtype=object),
        names=np.array(names, dtype=object),
        category=texts,
        brand=texts,
        department=texts,
        shelf_price_cents=np.array([200, 300, 400, 600], dtype=np.int64),
        list_price_cents=np.array([200, 300, 400, 600], dtype=np.int64),
        unit_cost_cents=np.array([100, 100, 200, 300], dtype=np.int64),
        cost_is_assumed=np.zeros(4, dtype=bool),
        tax_rate=np.zeros(4),
        funding_share=np.zeros(4),
        promotable=np.ones(4, dtype=bool),
        on_hand=np.array([10.0, np.inf, 5.0, 0.5]),
        display=np.zeros(4, dtype=np.float32),
        mailer=np.zeros(4, dtype=np.float32),
    )
