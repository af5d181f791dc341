"""Bad input through the command line: one clear message, exit 3, and nothing written but rejects.csv."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bundleopt.verbs.initialise import initialise
from tests.bundleopt.command_line import CommandLine

Rows = list[list[str]]
Edit = Callable[[Rows], Rows]


def _cell(column: str, value: str) -> Edit:
    def edit(rows: Rows) -> Rows:
        rows[3][rows[0].index(column)] = value
        return rows

    return edit


def _without(column: str) -> Edit:
    def edit(rows: Rows) -> Rows:
        place = rows[0].index(column)
        return [row[:place] + row[place + 1 :] for row in rows]

    return edit


def _empty(_rows: Rows) -> Rows:
    return []


CASES = [
    ("transactions", _cell("quantity", "many"), "quantity"),
    ("transactions", _cell("unit_price", "-1"), "unit_price"),
    ("transactions", _cell("unit_price", "NaN"), "unit_price"),
    ("transactions", _cell("item_id", "unheard-of"), "item_id"),
    ("transactions", _without("timestamp"), "timestamp"),
    ("transactions", _empty, "transactions"),
    ("items", _cell("unit_cost", "cheap"), "unit_cost"),
    ("items", _cell("list_price", "-2"), "list_price"),
    ("items", _without("name"), "name"),
    ("items", _empty, "items"),
    ("inventory", _cell("on_hand", "plenty"), "on_hand"),
    ("inventory", _cell("item_id", "unheard-of"), "item_id"),
    ("prices", _cell("price", "0"), "price"),
    ("promotions", _cell("week", "soon"), "week"),
    ("customers", _without("customer_id"), "customer_id"),
]


@pytest.mark.parametrize(("table", "edit", "place"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_bad_data_is_refused_and_nothing_is_written(
    run: CommandLine, market: Path, tmp_path: Path, table: str, edit: Edit, place: str
) -> None:
    data = Path(shutil.copytree(market, tmp_path / "data"))
    path = data / f"{table}.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        rows = edit(list(csv.reader(stream)))
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    root = initialise(tmp_path / "shop", data=str(data)).workspace.root
    before = _files(root)
    outcome = run("check", "-w", root)
    assert outcome.code == 3, outcome.err
    assert table in outcome.err
    assert place in outcome.err
    assert "Traceback" not in outcome.err
    assert _files(root) - before <= {Path("rejects.csv")}


def _files(root: Path) -> set[Path]:
    """Every file of a workspace."""
    return {path.relative_to(root) for path in root.rglob("*")}


def test_solve_refuses_the_same_data_before_it_trains(run: CommandLine, market: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(market, tmp_path / "data"))
    (data / "items.csv").write_text("item_id,name\n")
    root = initialise(tmp_path / "shop", data=str(data)).workspace.root
    outcome = run("solve", "-w", root, "--json")
    assert outcome.code == 3
    assert outcome.document["error"] == "DataRefusedError"
    assert list((root / "runs").iterdir()) == list((root / "models").iterdir()) == []


def test_a_source_that_is_not_there_is_a_usage_error(run: CommandLine, market: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(market, tmp_path / "data"))
    root = initialise(tmp_path / "shop", data=str(data)).workspace.root
    shutil.rmtree(data)
    outcome = run("check", "-w", root)
    assert (outcome.code, "there is nothing at" in outcome.err) == (2, True)
