"""Faults 1 to 20: what a file on the disk can be, told through `bundleopt check`."""

from __future__ import annotations

import codecs
import gzip
import os
import shutil
import threading
from pathlib import Path

import pandas as pd
import pytest

from bundleopt.workspace import Workspace
from tests.bundleopt.command_line import CommandLine
from tests.bundleopt.faults.shop import Shop

fault = pytest.mark.fault


@fault(1)
def test_an_empty_file(shop: Shop) -> None:
    shop.file("transactions").write_bytes(b"")
    shop.expect_refused("transactions", "0 bytes")


@fault(2)
def test_a_header_and_nothing_else(shop: Shop) -> None:
    shop.write_rows("inventory", shop.rows("inventory")[:1])
    shop.expect_refused("inventory", "no rows", "allow_empty")
    shop.configure("data", allow_empty=True)
    shop.expect_accepted()


@fault(3)
@pytest.mark.parametrize(("encoding", "named"), [("utf-16", "utf-16"), ("cp1252", "cp1252")])
def test_another_encoding_is_named_and_never_guessed(shop: Shop, encoding: str, named: str) -> None:
    text = shop.file("items").read_text(encoding="utf-8").replace("Pasta", "Pâté")
    shop.file("items").write_bytes(text.encode(encoding))
    shop.expect_refused("items", named, "encoding =")
    shop.configure("data", encoding=encoding)
    shop.file("transactions").write_bytes(shop.file("transactions").read_text().encode(encoding))
    for table in ("customers", "inventory", "prices", "promotions"):
        shop.file(table).write_bytes(shop.file(table).read_text().encode(encoding))
    shop.expect_accepted()


@fault(4)
def test_a_byte_order_mark_is_no_part_of_the_first_name(shop: Shop) -> None:
    shop.file("items").write_bytes(codecs.BOM_UTF8 + shop.file("items").read_bytes())
    shop.expect_accepted("12 of 12")


@fault(5)
def test_a_decimal_comma_is_asked_about_with_both_readings(shop: Shop) -> None:
    rows = shop.rows("transactions")
    price = rows[0].index("unit_price")
    text = "\n".join(";".join([*r[:price], r[price].replace(".", ","), *r[price + 1 :]]) for r in rows)
    shop.file("transactions").write_text(text + "\n", encoding="utf-8")
    shop.expect_refused("transactions.unit_price", "reads", 'decimal = ","')
    for table in ("items", "prices", "promotions"):
        shop.file(table).write_text("\n".join(";".join(r).replace(".", ",") for r in shop.rows(table)) + "\n")
    shop.configure("data", decimal=",")
    shop.expect_accepted()


@fault(6)
@pytest.mark.parametrize("text", ["1,234.50", "EUR 3", "$12.50"])
def test_a_price_that_is_no_plain_number(shop: Shop, text: str) -> None:
    shop.set_cell("transactions", 3, "unit_price", text)
    shop.expect_refused("transactions.unit_price", repr(text), "row 4")


@fault(7, 8, 9)
def test_ids_are_texts_to_the_letter(shop: Shop) -> None:
    odd = ["007", "NA", "null", "TRUE", "1e5", "2-3", "12345678901234567890"]
    when = shop.rows("transactions")[5][2]
    items = [
        [name, f"Item {n}", "odd", "2.00", "1.00"] for n, name in enumerate(odd) if name not in {"007", "NA", "1e5"}
    ]
    shop.append("items", *items)
    shop.append("transactions", *([c, "007", when, "1", "2.00", f"odd-{c}"] for c in odd))
    shop.append("customers", *([c, "A"] for c in odd))
    shop.expect_accepted()
    prepared = next(Workspace(shop.root).cache.rglob("transactions.parquet"))
    lines = pd.read_parquet(prepared)
    assert set(odd) <= set(lines["customer_id"].astype(str))
    catalogue = pd.read_parquet(prepared.with_name("items.parquet"))
    assert set(odd) <= set(catalogue["item_id"].astype(str))


@fault(10)
def test_a_column_name_twice(shop: Shop) -> None:
    text = shop.file("transactions").read_text()
    shop.file("transactions").write_text(text.replace("basket_id", "quantity", 1))
    shop.expect_refused("transactions", "distinct", "'quantity'")


@fault(11)
def test_a_missing_column_is_refused_with_the_nearest_name_and_a_further_one_kept(shop: Shop) -> None:
    text = shop.file("transactions").read_text()
    shop.file("transactions").write_text(text.replace("unit_price", "unit_prize", 1))
    shop.expect_refused("transactions.unit_price", "'unit_prize'")
    shop.file("transactions").write_text(text)
    shop.add_column("items", "colour", "red")
    outcome = shop.expect_accepted("colour")
    assert outcome.out.count("colour") == 1


