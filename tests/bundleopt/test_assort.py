from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bundleopt.assortment.list_file import read_list
from bundleopt.verbs.assort import assort
from bundleopt_data.errors import DataRefusedError, InfeasiblePlanError, UsageError
from tests.bundleopt.command_line import CommandLine

HEAD = "segment,item_id,weight,price,cost,space,brand,share"
ROWS = [
    ("young", "a", 2.0, 3.0, 2.5, 1.0, "X", 60),
    ("young", "b", 1.0, 2.0, 0.5, 2.0, "X", 60),
    ("young", "c", 0.5, 5.0, 4.0, 1.5, "Y", 60),
    ("old", "a", 0.1, 3.0, 2.5, 1.0, "X", 40),
    ("old", "b", 2.5, 2.0, 0.5, 2.0, "X", 40),
    ("old", "d", 4.0, 1.0, 0.2, 1.0, "Z", 40),
]


@pytest.fixture
def preferences(tmp_path: Path) -> Path:
    path = tmp_path / "likes.csv"
    path.write_text("\n".join([HEAD, *(",".join(map(str, row)) for row in ROWS)]) + "\n", encoding="utf-8")
    return path


def _money(chosen: tuple[str, ...], column: str) -> float:
    """Expected money of a list, straight from the rows."""
    total = 0.0
    for segment in ("young", "old"):
        rows = [row for row in ROWS if row[0] == segment and row[1] in chosen]
        each = {row[1]: row[3] - (row[4] if column == "margin" else 0.0) for row in rows}
        nothing = 1.0 + sum(row[2] for row in rows)
        share = next(row[7] for row in ROWS if row[0] == segment)
        total += share * sum(row[2] / nothing * each[row[1]] for row in rows)
    return total


@pytest.mark.parametrize("objective", ["revenue", "margin"])
@pytest.mark.parametrize("most", [1, 2, 4])
def test_the_best_list_of_a_file(preferences: Path, objective: str, most: int) -> None:
    result = assort(preferences=preferences, objective=objective, max_items=most)
    lists = [chosen for size in range(most + 1) for chosen in combinations("abcd", size)]
    best = max(_money(chosen, objective) for chosen in lists)
    assert result.value == pytest.approx(best, rel=1e-12)
    assert _money(result.listed, objective) == pytest.approx(best, rel=1e-12)
    assert best <= result.bound <= best * (1 + 1e-9)
    assert result.all_listed == pytest.approx(_money(("a", "b", "c", "d"), objective))


def test_keep_drop_space_and_cover_hold(preferences: Path) -> None:
    result = assort(preferences=preferences, keep="c", drop=["b"], space=2.5, cover=["brand=X:1"])
    assert set(result.listed) == {"a", "c"}
    result = assort(preferences=preferences, cover=["brand:1"], max_items=3)
    assert {"X", "Y", "Z"} == set(result.items.loc[result.items["listed"], "brand"])
    result = assort(preferences=preferences, cover="tier:1")
    assert {"low", "middle", "high"} == set(result.items.loc[result.items["listed"], "tier"])


def test_what_if_columns_say_what_a_change_is_worth(preferences: Path) -> None:
    result = assort(preferences=preferences, max_items=2)
    listed = set(result.listed)
    for row in result.items.itertuples():
        changed = tuple(sorted(listed ^ {str(row.item_id)}))
        assert row.change_if_switched == pytest.approx(_money(changed, "revenue") - result.value, abs=0.006)


