"""Past weeks planned from what was known before them, and what drawn prices say of others."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bundleopt.past_weeks import sentences
from bundleopt.past_weeks.drawn_prices import price_policies, read_drawn
from bundleopt.past_weeks.past_week import PastPlan, stability, tenths
from bundleopt.session import open_session
from bundleopt.stages.model import read_record
from bundleopt.verbs.backtest import BacktestResult, backtest
from bundleopt_data.errors import DataRefusedError, UsageError
from tests.bundleopt.command_line import CommandLine

MONDAY = date(2024, 10, 7)


@pytest.fixture(scope="module")
def shop(trained_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(trained_workspace, tmp_path_factory.mktemp("backtest") / "shop"))


@pytest.fixture(scope="module")
def rolled(shop: Path) -> BacktestResult:
    return backtest(shop, weeks=2, retrain=2, budget=60, max_bundles=6, candidates=30, bundle_size="2", time_limit=10)


def test_past_weeks_stand_beside_what_happened(shop: Path, rolled: BacktestResult) -> None:
    weeks = rolled.content["weeks"]
    assert [week["week"] for week in weeks] == ["2024-09-23", "2024-09-30"]
    lines = _lines(shop)
    for week in weeks:
        monday = pd.Timestamp(week["week"])
        mine = lines[(lines["timestamp"] >= monday) & (lines["timestamp"] < monday + timedelta(days=7))]
        assert week["items"]["sold_units"] == mine["quantity"].sum()
        assert week["customers"]["visitors"] == mine["customer_id"].nunique()
        assert week["items"]["ratio"] == pytest.approx(1.0, abs=0.4)
        assert week["customers"]["correlation"] > 0
        assert 0 < week["plan"]["bought_anyway_expected"] < week["plan"]["offers"]


def test_a_past_plan_sees_nothing_of_its_week(rolled: BacktestResult) -> None:
    # One training for both weeks: it ended before the first of them.
    assert {week["trained_until"] for week in rolled.content["weeks"]} == {"2024-09-23"}


def test_the_workspace_keeps_its_own_model_and_runs(shop: Path, rolled: BacktestResult) -> None:
    record = read_record(shop / "models")
    assert record is not None
    assert not record.bounded
    assert not any((shop / "runs").iterdir())
    assert rolled.file == shop / "backtest.json"


def test_it_says_what_no_backtest_can_show(rolled: BacktestResult) -> None:
    said = " ".join(sentences.summary(rolled.content))
    assert "cannot show: what the offers would have earned" in said
    assert "--explore 5%" in said
    assert rolled.content["drawn_prices"] is None


def test_the_command_prints_and_answers_in_json(shop: Path, run: CommandLine) -> None:
    outcome = run("backtest", "-w", shop, "--weeks", "40")
    assert (outcome.code, "weeks to learn from" in outcome.err) == (3, True)
    assert run("backtest", "-w", shop, "--weeks", "0").code == 2


def test_wrong_numbers_are_refused(shop: Path) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        backtest(shop, weeks=0)
    with pytest.raises(DataRefusedError, match="weeks to learn from"):
        backtest(shop, weeks=39)


def test_stability_counts_what_both_plans_hold() -> None:
    one = PastPlan(MONDAY, {"a": 100, "b": 200, "c": 300}, frozenset({("u", "a"), ("v", "b")}))
    other = PastPlan(MONDAY + timedelta(days=7), {"a": 100, "b": 250, "d": 1}, frozenset({("u", "a"), ("w", "d")}))
    found = stability(one, other)
    assert found["bundles_in_both"] == 2
    assert found["bundles_alike"] == 0.5
    assert found["same_price"] == 0.5
    assert found["offers_alike"] == pytest.approx(1 / 3, abs=1e-4)
    assert found["customers_alike"] == pytest.approx(1 / 3, abs=1e-4)
    same = stability(one, one)
    assert same["bundles_alike"] == same["offers_alike"] == same["same_price"] == 1.0
    nothing = PastPlan(MONDAY, {}, frozenset())
    assert stability(nothing, nothing)["bundles_alike"] is None


def test_tenths_are_means_of_like_customers() -> None:
    expected = np.arange(100.0)
    found = tenths(expected, 2 * expected)
    assert len(found) == 10
    assert [row["actual"] for row in found] == [2 * row["expected"] for row in found]
    assert found[0]["expected"] == 4.5


def drawn_log(seed: int, *, weeks: int = 60) -> tuple[pd.DataFrame, dict[str, float]]:
    """Offers of four bundles whose prices were drawn; the mean revenue of the cheapest and dearest price on them."""
    random = np.random.default_rng([23, seed])
    price, chance = np.array([2.0, 3.0]), np.array([0.7, 0.3])
    rate = np.array([[0.5, 0.2], [0.3, 0.1], [0.2, 0.19], [0.4, 0.05]])
    rows, sums = [], {"cheapest": 0.0, "dearest": 0.0}
    for week in range(weeks):
        for bundle in range(4):
            drawn, offers = int(random.choice(2, p=chance)), int(random.integers(5, 15))
            for customer in range(offers):
                hit = random.random() < rate[bundle, drawn]
                rows.append((f"w{week}", f"c{customer}", f"B{bundle}", price[drawn], hit, 0.9 * chance[drawn]))
            sums["cheapest"] += offers * rate[bundle, 0] * price[0]
            sums["dearest"] += offers * rate[bundle, 1] * price[1]
        rows.append((f"w{week}", "c0", "Bsure", 4.0, False, 0.9))
    columns = ["campaign_id", "customer_id", "bundle_id", "price", "redeemed", "propensity"]
    total = sum(row[2] != "Bsure" for row in rows)
    return pd.DataFrame(rows, columns=columns), {name: value / total for name, value in sums.items()}


def test_drawn_prices_say_what_other_prices_would_have_brought(shop: Path, tmp_path: Path) -> None:
    covered: dict[str, list[bool]] = {}
    for seed in range(25):
        log, truth = drawn_log(seed)
        chance = log["propensity"] / 0.9
        drawn = log.assign(reward=log["price"] * log["redeemed"], propensity=chance)[chance < 0.99]
        found = price_policies(drawn)
        assert found is not None
        for row in found["values"]:
            name = next((key for key in truth if key in row["policy"]), None)
            if name:
                covered.setdefault(row["estimator"], []).append(row["low"] <= truth[name] <= row["high"])
    assert set(covered) == {"inverse propensity", "self-normalised", "doubly robust"}
    assert all(np.mean(hits) >= 0.84 for hits in covered.values())


def test_only_draws_are_used_of_the_log(shop: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(shop, tmp_path / "shop"))
    log, _ = drawn_log(0, weeks=3)
    # Without a draw the price changed from week to week: something else changed as well.
    moved = pd.DataFrame(
        [(f"w{week}", "c1", "Bmoved", 4.0 + week, True, 0.9) for week in range(3)],
        columns=["campaign_id", "customer_id", "bundle_id", "price", "redeemed", "propensity"],
    )
    table = pd.concat([log, moved]).assign(item_ids="001|002", shown_at="2024-09-30 09:00:00")
    data = Path(shutil.copytree(_data(shop), tmp_path / "data"))
    table.to_csv(data / "offers_log.csv", index=False)
    text = (root / "bundleopt.toml").read_text()
    source = next(line for line in text.splitlines() if line.startswith("source = "))
    (root / "bundleopt.toml").write_text(text.replace(source, f'source = "{data}"'))
    drawn = read_drawn(open_session(root))
    assert set(drawn["bundle_id"]) <= {"B0", "B1", "B2", "B3"}
    assert drawn["propensity"].round(6).isin([0.7, 0.3]).all()
    assert price_policies(drawn.iloc[:0]) is None


def _data(shop: Path) -> Path:
    return Path(open_session(shop).source)


def _lines(shop: Path) -> pd.DataFrame:
    return pd.read_csv(_data(shop) / "transactions.csv", parse_dates=["timestamp"], dtype={"customer_id": str})