@fault(12)
def test_a_ragged_row_and_an_open_quote_are_named_by_line(shop: Shop) -> None:
    whole = shop.file("transactions").read_text().splitlines()
    shop.file("transactions").write_text("\n".join([*whole[:6], whole[6] + ",more", *whole[7:]]) + "\n")
    shop.expect_refused("transactions", "line 7", "fields")
    shop.file("transactions").write_text("\n".join([*whole[:9], '"' + whole[9], *whole[10:]]) + "\n")
    shop.expect_refused("transactions", "line 10", "quote")


@fault(13)
@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b[31m", "\u202e"])
def test_control_characters_in_names_are_refused_and_shown_escaped(shop: Shop, character: str) -> None:
    shop.set_cell("items", 2, "name", f"Tomato{character} sauce")
    outcome = shop.expect_refused("items.name")
    assert character not in outcome.err
    assert character.encode("unicode_escape").decode()[:4] in outcome.err


@fault(14)
def test_spellings_of_one_key_are_merged_or_refused(shop: Shop) -> None:
    rows = shop.rows("items")
    shop.write_rows("items", [*rows, ["caf\u00e9 ", *rows[1][1:]], ["cafe\u0301", *rows[1][1:]]])
    shop.expect_accepted("items: 1 row")  # the same once blanks go and accents are composed: dropped and told
    shop.write_rows("items", [*rows, ["caf\u00e9", *rows[1][1:]], ["cafe\u0301", *rows[2][1:]]])
    shop.expect_refused("items.item_id", "contradict")


@fault(14)
def test_ids_that_differ_in_case_alone_are_pointed_out(shop: Shop) -> None:
    rows = shop.rows("items")
    shop.append("items", ["na", *rows[1][1:]])
    shop.expect_accepted("REVIEW", "case")


@fault(15)
def test_other_content_behind_the_ending(shop: Shop) -> None:
    path = shop.file("transactions")
    text = path.read_bytes()
    path.write_bytes(gzip.compress(text)[:200])
    shop.expect_refused("transactions", "gzip")
    path.unlink()
    path.mkdir()
    shop.expect_refused("transactions", "folder")


@fault(16)
def test_a_truncated_parquet_file(shop: Shop) -> None:
    pd.read_csv(shop.file("inventory"), dtype=str, keep_default_na=False).assign(on_hand=3.0).to_parquet(
        shop.data / "inventory.parquet"
    )
    shop.file("inventory").unlink()
    shop.expect_accepted()
    whole = (shop.data / "inventory.parquet").read_bytes()
    (shop.data / "inventory.parquet").write_bytes(whole[: len(whole) // 2])
    shop.expect_refused("inventory", "Parquet")


@fault(16, 71)
def test_a_flipped_bit_in_a_prepared_table_or_a_model_is_found_before_use(workspace: Path, run: CommandLine) -> None:
    model = next((workspace / "models").rglob("*.safetensors"))
    flipped = bytearray(model.read_bytes())
    flipped[-3] ^= 4
    model.write_bytes(bytes(flipped))
    outcome = run("solve", "-w", workspace, "--budget", 10)
    assert outcome.code == 9, outcome.err
    assert model.parent.name in outcome.err
    assert "train" in outcome.err


@fault(19)
def test_a_link_is_followed_and_a_pipe_refused(shop: Shop, tmp_path: Path) -> None:
    path = shop.file("inventory")
    elsewhere = tmp_path / "elsewhere.csv"
    path.replace(elsewhere)
    path.symlink_to(elsewhere)
    shop.expect_accepted()
    path.unlink()
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_text("item_id,on_hand\n001,3\n"), daemon=True)
    writer.start()
    shop.expect_refused("inventory", "not a regular file")


@fault(19)
def test_a_file_that_vanishes_is_named(shop: Shop) -> None:
    shop.file("items").unlink()
    shop.file("items").symlink_to(shop.data / "gone.csv")
    shop.expect_refused("items")


@fault(20)
def test_any_path_works_and_nothing_is_written_outside(market: Path, tmp_path: Path, run: CommandLine) -> None:
    base = tmp_path / "a folder with blanks" / "\N{SHOPPING TROLLEY} été" / ("long " * 40).strip()
    shutil.copytree(market, base / "data")
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert run("init", base / "shop", "--data", base / "shop" / ".." / "data").code == 0
    outcome = run("check", "-w", base / "shop" / ".." / "shop")
    assert outcome.code == 0, outcome.err
    new = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert all((base / "shop") in path.parents or (tmp_path / "home") in path.parents for path in new)
