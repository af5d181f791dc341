"""What a folder of files may look like and still be read, and what is mended by a named rule."""

from __future__ import annotations

import csv
import os
import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bundleopt_data.dataset import Dataset
from bundleopt_data.errors import DataRefusedError, UsageError
from bundleopt_data.manifest import Mending
from bundleopt_data.prepare import prepare
from bundleopt_data.settings import SourceSettings


def _read(dataset: Dataset, query: str) -> list[tuple[Any, ...]]:
    with dataset.connect() as connection:
        return connection.execute(query).fetchall()


def test_six_files_made_by_hand_are_read_whole(shop_dataset: Dataset, six_tables: dict[str, str]) -> None:
    for name, text in six_tables.items():
        rows = list(csv.DictReader(text.splitlines()))
        assert shop_dataset.manifest.tables[name].rows == len(rows)
    rows = list(csv.DictReader(six_tables["transactions"].splitlines()))
    got = _read(
        shop_dataset, "SELECT customer_id, item_id, timestamp, quantity, unit_price, basket_id, week FROM transactions"
    )
    for row, (customer, item, when, quantity, price, basket, week) in zip(rows, got, strict=True):
        assert (customer, item, basket) == (row["customer_id"], row["item_id"], row["basket_id"])
        assert when == datetime.fromisoformat(row["timestamp"])
        assert (quantity, price) == (float(row["quantity"]), float(row["unit_price"]))
        assert (when.date() - week).days == when.weekday()
    assert shop_dataset.mended == ()
    assert any("read in UTC" in sentence for sentence in shop_dataset.assumptions)


@pytest.mark.parametrize(
    "item", ["NA", "null", "TRUE", "1e5", "2-3", "0012", "98765432109876543210", "nan", "'q'", "é ü", "=1+1"]
)
def test_ids_are_texts_to_the_letter(shop: Any, item: str) -> None:
    shop.append("items", f"{item},A name,tea,2.50,1.00,B")
    shop.append("transactions", f"{item},{item},2024-01-02,1,2.50,b")
    assert (item, item) in _read(shop.prepare(), "SELECT customer_id, item_id FROM transactions")


def test_a_byte_order_mark_quotes_and_line_breaks_are_read(shop: Any) -> None:
    text = 'item_id,name,category,list_price\r\n001,"Tea, ""green""\r\nloose",tea,2.50\r\n'
    shop.remove("transactions", "prices", "promotions", "inventory")
    shop.write("transactions", "customer_id,item_id,timestamp,quantity,unit_price\nc,001,2024-01-02,1,2.5\n")
    shop.write("items", "\ufeff" + text)
    assert _read(shop.prepare(), "SELECT item_id, name FROM items") == [("001", 'Tea, "green" loose')]


@pytest.mark.parametrize(("delimiter", "decimal"), [(";", ","), ("\t", None), ("|", None), (";", None)])
def test_delimiters_are_found_and_a_declared_decimal_comma_is_read(
    shop: Any, delimiter: str, decimal: str | None
) -> None:
    price = "2,5" if decimal == "," else "2.5"
    rows = [["item_id", "name", "category", "list_price"], ["001", "Tea", "tea", price]]
    shop.remove("transactions", "prices", "promotions", "inventory", "customers")
    shop.write("items", "\n".join(delimiter.join(row) for row in rows) + "\n")
    lines = [["customer_id", "item_id", "timestamp", "quantity", "unit_price"], ["c", "001", "2024-01-02", "1", price]]
    shop.write("transactions", "\n".join(delimiter.join(row) for row in lines) + "\n")
    dataset = shop.prepare(decimal=decimal)
    assert _read(dataset, "SELECT unit_price, list_price FROM transactions JOIN items USING (item_id)") == [(2.5, 2.5)]


def test_a_declared_encoding_is_read(shop: Any) -> None:
    shop.write("items", shop.tables["items"].replace("Item 001,", "Café,").encode("cp1252"))
    assert _read(shop.prepare(encoding="cp1252"), "SELECT name FROM items WHERE item_id = '001'") == [("Café",)]


def test_a_wrong_encoding_is_refused(shop: Any) -> None:
    shop.write("items", shop.tables["items"].replace("Item 001,", "Café,").encode("cp1252"))
    with pytest.raises(DataRefusedError, match="not encoded in utf-8"):
        shop.prepare(encoding="utf-8")
    with pytest.raises(DataRefusedError, match="no encoding is called 'klingon'"):
        shop.prepare(encoding="klingon")


