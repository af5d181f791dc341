"""Faults 17 and 18: what a workbook can be that comes back for `bundleopt review`."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from tests.bundleopt.command_line import CommandLine, Outcome

fault = pytest.mark.fault
HEAD = ("decision", "override_price", "bundle_id", "item_ids", "item_names", "price")
KEPT = ("keep", "", "", "001|002", "", "")


@pytest.fixture
def review(workspace: Path, run: CommandLine) -> Callable[[Path], Outcome]:
    return lambda path: run("review", path, "-w", workspace)


def _workbook(path: Path, write: Callable[[Worksheet], object]) -> Path:
    with xlsxwriter.Workbook(str(path)) as book:
        summary, sheet = book.add_worksheet("summary"), book.add_worksheet("bundles")
        summary.write_row(0, 0, ("run", "0001-2024-10-07"))
        sheet.write_row(0, 0, HEAD)
        sheet.write_row(1, 0, KEPT)
        write(sheet)
    return path


def _repacked(path: Path, change: Callable[[str, bytes], bytes]) -> Path:
    """The same archive with some parts changed."""
    whole = io.BytesIO(path.read_bytes())
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            new.writestr(part, change(part.filename, old.read(part)))
    return path


@fault(17)
@pytest.mark.parametrize(
    ("write", "words", "cell"),
    [
        (lambda sheet: sheet.write_formula("B3", "=1+1", value=""), "without a calculated value", "B3"),
        (lambda sheet: sheet.write_formula("B3", "=NA()", value="#N/A"), "#N/A", "B3"),
        (lambda sheet: sheet.merge_range("A3:A5", "keep"), "merged", "A3:A5"),
    ],
    ids=["formula", "error", "merged"],
)
def test_a_cell_that_would_be_misread_is_named(
    tmp_path: Path, review: Callable[[Path], Outcome], write: Callable[[Worksheet], object], words: str, cell: str
) -> None:
    outcome = review(_workbook(tmp_path / "r.xlsx", write))
    assert outcome.code == 3, outcome.err
    assert words in outcome.err
    assert f"'bundles', cell{'s' if ':' in cell else ''} {cell}" in outcome.err


@fault(17)
def test_what_stands_outside_the_columns_that_are_read_is_nobodys_business(
    tmp_path: Path, workspace: Path, run: CommandLine
) -> None:
    assert (
        run("solve", "-w", workspace, "--budget", 20, "--time-limit", 2, "--gap", "20%", "--candidates", 20).code == 0
    )

    def write(sheet: Worksheet) -> None:
        sheet.write_formula("J3", "=NA()", value="#N/A")
        sheet.set_row(1, options={"hidden": True})

    outcome = run("review", _workbook(tmp_path / "r.xlsx", write), "-w", workspace)
    assert outcome.code == 0, outcome.err
    assert "row 2: keep 001+002" in outcome.out + outcome.err  # a hidden row counts, and is read out


@fault(18)
def test_a_bomb_is_refused_whatever_its_directory_says(tmp_path: Path, review: Callable[[Path], Outcome]) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (513 * 1024 * 1024))
    outcome = review(path)
    assert outcome.code == 2
    assert "unpack" in outcome.err


@fault(18)
def test_a_document_type_is_refused(tmp_path: Path, review: Callable[[Path], Outcome]) -> None:
    entity = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    path = _repacked(
        _workbook(tmp_path / "r.xlsx", lambda _: None),
        lambda name, text: text.replace(b"<worksheet", entity + b"<worksheet", 1) if "sheet2" in name else text,
    )
    outcome = review(path)
    assert outcome.code == 2
    assert "document type" in outcome.err
    assert "root:" not in outcome.err + outcome.out
