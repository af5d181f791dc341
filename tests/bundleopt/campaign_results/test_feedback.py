"""A campaign of the small shop and its results: matched, measured, learned from, and used by the next plan."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bundleopt.campaign_results.learned import Learned, Lesson, document_of, read_learned, write_learned
from bundleopt.verbs.approve import approve
from bundleopt.verbs.feedback import FeedbackResult, feedback
from bundleopt.verbs.solve import SolveResult, solve
from bundleopt.workspace import Workspace
from bundleopt_data.errors import DataRefusedError, UsageError
from bundleopt_models.offer_response import Belief, OfferResponse
from tests.bundleopt.command_line import CommandLine

RULES = {"max_bundles": 6, "time_limit": 20, "candidates": 30, "bundle_size": "2"}
Tables = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def planned(trained_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with an approved plan that holds out a fifth."""
    root = Path(shutil.copytree(trained_workspace, tmp_path_factory.mktemp("feedback") / "shop"))
    plan = solve(root, holdout="20%", **RULES)
    approve(plan.folder, by="Ada", workspace=root)
    return root


@pytest.fixture
def shop(planned: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(planned, tmp_path / "shop"))


def the_plan(shop: Path) -> SolveResult:
    from bundleopt.verbs.report import read_result

    return read_result(shop / "runs" / "0001-2024-10-07")


def played(shop: Path, *, seed: int = 0, odds: float = 1.0) -> Tables:
    """A week as it was forecast, but for the odds of redemption, which are `odds` times as high."""
    plan, random = the_plan(shop), np.random.default_rng(seed)
    monday = date.fromisoformat(plan.document["week"])
    shown = plan.offers[~plan.offers["holdout"]]
    chance = shown["redemption_probability"].to_numpy()
    chance = odds * chance / (1 - chance + odds * chance)
    log = pd.DataFrame(
        {
            "campaign_id": plan.folder.name,
            "customer_id": shown["customer_id"],
            "bundle_id": shown["bundle_id"],
            "item_ids": ["|".join(items) for items in shown["item_ids"]],
            "price": shown["price"],
            "shown_at": datetime.combine(monday, datetime.min.time()) + timedelta(hours=9),
            "redeemed": random.random(len(shown)) < chance,
            "propensity": shown["propensity"],
        }
    )
    return {"offers_log": log, "transactions": lines_of(plan, log, shown, random)}