def test_times_with_an_offset_move_to_the_zone_of_the_source(shop: Any) -> None:
    shop.remove("transactions")
    header = "customer_id,item_id,timestamp,quantity,unit_price\n"
    times = [
        "2024-01-08T02:00:00Z",
        "2024-03-10T12:00:00-0500",
        "2024-01-08 03:30:00.5+01:00",
        "2024-07-01T00:00:00+00",
    ]
    shop.write("transactions", header + "".join(f"c{n},001,{time},1,2.5\n" for n, time in enumerate(times)))
    got = _read(
        shop.prepare(timezone="America/New_York"), "SELECT timestamp, week FROM transactions ORDER BY customer_id"
    )
    assert got == [
        (datetime(2024, 1, 7, 21), date(2024, 1, 1)),
        (datetime(2024, 3, 10, 13), date(2024, 3, 4)),
        (datetime(2024, 1, 7, 21, 30, 0, 500000), date(2024, 1, 1)),
        (datetime(2024, 6, 30, 20), date(2024, 6, 24)),
    ]


def test_a_declared_date_format_is_read(shop: Any) -> None:
    shop.write(
        "transactions",
        "customer_id,item_id,timestamp,quantity,unit_price\nc,001,31/01/2024,1,2.5\nc,001,2024-02-01,1,2.5\n",
    )
    got = _read(shop.prepare(date_format="%d/%m/%Y"), "SELECT timestamp FROM transactions ORDER BY 1")
    assert got == [(datetime(2024, 1, 31),), (datetime(2024, 2, 1),)]


def test_unknown_items_below_the_allowed_share_are_dropped_and_reported(shop: Any) -> None:
    shop.append("transactions", "c01,999,2024-01-02,1,2.50,b")
    rows = len(shop.tables["transactions"].splitlines()) - 1
    with pytest.raises(DataRefusedError, match="999") as refused:
        shop.prepare()
    advice = re.search(r"at least (0\.\d+)", str(refused.value))
    assert advice
    dataset = shop.prepare(max_unknown_share=float(advice[1]))
    assert dataset.manifest.tables["transactions"].rows == rows - 1
    assert [mending.count for mending in dataset.mended] == [1]
    assert dataset.rejects is not None
    assert "999" in dataset.rejects.read_text()


def test_exact_repeats_of_keyed_rows_are_dropped_and_lines_are_kept(shop: Any) -> None:
    item = shop.tables["items"].splitlines()[1]
    line = shop.tables["transactions"].splitlines()[1]
    shop.append("items", item)
    shop.append("transactions", line)
    dataset = shop.prepare()
    assert dataset.mended == (Mending("items", "exact repeats of a row", 1),)
    assert dataset.manifest.tables["items"].rows == 12
    assert dataset.check().profile.exact_repeats == 1


def test_ids_equal_after_unicode_normalisation_and_stripping_are_merged_and_reported(shop: Any) -> None:
    shop.append("items", "caf\u00e9,Cake,cakes,3.00,1.00,B")
    shop.append("transactions", "c01,cafe\u0301,2024-01-02,1,2.50,b", "c01, caf\u00e9 ,2024-01-02,1,2.50,b")
    dataset = shop.prepare()
    assert _read(dataset, "SELECT count(*) FROM transactions WHERE item_id = 'caf\u00e9'") == [(2,)]
    assert [(m.table, m.count, m.effect) for m in dataset.mended] == [("transactions", 1, "merged")]


def test_ids_that_differ_in_case_only_stay_apart_and_are_reported(shop: Any) -> None:
    shop.append("items", "abc,Cake,cakes,3.00,1.00,B", "ABC,Cake,cakes,3.00,1.00,B")
    dataset = shop.prepare()
    assert dataset.manifest.tables["items"].rows == 14
    assert any("letter case" in warning for warning in dataset.manifest.preparation.warnings)


def test_extra_columns_are_attributes_and_named_once(shop: Any) -> None:
    shop.change("items", "brand\n", "brand,organic,Week\n")
    shop.write(
        "items", "\n".join(line + (",yes,3" if n else "") for n, line in enumerate(shop.tables["items"].splitlines()))
    )
    dataset = shop.prepare()
    assert _read(dataset, "SELECT DISTINCT organic, week_given FROM items") == [("yes", "3")]
    said = [warning for warning in dataset.manifest.preparation.warnings if "organic" in warning]
    assert len(said) == 1


def test_other_entries_of_the_folder_are_ignored_with_one_warning(shop: Any) -> None:
    (shop.folder / "notes.txt").write_text("hello")
    (shop.folder / "transactions.csv.bak").write_text("old")
    (shop.folder / "archive").mkdir()
    dataset = shop.prepare()
    said = [warning for warning in dataset.manifest.preparation.warnings if "not read" in warning]
    assert said == ["Not part of the data contract and not read: archive, notes.txt, transactions.csv.bak."]
    assert set(dataset.input_hashes) == {f"{name}.csv" for name in shop.tables}


