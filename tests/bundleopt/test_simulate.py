"""`bundleopt simulate`: from a simulated market to a plan, and the plan played in it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bundleopt.verbs.simulate import play, simulate
from bundleopt_data.errors import UsageError
from tests.bundleopt.command_line import CommandLine

SIZES = ("--customers", 60, "--items", 12, "--weeks", 24, "--seed", 3)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(capsys)


@pytest.mark.parametrize("kind", ["equation", "agent"])
def test_makes_a_market_and_says_what_is_in_it(run: CommandLine, tmp_path: Path, kind: str) -> None:
    made = run("simulate", tmp_path / "market", "--kind", kind, *SIZES, "--unconfounded", "--json")
    assert made.code == 0
    assert made.document["promotions"] == "at random times"
    lines = pd.read_parquet(tmp_path / "market" / "transactions.parquet")
    assert made.document["lines"] == len(lines)
    again = run("simulate", tmp_path / "market", "--kind", kind, *SIZES)
    assert again.code == 0
    assert "confounded with demand and display" in again.out
    assert "bundleopt init" in again.out


@pytest.mark.slow
def test_a_plan_is_made_from_a_market_and_played_in_it(run: CommandLine, tmp_path: Path) -> None:
    market, plans = tmp_path / "market", tmp_path / "plans"
    assert run("simulate", market, "--kind", "equation", *SIZES).code == 0
    assert run("init", plans, "--data", market).code == 0
    solved = run("solve", "-w", plans, "--budget", 40, "--max-bundles", 4, "--time-limit", 5, "--json")
    assert solved.code == 0, solved.err
    folder = next((plans / "runs").iterdir())
    told = run("simulate", "--play", folder, "--market", market, "--draws", 10, "--json")
    assert told.code == 0, told.err
    offers = pd.read_parquet(folder / "offers.parquet")
    figures = told.document["figures"]
    assert told.document["offers"] == len(offers) > 0
    difference = figures["revenue"]["mean"] - figures["plain_revenue"]["mean"]
    assert figures["incremental_revenue"]["mean"] == pytest.approx(difference, abs=1e-3)
    page = run("simulate", "--play", folder / "offers.parquet", "--market", market, "--draws", 2)
    assert "difference" in page.out
    assert "promo spend" in page.out


def test_mistakes_are_named(run: CommandLine, tmp_path: Path) -> None:
    assert "--market" in run("simulate", "--play", tmp_path).err
    assert run("simulate").code == 2
    assert "equation, agent" in run("simulate", tmp_path / "m", "--kind", "magic").err
    assert "no simulated market" in run("simulate", "--play", tmp_path, "--market", tmp_path).err
    simulate(tmp_path / "m", kind="agent")
    with pytest.raises(UsageError, match="no offers"):
        play(tmp_path / "none.parquet", tmp_path / "m")
    with pytest.raises(UsageError, match="--draws"):
        play(tmp_path / "none.parquet", tmp_path / "m", draws=0)
