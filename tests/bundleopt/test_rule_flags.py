"""Rules by flags, from the command line to the checked run folder of the small shop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from bundleopt.rule_texts import parse_churn, parse_counts, parse_goal, parse_lock, parse_tolerances
from tests.bundleopt.command_line import CommandLine, Outcome

QUICK = ("--time-limit", "6", "--gap", "5%", "--max-bundles", "6", "--max-discount", "30%")


def _solve(run: CommandLine, workspace: Path, *flags: object) -> Outcome:
    outcome = run("solve", "-w", workspace, *QUICK, *flags, "--json")
    assert outcome.code == 0, outcome.err
    return outcome


def _rule(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(rule for rule in document["rules"] if rule["name"] == name)


def _bundles(document: dict[str, Any]) -> list[dict[str, Any]]:
    return parquet.read_table(Path(document["folder"]) / "bundles.parquet").to_pylist()


def test_counts_and_exposure_are_kept_and_reported(run: CommandLine, workspace: Path) -> None:
    flags = ("--cap", "brand=5", "--min-exposure", "2", "--max-exposure", "25", "--fairness", "town=40%")
    document = _solve(run, workspace, *flags, "--min-incremental-revenue", "0").document
    assert document["menu"]["bundles"] >= 1
    customers = [bundle["customers"] for bundle in _bundles(document)]
    assert min(customers) >= 2
    assert max(customers) <= 25
    assert _rule(document, "max_exposure")["slack"] == 25 - max(customers)
    assert _rule(document, "parity:town=A")["slack"] >= 0
    assert _rule(document, "min_incremental_revenue")["slack"] >= 0


def test_a_locked_bundle_stays_at_its_price_and_churn_is_bounded(run: CommandLine, workspace: Path) -> None:
    first = _solve(run, workspace).document
    kept = _bundles(first)[0]
    document = _solve(run, workspace, "--lock", kept["bundle_id"], "--max-churn", "1", "--max-discount", "10%").document
    now = {bundle["bundle_id"]: bundle["price"] for bundle in _bundles(document)}
    before = {bundle["bundle_id"]: bundle["price"] for bundle in _bundles(first)}
    assert now[kept["bundle_id"]] == kept["price"]
    assert sum(before.get(name) != price for name, price in now.items()) <= 1
    assert sum(now.get(name) != price for name, price in before.items()) <= 1
    assert _rule(document, "lock")["slack"] == 0
    assert any("earlier run" in sentence for sentence in document["assumptions"])


def test_a_floor_and_a_locked_price_in_words(run: CommandLine, workspace: Path) -> None:
    outcome = run("solve", "-w", workspace, *QUICK, "--floor", "category:nothing=1", "--json")
    assert outcome.code == 2
    assert "no modelled item has the category 'nothing'" in outcome.err + outcome.out
    outcome = run("solve", "-w", workspace, *QUICK, "--lock", "Bnope", "--json")
    assert outcome.code == 2
    assert "runs" in outcome.err + outcome.out
    outcome = run("solve", "-w", workspace, *QUICK, "--fairness", "toun=10%", "--json")
    assert outcome.code == 2
    assert "did you mean 'town'" in outcome.err + outcome.out


def test_one_objective_then_the_other(run: CommandLine, workspace: Path) -> None:
    document = _solve(run, workspace, "--objective", "revenue,margin").document
    found = document["targets"]
    assert document["objective"]["name"] == "margin"
    assert found["kept"] == pytest.approx(0.99 * found["first"], abs=0.02)
    assert document["totals"]["incremental_revenue"]["value"] >= found["kept"] - 0.005
    assert found["first"] <= found["first_bound"] + 1e-9


def test_the_least_budget_for_a_goal(run: CommandLine, workspace: Path) -> None:
    free = _solve(run, workspace).document
    revenue, spend = (free["totals"][name]["value"] for name in ("incremental_revenue", "promo_spend"))
    document = _solve(run, workspace, "--goal", f"revenue>={revenue / 2:.2f}").document
    found = document["targets"]
    assert found["no_budget_under"] <= found["least_budget"] <= spend + 0.01
    assert document["totals"]["incremental_revenue"]["value"] >= revenue / 2 - 0.01
    assert document["totals"]["promo_spend"]["value"] <= found["least_budget"] + 0.005
    outcome = run("solve", "-w", workspace, *QUICK, "--goal", "revenue>=100000", "--json")
    assert outcome.code == 4
    conflict = json.loads((workspace / "conflict.json").read_text())
    assert conflict["conflict"] == ["goal revenue"]


def test_the_worst_draws_and_the_chance_of_the_budget(run: CommandLine, workspace: Path) -> None:
    free = _solve(run, workspace).document
    spend = free["totals"]["promo_spend"]["value"]
    document = _solve(
        run, workspace, "--budget", f"{spend:.2f}", "--budget-confidence", "80%", "--risk", "25%"
    ).document
    assert _rule(document, "budget_confidence")["value"] >= 0.8
    assert document["totals"]["promo_spend"]["value"] < spend
    assert document["objective"]["value"] <= document["totals"]["incremental_revenue"]["value"] + 0.01
    assert document["bound"] >= document["objective"]["value"]


def test_texts_of_rules_are_read_and_refused() -> None:
    assert parse_counts(["brand=2", "category:A=B=1"]) == {"brand": 2, "category:A=B": 1}
    assert parse_tolerances({"age": "5%"}) == {"age": 0.05}
    assert parse_churn("20%") == 0.2
    assert parse_churn(5) == 5.0
    assert parse_lock("A+B@3.99") == ("A+B", 399)
    assert parse_goal("margin >= 15000") == ("margin", 15000.0)
    for parse, text in (
        (parse_counts, "brand"),
        (parse_counts, "brand=two"),
        (parse_tolerances, "age=200%"),
        (parse_churn, "2.5"),
        (parse_churn, "100%"),
        (parse_goal, "profit>=1"),
        (parse_lock, "A+B@-1"),
    ):
        with pytest.raises(ValueError, match="write"):
            parse(text)


def test_a_floor_above_a_cap_is_a_contradiction_with_a_way_out(run: CommandLine, workspace: Path) -> None:
    flags = ("--floor", "category:cheese=3", "--cap", "category:cheese=2")
    outcome = run("solve", "-w", workspace, *QUICK, *flags)
    assert outcome.code == 4
    assert "floor:category:cheese asks for 3 bundles, cap:category:cheese allows 2 of them" in outcome.err
    assert "would have to be" in outcome.err
