"""The engine where every offer is worth something and customers differ widely: a tight bound, an end to the work."""

from __future__ import annotations

import numpy as np
import pytest

from bundleopt_solvers import search_state
from bundleopt_solvers.engine import solve_campaign
from bundleopt_solvers.plan import CampaignPlan, StopReason
from bundleopt_solvers.problem import CampaignProblem, Options, Rules
from bundleopt_solvers.search_state import Stall
from bundleopt_solvers.settings import EngineSettings


def unequal_campaign(seed: int, *, customers: int = 500, bundles: int = 80, items: int = 40) -> CampaignProblem:
    """Every offer is worth a little to everybody; a customer's worth is lognormal, and many bundles share an item."""
    rng = np.random.default_rng(seed)
    table = np.sort(np.array([rng.choice(items, 2, replace=False) for _ in range(bundles)]), axis=1).astype(np.int32)
    table = table[np.lexsort(table.T)]
    shelf = rng.integers(100, 900, items)
    list_value = shelf[table].sum(1)
    size = np.exp(2.0 * rng.standard_normal((customers, 1)))
    taste = np.exp(1.0 * rng.standard_normal((customers, items)))
    value = size * taste[:, table].prod(2) * np.exp(0.5 * rng.standard_normal(bundles))
    zeros = np.zeros((customers, bundles), dtype=np.float32)
    price = (0.8 * list_value).astype(np.int64)
    return CampaignProblem(
        customer_ids=np.array([f"c{n}" for n in range(customers)], dtype=object),
        options=Options(
            bundle_ids=np.array([f"b{n}" for n in range(bundles)], dtype=object),
            item_ids=np.array([f"i{n}" for n in range(items)], dtype=object),
            items=table,
            bundle=np.arange(bundles, dtype=np.int32),
            price_cents=price,
            list_value_cents=list_value.astype(np.int64),
            unit_spend=(list_value - price) / 100,
            unit_margin=price / 400,
        ),
        value=(value / value.mean() / 100).astype(np.float32),
        redemption=zeros + np.float32(0.1),
        incremental_margin=zeros,
        units=np.zeros((customers, bundles, 2), dtype=np.float32),
        segment=np.zeros(customers, dtype=np.int32),
        rules=Rules(max_bundles=12, slots=3, shelf_price_cents=shelf.astype(np.int64), no_arbitrage=False),
    )


def _offers(plan: CampaignPlan) -> tuple[bytes, bytes, float, float, int]:
    head = plan.headline
    return plan.offer_customer.tobytes(), plan.offer_option.tobytes(), head.value, head.bound, plan.work


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_small_customers_do_not_keep_the_bound_up(seed: int) -> None:
    plan = solve_campaign(unequal_campaign(seed), EngineSettings(gap=0.01, work=600, threads=1))
    assert plan.headline.gap <= 0.01


def test_a_search_without_progress_ends_and_its_work_gives_the_same_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_state, "STALL_CELLS", 0.0)
    monkeypatch.setattr(search_state, "STALL_STEPS", 150.0)
    problem = unequal_campaign(5, items=14)
    stalled = solve_campaign(problem, EngineSettings(gap=0.0, threads=1))
    assert stalled.reason is StopReason.WORK_LIMIT
    assert stalled.headline.gap > 1e-4
    again = solve_campaign(problem, EngineSettings(gap=0.0, threads=1, work=stalled.work))
    assert _offers(again) == _offers(stalled)


def test_patience_counts_work_since_the_last_progress_that_counts() -> None:
    stall = Stall(patience=10)
    assert not stall.is_over(5, 100.0, counts=1.0)
    assert not stall.is_over(15, 99.5, counts=1.0)
    assert stall.is_over(16, 99.5, counts=1.0)
    assert not stall.is_over(17, 98.9, counts=1.0)
    assert not stall.is_over(27, 98.0, counts=1.0)
    assert stall.is_over(28, 97.95, counts=1.0)
