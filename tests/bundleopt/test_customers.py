"""Customers in the run folder and the report: their groups, their interests, and the marks of cold starts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bundleopt.plan import sentences, tables
from bundleopt.plan.customers import CUSTOMER_COLUMNS, customers_table, segment_rows
from bundleopt.plan.valued_plan import ColdStarts
from bundleopt.report.page import render_report
from bundleopt.rundir.dictionary import DICTIONARY
from bundleopt.rundir.schemas import as_arrow
from bundleopt.stages.cold_start import cold_start_sentences
from bundleopt_models.interest_groups import InterestGroup, InterestGroups
from tests.bundleopt.small_plan import small_document, small_valued_plan

NAMES = ("Baby & dairy, deal seekers", "<b>Wine</b>, usual price response")


def small_groups() -> InterestGroups:
    """Customers 0 and 2 in the first group, 1 in the second."""
    groups = tuple(
        InterestGroup(name, customers, ("Baby", "Dairy"), (2.5, 1.5), 1.2, 0.4)
        for name, customers in zip(NAMES, (2, 1), strict=True)
    )
    return InterestGroups(
        groups=groups,
        segment=np.array([0, 1, 0], dtype=np.int32),
        interests=(("Baby",), (), ("Dairy", "Baby")),
        price_sensitivity=np.array([1.1, 0.9, 1.0]),
        deal_share=np.array([0.5, np.nan, 0.2]),
    )


def test_every_customer_has_a_row_that_adds_up_to_the_plan() -> None:
    valued = small_valued_plan()
    table = customers_table(valued, small_groups())
    assert tuple(table.columns) == CUSTOMER_COLUMNS == tuple(DICTIONARY["customers"])
    assert table["offers"].tolist() == [2, 1, 1]
    assert table["segment_name"].tolist() == [NAMES[0], NAMES[1], NAMES[0]]
    assert table["promo_spend"].sum() == pytest.approx(valued.promo_spend.sum())
    assert table["incremental_revenue"].sum() == pytest.approx(valued.incremental_revenue.sum())
    types = {field.name: str(field.type) for field in as_arrow("customers", table).schema}
    assert types["segment"] == types["offers"] == "int64"
    assert types["interests"].startswith("list<")


def test_groups_add_up_to_the_plan() -> None:
    valued = small_valued_plan()
    rows = segment_rows(valued, small_groups())
    assert [row["name"] for row in rows] == list(NAMES)
    assert sum(row["offers"] for row in rows) == len(valued.customer)
    assert sum(row["incremental_margin"] for row in rows) == pytest.approx(valued.incremental_margin.sum(), abs=0.02)


def test_the_report_shows_groups_and_escapes_their_names() -> None:
    valued = small_valued_plan()
    frames = {
        "bundles": tables.bundles_table(valued, cannibalised=np.zeros(len(valued.customer)), reasons={}),
        "offers": tables.offers_table(valued),
        "inventory": tables.inventory_table(valued),
    }
    page = render_report(small_document(valued, segments=segment_rows(valued, small_groups())), frames)
    assert "Baby &amp; dairy, deal seekers" in page
    assert "<b>Wine</b>" not in page
    without = {name: value for name, value in small_document(valued).items() if name != "segments"}
    assert "Who it is for" not in render_report(without, frames)


def test_offers_on_cold_starts_are_marked_and_counted() -> None:
    valued = small_valued_plan()
    assert not valued.cold_start.any()
    assert cold_start_sentences(valued) == []
    cold = ColdStarts(customer=np.array([False, True, False]), item=np.array([True, False, False, False]))
    marked = replace(valued, cold=cold)
    # Offers: customer 0 with items 0+1, customer 0 with 2+3, customer 1 with 2+3, customer 2 with 0+1.
    assert tables.offers_table(marked).set_index(["customer_id", "bundle_id"])["cold_start"].to_dict() == {
        ("c1", "B1"): True, ("c1", "B2"): False, ("+c2", "B2"): True, ("c3", "B1"): True,
    }  # fmt: skip
    bundles = tables.bundles_table(marked, cannibalised=np.zeros(4), reasons={})
    assert bundles["cold_start"].tolist() == [True, False]
    (sentence,) = cold_start_sentences(marked)
    assert sentence.startswith("3 of 4 offers")
    assert "cold_start" in sentence


def test_a_plan_with_draws_says_what_it_brings_on_them() -> None:
    document = small_document(small_valued_plan(), selection={"candidates": 40, "optimism": 0.25, "draws": 12})
    assert sentences.held_out_sentences(document) == []
    total = document["totals"]["incremental_revenue"]
    total |= {"held_out_draws": 2.5, "expectation": {"low": 1.0, "high": 4.0}}
    drawn, selected = sentences.held_out_sentences(document)
    assert "2.50" in drawn
    assert "1.00 to 4.00 in 90% of them" in drawn
    value = document["objective"]["value"]
    assert f"Expected after selection: {0.75 * value:.2f}" in selected
    assert "40 bundles" in selected
