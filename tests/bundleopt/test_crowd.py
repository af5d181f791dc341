"""Chunks: the menu on a sample, offers and bound over all customers, against the engine that plans the whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

from bundleopt.config import Engine, SolveConfig
from bundleopt.stages.crowd import Crowd, crowd_of
from bundleopt.stages.eligibility import Eligibility
from bundleopt.stages.rule_inputs import RuleInputs
from bundleopt.stages.week import PlannedWeek
from bundleopt_data.errors import UsageError
from bundleopt_models.synthetic_week import synthetic_week
from tests.bundleopt.command_line import CommandLine
from tests.bundleopt.test_pair_pricing import small_week

QUICK = ("--time-limit", "3", "--gap", "5%", "--max-bundles", "3", "--max-discount", "30%", "--candidates", "12")


def _solve(run: CommandLine, workspace: Path, *flags: object) -> dict[str, Any]:
    outcome = run("solve", "-w", workspace, *QUICK, *flags, "--json")
    assert outcome.code == 0, outcome.err
    return outcome.document


@pytest.mark.parametrize(
    "rules",
    [
        ("--budget", "9", "--min-margin", "30%", "--min-incremental-margin", "1", "--fairness", "town=30%"),
        ("--objective", "margin", "--slots", "1", "--category-cap", "2"),
    ],
)
def test_chunks_deliver_a_checked_plan_whose_bound_holds_for_the_whole_engine(
    run: CommandLine, workspace: Path, rules: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _solve(run, workspace, *rules, "--engine", "whole")
    monkeypatch.setenv("BUNDLEOPT_ENGINE_SAMPLE", "25")
    chunks = _solve(run, workspace, *rules, "--engine", "chunks")
    # Candidates differ (they are searched on the sample), so this bound is held against its own plan only ...
    assert chunks["objective"]["value"] <= chunks["bound"] + 1e-9
    assert chunks["objective"]["value"] >= 0.6 * whole["objective"]["value"]
    # ... and where the sample is everybody, against each other's.
    monkeypatch.setenv("BUNDLEOPT_ENGINE_SAMPLE", "50")
    same = _solve(run, workspace, *rules, "--engine", "chunks")
    assert same["bound"] >= whole["objective"]["value"] - 1e-6
    assert whole["bound"] >= same["objective"]["value"] - 1e-6
    assert same["bound"] <= 1.1 * whole["bound"]
    offers = parquet.read_table(Path(same["folder"]) / "offers.parquet").to_pandas()
    assert offers["promo_spend"].sum() <= next(
        (rule["limit"] for rule in same["rules"] if rule["name"] == "budget"), np.inf
    )


def test_a_rule_that_needs_everybody_is_named(run: CommandLine, workspace: Path) -> None:
    outcome = run("solve", "-w", workspace, "--engine", "chunks", "--min-exposure", "3")
    assert outcome.code == 2
    assert "--engine chunks cannot keep --min-exposure" in outcome.err


def test_auto_works_in_chunks_beyond_the_stated_size_only() -> None:
    week = small_week(1)
    settings = SolveConfig(engine_cells=3 * 400 * 6, engine_sample=1)
    assert crowd_of(week, RuleInputs(), settings) is None
    beyond = settings.model_copy(update={"engine_cells": 3 * 400 * 6 - 1})
    found = crowd_of(week, RuleInputs(), beyond)
    assert found is not None
    assert found.who.tolist() == [1]
    whole = beyond.model_copy(update={"engine": Engine.WHOLE})
    assert crowd_of(week, RuleInputs(), whole) is None
    assert crowd_of(week, RuleInputs(), beyond.model_copy(update={"min_exposure": 2})) is None
    with pytest.raises(UsageError, match="--min-exposure"):
        crowd_of(week, RuleInputs(), beyond.model_copy(update={"min_exposure": 2, "engine": Engine.CHUNKS}))


def test_a_sample_keeps_customers_stock_and_sums_in_proportion() -> None:
    forecast, campaign = synthetic_week(10, 5, seed=1)
    stock = small_week(1).stock
    eligibility = Eligibility(resting=np.array([1, 4]), customer=np.array([4, 7]), item=np.array([2, 3]))
    inputs = RuleInputs(customers={"town": np.array(list("abcdefghij"), dtype=object)}, eligibility=eligibility)
    crowd = Crowd(PlannedWeek(campaign, forecast, stock), inputs, np.array([1, 4, 7]))
    week, few = crowd.sampled_week(), crowd.sampled_inputs()
    assert week.forecast.customer_ids.tolist() == forecast.customer_ids[[1, 4, 7]].tolist()
    assert np.array_equal(week.forecast.probability, forecast.probability[[1, 4, 7]])
    assert np.allclose(week.stock.slack, 0.3 * stock.slack)
    assert few.customers["town"].tolist() == ["b", "e", "h"]
    assert few.eligibility.resting.tolist() == [0, 1]
    assert (few.eligibility.customer.tolist(), few.eligibility.item.tolist()) == ([1, 2], [2, 3])
    settings = crowd.sampled_settings(SolveConfig(budget=100.0, min_incremental_margin=-10.0))
    assert settings.budget == pytest.approx(30.0)
    assert settings.min_incremental_margin == pytest.approx(-3.0)
    assert json.loads(settings.model_dump_json())["min_incremental_revenue"] is None
