"""Approving and exporting: what is frozen stays, what was changed is found, and files hold what the plan holds."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

from bundleopt.approval import read_approval
from bundleopt.verbs.approve import approve
from bundleopt.verbs.export import export
from bundleopt.verbs.report import read_result
from bundleopt.verbs.solve import solve
from bundleopt_data.digests import sha256_of_file
from bundleopt_data.errors import UsageError
from tests.bundleopt.command_line import CommandLine


@pytest.fixture(scope="module")
def planned_once(trained_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one plan, solved once for all tests here."""
    root = tmp_path_factory.mktemp("planned") / "shop"
    shutil.copytree(trained_workspace, root)
    solve(root, budget=20, gap="5%", candidates=60)
    return root


@pytest.fixture
def planned(planned_once: Path, tmp_path: Path) -> Path:
    """A copy of it that the test may change."""
    return Path(shutil.copytree(planned_once, tmp_path / "shop"))


def test_an_approval_names_who_when_and_what(planned: Path, run: CommandLine) -> None:
    seen = run("approve", "-w", planned, "--by", "Ada Lovelace", "--note", "as agreed", "--json")
    assert seen.code == 0
    folder = Path(seen.document["run"])
    approval = read_approval(folder)
    assert approval is not None
    assert (approval.by, approval.note) == ("Ada Lovelace", "as agreed")
    assert approval.manifest == sha256_of_file(folder / "manifest.json")
    assert approval.at.endswith("+00:00")
    assert "Ada Lovelace" in run("runs", "list", "-w", planned).out
    again = run("approve", "-w", planned, "--by", "Bob")
    assert again.code == 2
    assert "approved by Ada Lovelace" in again.err


@pytest.mark.parametrize("name", ["plan.json", "offers.parquet", "offers.csv", "manifest.json"])
def test_a_plan_that_changed_after_its_approval_is_refused(planned: Path, run: CommandLine, name: str) -> None:
    folder = approve(by="Ada", workspace=planned).run.folder
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content.replace(b"a", b"A", 1) if name != "manifest.json" else content + b" ")
    seen = run("export", "-w", planned, "--to", planned / "out")
    assert seen.code == 2
    assert "changed since" in seen.err
    assert name in seen.err
    assert not (planned / "out").exists()


def test_nothing_overwrites_an_approved_run(planned: Path, run: CommandLine) -> None:
    folder = approve(by="Ada", workspace=planned).run.folder
    before = {path.name: sha256_of_file(path) for path in folder.iterdir()}
    for command in (("report",), ("solve", "--budget", 5, "--out", folder), ("runs", "rm", 1)):
        seen = run(*command, "-w", planned)
        assert seen.code == 2
        assert "approved" in seen.err
    assert {path.name: sha256_of_file(path) for path in folder.iterdir()} == before
    assert run("report", "-w", planned, "--out", planned / "page.html").code == 0


def test_one_plan_a_week_is_approved(planned: Path) -> None:
    first = approve(by="Ada", workspace=planned).run
    solve(planned, budget=5, gap="5%")
    with pytest.raises(UsageError, match="is approved for the week"):
        approve(by="Bob", workspace=planned)
    second = approve(by="Bob", workspace=planned, replace=True)
    assert second.replaced == first.name
    ended = read_approval(first.folder)
    assert ended is not None
    assert ended.superseded_by == second.run.name


def test_exports_hold_what_the_plan_holds(planned: Path, run: CommandLine) -> None:
    seen = run("export", "-w", planned, "--to", planned / "out", "--json")
    assert seen.code == 0
    assert not seen.document["approved"]
    result = read_result(workspace=planned)
    out = planned / "out"
    assert {path.name for path in out.iterdir()} == {
        *(f"{table}.{kind}" for table in ("bundles", "offers", "inventory") for kind in ("csv", "parquet")),
        *("dictionary.csv", "plan.xlsx", "price_list.csv"),
    }
    for name in ("bundles", "offers", "inventory"):
        for kind in ("csv", "parquet"):
            assert (out / f"{name}.{kind}").read_bytes() == (result.folder / f"{name}.{kind}").read_bytes()
    prices = list(csv.DictReader(io.StringIO((out / "price_list.csv").read_text())))
    assert [row["price"] for row in prices] == [repr(price) for price in result.bundles["price"]]
    assert {(row["valid_from"], row["valid_to"]) for row in prices} == {("2024-10-07", "2024-10-13")}


