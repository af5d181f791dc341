"""The round trip through a workbook: what people decided is read to the letter, kept by the new plan, and priced."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from bundleopt.round_trip.decisions import read_review, understood
from bundleopt.verbs.export import export
from bundleopt.verbs.report import read_result
from bundleopt.verbs.solve import solve
from bundleopt_data.errors import DataRefusedError, UsageError
from tests.bundleopt.command_line import CommandLine

HEAD = ("decision", "override_price", "bundle_id", "item_ids", "item_names", "price")
Row = tuple[Any, ...]


@pytest.fixture(scope="module")
def planned_once(trained_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one plan."""
    root = tmp_path_factory.mktemp("reviewed") / "shop"
    shutil.copytree(trained_workspace, root)
    solve(root, budget=20, max_bundles=4, gap="5%", time_limit=4, candidates=60)
    return root


@pytest.fixture
def planned(planned_once: Path, tmp_path: Path) -> Path:
    """A copy of it that the test may change."""
    return Path(shutil.copytree(planned_once, tmp_path / "shop"))


def _workbook(path: Path, rows: list[Row], *, run: str = "0001-2024-10-07") -> Path:
    with xlsxwriter.Workbook(str(path), {"strings_to_numbers": False}) as book:
        summary, sheet = book.add_worksheet("summary"), book.add_worksheet("bundles")
        summary.write_row(0, 0, ("run", run))
        for number, row in enumerate((HEAD, *rows)):
            sheet.write_row(number, 0, row)
    return path


def _decide(planned: Path, decide: Callable[[list[list[Any]]], None]) -> Path:
    """Export the workbook, let `decide` change the rows of its sheet of bundles, and save it as a person would."""
    export(xlsx=planned / "out.xlsx", workspace=planned)
    book = CalamineWorkbook.from_path(str(planned / "out.xlsx"))
    rows = book.get_sheet_by_name("bundles").to_python()
    decide(rows)
    summary = book.get_sheet_by_name("summary").to_python()
    target = planned / "decided.xlsx"
    with xlsxwriter.Workbook(str(target)) as copy:
        first, second = copy.add_worksheet("summary"), copy.add_worksheet("bundles")
        for number, row in enumerate(summary):
            first.write_row(number, 0, row)
        for number, row in enumerate(rows):
            second.write_row(number, 0, row)
    return target


def test_an_untouched_workbook_holds_no_decision(planned: Path, run: CommandLine) -> None:
    export(xlsx=planned / "out.xlsx", workspace=planned)
    assert read_review(planned / "out.xlsx").decisions == ()
    seen = run("review", planned / "out.xlsx", "-w", planned)
    assert seen.code == 2
    assert "no decision" in seen.err


def test_decisions_are_kept_and_priced(planned: Path, run: CommandLine) -> None:
    before = read_result(workspace=planned)
    kept, banned, repriced = before.bundles["bundle_id"].tolist()[:3]
    price = round(float(before.bundles["price"].iloc[2]) + 0.07, 2)

    def decide(rows: list[list[Any]]) -> None:
        rows[1][0], rows[2][0], rows[3][1] = "Keep", "ban ", price

    seen = run("review", _decide(planned, decide), "-w", planned, "--json")
    assert seen.code == 0, seen.err
    document = seen.document
    after = read_result(workspace=planned)
    prices = dict(zip(after.bundles["bundle_id"], after.bundles["price"], strict=True))
    assert prices[kept] == before.bundles["price"].iloc[0]
    assert prices[repriced] == price
    assert banned not in prices
    assert [one["action"] for one in document["decisions"]] == ["keep", "ban", "re-price"]
    cost = document["cost"]
    assert cost["objective"] == pytest.approx(before.incremental_revenue - after.incremental_revenue, abs=0.011)
    assert cost["least"] <= max(cost["objective"], 0) + 1e-9 <= cost["most"] + 2e-9
    assert document["inputs_changed"] == []
    # The rules of the first plan hold for the second.
    assert after.document["config"]["solve.budget"] == 20.0
    assert after.document["config"]["solve.max_bundles"] == 4


def test_the_answer_says_what_was_understood(planned: Path, run: CommandLine) -> None:
    def decide(rows: list[list[Any]]) -> None:
        rows[1][0] = "ban"

    seen = run("review", _decide(planned, decide), "-w", planned)
    assert seen.code == 0, seen.err
    assert "row 2: ban " in seen.out
    # A plan that ran out of time may be beaten by one with fewer choices; whichever it is, it is said.
    assert "our decisions cost" in seen.out or "more of incremental revenue" in seen.out
    assert "bundleopt approve 0002" in seen.out


