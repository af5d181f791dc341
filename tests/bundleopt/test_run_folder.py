import csv
import io
import json
import math
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from bundleopt.plan import tables
from bundleopt.report.page import render_report
from bundleopt.rundir import csv_files, excel_file, writer
from bundleopt.rundir.content import summary_rows
from bundleopt.rundir.dictionary import DICTIONARY
from bundleopt.rundir.neutral_text import for_csv
from bundleopt.rundir.writer import RunContent
from bundleopt_data.errors import StorageError, VerificationError, Violation
from tests.bundleopt.small_plan import HOSTILE_NAMES, small_document, small_valued_plan

FILES = {
    *("plan.json", "manifest.json", "report.html", "plan.xlsx", "dictionary.csv"),
    *(f"{table}.{kind}" for table in ("bundles", "offers", "inventory") for kind in ("parquet", "csv")),
}


def _content(*, offers: bool = True) -> RunContent:
    valued = small_valued_plan(offers=offers)
    cannibalised = np.full(len(valued.plan.offer_customer), 0.123)
    frames = {
        "bundles": tables.bundles_table(valued, cannibalised=cannibalised, reasons={0: "=because", 1: "it sells"}),
        "offers": tables.offers_table(valued),
        "inventory": tables.inventory_table(valued),
    }
    document = small_document(valued)
    return RunContent(document, **frames, report=render_report(document, frames), summary=summary_rows(document))


def _accept(_folder: Path) -> None:
    """The checker's seat, for tests of what is written."""


def test_every_file_is_there_and_the_manifest_knows_it(tmp_path: Path) -> None:
    writer.publish(_content(), tmp_path / "run", verify=_accept)
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES
    assert writer.changed_files(tmp_path / "run") == []
    (tmp_path / "run" / "offers.csv").write_text("tampered")
    assert writer.changed_files(tmp_path / "run") == ["offers.csv"]


@pytest.mark.parametrize("offers", [True, False])
def test_columns_are_the_contract_also_for_an_empty_plan(tmp_path: Path, offers: bool) -> None:
    writer.publish(_content(offers=offers), tmp_path / "run", verify=_accept)
    for name, columns in (
        ("bundles", tables.BUNDLE_COLUMNS),
        ("offers", tables.OFFER_COLUMNS),
        ("inventory", tables.INVENTORY_COLUMNS),
    ):
        schema = parquet.read_schema(tmp_path / "run" / f"{name}.parquet")
        assert tuple(schema.names) == columns
        assert set(DICTIONARY[name]) == set(columns)
        assert "null" not in {str(field.type) for field in schema}


def test_totals_agree_to_the_cent_in_all_files(tmp_path: Path) -> None:
    writer.publish(_content(), tmp_path / "run", verify=_accept)
    totals = json.loads((tmp_path / "run" / "plan.json").read_text())["totals"]
    bundles = parquet.read_table(tmp_path / "run" / "bundles.parquet").to_pandas()
    offers = parquet.read_table(tmp_path / "run" / "offers.parquet").to_pandas()
    for name in ("incremental_revenue", "incremental_margin", "promo_spend"):
        expected = round(math.fsum(offers[name]) * 100)
        assert round(totals[name]["value"] * 100) == expected
        assert int((bundles[name] * 100).round().sum()) == expected
    assert bundles["customers"].sum() == len(offers)
    assert totals["customers_reached"]["value"] == offers["customer_id"].nunique()


