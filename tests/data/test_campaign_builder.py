"""The campaign week: the order of the price rules, and that every assumption is said."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from bundleopt_data.campaign import UNLIMITED, CampaignWeek
from bundleopt_data.errors import UsageError
from bundleopt_data.sample import COMPLETE_JOURNEY
from bundleopt_data.settings import CampaignSettings

MONDAY = date(2024, 5, 20)


def _week(shop: Any, settings: CampaignSettings | None = None, monday: date = MONDAY) -> CampaignWeek:
    dataset = shop.prepare()
    panel = dataset.panel(fit_until=dataset.default_week())
    week: CampaignWeek = dataset.campaign_week(monday, panel, settings or CampaignSettings())
    assert week.item_ids.tolist() == panel.item_ids.tolist()
    return week


def _cents(week: CampaignWeek, item: str) -> int:
    return int(week.shelf_price_cents[week.item_ids.tolist().index(item)])


def test_a_planned_promotion_price_wins_then_the_weeks_table_price_then_the_regular_one(shop: Any) -> None:
    shop.append("promotions", f"003,{MONDAY},2.99,true,false")
    shop.append("prices", f"003,{MONDAY},3.49", f"004,{MONDAY},3.99")
    week = _week(shop)
    assert (_cents(week, "003"), _cents(week, "004")) == (299, 399)
    # Item 005 costs 4.50, and is 20 % off in some weeks: the regular price passes over the deals.
    assert _cents(week, "005") == 450
    assert (week.display[3], week.mailer[3], week.display[4]) == (1, 0, 0)
    assert any("1 of 12 items is the promotions table's price" in sentence for sentence in week.assumptions)


def test_planned_display_is_a_share_of_stores_and_a_row_without_store_holds_in_all(shop: Any) -> None:
    header = "item_id,week,display,mailer,store_id\n"
    rows = [f"000,{MONDAY},true,false,s1", f"001,{MONDAY},true,true,", "002,2024-01-01,true,true,s2"]
    shop.write("promotions", header + "\n".join(rows) + "\n")
    week = _week(shop)
    assert week.display[:3].tolist() == [0.5, 1.0, 0.0]
    assert week.mailer[:3].tolist() == [0.0, 1.0, 0.0]


def test_without_a_prices_table_recent_sales_show_the_regular_price(shop: Any) -> None:
    shop.remove("prices", "promotions")
    week = _week(shop)
    assert [_cents(week, f"{item:03d}") for item in range(12)] == [200 + 50 * item for item in range(12)]
    assert any("recent sales show it" in sentence for sentence in week.assumptions)


def test_list_prices_of_the_lines_are_the_regular_price(shop: Any) -> None:
    shop.remove("prices", "promotions")
    header, *rows = shop.tables["transactions"].splitlines()
    shop.write("transactions", "\n".join([header + ",list_price", *(row + ",7.77" for row in rows)]) + "\n")
    assert set(_week(shop).shelf_price_cents.tolist()) == {777}


def test_nothing_of_the_week_itself_or_later_is_read(shop: Any) -> None:
    shop.remove("prices", "promotions", "inventory")
    settings = CampaignSettings(weeks_of_cover=2.0)
    monday = date(2024, 4, 1)
    before = _week(shop, settings, monday)
    changed = [line.replace("2024-04-0", "2024-04-0").split(",") for line in shop.tables["transactions"].splitlines()]
    for fields in changed[1:]:
        if fields[2] >= "2024-04-01":
            fields[3], fields[4] = "9", "99.99"
    shop.write("transactions", "\n".join(",".join(fields) for fields in changed) + "\n")
    after = _week(shop, settings, monday)
    assert (after.shelf_price_cents == before.shelf_price_cents).all()
    assert (after.on_hand == before.on_hand).all()


def test_costs_come_from_the_data_or_from_the_nearest_assumed_margin(shop: Any) -> None:
    assert not _week(shop).cost_is_assumed.any()
    text = shop.tables["items"].replace("list_price,unit_cost", "list_price,given_cost")
    text = "\n".join(line + (",snacks" if n else ",department") for n, line in enumerate(text.splitlines())) + "\n"
    shop.write("items", text)
    settings = CampaignSettings(
        assumed_margin=0.3,
        assumed_margin_by_department={"snacks": 0.5},
        assumed_margin_by_category={"coffee": 0.25},
        tax_rate=0.2,
    )
    week = _week(shop, settings)
    assert week.cost_is_assumed.all()
    net = week.shelf_price_cents / 1.2
    share = np.where(week.category == "coffee", 0.75, 0.5)
    np.testing.assert_allclose(week.unit_cost_cents, net * share, atol=0.5)
    assert any("rest on the margins assumed by category and department" in sentence for sentence in week.assumptions)
    assert any("tax rate of 20%" in sentence for sentence in week.assumptions)


def test_without_costs_and_margins_the_fix_is_named(shop: Any) -> None:
    shop.write("items", shop.tables["items"].replace("unit_cost", "given_cost"))
    with pytest.raises(UsageError, match=r"12 items have no unit_cost.*assumed_margin = 0\.3"):
        _week(shop, CampaignSettings(assumed_margin=None))


def test_stock_is_read_or_assumed_or_unlimited(shop: Any) -> None:
    shop.write("inventory", "item_id,on_hand\n000,17\n")
    week = _week(shop)
    assert week.on_hand[0] == 17
    assert (week.on_hand[1:] == UNLIMITED).all()
    assert any("11 items have no inventory row and count as unlimited" in sentence for sentence in week.assumptions)
    covered = _week(shop, CampaignSettings(weeks_of_cover=1.5))
    units: dict[str, float] = {}
    for line in shop.tables["transactions"].splitlines()[1:]:
        _, item, when, quantity, *_ = line.split(",")
        if when >= "2024-02-19":  # 13 weeks before the campaign
            units[item] = units.get(item, 0) + float(quantity)
    expected = [np.ceil(1.5 * units[item] / 13) for item in week.item_ids[1:]]
    assert covered.on_hand[1:].tolist() == expected
    assert covered.on_hand[0] == 17
    assert any("1.5 weeks" in sentence for sentence in covered.assumptions)


def test_stock_of_several_stores_is_added(shop: Any) -> None:
    shop.write("inventory", "item_id,on_hand,store_id\n000,17,s1\n000,3,s2\n")
    assert _week(shop).on_hand[0] == 20


def test_flags_tax_and_funding_of_the_items_table_win_over_the_settings(shop: Any) -> None:
    header, *rows = shop.tables["items"].splitlines()
    extra = ["false,0.1,0.9", "true,,", *([",,"] * 10)]
    rows = [f"{row},{more}" for row, more in zip(rows, extra, strict=True)]
    shop.write("items", "\n".join([header + ",promotable,tax_rate,funding", *rows]) + "\n")
    week = _week(shop, CampaignSettings(funding_share=0.5, tax_rate=0.2))
    assert week.promotable.tolist() == [False, *([True] * 11)]
    assert week.tax_rate.tolist() == [0.1, *([0.2] * 11)]
    assert week.funding_share.tolist() == [0.9, *([0.5] * 11)]
    assert any("fund 50%" in sentence for sentence in week.assumptions)


def test_prices_net_of_tax_carry_no_tax_to_take_off(shop: Any) -> None:
    shop.write("items", shop.tables["items"].replace("unit_cost", "given_cost"))
    week = _week(shop, CampaignSettings(assumed_margin=0.3, tax_rate=0.2, prices_include_tax=False))
    assert not week.tax_rate.any()
    np.testing.assert_allclose(week.unit_cost_cents, 0.7 * week.shelf_price_cents, atol=0.5)
    assert not any("tax rate" in sentence for sentence in week.assumptions)


def test_prices_are_cents_and_never_zero(shop: Any) -> None:
    shop.append("promotions", f"003,{MONDAY},0.001,true,false")
    week = _week(shop)
    assert week.shelf_price_cents.dtype == np.int64
    assert _cents(week, "003") == 1


def test_a_week_that_is_no_monday_is_refused(shop: Any) -> None:
    with pytest.raises(UsageError, match="Tuesday"):
        _week(shop, monday=date(2024, 5, 21))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"assumed_margin": 1.0}, "assumed_margin"),
        ({"assumed_margin_by_department": {"DELI": -0.1}}, "DELI"),
        ({"assumed_margin_by_category": {"tea": float("nan")}}, "tea"),
        ({"funding_share": 1.5}, "funding_share"),
        ({"tax_rate": -0.1}, "tax_rate"),
        ({"weeks_of_cover": 0.0}, "weeks_of_cover"),
        ({"weeks_of_cover": float("inf")}, "weeks_of_cover"),
    ],
)
def test_settings_outside_their_range_are_refused(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        CampaignSettings(**bad)


def test_the_samples_settings_are_valid_shares() -> None:
    assert COMPLETE_JOURNEY.funding_share == 0.5
    assert 0.2 < min(COMPLETE_JOURNEY.assumed_margin_by_department.values()) < 0.5