def test_rules_that_conflict_are_named(preferences: Path) -> None:
    with pytest.raises(InfeasiblePlanError) as caught:
        assort(preferences=preferences, keep=["a", "b"], space=2.0, cover=["brand=X:1"])
    assert set(caught.value.conflict) == {"keep a", "keep b", "max_space"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("young,a,1.0,3.0,2.5,1.0,X,60", "together once"),
        ("young,e,-1,3.0,2.5,1.0,X,60", "at least 0"),
        ("young,e,1.0,0,2.5,1.0,X,60", "above 0"),
        ("young,e,nan,3.0,2.5,1.0,X,60", "at least 0"),
        ("middle,a,1.0,9.0,2.5,1.0,X,60", "same in all rows of one item_id"),
        ("young,e,1.0,9.0,2.5,1.0,X,61", "same in all rows of one segment"),
        ("young,,1.0,9.0,2.5,1.0,X,60", "must not be empty"),
    ],
)
def test_wrong_rows_are_refused(preferences: Path, line: str, message: str) -> None:
    preferences.write_text(preferences.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    with pytest.raises(DataRefusedError, match=message):
        assort(preferences=preferences)


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"objective": "profit"}, "choose revenue or margin"),
        ({"keep": "aa"}, "did you mean 'a'"),
        ({"max_items": "many"}, "whole number"),
        ({"space": "-3"}, "space at hand"),
        ({"cover": "colour:1"}, "write brand:1"),
        ({"cover": "brand=XX:1"}, "did you mean 'X'"),
        ({"gap": "2"}, "outside 0 to 1"),
        ({"size": 3}, "no setting 'size'"),
        ({"category": "milk"}, "one of the two"),
    ],
)
def test_wishes_that_cannot_be_meant(preferences: Path, wishes: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        assort(preferences=preferences, **wishes)


def test_the_command_writes_a_list_and_a_document(preferences: Path, tmp_path: Path, run: CommandLine) -> None:
    out = tmp_path / "list.csv"
    found = run("assort", "--preferences", preferences, "--max-items", 2, "--out", out, "--json")
    assert found.code == 0
    document = found.document
    assert document["status"] == "optimal"
    assert pd.read_csv(out, dtype=str)["item_id"].tolist() == document["listed"]
    assert document["gap_money"] == pytest.approx(document["bound"] - document["objective"]["value"], abs=1e-9)
    shown = run("assort", "--preferences", preferences, "--max-items", 2)
    assert "Proven best" in shown.out
    assert "dropped" in shown.out


def test_conflicts_exit_with_their_code(preferences: Path, run: CommandLine) -> None:
    found = run("assort", "--preferences", preferences, "--keep", "a", "--drop", "a", "--json")
    assert found.code == 4
    assert set(found.document["conflict"]) == {"keep a", "drop a"}


def test_a_category_of_the_workspace(workspace: Path, market: Path, run: CommandLine) -> None:
    items = pd.read_csv(market / "items.csv", dtype=str, keep_default_na=False)
    category = items["category"].value_counts().index[0]
    found = run("assort", "--category", category.lower(), "--max-items", 2, "-w", workspace, "--json")
    assert found.code == 0
    document = found.document
    assert len(document["listed"]) == 2
    assert document["status"] == "optimal"
    assert "independence" in document["substitution"] or "could not be checked" in document["substitution"]
    unknown = run("assort", "--category", category[:-1] + "Q", "-w", workspace)
    assert unknown.code == 2
    assert "did you mean" in unknown.err


def test_listing_everything_gives_back_the_forecast(workspace: Path) -> None:
    from bundleopt.assortment.preference_model import category_preferences
    from bundleopt.session import open_session
    from bundleopt.stages.model import ensure_model
    from bundleopt.stages.week import plan_week
    from bundleopt_solvers.assortment.problem import AssortmentProblem
    from bundleopt_solvers.assortment.revenue import expected_sales

    session = open_session(workspace)
    week = plan_week(session, ensure_model(session))
    category = str(week.campaign.category[0])
    table, _ = category_preferences(session, category, segments=4, seed=0)
    problem = AssortmentProblem(
        item_ids=table.item_ids,
        segment_ids=table.segment_ids,
        weight=table.weight,
        outside=table.outside,
        occasions=table.occasions,
        value=table.price,
    )
    sales = expected_sales(problem, np.ones((1, problem.items), bool))[0] * table.units
    inside = week.campaign.category == category
    forecast = (week.forecast.probability.sum(0, dtype=np.float64) * week.forecast.units)[inside]
    assert sales == pytest.approx(forecast, rel=1e-5)


def test_the_menu_is_limited_to_the_chosen_items(
    workspace: Path, market: Path, tmp_path: Path, run: CommandLine
) -> None:
    items = pd.read_csv(market / "items.csv", dtype=str, keep_default_na=False)
    category = items["category"].value_counts().index[0]
    out = tmp_path / "list.csv"
    assert run("assort", "--category", category, "--max-items", 3, "-w", workspace, "--out", out).code == 0
    listed = set(pd.read_csv(out, dtype=str, keep_default_na=False)["item_id"])
    solved = run("solve", "--budget", 40, "--items", out, "-w", workspace, "--out", tmp_path / "plan", "--json")
    assert solved.code == 0
    bundles = pd.read_parquet(tmp_path / "plan" / "bundles.parquet")
    assert len(bundles)
    assert all(set(one) <= listed for one in bundles["item_ids"])
    left_out = solved.document["excluded_items"]["not on the list of items to use"]
    assert set(left_out) == set(items["item_id"]) - listed
    unlisted = next(iter(sorted(set(left_out))))
    clash = run("solve", "--items", out, "--include", unlisted, "-w", workspace, "--json")
    assert clash.code == 4
    assert set(clash.document["conflict"]) == {f"include {unlisted}", "only_items"}


@pytest.mark.parametrize(
    ("text", "found"),
    [("item_id\na\n'=b\na\n", ("a", "=b")), ("item_id,listed\na,True\nb,false\nc,1\n", ("a", "c"))],
)
def test_lists_are_read(tmp_path: Path, text: str, found: tuple[str, ...]) -> None:
    path = tmp_path / "list.csv"
    path.write_text(text, encoding="utf-8")
    assert read_list(path) == found


def test_a_list_without_items_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("item\na\n", encoding="utf-8")
    with pytest.raises(DataRefusedError, match="column is missing"):
        read_list(path)
    path.write_text("item_id\n", encoding="utf-8")
    with pytest.raises(DataRefusedError, match="lists no item"):
        read_list(path)