def test_a_column_map_renames_columns_of_one_table(shop: Any) -> None:
    shop.change("transactions", "unit_price", "paid")
    with pytest.raises(DataRefusedError, match=r"unit_price: a required column is missing"):
        shop.prepare()
    dataset = shop.prepare(column_map={"transactions.paid": "unit_price"})
    assert dataset.has_column("transactions", "unit_price")


def test_negative_stock_counts_as_zero_only_where_configured(shop: Any) -> None:
    shop.change("inventory", "001,30", "001,-4")
    with pytest.raises(DataRefusedError, match="must not be negative"):
        shop.prepare()
    dataset = shop.prepare(clamp_negative_stock=True)
    assert _read(dataset, "SELECT on_hand FROM inventory WHERE item_id = '001'") == [(0.0,)]
    assert dataset.mended == (Mending("inventory", "negative stock counts as 0", 1, "changed"),)


def test_an_empty_optional_table_needs_a_setting(shop: Any) -> None:
    shop.write("promotions", "item_id,week,display\n")
    with pytest.raises(DataRefusedError, match=r"promotions: the table has a header and no rows\s+fix: .*allow_empty"):
        shop.prepare()
    assert shop.prepare(allow_empty=True).manifest.tables["promotions"].rows == 0


def test_all_problems_of_all_tables_are_listed_at_once(shop: Any) -> None:
    shop.append("items", "z,Bad\x01,tea,-1,x,B")
    shop.append("inventory", "001,lots")
    shop.write("prices", "")
    with pytest.raises(DataRefusedError) as refusal:
        shop.prepare()
    places = {(problem.table, problem.column) for problem in refusal.value.problems}
    assert places == {
        ("items", "name"),
        ("items", "list_price"),
        ("items", "unit_cost"),
        ("inventory", "on_hand"),
        ("prices", ""),
    }
    written = list(csv.DictReader(shop.rejects.read_text().splitlines()))
    assert {(row["table"], row["column"], row["row"]) for row in written} == {
        ("items", "name", "14"),
        ("items", "list_price", "14"),
        ("items", "unit_cost", "14"),
        ("inventory", "on_hand", "14"),
    }


def test_rejected_values_are_harmless_in_a_spreadsheet(shop: Any) -> None:
    shop.append("inventory", "001,=cmd|' /C calc'!A1")
    with pytest.raises(DataRefusedError):
        shop.prepare()
    (row,) = csv.DictReader(shop.rejects.read_text().splitlines())
    assert row["value"].startswith("'=cmd")


def test_a_missing_table_is_named_with_what_looks_like_it(shop: Any) -> None:
    (shop.folder / "transactions.csv").rename(shop.folder / "Transaction.csv")
    with pytest.raises(DataRefusedError, match=r"transactions: the table is missing") as refusal:
        shop.prepare()
    assert "is it 'Transaction.csv'?" in str(refusal.value)


def test_a_table_given_twice_is_refused(shop: Any) -> None:
    pd.DataFrame({"item_id": ["1"]}).to_parquet(shop.folder / "items.parquet")
    with pytest.raises(DataRefusedError, match="items: the table is given more than once"):
        shop.prepare()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_pipes_folders_and_dangling_links_are_refused(shop: Any) -> None:
    os.mkfifo(shop.folder / "events.csv")
    (shop.folder / "offers_log.csv").mkdir()
    (shop.folder / "inventory.csv").unlink()
    (shop.folder / "inventory.csv").symlink_to(shop.folder / "nowhere")
    with pytest.raises(DataRefusedError) as refusal:
        shop.prepare()
    message = str(refusal.value)
    assert "not a regular file" in message
    assert "a folder" in message
    assert "No such file" in message


def _parquet_shop(shop: Any, **changes: Any) -> None:
    """The shop's tables as typed Parquet files, lines as two files in one folder."""
    lines = pd.read_csv(shop.folder / "transactions.csv", dtype={"item_id": str}, parse_dates=["timestamp"])
    lines = lines.assign(**changes)
    items = pd.read_csv(shop.folder / "items.csv", dtype={"item_id": str})
    shop.remove(*shop.tables)
    items.to_parquet(shop.folder / "items.parquet")
    (shop.folder / "transactions").mkdir()
    half = len(lines) // 2
    lines[:half].to_parquet(shop.folder / "transactions" / "a.parquet")
    lines[half:].to_parquet(shop.folder / "transactions" / "b.parquet")


