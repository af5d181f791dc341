"""Bad inputs, one small file each: `<case>.<table>.csv` replaces that table of the shop, and must be refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bundleopt_data.errors import DataRefusedError

CORPUS = Path(__file__).parent / "corpus"

EXPECTED = {
    "01-empty": ["0 bytes"],
    "02-header-only": ["no rows"],
    "03-utf16": ["utf-16", 'encoding = "utf-16"'],
    "04-cp1252": ["not UTF-8", "line 2", "'é' in cp1252"],
    "05-decimal-comma": ["transactions.unit_price", "'2,50' reads 2.50 or 250", 'decimal = ","'],
    "06-currency-sign": ["(3 rows)", "'$2.50'", "'EUR 3'", "'1,234.50'", "plain number"],
    "07-duplicate-column": ["distinct", "'Quantity'"],
    "08-missing-column": ["transactions.unit_price: a required column is missing", "'unit_prize'"],
    "09-ragged": ["5 fields", "line 3", "line 5", "(2 rows)"],
    "10-open-quote": ["line 3", "quote"],
    "11-control-characters": ["items.name", "(3 rows)", "\\x07", "\\u202e", "\\x00"],
    "12-gzip": ["gzip"],
    "13-zip": ["zip archive"],
    "14-parquet-content": ["Parquet file, not CSV"],
    "15-not-finite": ["finite", "'nan'", "'inf'", "'1e400'", "'-Infinity'"],
    "16-zero-and-negative-price": ["transactions.unit_price: must be greater than 0 (2 rows)", "'0'", "'-1'"],
    "17-wrong-types": ["'yesterday'", "'2024-02-30'", "transactions.quantity", "'many'"],
    "18-ambiguous-date": ["day or month first", "date_format"],
    "19-mixed-zones": ["carry an offset (1) and some do not (2)", "row 3"],
    "20-unknown-item": ["transactions.item_id: unknown id", "'999'", "max_unknown_share"],
    "21-not-a-monday": ["promotions.week: must be a Monday", "'2024-01-02'"],
    "22-contradicting-key": ["items.item_id: rows of one key contradict each other (2 rows)"],
    "23-composed-and-decomposed-key": ["rows of one key contradict each other (2 rows)"],
    "24-negative-stock": ["inventory.on_hand: must not be negative", "'-3'"],
    "25-not-a-flag": ["promotions.display: must be true or false", "'perhaps'"],
    "26-empty-id": ["transactions.customer_id: must not be empty", "transactions.item_id: must not be empty"],
    "27-two-currencies": ["more than one currency", "'EUR': 1", "'USD': 1"],
    "28-unnamed-column": ["column 6", "needs a name"],
    "29-unset-clock": ["between 1990 and 2100 (2 rows)", "'1970"],
    "30-bundle-lists": ["empty ids", "an id twice", "at least two ids"],
    "31-unknown-item-in-list": ["offers_log.item_ids: unknown id", "'999'"],
    "32-share-above-one": ["items.tax_rate: must be a share between 0 and 1", "'19'"],
    "33-utf16-without-mark": ["UTF-16", "encoding"],
    "34-zero-quantity": ["transactions.quantity: must be greater than 0 (2 rows)"],
}


def test_every_file_of_the_corpus_is_expected() -> None:
    assert {path.name.split(".")[0] for path in CORPUS.iterdir()} == set(EXPECTED)


@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()), ids=lambda path: path.name)
def test_bad_input_is_refused_in_one_clear_message_and_leaves_only_rejects(shop: Any, path: Path) -> None:
    case, table, _ = path.name.split(".")
    shop.write(table, path.read_bytes())
    with pytest.raises(DataRefusedError) as refusal:
        shop.prepare()
    message = str(refusal.value)
    for part in [table, *EXPECTED[case]]:
        assert part in message
    assert refusal.value.exit_code == 3
    assert len(message) < 4000
    assert message.isprintable() or all(line.isprintable() for line in message.split("\n"))
    left = {entry.name for entry in shop.folder.parent.iterdir()}
    assert left - {"rejects.csv"} == {shop.folder.name}
    assert (refusal.value.rejects is not None) == shop.rejects.exists()