def lines_of(plan: SolveResult, log: pd.DataFrame, shown: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Baseline sales spread over the customers, and the redeemed bundles at their prices."""
    price = {"001": 2.5, "002": 3.2, "003": 5.9, "004": 7.5, "005": 1.2, "006": 4.1, "007": 1.9, "008": 2.6, "009": 8.9,
             "010": 4.4, "NA": 2.1, "1e5": 2.9}  # fmt: skip
    noon = datetime.fromisoformat(plan.document["week"]) + timedelta(days=2, hours=12)
    people = pd.read_parquet(plan.folder / "experiment.parquet")["customer_id"]
    rows = []
    for item, units in plan.inventory[["item_id", "baseline_units"]].itertuples(index=False):
        buyers = random.choice(people, random.poisson(units))
        rows += [(customer, item, noon, 1, price[item]) for customer in buyers]
    for offer, redeemed in zip(shown.to_dict("records"), log["redeemed"], strict=True):
        if redeemed:
            ratio = offer["price"] / offer["list_value"]
            rows += [(offer["customer_id"], item, noon, 1, price[item] * ratio) for item in offer["item_ids"]]
    return pd.DataFrame(rows, columns=["customer_id", "item_id", "timestamp", "quantity", "unit_price"])


def write(tables: Tables, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return folder


def taken(shop: Path, tables: Tables) -> FeedbackResult:
    return feedback(write(tables, shop.parent / "results"), workspace=shop)


def test_a_week_that_went_as_planned_breaks_no_rule_and_raises_no_alarm(shop: Path) -> None:
    found = taken(shop, played(shop)).content
    assert found["breaches"] == []
    assert found["alarms"] == []
    assert found["totals"]["offers_shown_as_planned"] == found["totals"]["offers_planned"] > 0
    redeemed, expected = found["totals"]["redemptions"], found["totals"]["redemptions_expected"]
    assert redeemed == pytest.approx(expected, abs=4 * np.sqrt(expected))
    assert sum(row["redeemed"] for row in found["bundles"]) == redeemed
    assert sum(row["redeemed"] for row in found["calibration"]) == redeemed
    assert {row["outcome"] for row in found["lift"]} == {"revenue", "margin", "revenue of the campaign's items"}
    assert found["headline"]["estimator"] == "regression-adjusted"
    assert found["pooled"] is None


def test_lift_compares_everybody_who_was_drawn_from(shop: Path) -> None:
    tables = played(shop)
    row = next(one for one in taken(shop, tables).content["lift"] if one["estimator"] == "difference in means")
    arms = pd.read_parquet(the_plan(shop).folder / "experiment.parquet").set_index("customer_id")
    lines = tables["transactions"]
    spend = (lines["quantity"] * lines["unit_price"]).groupby(lines["customer_id"]).sum().reindex(arms.index).fillna(0)
    assert row["effect"] == pytest.approx(spend[~arms["holdout"]].mean() - spend[arms["holdout"]].mean())
    assert row["expected"] == pytest.approx(the_plan(shop).incremental_revenue / (~arms["holdout"]).sum())


def _other_price(tables: Tables, plan: SolveResult) -> str:
    tables["offers_log"].loc[0, "price"] += 0.10
    return "another price"


def _to_the_held_out(tables: Tables, plan: SolveResult) -> str:
    held = plan.offers[plan.offers["holdout"]].iloc[0]
    tables["offers_log"].loc[0, ["customer_id", "bundle_id"]] = [held["customer_id"], held["bundle_id"]]
    return "control group"


def _other_bundle(tables: Tables, plan: SolveResult) -> str:
    tables["offers_log"].loc[0, "bundle_id"] = "Bnever"
    return "does not hold"


def _to_somebody_else(tables: Tables, plan: SolveResult) -> str:
    log = tables["offers_log"]
    arms = pd.read_parquet(plan.folder / "experiment.parquet")
    treated = set(arms.loc[~arms["holdout"], "customer_id"])
    for _, offers in log.groupby("bundle_id"):
        other = sorted(treated - set(offers["customer_id"]))
        if other:
            copied = log.loc[offers.index[0]].copy()
            copied["customer_id"] = other[0]
            log.loc[len(log)] = copied
            break
    return "somebody else"


def _a_week_late(tables: Tables, plan: SolveResult) -> str:
    tables["offers_log"].loc[0, "shown_at"] += timedelta(days=7)
    return "outside its week"


@pytest.mark.parametrize("spoil", [_other_price, _to_the_held_out, _other_bundle, _to_somebody_else, _a_week_late])
def test_each_breach_is_found(shop: Path, spoil: Callable[[Tables, SolveResult], str]) -> None:
    tables = played(shop)
    said = spoil(tables, the_plan(shop))
    found = taken(shop, tables).content["breaches"]
    assert any(said in breach["what"] for breach in found)
    assert all(breach["count"] >= 1 and breach["examples"] for breach in found)


def test_more_offers_than_planned_are_found(shop: Path) -> None:
    tables = played(shop)
    _to_somebody_else(tables, the_plan(shop))
    assert any("more offers" in breach["what"] for breach in taken(shop, tables).content["breaches"])


def test_alarms_sound_for_demand_price_and_catalogue(shop: Path) -> None:
    tables = played(shop)
    lines = tables["transactions"]
    doubled = pd.concat([lines, lines, lines]).assign(unit_price=lambda table: table["unit_price"] * 1.25)
    new = lines.head(40).assign(item_id="new-item")
    tables["transactions"] = pd.concat([doubled, new])
    kinds = [alarm["kind"] for alarm in taken(shop, tables).content["alarms"]]
    assert {"demand", "price", "catalogue"} <= set(kinds)


def test_what_customers_say_stands_beside_the_money(shop: Path) -> None:
    tables = played(shop)
    plan = the_plan(shop)
    held = plan.offers[plan.offers["holdout"]]["customer_id"].iloc[0]
    shown = tables["offers_log"]["customer_id"].iloc[0]
    item = plan.offers["item_ids"].iloc[0][0]
    at = f"{plan.document['week']} 18:00:00"
    tables["events"] = pd.DataFrame(
        [(shown, item, "rating", at, 4), (held, item, "rating", at, 2), (shown, item, "return", at, 1)],
        columns=["customer_id", "item_id", "type", "timestamp", "value"],
    )
    rows = {row["signal"]: row for row in taken(shop, tables).content["satisfaction"]}
    assert (rows["rating"]["with_offers_mean"], rows["rating"]["held_out_mean"]) == (4.0, 2.0)
    assert rows["return"]["count"] == rows["return"]["on_campaign_items"] == 1


def test_sold_out_items_are_named(shop: Path) -> None:
    tables = played(shop)
    tables["inventory"] = pd.DataFrame({"item_id": ["004", "005"], "on_hand": [0, 7]})
    assert [row["item_id"] for row in taken(shop, tables).content["stock_outs"]] == ["004"]


def test_the_next_plan_uses_what_was_learned(shop: Path) -> None:
    before = the_plan(shop)
    after = taken(shop, played(shop, odds=3.0)).content["learned"]["after"]
    assert after["slope"][0] > 0
    plan = solve(shop, holdout="20%", **RULES)
    key = ["customer_id", "bundle_id", "price"]
    both = before.offers.merge(plan.offers, on=key, suffixes=("_before", "_after"))
    assert len(both) > 5
    rose = both["redemption_probability_after"] > both["redemption_probability_before"]
    assert rose.all()
    assert plan.document["offer_response"] == after
    assert "feedback/response.json" in plan.document["inputs"]
    assert any("redemptions of earlier campaigns" in text for text in plan.document["assumptions"])


def test_overlooked_offers_become_reach_unless_the_file_says_otherwise(shop: Path, run: CommandLine) -> None:
    taken(shop, played(shop, odds=0.3))
    config = run("solve", "-w", shop, "--show-config", "--json").document
    assert 0.3 < float(config["solve.reach"]["value"]) < 1
    assert config["solve.reach"]["source"] == "feedback on earlier campaigns"
    path = shop / "bundleopt.toml"
    path.write_text(path.read_text().replace("[solve]", "[solve]\nreach = 0.9", 1))
    assert run("solve", "-w", shop, "--show-config", "--json").document["solve.reach"]["value"] == "0.9"


def test_results_that_are_given_twice_count_once(shop: Path) -> None:
    tables = played(shop, odds=2.0)
    first = taken(shop, tables).content["learned"]["after"]
    assert taken(shop, tables).content["learned"]["after"] == first
    assert len(read_learned(Workspace(shop)).lessons) == 1


def test_earlier_results_cannot_be_slipped_in_behind_later_ones() -> None:
    belief = document_of(OfferResponse(slope=Belief(0.1, 0.2), category={"dairy": Belief(0.0, 0.1)}))
    learned = Learned((Lesson("0001-a", "2024-10-07", {}, belief), Lesson("0002-b", "2024-10-14", belief, belief)))
    with pytest.raises(UsageError, match="0002-b"):
        learned.before("0001-a")
    assert learned.before("0002-b") == belief
    assert learned.before("0003-c") == belief


def test_a_file_that_cannot_be_read_is_refused_with_the_way_out(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    path = write_learned(workspace, Learned((Lesson("0001-a", "2024-10-07", {}, document_of(OfferResponse())),)))
    assert read_learned(workspace).response == document_of(OfferResponse())
    path.write_text(path.read_text().replace('"slope"', '"slant"'))
    with pytest.raises(UsageError, match="bundleopt feedback"):
        read_learned(workspace)


def test_the_command_says_what_happened_in_words(shop: Path, run: CommandLine) -> None:
    folder = write(played(shop), shop.parent / "results")
    outcome = run("feedback", folder, "-w", shop)
    assert outcome.code == 0
    assert "Lift of revenue against 10 held-out customers" in outcome.out
    assert "what the next plan uses" in outcome.out
    document = run("feedback", folder, "-w", shop, "--json").document
    kept = json.loads(Path(document["file"]).read_text())
    assert kept["headline"] == document["headline"]


def test_the_log_alone_is_enough_where_the_workspace_has_the_sales(shop: Path, run: CommandLine) -> None:
    tables = played(shop)
    path = shop.parent / "week-41.csv"
    tables["offers_log"].to_csv(path, index=False)
    outcome = run("feedback", path, "-w", shop)
    assert outcome.code == 3
    assert "transactions" in outcome.err
    assert "2024-10-07" in outcome.err


def test_wrong_results_are_refused(shop: Path, run: CommandLine, tmp_path: Path) -> None:
    assert run("feedback", tmp_path / "nowhere", "-w", shop).code == 2
    tables = played(shop)
    short = write({"offers_log": tables["offers_log"].drop(columns="redeemed")}, tmp_path / "short")
    outcome = run("feedback", short, "-w", shop)
    assert (outcome.code, "redeemed" in outcome.err) == (3, True)
    late = tables["offers_log"].assign(shown_at="2024-12-02 09:00:00")
    outcome = run("feedback", write(tables | {"offers_log": late}, tmp_path / "late"), "-w", shop)
    assert (outcome.code, "no plan is approved for the week of 2024-12-02" in outcome.err) == (2, True)
    with pytest.raises(DataRefusedError, match="no offer was shown"):
        feedback(tmp_path / "late", run="1", workspace=shop)
    assert not (shop / "feedback").exists()


def test_a_plan_without_a_control_group_says_what_is_missing(shop: Path, run: CommandLine) -> None:
    plan = the_plan(shop)
    arms = plan.folder / "experiment.parquet"
    table = pd.read_parquet(arms)
    tables = played(shop)
    arms.unlink()
    manifest = json.loads((plan.folder / "manifest.json").read_text())
    del manifest["sha256"]["experiment.parquet"]
    (plan.folder / "manifest.json").write_text(json.dumps(manifest))
    (plan.folder / "approval.json").unlink()
    outcome = run("feedback", write(tables, shop.parent / "results"), "-w", shop, "--run", "1")
    assert outcome.code == 0
    assert "--holdout 5%" in outcome.out
    assert len(table) == 50