def test_what_fails_verification_is_not_published(tmp_path: Path) -> None:
    def refuse(_folder: Path) -> None:
        raise VerificationError([Violation("budget", "10", "11")])

    with pytest.raises(VerificationError, match="budget"):
        writer.publish(_content(), tmp_path / "run", verify=refuse)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_run_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer.publish(_content(), tmp_path / "run", verify=_accept)

    def full(_folder: Path) -> None:
        raise OSError(28, os.strerror(28))

    with pytest.raises(StorageError, match="no space left"):
        writer.publish(_content(offers=False), tmp_path / "run", verify=full)
    assert writer.changed_files(tmp_path / "run") == []
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_the_same_plan_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        writer.publish(_content(), tmp_path / name, verify=_accept)
    for name in sorted(FILES):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM", "\tx", "\rx", "＝1", "＠x", "|calc", "  =1", "\u00a0=1", "%0A=1"]
)
def test_texts_that_a_spreadsheet_would_run_are_prefixed(text: str) -> None:
    assert for_csv(text) == "'" + text


@pytest.mark.parametrize("text", ["plain", "1e5", "a=b", "", "Müller & Söhne"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert for_csv(text) == text


def test_csv_cells_of_hostile_texts_are_inert_and_parquet_keeps_the_raw_text(tmp_path: Path) -> None:
    content = _content()
    writer.publish(content, tmp_path / "run", verify=_accept)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "run" / "bundles.csv").read_text(encoding="utf-8"))))
    dangerous = re.compile(r"^[=+\-@\t\r|%＝＋－＠]")
    texts = [row[column] for row in rows for column in ("bundle_id", "item_ids", "item_names", "reason")]
    assert not [text for text in texts if dangerous.match(text)]
    assert rows[0]["reason"] == "'=because"
    raw = parquet.read_table(tmp_path / "run" / "bundles.parquet").to_pandas()
    assert raw["item_names"][0].tolist() == list(HOSTILE_NAMES[:2])
    assert raw["reason"][0] == "=because"


def test_numbers_in_csv_are_numbers() -> None:
    assert csv_files.cell_text(-0.5) == "-0.5"
    assert csv_files.cell_text(float("nan")) == ""
    assert csv_files.cell_text(np.bool_(True)) == "true"
    assert csv_files.cell_text([0.25, 1.0]) == "0.25|1.0"


def test_the_workbook_holds_no_formula_and_no_link() -> None:
    content = _content()
    book = zipfile.ZipFile(io.BytesIO(excel_file.workbook_bytes(content.tables, content.summary)))
    sheets = [book.read(name).decode() for name in book.namelist() if name.startswith("xl/worksheets/")]
    assert len(sheets) == 5
    assert not any("<f>" in sheet or "<hyperlink" in sheet for sheet in sheets)
    texts = book.read("xl/sharedStrings.xml").decode()
    assert "=HYPERLINK" in texts
    assert "how to read" in book.read("xl/workbook.xml").decode()


def _text_of(page: str) -> str:
    return re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)


def test_the_report_is_self_contained_without_scripts_and_escapes_every_name() -> None:
    page = _content().report
    assert "Content-Security-Policy" in page
    assert "default-src 'none'" in page
    assert not re.search(r"<script|javascript:|\son\w+\s*=", page, flags=re.IGNORECASE)
    # Links lead to places of the page itself only.
    assert not re.search(r"src\s*=|href\s*=\s*[^\"]|href\s*=\s*\"[^#]|url\(|@import", page)
    assert "&lt;/script&gt;&lt;script&gt;" in page
    assert "&lt;b&gt;boldly&lt;/b&gt;" in page
    assert "No plan over these candidates can beat this by more than 2.0 %" in _text_of(page)


@pytest.mark.parametrize("offers", [True, False])
def test_the_report_of_any_plan_states_totals_and_rules(offers: bool) -> None:
    page = _content(offers=offers).report
    assert ("The menu" in page) == offers
    assert ("do nothing" in page) == (not offers)
    assert "budget" in page
    assert "incremental margin" in page


@pytest.mark.parametrize("make", [lambda: _content().report, lambda: csv_files.csv_text(_content().offers)])
def test_texts_hold_no_raw_control_characters_that_a_browser_or_shell_would_obey(make: Callable[[], str]) -> None:
    assert "\x00" not in make()
