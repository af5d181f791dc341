"""Shocks: texts become changes of exactly what they name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bundleopt.config import SolveConfig
from bundleopt.shock_texts import parse_shock
from bundleopt.stages.shocks import shocked_week
from bundleopt_data.campaign import CampaignWeek
from bundleopt_data.errors import UsageError
from tests.bundleopt.small_plan import small_valued_plan


@pytest.fixture
def campaign() -> CampaignWeek:
    plan = small_valued_plan().campaign
    return replace(
        plan,
        category=np.array(["food", "food", "drinks", "drinks"], dtype=object),
        brand=np.array(["Acme", "Beta", "Acme", "food"], dtype=object),
        department=np.array(["shop"] * 4, dtype=object),
    )


@pytest.mark.parametrize(
    ("text", "kind", "scope", "target", "factor"),
    [
        ("price:YOGURT=+5%", "price", None, "YOGURT", 1.05),
        ("stock:001=-50%", "stock", None, "001", 0.5),
        ("cost:brand:Acme=+10%", "cost", "brand", "Acme", 1.1),
        ("demand:*=-20%", "demand", None, "*", 0.8),
        ("demand:segment:Baby & dairy=12.5%", "demand", "segment", "Baby & dairy", 1.125),
        ("price:a=b:c=1%", "price", None, "a=b:c", 1.01),
    ],
)
def test_shocks_as_people_write_them(text: str, kind: str, scope: str | None, target: str, factor: float) -> None:
    shock = parse_shock(text)
    assert (shock.kind, shock.scope, shock.target) == (kind, scope, target)
    assert shock.factor == pytest.approx(factor)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "price",
        "price:X",
        "price:X=5",
        "price:X=-101%",
        "price:X=nan%",
        "tax:X=+1%",
        "price:=1%",
        "stock:segment:S=1%",
    ],
)
def test_what_is_no_shock_is_refused_where_it_stands(text: str) -> None:
    with pytest.raises(ValueError, match=r"%|shock"):
        parse_shock(text)
    with pytest.raises(ValueError, match="shocks"):
        SolveConfig.model_validate({"shocks": [text]})


def test_each_kind_moves_what_it_names_and_nothing_else(campaign: CampaignWeek) -> None:
    dearer = shocked_week(campaign, ["price:drinks=+12.5%"])
    assert dearer.shelf_price_cents.tolist() == [200, 300, 450, 675]
    assert dearer.unit_cost_cents.tolist() == campaign.unit_cost_cents.tolist()
    costlier = shocked_week(campaign, ["cost:brand:Acme=+10%"])
    assert costlier.unit_cost_cents.tolist() == [110, 100, 220, 300]
    scarce = shocked_week(campaign, ["stock:*=-50%"])
    assert scarce.on_hand.tolist() == [5.0, np.inf, 2.0, 0.0]
    assert shocked_week(campaign, ["demand:*=-50%"]) is campaign


def test_shocks_act_one_after_the_other(campaign: CampaignWeek) -> None:
    both = shocked_week(campaign, ["price:001=+10%", "price:*=-100%"])
    assert both.shelf_price_cents.tolist() == [1, 1, 1, 1]
    twice = shocked_week(campaign, ["price:001=+10%", "price:001=+10%"])
    assert twice.shelf_price_cents[0] == 242


def test_a_name_that_means_several_things_is_refused_with_the_ways_to_say_it(campaign: CampaignWeek) -> None:
    with pytest.raises(UsageError, match="price:category:food or price:brand:food"):
        shocked_week(campaign, ["price:food=+5%"])
    assert shocked_week(campaign, ["price:brand:food=+5%"]).shelf_price_cents.tolist() == [200, 300, 400, 630]
    with pytest.raises(UsageError, match="did you mean 'drinks'"):
        shocked_week(campaign, ["price:drink=+5%"])
