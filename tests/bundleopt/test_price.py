from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bundleopt.verbs.price import price
from bundleopt_data.errors import DataRefusedError, UsageError
from bundleopt_solvers.max_surplus.problem import Offering
from tests.bundleopt.command_line import CommandLine

# Four kinds of buyers of two programs (LINDO's model BUNDLE): components 7,380, pure bundle 8,775, mixed 9,090.
BUYERS = (
    ("business", 7, 450, 110, 530),
    ("legal", 5, 75, 430, 480),
    ("school", 6, 290, 250, 410),
    ("home", 4.5, 220, 380, 390),
)


@pytest.fixture
def willingness(tmp_path: Path) -> Path:
    rows = ["segment,items,willingness,size"]
    for name, size, sheet, words, both in BUYERS:
        rows += [f"{name},{items},{worth},{size}" for items, worth in (("S", sheet), ("W", words), ("W|S", both))]
    path = tmp_path / "worth.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_the_three_ways_of_selling(willingness: Path) -> None:
    result = price(willingness)
    profits = {way.value: found.headline.value for way, found in result.ways.items()}
    assert profits == {"components": 7380.0, "pure": 8775.0, "mixed": 9090.0}
    assert all(found.optimal for found in result.ways.values())
    prices = result.prices().set_index("items")["price"]
    for name, _, sheet, words, both in BUYERS:
        row = result.choices().set_index("segment").loc[name]
        kept = {"S": sheet - prices["S"], "W": words - prices["W"], "S|W": both - prices["S|W"], "nothing": 0.0}
        assert kept[row["buys"]] == pytest.approx(max(kept.values())) == pytest.approx(row["surplus"])
    assert result.prices()["profit"].sum() == 9090.0
    assert result.choices(Offering.PURE)["pays"].eq(390.0).all()


def test_bundles_can_be_added_and_costs_count(tmp_path: Path) -> None:
    path = tmp_path / "worth.csv"
    path.write_text("segment,items,willingness,cost\nx,a,10,2\nx,b,4,5\ny,a,3,2\ny,b,9,5\n", encoding="utf-8")
    alone = price(path)
    assert set(alone.ways) == {Offering.COMPONENTS, Offering.MIXED}
    both = price(path, bundle_size="2:2")
    # x pays 10 for a; y pays 9 for b: margins 8 and 4; bundles at 7 of cost add nothing
    assert alone.mixed.headline.value == both.mixed.headline.value == 12.0
    assert both.willingness.problem.cost.tolist() == [200, 500, 700]
    assert any("sums of the items" in text for text in both.willingness.assumptions)
    assert any("one customer" in text for text in both.willingness.assumptions)


def test_the_command(willingness: Path, tmp_path: Path, run: CommandLine) -> None:
    out = tmp_path / "prices.csv"
    found = run("price", "--willingness", willingness, "--out", out, "--json")
    assert found.code == 0
    assert found.document["ways"]["mixed"]["profit"] == 9090.0
    assert found.document["ways"]["mixed"]["bound"] == pytest.approx(9090.0, rel=1e-4)
    assert pd.read_csv(out)["profit"].sum() == 9090.0
    shown = run("price", "--willingness", willingness)
    assert "9,090.00" in shown.out
    assert "business" in shown.out


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("segment,items\nx,a\n", "column is missing"),
        ("segment,items,willingness\n", "no rows"),
        ("segment,items,willingness\nx,a,-1\n", "at least 0"),
        ("segment,items,willingness\nx,a,nan\n", "at least 0"),
        ("segment,items,willingness\nx,a|a,1\n", "distinct items"),
        ("segment,items,willingness\nx,b|a,1\nx,a|b,2\n", "together once"),
        ("segment,items,willingness,size\nx,a,1,2\nx,b,2,3\n", "all rows of a segment"),
        ("segment,items,willingness,cost\nx,a,1,2\ny,a,2,3\n", "all rows of a bundle"),
    ],
)
def test_wrong_files_are_refused(tmp_path: Path, rows: str, message: str) -> None:
    path = tmp_path / "worth.csv"
    path.write_text(rows, encoding="utf-8")
    with pytest.raises(DataRefusedError, match=message):
        price(path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"gap": 2}, "outside 0 to 1"), ({"bundle_size": "5:9"}, "bundle sizes"), ({"speed": 1}, "no setting 'speed'"),
     ({"out": "prices.txt"}, "must end in")],
)  # fmt: skip
def test_settings_that_cannot_be_meant(willingness: Path, settings: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        price(willingness, **settings)
