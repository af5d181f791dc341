"""What if: every point is the plan that solve finds, more budget never hurts, and conflicts are lines, not failures."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pandas as pd
import pytest

from bundleopt.scenarios.grid import Scenario, scenarios, values_of
from bundleopt.verbs.solve import solve
from bundleopt.verbs.whatif import whatif
from bundleopt_data.errors import UsageError
from tests.bundleopt.command_line import CommandLine

QUICK = {"gap": "5%", "time_limit": 4, "candidates": 30, "max_bundles": 4}


@pytest.fixture(scope="module")
def shop(trained_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace for all tests here; what-ifs publish nothing."""
    root = tmp_path_factory.mktemp("whatif") / "shop"
    return Path(shutil.copytree(trained_workspace, root))


def test_sweeps_as_people_write_them() -> None:
    assert values_of("budget", "5000:20000:5000") == ["5000", "10000", "15000", "20000"]
    assert values_of("min_margin", "10%:20%:5%") == ["10%", "15%", "20%"]
    assert values_of("min_margin", "0.2, 0.25,0.2") == ["0.2", "0.25"]
    assert values_of("bundle_size", "2:4") == ["2:4"]
    assert values_of("max_discount", "0.1:0.3:0.1") == ["0.1", "0.2", "0.3"]


@pytest.mark.parametrize("text", ["1:2:0", "5:1:1", "1:2:x", "1,,2", "0:1000000:1", "nan:2:1"])
def test_sweeps_without_sense_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="budget"):
        values_of("budget", text)


def test_scenarios_are_all_combinations_and_shocks_a_world_of_their_own() -> None:
    points = scenarios({"budget": "1,2", "slots": "1,3"}, ["demand:*=-10%"])
    assert len(points) == len(set(points)) == 8
    assert points[0] == Scenario((("budget", "1"), ("slots", "1")))
    assert {point.world for point in points} == {((), ()), ((), ("demand:*=-10%",))}
    assert points[-1].label == "budget 2, slots 3, demand:*=-10%"
    assert len({point.world for point in scenarios({"max_discount": "10%,20%"})}) == 2
    with pytest.raises(UsageError, match="more than 500"):
        scenarios({"budget": "1:40:1", "slots": "1:40:1"})


def test_a_point_is_the_plan_that_solve_finds(shop: Path) -> None:
    found = whatif(shop, sweeps={"budget": "4,8"}, **QUICK)
    for point in found.outcomes:
        budget = point.scenario.changes()["budget"]
        same = solve(shop, budget=budget, out=shop.parent / f"solved-{budget}", **QUICK)
        assert point.incremental_revenue == pytest.approx(same.incremental_revenue, rel=0.06)
        assert point.bound is not None
        assert point.bound >= same.document["objective"]["value"] - 1e-6
        assert same.bound >= (point.objective or 0) - 1e-6
        assert point.promo_spend is not None
        assert point.promo_spend <= float(budget) + 0.005


def test_more_budget_and_more_bundles_never_hurt(shop: Path) -> None:
    found = whatif(shop, sweeps={"budget": "0,3,6,12"}, **QUICK)
    values = [(one.objective, one.bound) for one in found.outcomes]
    for (less, _), (_, more_bound) in itertools.pairwise(values):
        assert less is not None
        assert more_bound is not None
        assert less <= more_bound + 1e-6
    assert values[0][0] == pytest.approx(0.0, abs=1e-9)


def test_workers_change_nothing(shop: Path) -> None:
    one, two = (whatif(shop, sweeps={"budget": "3,6"}, workers=number, **QUICK) for number in (1, 2))
    for a, b in zip(one.outcomes, two.outcomes, strict=True):
        assert (a.objective, a.bound, a.bundles, a.offers) == (b.objective, b.bound, b.bundles, b.offers)


def test_a_contradiction_is_a_line_with_its_rules(shop: Path, run: CommandLine) -> None:
    arguments = ("--sweep", "include=001+002", "--budget", "0,20", "--gap", "5%", "--time-limit", 4)
    seen = run("whatif", "-w", shop, *arguments, "--json")
    assert seen.code == 0, seen.err
    points = seen.document["scenarios"]
    refused = [point for point in points if point["conflict"]]
    assert [point["settings"]["budget"] for point in refused] == ["0"]
    assert any("include" in rule for rule in refused[0]["conflict"])
    assert refused[0]["objective"] is None
    text = run("whatif", "-w", shop, *arguments)
    assert "no plan" in text.out


def test_a_shocked_world_is_planned_beside_the_real_one(shop: Path) -> None:
    found = whatif(shop, shocks=["demand:*=-50%"], **QUICK)
    assert len(found.outcomes) == 1
    assert found.outcomes[0].scenario.shocks == ("demand:*=-50%",)
    base, shocked = found.base.incremental_revenue, found.outcomes[0].incremental_revenue
    assert base is not None
    assert shocked is not None
    assert 0 < shocked < base
    change = found.change(found.outcomes[0])
    assert change is not None
    assert change["incremental_revenue"] == pytest.approx(shocked - base, abs=0.006)


def test_the_files_hold_every_scenario(shop: Path, run: CommandLine, tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    arguments = ("--budget", "3,6", "--max-bundles", 3, "--gap", "5%", "--time-limit", 4, "--out", out)
    seen = run("whatif", "-w", shop, *arguments)
    assert seen.code == 0, seen.err
    assert "budget 3" in seen.out
    table = pd.read_csv(out / "whatif.csv")
    assert table["budget"].tolist() == [3, 6]
    assert {path.name for path in out.iterdir()} == {f"whatif.{kind}" for kind in ("csv", "xlsx", "html", "json")}
    page = (out / "whatif.html").read_text()
    assert "<svg" in page
    assert "<script" not in page
    assert page.count("<tr>") == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--sweep", "no_such_key=1,2"), "no key of [solve]"),
        (("--sweep", "budget"), "write it like"),
        (("--budget", "1,x"), "budget"),
        (("--shock", "price:NOTHING=+1%"), "no item, category, brand or department"),
        (("--shock", "price:001"), "no shock"),
    ],
)
def test_a_what_if_without_sense_is_refused(
    shop: Path, run: CommandLine, arguments: tuple[str, ...], message: str
) -> None:
    seen = run("whatif", "-w", shop, *arguments)
    assert seen.code == 2
    assert message in seen.err


def test_a_rule_with_one_value_belongs_to_the_base(shop: Path) -> None:
    found = whatif(shop, sweeps={"budget": "6", "slots": "1,2"}, **QUICK)
    assert [one.scenario.settings for one in found.outcomes] == [(("slots", "1"),), (("slots", "2"),)]
    assert all((one.promo_spend or 0) <= 6.005 for one in (found.base, *found.outcomes))


def test_the_report_draws_other_budgets_beside_the_plan(shop: Path) -> None:
    result = solve(shop, budget=8, frontier="8,4", out=shop.parent / "with-frontier", **QUICK)
    low, high = result.document["frontier"]
    assert (low["budget"], high["budget"]) == (4.0, 8.0)
    assert low["promo_spend"] <= 4.005
    assert low["objective"] <= high["bound"] + 1e-6
    assert high["objective"] >= result.document["objective"]["value"] - 1e-6  # it begins with the plan itself
    assert "What each budget brings" in (result.folder / "report.html").read_text(encoding="utf-8")
    with pytest.raises(UsageError, match="frontier"):
        solve(shop, frontier="4,x", **QUICK)
