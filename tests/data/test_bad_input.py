"""For every table of the contract: each bad input gives one clear message and leaves nothing but `rejects.csv`."""

from __future__ import annotations

from typing import Any

import pytest

from bundleopt_data.errors import DataRefusedError
from bundleopt_data.schema import TABLES, Check, Column, ColumnType

ROWS = {
    "transactions": "c01,001,2024-01-02T10:00:00,1,2.50,b,2.50,s1",
    "items": "001,Tea,tea,2.50,1.50,0.1,0.5,0.2,true,B,D,loose tea",
    "inventory": "001,30,s1",
    "prices": "001,2024-01-01,2.50,s1",
    "customers": "c01",
    "promotions": "001,2024-01-01,2.50,true,false,s1",
    "events": "c01,001,view,2024-01-02T10:00:00,1.5",
    "offers_log": "k,c01,b,001|002,2.50,2024-01-02,true,0.5",
    "held_coupons": "001,c01,2024-01-02,2024-01-09",
}
WRONG = {
    ColumnType.NUMBER: "many",
    ColumnType.FLAG: "perhaps",
    ColumnType.TIMESTAMP: "yesterday",
    ColumnType.MONDAY: "2024-01-02",
    ColumnType.ID: "a\x07b",
    ColumnType.TEXT: "a\x07b",
    ColumnType.ID_LIST: "001",
}
COLUMNS = [(table, column) for table in TABLES.values() for column in table.columns]


def _text(table: str, **changes: str) -> str:
    names = [column.name for column in TABLES[table].columns]
    cells = dict(zip(names, ROWS[table].split(","), strict=True)) | changes
    return ",".join(names) + "\n" + ",".join(cells.values()) + "\n"


def _refusal(shop: Any, table: str, content: str | bytes) -> str:
    shop.write("items", _text("items") + "002,Cake,cakes,2.50,1.50,0.1,0.5,0.0,true,B,D,plain\n")
    shop.write("transactions", _text("transactions"))
    shop.remove("inventory", "prices", "promotions", "customers")
    shop.write(table, content)
    with pytest.raises(DataRefusedError) as refusal:
        shop.prepare()
    left = {entry.name for entry in shop.folder.parent.iterdir()}
    assert left - {"rejects.csv"} == {shop.folder.name}
    return str(refusal.value)


def test_the_good_rows_are_good(shop: Any) -> None:
    for table in TABLES:
        shop.write(table, _text(table))
    shop.write("items", _text("items") + "002,Cake,cakes,2.50,1.50,0.1,0.5,0.0,true,B,D,plain\n")
    assert set(shop.prepare().tables) == set(TABLES)


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=lambda value: value.name)
def test_a_wrong_type(shop: Any, table: Any, column: Column) -> None:
    message = _refusal(shop, table.name, _text(table.name, **{column.name: WRONG[column.type]}))
    assert f"{table.name}.{column.name}: " in message
    assert "row 2" in message
    assert repr(WRONG[column.type]) in message


@pytest.mark.parametrize(
    ("table", "column"), [pair for pair in COLUMNS if pair[1].required], ids=lambda value: value.name
)
def test_a_missing_column_and_a_missing_value(shop: Any, table: Any, column: Column) -> None:
    text = _text(table.name)
    header, rows = text.split("\n", 1)
    missing = _refusal(shop, table.name, header.replace(column.name, column.name[:-1] + "X", 1) + "\n" + rows)
    assert f"{table.name}.{column.name}: a required column is missing" in missing
    if len(table.columns) > 1:
        for name, content in shop.tables.items():
            shop.write(name, content)
        empty = _refusal(shop, table.name, _text(table.name, **{column.name: " "}))
        assert f"{table.name}.{column.name}: must not be empty" in empty


@pytest.mark.parametrize("table", [t.name for t in TABLES.values() if t.column("item_id") and t.name != "items"])
def test_an_unknown_id(shop: Any, table: str) -> None:
    assert f"{table}.item_id: unknown id" in _refusal(shop, table, _text(table, item_id="999"))


@pytest.mark.parametrize(("table", "column"), [pair for pair in COLUMNS if pair[1].check], ids=lambda value: value.name)
def test_numbers_outside_their_range(shop: Any, table: Any, column: Column) -> None:
    message = _refusal(shop, table.name, _text(table.name, **{column.name: "-1"}))
    assert column.check is not None
    assert f"{table.name}.{column.name}: {column.check.value}" in message
    if column.check is Check.POSITIVE:
        for name, content in shop.tables.items():
            shop.write(name, content)
        assert column.check.value in _refusal(shop, table.name, _text(table.name, **{column.name: "0.0"}))


@pytest.mark.parametrize(
    ("table", "column"), [pair for pair in COLUMNS if pair[1].type is ColumnType.NUMBER], ids=lambda value: value.name
)
def test_numbers_that_are_not_finite(shop: Any, table: Any, column: Column) -> None:
    message = _refusal(shop, table.name, _text(table.name, **{column.name: "NaN"}))
    assert f"{table.name}.{column.name}: must be a finite number" in message


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("content", ["", "\n", "\ufeff"])
def test_an_empty_file(shop: Any, table: str, content: str) -> None:
    message = _refusal(shop, table, content)
    assert message.startswith(f"{table}")
