"""Ta Feng: a small file in its format, plain and zipped, with every kind of line that is dropped."""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from pathlib import Path

import pytest

from bundleopt_data.errors import DataRefusedError, UsageError
from bundleopt_data.prepare import open_source, prepare
from bundleopt_data.readers.ta_feng import COLUMNS, is_ta_feng
from bundleopt_data.settings import CampaignSettings

ROWS = [
    ("11/1/2000", "01104905", "45-49", "115", "110411", "4710199010372", "2", "24", "30"),
    ("11/1/2000", "01104905", "45-49", "115", "110411", "4710199010372", "1", "13", "16"),
    ("11/13/2000", "00418683", "45-49", "Others", "120107", "0078895770025", "1", "48", "46"),
    ("11/13/2000", "00418683", "45-49", "Others", "120107", "0078895770025", "0", "48", "46"),
    ("11/14/2000", "00418683", "45-49", "Others", "120107", "0078895770025", "1", "48", "0"),
    ("13/14/2000", "00418683", "45-49", "Others", "120107", "0078895770025", "1", "48", "46"),
    ("11/14/2000", "00418683", "45-49", "Others", "120107", "0078895770025", "1", "free", "46"),
    ("11/14/2000", "00418683", "45-49", "Others", "120107", "0078895770025", "1", "-2", "46"),
]


def _text(rows: list[tuple[str, ...]]) -> str:
    return "\ufeff" + "".join(",".join(f'"{cell}"' for cell in row) + "\r\n" for row in [COLUMNS, *rows])


@pytest.fixture(params=["csv", "zip"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    plain = tmp_path / "ta_feng.csv"
    plain.write_text(_text(ROWS), encoding="utf-8")
    if request.param == "csv":
        return plain
    packed = tmp_path / "ta_feng.csv.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(plain, "inside.csv")
    return packed


def test_prices_and_costs_are_per_unit_and_dropped_lines_are_counted(path: Path, tmp_path: Path) -> None:
    dataset = prepare(str(path), cache=tmp_path / "cache")
    assert dataset.kind == "ta-feng"
    with dataset.connect() as connection:
        lines = connection.execute(
            "SELECT customer_id, timestamp, week, quantity, unit_price FROM transactions"
        ).fetchall()
        items = connection.execute("SELECT item_id, category, list_price, unit_cost FROM items").fetchall()
    assert lines == [
        ("01104905", datetime(2000, 11, 1), date(2000, 10, 30), 2.0, 15.0),
        ("01104905", datetime(2000, 11, 1), date(2000, 10, 30), 1.0, 16.0),
        ("00418683", datetime(2000, 11, 13), date(2000, 11, 13), 1.0, 46.0),
    ]
    assert items == [("0078895770025", "120107", 46.0, 48.0), ("4710199010372", "110411", 15.5, 12.5)]
    assert {mending.rule: mending.count for mending in dataset.mended} == {
        "amount not positive": 1,
        "sales price not positive": 1,
        "date cannot be read as month/day/year": 1,
        "amount, asset or sales price is not a number": 1,
        "asset negative": 1,
    }
    assert dataset.rejects is not None
    assert len(dataset.rejects.read_text().splitlines()) == 6
    assert dataset.default_week() == date(2000, 11, 20)


def test_panel_week_and_check_work_from_the_file_alone(path: Path, tmp_path: Path) -> None:
    dataset = prepare(str(path), cache=tmp_path / "cache")
    panel = dataset.panel(fit_until=dataset.default_week())
    assert panel.item_ids.tolist() == ["0078895770025", "4710199010372"]
    assert panel.trips.sum() == 2
    week = dataset.campaign_week(dataset.default_week(), panel, CampaignSettings())
    assert week.unit_cost_cents.tolist() == [4800, 1250]
    assert not week.cost_is_assumed.any()
    assert dataset.check().profile.cost_above_price == 1


def test_the_file_is_known_by_its_header_alone(path: Path, tmp_path: Path) -> None:
    renamed = path.rename(tmp_path / "anything.dat")
    assert is_ta_feng(renamed)
    assert open_source(str(renamed)).kind == "ta-feng"
    assert not is_ta_feng(tmp_path / "absent")


def test_other_archives_and_files_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("a.csv", _text(ROWS))
        archive.writestr("b.csv", "x")
    assert not is_ta_feng(other)
    with pytest.raises(UsageError, match="single file"):
        prepare(str(other), cache=tmp_path / "cache")


def test_a_file_without_a_usable_line_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.write_text(_text(ROWS[3:]), encoding="utf-8")
    with pytest.raises(DataRefusedError, match="no line of the file can be used"):
        prepare(str(path), cache=tmp_path / "cache", rejects=tmp_path / "rejects.csv")
    assert len((tmp_path / "rejects.csv").read_text().splitlines()) == 6
    assert not (tmp_path / "cache").exists()


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    packed = tmp_path / "ta_feng.csv.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", _text(ROWS * 200))
    content = bytearray(packed.read_bytes())
    content[-200] ^= 0xFF
    content[300] ^= 0xFF
    packed.write_bytes(bytes(content))
    with pytest.raises((DataRefusedError, UsageError)):
        prepare(str(packed), cache=tmp_path / "cache")