def test_the_workbook_for_decisions_has_room_for_them(planned: Path) -> None:
    export(xlsx=planned / "review.xlsx", workspace=planned)
    book = CalamineWorkbook.from_path(str(planned / "review.xlsx"))
    assert book.sheet_names == ["summary", "bundles", "inventory", "how to read"]
    rows = book.get_sheet_by_name("bundles").to_python()
    result = read_result(workspace=planned)
    assert rows[0][:3] == ["decision", "override_price", "bundle_id"]
    assert [row[2] for row in rows[1 : 1 + len(result.bundles)]] == result.bundles["bundle_id"].tolist()
    assert {tuple(row[:2]) for row in rows[1:]} == {("", "")}
    assert book.get_sheet_by_name("summary").to_python()[0][:2] == ["run", result.folder.name]
    first = (planned / "review.xlsx").read_bytes()
    export(xlsx=planned / "again.xlsx", workspace=planned)
    assert (planned / "again.xlsx").read_bytes() == first


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "say where to"),
        (("--to", "out", "--format", "pdf"), "choose from"),
        (("--to", "out", "--format", ""), "choose from"),
        (("--xlsx", "plan.csv"), "must end in .xlsx"),
    ],
)
def test_an_export_without_sense_is_refused(
    planned: Path, run: CommandLine, arguments: tuple[str, ...], message: str
) -> None:
    seen = run("export", "-w", planned, *arguments)
    assert seen.code == 2
    assert message in seen.err


def test_runs_are_found_and_removed(planned: Path, run: CommandLine) -> None:
    solve(planned, budget=5, max_bundles=1, gap="5%")
    assert [
        one["run"][:4]
        for one in run("runs", "list", "--find", "max_bundles=1\n", "-w", planned, "--json").document["runs"]
    ] == ["0002"]
    assert run("runs", "list", "--find", "no such thing", "-w", planned, "--json").document == {"runs": []}
    assert run("runs", "rm", 1, 9, "-w", planned).code == 2
    assert len(run("runs", "list", "-w", planned, "--json").document["runs"]) == 2
    assert run("runs", "rm", 1, "-w", planned, "--json").document == {"removed": ["0001-2024-10-07"]}
    assert [path.name for path in (planned / "runs").iterdir()] == ["0002-2024-10-07"]
    assert json.loads((planned / "runs" / "0002-2024-10-07" / "plan.json").read_text())["week"] == "2024-10-07"


def test_hostile_names_are_texts_in_the_workbook_for_decisions(tmp_path: Path) -> None:
    from bundleopt.plan import tables
    from bundleopt.round_trip.workbook import review_workbook
    from bundleopt.verbs.solve import SolveResult
    from tests.bundleopt.small_plan import HOSTILE_NAMES, small_document, small_valued_plan

    valued = small_valued_plan()
    bundles = tables.bundles_table(valued, cannibalised=valued.baseline, reasons={})
    result = SolveResult(
        tmp_path, small_document(valued), bundles, tables.offers_table(valued), tables.inventory_table(valued)
    )
    content = review_workbook(result)
    assert b"<f>" not in content
    rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_name("bundles").to_python()
    named = pd.DataFrame(rows[1:3], columns=rows[0])["item_names"].tolist()
    assert named == ["|".join(HOSTILE_NAMES[:2]), "|".join(HOSTILE_NAMES[2:])]
