"""Supplier funding by share and by unit: valuation, candidate search, price points and checker agree on every cent."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundleopt_data.campaign import CampaignWeek
from bundleopt_models.option_table import option_table
from bundleopt_solvers.candidate_inputs import CandidateInputs, CandidateSettings
from bundleopt_solvers.candidate_money import item_money
from bundleopt_solvers.checker_items import bundle_value, read_items
from bundleopt_solvers.price_points import earns_its_cost
from tests.bundleopt.small_plan import small_valued_plan

ITEM = st.tuples(
    st.integers(50, 2000),  # shelf price
    st.integers(0, 1500),  # cost
    st.sampled_from([0.0, 0.07, 0.19]),
    st.sampled_from([0.0, 0.3, 0.5, 1.0]),
    st.integers(0, 300),  # funding per unit
)


def _campaign(rows: list[tuple[int, int, float, float, int]]) -> CampaignWeek:
    shelf, cost, tax, share, per_unit = (np.array(column) for column in zip(*rows, strict=True))
    ids = np.array([f"i{number}" for number in range(len(rows))], dtype=object)
    base = small_valued_plan().campaign
    return replace(
        base,
        item_ids=ids,
        shelf_price_cents=shelf.astype(np.int64),
        unit_cost_cents=cost.astype(np.int64),
        tax_rate=tax.astype(np.float64),
        funding_share=share.astype(np.float64),
        funding_per_unit_cents=per_unit.astype(np.int64),
    )


@settings(deadline=None, max_examples=60)
@given(st.lists(ITEM, min_size=1, max_size=4), st.integers(60, 99))
def test_four_rooms_agree_on_spend_and_margin(rows: list[tuple[int, int, float, float, int]], percent: int) -> None:
    campaign = _campaign(rows)
    total = int(campaign.shelf_price_cents.sum())
    price = max(1, total * percent // 100)
    table = option_table([list(range(len(rows)))], [[price]], campaign)
    frame = pd.DataFrame(
        {
            "item_id": campaign.item_ids,
            "shelf_price": campaign.shelf_price_cents / 100,
            "unit_cost": campaign.unit_cost_cents / 100,
            "tax_rate": campaign.tax_rate,
            "funding_share": campaign.funding_share,
            "funding_per_unit": campaign.unit_funding_cents / 100,
            "category": "c",
            "promotable": True,
            "on_hand": np.inf,
            "baseline_units": 0.0,
            "safety_units": 0.0,
        }
    )
    exact = bundle_value(read_items(frame).values(), price)
    assert table.unit_spend[0] == pytest.approx(float(exact.unit_spend), abs=1e-9)
    assert table.unit_margin[0] == pytest.approx(float(exact.unit_margin), abs=1e-9)
    assert exact.unit_spend >= 0
    count = len(rows)
    inputs = CandidateInputs(
        probability=np.full((1, count), 0.1, np.float32),
        visit=np.ones(1, np.float32),
        slope=np.ones((1, count), np.float32),
        ratios=np.array([price / total]),
        price_lift=np.zeros((count, 1)),
        shelf_price=campaign.shelf_price_cents / 100,
        unit_cost=campaign.unit_cost_cents / 100,
        tax_rate=campaign.tax_rate,
        funding_share=campaign.funding_share,
        eligible=np.ones(count, bool),
        category=np.zeros(count, np.int32),
        funding_per_unit=campaign.unit_funding_cents / 100,
    )
    searched = item_money(inputs, CandidateSettings())
    assert float(searched.spend[0].sum()) == pytest.approx(float(exact.unit_spend), abs=2e-3)
    assert float(searched.margin[0].sum()) == pytest.approx(float(exact.unit_margin), abs=2e-3)
    shelf, cost, tax, share, per_unit = zip(*rows, strict=True)
    assert earns_its_cost(price, shelf, cost, tax, (share, per_unit)) == (exact.unit_margin >= Fraction(0))


def test_a_supplier_never_pays_more_than_the_discount() -> None:
    campaign = _campaign([(1000, 500, 0.0, 0.5, 80), (1000, 500, 0.0, 0.0, 30)])
    table = option_table([[0, 1]], [[1900, 1600]], campaign)
    # 50 cents of discount an item: 25 + 80 is capped at 50, and 30 are paid of the other; then 200 each: 100 + 80, 30.
    assert table.unit_spend.tolist() == pytest.approx([0.20, 4.00 - 1.80 - 0.30])
    assert table.unit_margin.tolist() == pytest.approx([19.0 - 10.0 + 0.80, 16.0 - 10.0 + 2.10])
