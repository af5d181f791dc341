"""The cache of prepared sources: same input same folder, other input other folder, damage noticed."""

from __future__ import annotations

import itertools
import json
import os
import time
from typing import Any

import pytest

from bundleopt_data import atomic
from bundleopt_data.digests import sha256_of_file, sha256_of_parts
from bundleopt_data.errors import StorageError
from bundleopt_data.manifest import Manifest
from bundleopt_data.prepare import FOLDERS_KEPT, IDLE_SECONDS
from bundleopt_data.schema import TABLES, ColumnType


def test_the_same_source_is_read_once(shop: Any) -> None:
    first = shop.prepare()
    stamp = (first.folder / "manifest.json").stat().st_mtime_ns
    again = shop.prepare()
    assert again == first
    assert (again.folder / "manifest.json").stat().st_mtime_ns == stamp


def test_a_changed_file_or_setting_is_another_folder(shop: Any) -> None:
    first = shop.prepare()
    other_setting = shop.prepare(timezone="Europe/Paris")
    shop.change("inventory", "001,30", "001,31")
    other_content = shop.prepare()
    assert len({first.folder, other_setting.folder, other_content.folder}) == 3
    assert first.input_hashes["inventory.csv"] != other_content.input_hashes["inventory.csv"]
    assert first.input_hashes["items.csv"] == sha256_of_file(shop.folder / "items.csv")


def test_folders_of_earlier_inputs_go_once_they_lie_idle(shop: Any) -> None:
    folders = [shop.prepare().folder]
    for on_hand in range(31, 36):
        shop.change("inventory", f"001,{on_hand - 1}", f"001,{on_hand}")
        folders.append(shop.prepare().folder)
    assert all(folder.is_dir() for folder in folders)
    for age, folder in enumerate(reversed(folders)):
        os.utime(folder, (time.time() - IDLE_SECONDS * (age + 1),) * 2)
    shop.change("inventory", "001,35", "001,99")
    latest = shop.prepare().folder
    kept = {path.parent for path in shop.cache.glob("*/manifest.json")}
    assert kept == {latest, *folders[-(FOLDERS_KEPT - 1) :]}


def test_a_damaged_table_or_manifest_is_noticed_and_read_anew(shop: Any) -> None:
    first = shop.prepare()
    path = first.folder / "items.parquet"
    good = path.read_bytes()
    path.write_bytes(good[:-20] + bytes([good[-20] ^ 1]) + good[-19:])
    assert shop.prepare().manifest.is_intact(first.folder)
    (first.folder / "manifest.json").write_text("{")
    assert shop.prepare() == first


def test_the_manifest_survives_json(shop: Any) -> None:
    shop.append("items", shop.tables["items"].splitlines()[1])
    manifest = shop.prepare().manifest
    assert Manifest.from_json(manifest.to_json()) == manifest
    assert manifest.preparation.mended
    assert json.loads(manifest.to_json())["tables"]["items"]["rows"] == 12


def test_a_full_disk_leaves_no_half_prepared_folder(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic, "_write_number", itertools.count(1))
    monkeypatch.setenv(atomic.FAULT_VARIABLE, "write:1:ENOSPC")
    with pytest.raises(StorageError, match="no space left"):
        shop.prepare()
    assert [path for path in shop.cache.iterdir() if path.suffix != ".lock"] == []
    assert shop.prepare().manifest.tables["items"].rows == 12


def test_progress_is_told_in_shares_of_one(shop: Any) -> None:
    from bundleopt_data.prepare import prepare

    told: list[tuple[str, float]] = []
    prepare(str(shop.folder), cache=shop.cache, progress=lambda stage, share: told.append((stage, share)))
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 for share in shares)
    assert all(stage for stage, _ in told)


def test_framed_digests_do_not_collide() -> None:
    assert sha256_of_parts(["ab", "c"]) != sha256_of_parts(["a", "bc"])


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_the_contract_is_consistent(table: Any) -> None:
    names = [column.name for column in table.columns]
    assert len(set(names)) == len(names)
    assert set(table.key) <= set(names)
    for column in table.columns:
        assert column.type in ColumnType
        assert column.references in {None, "items"}
        if column.check is not None:
            assert column.type is ColumnType.NUMBER
    assert set(table.required) <= set(names)
