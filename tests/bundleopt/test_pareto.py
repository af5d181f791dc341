"""Revenue against margin beside a plan: from the flag to the document, the terminal and the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from bundleopt.report import charts
from bundleopt.scenarios.pareto import MOST_POINTS, points_of
from bundleopt_data.errors import UsageError
from tests.bundleopt.command_line import CommandLine

QUICK = ("--time-limit", "8", "--gap", "5%", "--max-bundles", "4", "--max-discount", "30%", "--candidates", "20")


def test_every_point_keeps_its_margin_and_none_beats_its_bound(run: CommandLine, workspace: Path) -> None:
    outcome = run("solve", "-w", workspace, *QUICK, "--budget", "8", "--pareto", "4", "--json")
    assert outcome.code == 0, outcome.err
    document = outcome.document
    points = document["pareto"]
    assert 1 <= len(points) <= 4  # where one plan is best in both, it is the frontier
    for point in points:
        assert point["incremental_margin"] >= point["least_margin"] - 0.01
        assert point["incremental_revenue"] <= point["bound"] + 0.01
        assert point["promo_spend"] <= 8.0 + 0.01
    revenue = [point["incremental_revenue"] for point in points]
    assert revenue == sorted(revenue, reverse=True)
    assert [point["least_margin"] for point in points] == sorted(point["least_margin"] for point in points)
    # The plan itself is a plan of the frontier's problem: no bound of a point with less margin is under it.
    margin = document["totals"]["incremental_margin"]["value"]
    below = [point["bound"] for point in points if point["least_margin"] <= margin]
    assert all(bound >= document["objective"]["value"] - 0.01 for bound in below)
    page = (Path(document["folder"]) / "report.html").read_text(encoding="utf-8")
    assert "no plan brings more than" in page
    assert ("What margin costs in revenue" in page) == (len(points) > 1)


def test_the_terminal_prints_one_line_a_point(run: CommandLine, workspace: Path) -> None:
    outcome = run("solve", "-w", workspace, *QUICK, "--budget", "8", "--pareto", "2")
    assert outcome.code == 0, outcome.err
    assert "at least this margin" in outcome.out


@pytest.mark.parametrize("text", ["1", "many", "-3", str(MOST_POINTS + 1), "2.5"])
def test_a_number_of_points_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--pareto"):
        points_of(text)


def test_what_cannot_be_traded_is_refused_before_any_planning(run: CommandLine, workspace: Path) -> None:
    outcome = run("solve", "-w", workspace, "--pareto", "3", "--redemption", "public")
    assert outcome.code == 2
    assert "--pareto" in outcome.err


def test_one_point_is_no_curve_and_two_are() -> None:
    points = [
        {"incremental_margin": 1.0, "incremental_revenue": 9.0, "bound": 9.5},
        {"incremental_margin": 4.0, "incremental_revenue": 7.0, "bound": 7.1},
    ]
    assert charts.pareto(points[:1]) is None
    assert "What margin costs in revenue" in str(charts.pareto(points))
