"""Faults 21 to 40: what the values of a readable file can be, told through the command line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.bundleopt.command_line import CommandLine
from tests.bundleopt.faults.shop import Shop

fault = pytest.mark.fault


@fault(21)
@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e400"])
@pytest.mark.parametrize(
    ("table", "column"), [("transactions", "unit_price"), ("items", "unit_cost"), ("inventory", "on_hand")]
)
def test_what_is_not_finite_is_refused(shop: Shop, table: str, column: str, text: str) -> None:
    shop.set_cell(table, 2, column, text)
    shop.expect_refused(f"{table}.{column}", "finite", repr(text))


@fault(22)
def test_prices_are_positive_and_stock_is_not_negative(shop: Shop) -> None:
    shop.set_cell("transactions", 2, "unit_price", "0")
    shop.set_cell("transactions", 3, "unit_price", "-2.50")
    shop.set_cell("inventory", 2, "on_hand", "-4")
    shop.expect_refused("transactions.unit_price", "greater than 0", "2 rows", "inventory.on_hand", "'-4'")


@fault(22)
def test_negative_stock_counts_as_none_only_where_that_is_configured(shop: Shop) -> None:
    shop.set_cell("inventory", 2, "on_hand", "-4")
    shop.configure("data", clamp_negative_stock=True)
    shop.expect_accepted("inventory: 1 row changed")


@fault(23)
def test_a_cost_above_the_price_is_accepted_and_pointed_out(shop: Shop) -> None:
    shop.set_cell("items", 1, "unit_cost", "9.00")
    shop.expect_accepted("REVIEW", "001")


@fault(24)
def test_a_price_in_cents_is_pointed_out_with_the_item(shop: Shop) -> None:
    rows = shop.rows("transactions")
    place = next(n for n, row in enumerate(rows) if row[1] == "003")
    shop.set_cell("transactions", place, "unit_price", "590.00")
    shop.expect_accepted("REVIEW", "003")


@fault(25)
def test_tables_with_a_key_and_without(shop: Shop) -> None:
    shop.append("items", shop.rows("items")[1])
    shop.append("transactions", shop.rows("transactions")[1])
    shop.expect_accepted("items: 1 row dropped", "REVIEW")
    twin = shop.rows("items")[1]
    shop.append("items", [*twin[:3], "99.00", *twin[4:]])
    shop.expect_refused("items.item_id", "contradict")


@fault(26)
def test_an_unknown_item_is_refused_above_the_share_that_is_set(shop: Shop) -> None:
    shop.set_cell("transactions", 5, "item_id", "unheard-of")
    shop.expect_refused("transactions.item_id", "unknown id", "'unheard-of'", "max_unknown_share")
    shop.configure("data", max_unknown_share="1%")
    shop.expect_accepted("transactions: 1 row dropped")


@fault(27)
@pytest.mark.parametrize("items", ["001|001", "unheard-of|001", ""])
def test_a_written_bundle_that_is_none(workspace: Path, run: CommandLine, tmp_path: Path, items: str) -> None:
    path = tmp_path / "mine.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([["bundle_id", "item_ids", "price"], ["B1", items, "2.00"]])
    outcome = run("score", path, "-w", workspace)
    assert outcome.code in {2, 3}, outcome.out
    assert "item_ids" in outcome.err


@fault(27)
def test_one_item_alone_is_said_to_break_the_size(workspace: Path, run: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("bundle_id,item_ids,price\nB1,001,2.00\n")
    outcome = run("score", path, "-w", workspace)
    assert "breaks bundle size: 1, allowed 2 to 4" in " ".join(outcome.out.split())


@fault(28)
def test_an_item_without_stock_is_in_no_bundle_and_that_is_said(workspace: Path, run: CommandLine) -> None:
    config = (workspace / "bundleopt.toml").read_text()
    source = Path(next(line for line in config.splitlines() if line.startswith("source")).split('"')[1])
    moved = workspace / "data"
    moved.mkdir()
    for path in source.iterdir():
        (moved / path.name).write_bytes(path.read_bytes())
    with (moved / "inventory.csv").open() as stream:
        rows = [[row[0], "0"] if row[0] == "003" else row for row in csv.reader(stream)]
    with (moved / "inventory.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    (workspace / "bundleopt.toml").write_text(config.replace(str(source), str(moved)))
    outcome = run("solve", "-w", workspace, "--budget", 30, "--json")
    assert outcome.code == 0, outcome.err
    plan = outcome.document
    folder = Path(plan["folder"]) if "folder" in plan else next((workspace / "runs").iterdir())
    with (folder / "bundles.csv").open() as stream:
        assert all("003" not in row["item_ids"].split("|") for row in csv.DictReader(stream))
    included = run("solve", "-w", workspace, "--budget", 30, "--include", "003")
    assert included.code in {2, 4}
    assert "003" in included.err
    assert "stock" in included.err


@fault(30)
def test_times_that_do_not_fit_together(shop: Shop) -> None:
    shop.set_cell("transactions", 2, "timestamp", "1970-01-01 00:00:00")
    shop.expect_refused("transactions.timestamp", "between 1990 and 2100")
    shop.set_cell("transactions", 2, "timestamp", "2024-03-05T10:00:00+01:00")
    shop.expect_refused("transactions.timestamp", "offset")
    shop.set_cell("transactions", 2, "timestamp", "2024-03-05 10:00:00")
    shop.configure("data", timezone="Europe/Berlin")
    shop.set_cell("transactions", 3, "timestamp", "2024-03-31 02:30:00")  # that night has no such hour
    shop.expect_accepted("Europe/Berlin")


@fault(30)
def test_lines_from_the_future_are_pointed_out(shop: Shop) -> None:
    shop.append("transactions", [*shop.rows("transactions")[1][:2], "2099-01-05 10:00:00", "1", "5.90", "late"])
    shop.expect_accepted("REVIEW", "future")


@fault(31)
def test_a_date_that_reads_two_ways(shop: Shop) -> None:
    rows = shop.rows("transactions")
    flipped = [[*r[:2], "/".join(reversed(r[2][:10].split("-"))), *r[3:]] for r in rows[1:]]
    shop.write_rows("transactions", [rows[0], *flipped])
    shop.expect_refused("transactions.timestamp", "day or month first", "date_format")
    shop.configure("data", date_format="%d/%m/%Y")
    shop.expect_accepted("2024-01-01 to 2024-10-06")


@fault(32)
def test_two_currencies(shop: Shop) -> None:
    shop.add_column("transactions", "currency", "EUR")
    shop.set_cell("transactions", 4, "currency", "USD")
    shop.expect_refused("more than one currency", "'EUR'", "'USD'")


@fault(39)
def test_an_endless_line_is_refused_and_not_swallowed(shop: Shop) -> None:
    with shop.file("transactions").open("a", encoding="utf-8") as stream:
        stream.write('C000,003,2024-01-06 09:47:00,2,5.90,"')
        for _ in range(20):
            stream.write("x" * 2**20)
    shop.expect_refused("transactions")


@fault(40)
def test_a_category_for_every_item_is_pointed_out(shop: Shop) -> None:
    rows = shop.rows("items")
    more = [[f"n{n}", f"Item {n}", f"category {n}", "2.00", "1.00"] for n in range(1500)]
    shop.write_rows("items", [*rows, *more])
    shop.expect_accepted("REVIEW", "categories")


@fault(21, 26)
def test_a_great_many_bad_rows_make_a_short_message_and_a_long_file(shop: Shop) -> None:
    rows = shop.rows("transactions")
    shop.write_rows("transactions", [rows[0], *([*row[:4], "free", *row[5:]] for row in rows[1:])])
    outcome = shop.expect_refused("transactions.unit_price", f"({len(rows) - 1:,} rows)")
    assert outcome.err.count("\n") < 20
    with (shop.root / "rejects.csv").open(encoding="utf-8") as stream:
        assert sum(1 for _ in stream) == len(rows)
