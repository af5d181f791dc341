"""Several units of one item, from the flag to the checked run folder and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from pyarrow import parquet

from bundleopt.round_trip.decisions import read_review
from bundleopt.stages.multi_buy import bundle_of, sold
from bundleopt.stages.problem import bundle_id
from bundleopt_data.errors import DataRefusedError
from tests.bundleopt.command_line import CommandLine

QUICK = ("--time-limit", "6", "--gap", "2%", "--max-discount", "30%", "--json")


def _rows(folder: str | Path, name: str) -> list[dict[str, Any]]:
    return parquet.read_table(Path(folder) / f"{name}.parquet").to_pylist()


@pytest.fixture
def wine(tmp_path: Path) -> Path:
    """A list of the one item that bundles may be made of: nothing but several of it can be offered."""
    file = tmp_path / "listed.csv"
    file.write_text("item_id\n009\n")
    return file


def test_a_bundle_is_its_items_and_a_multi_buy_its_item_as_often() -> None:
    assert sold([(3, 4), (7, 7), (5,)]) == ([(3, 4), (7,), (5,)], [1, 2, 1])
    assert [bundle_of(row, count) for row, count in (((4, 3, -1), 1), ((7, -1), 3))] == [(3, 4), (7, 7, 7)]
    assert len({bundle_id(["A"]), bundle_id(["A", "A"]), bundle_id(["A", "A", "A"]), bundle_id(["A", "B"])}) == 4


def test_two_for_less_where_nothing_else_can_be_offered(
    run: CommandLine, workspace: Path, wine: Path, tmp_path: Path
) -> None:
    nothing = run("solve", "-w", workspace, *QUICK, "--items", wine)
    assert nothing.document["menu"]["bundles"] == 0
    outcome = run("solve", "-w", workspace, *QUICK, "--items", wine, "--multi-buy", "3")
    assert outcome.code == 0, outcome.err
    folder, document = outcome.document["folder"], outcome.document
    menu, offers = _rows(folder, "bundles"), _rows(folder, "offers")
    assert menu
    assert document["totals"]["incremental_revenue"]["value"] > 0
    for row in menu:
        assert row["item_ids"] == ["009"]
        assert row["quantity"] in (2, 3)
        assert row["item_names"] == [f"{row['quantity']} x Wine"]
        single = row["list_value"] / row["quantity"]
        assert single * (row["quantity"] - 1) < row["price"] < row["list_value"]
    assert len({row["customer_id"] for row in offers}) == len(offers)
    held = {row["bundle_id"]: row["quantity"] for row in menu}
    assert all(row["quantity"] == held[row["bundle_id"]] for row in offers)
    assert max(row["incremental_units"][0] / row["redemption_probability"] for row in offers) > 1.2
    _it_is_explained_scored_and_kept(run, workspace, menu[0], tmp_path)


def _it_is_explained_scored_and_kept(run: CommandLine, workspace: Path, one: dict[str, Any], tmp_path: Path) -> None:
    told = run("explain", one["bundle_id"], "-w", workspace)
    assert told.code == 0, told.err
    assert f"{one['quantity']} x Wine" in told.out
    file = tmp_path / "plan.csv"
    file.write_text(f"item_ids,quantity,price\n009,{one['quantity']},{one['price']:.2f}\n")
    scored = run("score", file, "-w", workspace, "--multi-buy", "3", "--json")
    assert scored.code == 0, scored.err
    assert scored.document["totals"]["incremental_revenue"]["value"] > 0
    assert not [one for one in scored.document["violations"] if one["rule"] == "multi_buy"]
    file.write_text("item_ids,quantity,price\n001|002,2,9.00\n")
    assert "units of one item" in run("score", file, "-w", workspace).err
    kept = run("solve", "-w", workspace, *QUICK, "--lock", one["bundle_id"], "--max-discount", "10%")
    assert kept.code == 0, kept.err
    again = {row["bundle_id"]: row for row in _rows(kept.document["folder"], "bundles")}
    assert again[one["bundle_id"]]["price"] == one["price"]
    text = "+".join(["009"] * one["quantity"])
    banned = run("solve", "-w", workspace, *QUICK, "--multi-buy", "3", "--exclude", text)
    assert banned.code == 0, banned.err
    assert one["bundle_id"] not in {row["bundle_id"] for row in _rows(banned.document["folder"], "bundles")}


def _workbook(path: Path, quantity: object) -> Path:
    head = ("decision", "override_price", "bundle_id", "item_ids", "item_names", "price", "quantity")
    rows = (head, ("keep", "", "B1", "009", "2 x Wine", 15.0, quantity), ("ban", "", "B2", "009", "Wine", 8.0, 1))
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet("summary").write_row(0, 0, ("run", "0001-2024-10-07"))
        sheet = book.add_worksheet("bundles")
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return path


def test_a_reviewed_workbook_names_the_units(tmp_path: Path) -> None:
    review = read_review(_workbook(tmp_path / "plan.xlsx", 2))
    assert review.settings() == {"lock": ["009+009@15.00"], "exclude": ["009"]}
    with pytest.raises(DataRefusedError, match="number of units"):
        read_review(_workbook(tmp_path / "odd.xlsx", "two"))
