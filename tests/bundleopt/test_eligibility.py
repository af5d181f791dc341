"""Who may be shown what, and at which price: each rule changes the plan as it says, and the checker sees a breach."""

from __future__ import annotations

import csv
import shutil
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bundleopt.rule_texts import parse_bands
from bundleopt.stages.eligibility import Eligibility
from bundleopt.stages.price_limits import PriceLimits
from bundleopt.verbs.initialise import initialise
from bundleopt.verbs.solve import SolveResult, solve
from bundleopt_models.offer_values import OptionTable
from bundleopt_solvers.checker_eligibility import check_eligibility, check_price_limits
from bundleopt_solvers.checker_findings import Findings
from bundleopt_solvers.checker_inputs import CheckLimits
from tests.bundleopt.command_line import CommandLine

WEEK = date(2024, 10, 7)
QUICK = {"gap": "5%", "time_limit": 4, "candidates": 40, "max_bundles": 4}


def _write(path: Path, head: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([head, *rows])


@pytest.fixture(scope="module")
def shop(market: Path, trained_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop where C000 to C009 were contacted in three of the last four weeks, and coupons run."""
    data = tmp_path_factory.mktemp("rules") / "data"
    shutil.copytree(market, data)
    contacts = [
        (f"w{ago}", f"C{number:03d}", "B1", "001|002", "4.50", f"{WEEK - timedelta(weeks=ago)} 10:00:00", "false")
        for number in range(10)
        for ago in (1, 2, 4)
    ]
    head = ("campaign_id", "customer_id", "bundle_id", "item_ids", "price", "shown_at", "redeemed")
    _write(data / "offers_log.csv", head, contacts)
    coupons = [
        ("004", "C020", "2024-10-01", "2024-10-09"),  # runs in the week
        ("004", "C021", "2024-09-01", "2024-10-06"),  # ended the day before
        ("009", "", "2024-10-13", ""),  # everybody's, from Sunday on
    ]
    _write(data / "held_coupons.csv", ("item_id", "customer_id", "valid_from", "valid_until"), coupons)
    root = tmp_path_factory.mktemp("rules") / "shop"
    initialise(root, data=str(data))
    shutil.copytree(trained_workspace / "models", root / "models", dirs_exist_ok=True)
    return root


def _items(plan: SolveResult, customer: str) -> set[str]:
    mine = plan.offers[plan.offers["customer_id"] == customer]
    return {item for items in mine["item_ids"] for item in items}


def test_customers_rest_after_so_many_contacts(shop: Path) -> None:
    rested = {f"C{number:03d}" for number in range(10)}
    free = solve(shop, **QUICK)
    assert rested & set(free.offers["customer_id"])
    for contacts, weeks, resting in ((3, 4, rested), (4, 4, set()), (3, 3, set()), (2, 3, rested)):
        plan = solve(shop, max_contacts=contacts, contact_weeks=weeks, **QUICK)
        assert not resting & set(plan.offers["customer_id"])
        assert bool(resting) == any("shown nothing" in text for text in plan.document["assumptions"])
        assert plan.bound <= free.bound + 1e-6 or not resting


def test_who_has_a_coupon_is_offered_no_bundle_with_the_item(shop: Path) -> None:
    plan = solve(shop, include=["004"], **QUICK)
    assert any("coupon for everybody" in text for text in plan.document["assumptions"])
    assert "004" not in _items(plan, "C020")
    assert not any("009" in items for items in plan.offers["item_ids"])
    assert any("have a coupon" in text for text in plan.document["assumptions"])


def test_a_band_holds_for_every_bundle_with_the_item(shop: Path, run: CommandLine) -> None:
    plan = solve(shop, bands=["category:dry food=0%:10%"], **QUICK)
    dry = [row for row in plan.bundles.to_dict("records") if {"001", "002"} & set(row["item_ids"])]
    assert all(row["discount"] <= 0.10 + 1e-9 for row in dry)
    assert any(row["discount"] > 0.10 for row in plan.bundles.to_dict("records"))
    seen = run("solve", "-w", shop, "--band", "category:nothing=0%:10%")
    assert seen.code == 2
    assert "no modelled item" in seen.err


def test_a_bundle_costs_less_than_its_items_did_before(shop: Path) -> None:
    plan = solve(shop, prior_price_days=30, **QUICK)
    assert any("lowest weekly prices" in text for text in plan.document["assumptions"])
    from bundleopt.session import open_session
    from bundleopt.stages.model import open_model
    from bundleopt.stages.price_limits import lowest_before
    from bundleopt.stages.week import plan_week

    session = open_session(shop)
    trained = open_model(session)
    assert trained is not None
    campaign = plan_week(session, trained).campaign
    lowest = lowest_before(campaign, trained.panel, 30)
    codes = {str(item): code for code, item in enumerate(campaign.item_ids)}
    for row in plan.bundles.to_dict("records"):
        assert row["price"] * 100 < sum(lowest[codes[item]] for item in row["item_ids"])
    table = pd.read_csv(session.source + "/prices.csv", dtype={"item_id": str})
    recent = table[(table["week"] >= "2024-09-02") & (table["week"] < "2024-10-07")]
    for item, price in recent.groupby("item_id")["price"].min().items():
        assert lowest[codes[str(item)]] == min(round(price * 100), campaign.shelf_price_cents[codes[str(item)]])


def test_limits_are_exact_at_their_ends() -> None:
    limits = PriceLimits({0: (Fraction("0.1"), Fraction("0.3"))}, {0: 100, 1: 200})
    assert limits.allows((0,), 90, 100)
    assert limits.allows((0, 1), 210, 300)
    assert not limits.allows((0, 1), 209, 300)
    assert not limits.allows((0, 1), 271, 300)
    assert PriceLimits({}, {0: 100, 1: 150}).allows((0, 1), 249, 300)
    assert not PriceLimits({}, {0: 100, 1: 150}).allows((0, 1), 250, 300)


@pytest.mark.parametrize("text", ["brand:A", "brand:A=1", "brand:A=20%:10%", "brand:A=0%:200%"])
def test_bands_without_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"band|share|rule|outside"):
        parse_bands([text])


def test_forbidden_offers_are_at_a_loss_and_all_others_untouched() -> None:
    table = OptionTable(
        items=np.array([[0, 1], [1, 2]], dtype=np.int32),
        bundle=np.array([0, 1], dtype=np.int32),
        price_cents=np.array([90, 180]),
        list_value_cents=np.array([100, 200]),
        unit_spend=np.array([0.1, 0.2]),
        unit_margin=np.array([0.1, 0.2]),
    )
    values = np.full((3, 2), 5.0, dtype=np.float32)
    masked = Eligibility(np.array([0]), np.array([1]), np.array([2])).masked(values, table)
    assert masked.tolist() == [[-1.0, -2.0], [5.0, -2.0], [5.0, 5.0]]
    barred = Eligibility(barred=np.array([0])).masked(values, table)
    assert barred.tolist() == [[-1.0, 5.0]] * 3
    assert values.min() == 5.0
    assert Eligibility().masked(values, table) is values


def test_the_checker_finds_offers_and_prices_that_must_not_be() -> None:
    from bundleopt_solvers.checker_items import BundleValue
    from bundleopt_solvers.checker_menu import MenuBundle

    offers = pd.DataFrame(
        {
            "customer_id": ["a", "b", "b"],
            "bundle_id": ["B1", "B1", "B2"],
            "item_ids": [("x", "y"), ("x", "y"), ("z", "y")],
        }
    )
    for pairs, wrong in (
        ([("a", "")], ["a B1"]),
        ([("b", "z")], ["b B2"]),
        ([("", "z")], ["b B2"]),
        ([("c", ""), ("", "q")], []),
    ):
        findings = Findings()
        check_eligibility(offers, pd.DataFrame(pairs, columns=["customer_id", "item_id"]), findings)
        assert [violation.rule for violation in findings.violations] == ["eligibility"] * bool(wrong)
    value = BundleValue(Fraction(10), Fraction(8), Fraction(2), Fraction(1))
    menu = {"B1": MenuBundle("B1", ("x", "y"), 800, value)}
    for limits, rules in (
        (CheckLimits(bands={"x": (0.0, 0.2)}), []),
        (CheckLimits(bands={"x": (0.0, 0.19)}), ["price band"]),
        (CheckLimits(lowest_price={"x": 4.0, "y": 4.0}), ["prior lowest price"]),
        (CheckLimits(lowest_price={"x": 4.0, "y": 4.01}), []),
        (CheckLimits(lowest_price={"x": 4.0, "y": 4.0}, lock=((("y", "x"), 8.0),)), []),
    ):
        findings = Findings()
        check_price_limits(menu, limits, findings)
        assert [violation.rule for violation in findings.violations] == rules