def test_parquet_gives_the_same_tables_as_csv(shop: Any, shop_dataset: Dataset) -> None:
    _parquet_shop(shop)
    dataset = shop.prepare()
    query = "SELECT * FROM transactions ORDER BY ALL"
    assert _read(dataset, query) == _read(shop_dataset, query)
    assert set(dataset.input_hashes) == {"items.parquet", "transactions/a.parquet", "transactions/b.parquet"}


def test_parquet_whole_number_ids_become_decimal_texts_and_floats_are_refused(shop: Any) -> None:
    _parquet_shop(shop, basket_id=17)
    assert _read(shop.prepare(), "SELECT DISTINCT basket_id FROM transactions") == [("17",)]
    path = shop.folder / "transactions" / "b.parquet"
    pd.read_parquet(path).assign(basket_id=17.0).to_parquet(path)
    with pytest.raises(DataRefusedError, match=r"transactions.basket_id: ids must be texts"):
        shop.prepare()


def test_parquet_times_with_a_zone_are_converted(shop: Any) -> None:
    _parquet_shop(shop, timestamp=pd.Timestamp("2024-01-08 02:00", tz="UTC"))
    got = _read(shop.prepare(timezone="America/New_York"), "SELECT DISTINCT timestamp, week FROM transactions")
    assert got == [(datetime(2024, 1, 7, 21), date(2024, 1, 1))]


@pytest.mark.parametrize("keep", [0, 4, 100, -8])
def test_truncated_parquet_is_refused(shop: Any, keep: int) -> None:
    _parquet_shop(shop)
    path = shop.folder / "items.parquet"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataRefusedError, match=r"items: the file is (empty|not whole)"):
        shop.prepare()


def test_damaged_parquet_pages_are_refused_or_read_but_never_crash(shop: Any) -> None:
    _parquet_shop(shop)
    path = shop.folder / "items.parquet"
    content = bytearray(path.read_bytes())
    content[20:120] = b"\xff" * 100
    path.write_bytes(bytes(content))
    with pytest.raises(DataRefusedError, match="items"):
        shop.prepare()


def test_parquet_lists_are_id_lists(shop: Any) -> None:
    table = pa.table(
        {
            "campaign_id": ["k"],
            "customer_id": ["c01"],
            "bundle_id": ["b"],
            "item_ids": [["001", "002"]],
            "price": [3.0],
            "shown_at": pa.array([datetime(2024, 1, 2)]),
            "redeemed": [True],
        }
    )
    pq.write_table(table, shop.folder / "offers_log.parquet")
    assert _read(shop.prepare(), "SELECT item_ids, redeemed FROM offers_log") == [(["001", "002"], True)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(st.binary(max_size=300), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
)
def test_any_bytes_in_a_table_are_read_or_refused_but_never_crash(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "shop"
    folder.mkdir(exist_ok=True)
    (folder / "transactions.csv").write_bytes(b"customer_id,item_id,timestamp,quantity,unit_price\n" + content)
    (folder / "items.csv").write_text("item_id,name,category,list_price\n001,Tea,tea,2.5\n")
    with pytest.raises(DataRefusedError) as refusal:
        prepare(str(folder), cache=tmp_path / "cache", rejects=tmp_path / "rejects.csv")
    assert refusal.value.problems
    assert not (tmp_path / "cache").exists()


def test_sources_that_are_none_are_usage_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no data source"):
        prepare(str(tmp_path / "nowhere"), cache=tmp_path / "cache")
    (tmp_path / "lines.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match="single file"):
        prepare(str(tmp_path / "lines.csv"), cache=tmp_path / "cache")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"timezone": "Mars/Olympus"}, "IANA"),
        ({"decimal": ";"}, "decimal"),
        ({"delimiter": ",,"}, "one character"),
        ({"max_unknown_share": 1.5}, "between 0 and 1"),
    ],
)
def test_settings_that_no_file_could_satisfy_are_refused(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        SourceSettings(**bad)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["001,2024-01-01,2.50,", "001,2024-01-01,2.60,"], None),
        (["001,2024-01-01,2.50,", "001,2024-01-01,2.50,"], 1),
        (["001,2024-01-01,2.50,", "001,2024-01-01,2.60,s1"], 2),
    ],
)
def test_keys_without_a_store_are_keys_too(shop: Any, rows: list[str], expected: int | None) -> None:
    shop.write("prices", "item_id,week,price,store_id\n" + "\n".join(rows) + "\n")
    if expected is None:
        with pytest.raises(DataRefusedError, match=r"item_id, week, store_id: rows of one key contradict"):
            shop.prepare()
    else:
        assert shop.prepare().manifest.tables["prices"].rows == expected
