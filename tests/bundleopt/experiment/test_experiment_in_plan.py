"""A plan with a control group and drawn prices, from the flag to the checked run folder and the export."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bundleopt.experiment.exploration import EQUAL_SHARE, thompson_chances
from bundleopt.experiment.sentences import experiment_sentences
from bundleopt.verbs.explain import explain
from bundleopt.verbs.export import export
from bundleopt.verbs.solve import SolveResult, solve
from bundleopt_data.errors import UsageError
from bundleopt_solvers.checker_findings import Findings
from bundleopt_solvers.checker_inputs import CheckLimits
from bundleopt_solvers.checker_offers import _check_customers
from tests.bundleopt.command_line import CommandLine

SHARE = 0.2
RULES = {"max_bundles": 6, "time_limit": 20, "budget": 150, "candidates": 30, "bundle_size": "2"}


@pytest.fixture(scope="module")
def shop(trained_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(trained_workspace, tmp_path_factory.mktemp("experiment") / "shop"))


@pytest.fixture(scope="module")
def plan(shop: Path) -> SolveResult:
    return solve(shop, holdout="20%", explore="25%", **RULES)


def test_the_control_group_is_shown_nothing_and_is_in_no_total(plan: SolveResult) -> None:
    arms = pd.read_parquet(plan.folder / "experiment.parquet").set_index("customer_id")
    assert arms["holdout"].sum() == pytest.approx(SHARE * len(arms), abs=1)
    held = plan.offers["holdout"].to_numpy()
    assert held.any()
    assert np.array_equal(arms.loc[plan.offers["customer_id"], "holdout"].to_numpy(), held)
    shown = plan.offers[~held]
    totals = plan.document["totals"]
    for name in ("incremental_revenue", "incremental_margin", "promo_spend"):
        assert totals[name]["value"] == pytest.approx(shown[name].sum(), abs=0.006)
    assert totals["customers_reached"]["value"] == shown["customer_id"].nunique()
    assert plan.document["menu"]["offers"] == len(shown)
    assert plan.bundles["customers"].sum() == len(shown)
    units = plan.inventory.set_index("item_id")["incremental_units"].sum()
    assert units == pytest.approx(sum(sum(row) for row in shown["incremental_units"]))


def test_would_be_offers_are_as_good_as_those_that_are_made(plan: SolveResult) -> None:
    held = plan.offers[plan.offers["holdout"]]
    assert (held.groupby("customer_id").size() <= 3).all()
    drawn = {row["bundle_id"] for row in plan.document["experiment"]["exploration"]["bundles"]}
    assert (held[~held["bundle_id"].isin(drawn)]["incremental_revenue"] > 0).all()


def test_every_offer_carries_its_chance(plan: SolveResult) -> None:
    drawn = {row["bundle_id"]: row for row in plan.document["experiment"]["exploration"]["bundles"]}
    assert drawn
    for row in plan.offers.to_dict("records"):
        chance = drawn[row["bundle_id"]]["chance"] if row["bundle_id"] in drawn else 1.0
        assert row["propensity"] == pytest.approx((1 - SHARE) * chance, abs=1e-4)
    prices = plan.offers.groupby("bundle_id")["price"].nunique()
    assert (prices == 1).all(), "a bundle has one price for everybody, drawn or not"


def test_the_plan_says_what_learning_costs_and_what_it_can_show(plan: SolveResult) -> None:
    experiment = plan.document["experiment"]
    for part in ("holdout", "exploration"):
        cost = experiment[part]["cost"]
        assert cost["cost"] == pytest.approx(cost["without"] - cost["with"], abs=0.011)
        assert cost["at_most"] >= cost["cost"] - 0.01
    assert experiment["exploration"]["cost"]["with"] == pytest.approx(plan.document["objective"]["value"], abs=0.01)
    assert experiment["holdout"]["cost"]["cost"] > 0
    power = experiment["holdout"]["power"]
    assert power["detectable_lift"]["1"] > power["detectable_lift"]["4"] > 0
    assert power["expected_lift"] == pytest.approx(plan.incremental_revenue / 40, abs=0.01)
    said = " ".join(experiment_sentences(plan.document))
    assert "Held out: 10 of 50 customers" in said
    assert "drawn, to learn how customers answer to prices" in said
    assert "keeps the drawn prices" in (plan.folder / "report.html").read_text(encoding="utf-8")


def test_the_bound_is_one_on_the_plan_that_is_delivered(plan: SolveResult) -> None:
    shown = plan.offers[~plan.offers["holdout"]]
    assert plan.document["objective"]["value"] == pytest.approx(shown["incremental_revenue"].sum(), abs=0.01)
    assert plan.bound >= plan.document["objective"]["value"] - 1e-6
    assert "drawn prices" in plan.document["family"]


def test_a_customer_of_the_control_group_has_no_offers_to_explain(shop: Path, plan: SolveResult) -> None:
    held = plan.offers[plan.offers["holdout"]]["customer_id"].iloc[0]
    with pytest.raises(UsageError, match="control group"):
        explain(customer=str(held), run=plan.folder, workspace=shop)


def test_what_is_exported_holds_no_would_be_offer(shop: Path, plan: SolveResult, tmp_path: Path) -> None:
    export(plan.folder, to=tmp_path / "out", formats=("csv", "parquet"), workspace=shop)
    exported = pd.read_parquet(tmp_path / "out" / "offers.parquet")
    assert len(exported) == (~plan.offers["holdout"]).sum()
    assert not exported["holdout"].any()


def test_the_draw_rests_on_the_seed_not_on_the_plan(shop: Path, plan: SolveResult) -> None:
    other = solve(shop, holdout="20%", **(RULES | {"max_bundles": 2}))
    one, two = (pd.read_parquet(run.folder / "experiment.parquet")["holdout"] for run in (plan, other))
    assert one.equals(two)
    assert "exploration" not in other.document["experiment"]


def test_public_prices_cannot_be_held_out(run: CommandLine, shop: Path) -> None:
    for flag in ("--holdout", "--explore"):
        outcome = run("solve", "-w", shop, "--redemption", "public", flag, "5%")
        assert outcome.code == 2
        assert "only stores could be held out" in outcome.err


def test_shares_out_of_range_are_refused(run: CommandLine, shop: Path) -> None:
    assert run("solve", "-w", shop, "--holdout", "0").code == 2
    assert run("solve", "-w", shop, "--holdout", "60%").code == 2


@pytest.mark.parametrize(("flag", "drawn"), [(False, ("u1",)), (True, ())])
def test_the_checker_knows_who_was_drawn(flag: bool, drawn: tuple[str, ...]) -> None:
    offers = pd.DataFrame({"customer_id": ["u1"], "bundle_id": ["b"], "item_ids": [("i",)], "holdout": [flag]})
    findings = Findings()
    _check_customers(offers, CheckLimits(held_out=drawn), findings)
    assert [one.rule for one in findings.violations] == ["holdout"]
    right = Findings()
    _check_customers(offers.assign(holdout=not flag), CheckLimits(held_out=drawn), right)
    assert not right.violations


def test_chances_are_shares_of_the_draws_mixed_with_equal_ones() -> None:
    worth = np.array([[3.0, 1.0, 2.0]] * 3 + [[0.0, 5.0, 1.0]])
    equal = EQUAL_SHARE / 3
    found = thompson_chances(worth)
    assert found == pytest.approx([0.75 * (1 - EQUAL_SHARE) + equal, 0.25 * (1 - EQUAL_SHARE) + equal, equal])
    assert thompson_chances(np.zeros((0, 4))) == pytest.approx([0.25] * 4)