def test_a_bundle_of_their_own_gets_on_the_menu(planned: Path) -> None:
    from bundleopt.verbs.review import review

    on_menu = {frozenset(items) for items in read_result(workspace=planned).bundles["item_ids"]}
    own = next((a, b) for a in ("005", "006") for b in ("NA", "1e5") if {a, b} not in on_menu)
    file = _workbook(planned / "own.xlsx", [("keep", "", "", "|".join(own), "", "")])
    result = review(file, workspace=planned)
    assert set(own) in [set(items) for items in result.after.bundles["item_ids"]]


def test_every_way_to_write_a_decision(tmp_path: Path) -> None:
    rows: list[Row] = [
        ("keep", "", "B1", "001|002", "", 5.4),
        ("", "", "B2", "001|003", "", 5.0),
        ("BAN", "", "B3", "1e5|NA", "", 4.0),
        ("", 3.999999999, "B4", "004|005", "", 4.5),
        ("keep", 4.5, "B5", "006|005", "", 4.5),
        ("", "", "", "", "", ""),
        ("keep", "", "", "007| 008 ", "", ""),
        ("", "6.10", "", 12.0, "", ""),
    ]
    review = read_review(_workbook(tmp_path / "r.xlsx", rows))
    assert understood(review) == [
        "row 2: keep 001+002 at 5.40",
        "row 4: ban 1e5+NA",
        "row 5: sell 004+005 at 4.00",
        "row 6: keep 006+005 at 4.50",
        "row 8: keep 007+008 at a price to be chosen",
        "row 9: sell 12 at 6.10",
    ]
    assert review.settings() == {
        "lock": ["001+002@5.40", "004+005@4.00", "006+005@4.50", "12@6.10"],
        "include": ["007+008"],
        "exclude": ["1e5+NA"],
    }


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("drop", "", "B1", "001|002", "", 5.0), "decision must be keep, ban or empty"),
        (("ban", 4.0, "B1", "001|002", "", 5.0), "a banned bundle has no price"),
        (("keep", -1.0, "B1", "001|002", "", 5.0), "price"),
        (("", "free", "B1", "001|002", "", 5.0), "price"),
        (("", 0.0, "B1", "001|002", "", 5.0), "above 0"),
        (("keep", "", "", "", "", ""), "needs item_ids"),
        (("", "", "", "001|002", "", ""), "needs keep or a price"),
    ],
)
def test_rows_that_make_no_sense_are_named(tmp_path: Path, row: Row, message: str) -> None:
    file = _workbook(tmp_path / "r.xlsx", [("keep", "", "B0", "003|004", "", 5.0), row])
    with pytest.raises(DataRefusedError, match=message) as refused:
        read_review(file)
    assert "row 3" in str(refused.value)


def test_a_bundle_is_decided_once(tmp_path: Path) -> None:
    rows: list[Row] = [("keep", "", "B1", "001|002", "", 5.0), ("ban", "", "", "002|001", "", "")]
    with pytest.raises(DataRefusedError, match="rows 2 and 3"):
        read_review(_workbook(tmp_path / "r.xlsx", rows))


def test_what_is_no_workbook_of_a_plan_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "r.xlsx"
    text.write_text("decision,override_price\n")
    with pytest.raises(UsageError, match="no workbook"):
        read_review(text)
    with pytest.raises(UsageError, match="there is no file"):
        read_review(tmp_path / "absent.xlsx")
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (513 * 1024 * 1024))
    text.write_bytes(bomb.getvalue())
    with pytest.raises(UsageError, match="would unpack"):
        read_review(text)
    with xlsxwriter.Workbook(str(text)) as book:
        book.add_worksheet("summary")
        book.add_worksheet("bundles")
    with pytest.raises(UsageError, match="which run"):
        read_review(text)


def test_decisions_against_the_rules_are_a_conflict_with_names(planned: Path, run: CommandLine) -> None:
    rows: list[Row] = [("", 0.05, "", "001|002", "", "")]
    seen = run("review", _workbook(planned / "r.xlsx", rows), "-w", planned)
    assert seen.code == 4
    assert "lock 001+002" in seen.err
