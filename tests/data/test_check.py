"""Findings and profile: each oddity is named, and a clean source passes."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from bundleopt_data.check import Level
from bundleopt_data.dataset import Dataset
from bundleopt_data.errors import DataProblem, DataRefusedError
from bundleopt_data.rejects import write_rejects


def _sentences(dataset: Dataset, level: Level, today: date | None = None) -> str:
    return " ".join(finding.sentence for finding in dataset.check(today=today).findings if finding.level is level)


def test_a_clean_source_passes_everything(shop_dataset: Dataset) -> None:
    report = shop_dataset.check(today=date(2024, 6, 1))
    assert report.level is Level.PASS
    assert {finding.level for finding in report.findings} == {Level.PASS}
    assert str(report.findings[0]).startswith("PASS: ")


def test_the_profile_counts_what_is_there(shop_dataset: Dataset, six_tables: dict[str, str]) -> None:
    rows = [line.split(",") for line in six_tables["transactions"].splitlines()[1:]]
    profile = shop_dataset.check().profile
    assert profile.lines == len(rows)
    assert profile.customers == len({row[0] for row in rows})
    assert profile.baskets == len({(row[0], row[5]) for row in rows})
    assert (profile.items, profile.items_sold, profile.categories, profile.weeks) == (12, 12, 3, 20)
    assert profile.revenue == pytest.approx(sum(float(row[3]) * float(row[4]) for row in rows))
    promoted = {tuple(line.split(",")[:2]) for line in six_tables["promotions"].splitlines()[1:]}
    monday = {row[2]: shop_dataset.manifest.first_time.date() for row in rows}
    for when in monday:
        day = date.fromisoformat(when[:10])
        monday[when] = date.fromordinal(day.toordinal() - day.weekday())
    share = sum((row[1], str(monday[row[2]])) in promoted for row in rows) / len(rows)
    assert profile.promotion_coverage == pytest.approx(share)
    assert profile.price_coverage == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("table", "row", "words"),
    [
        ("transactions", "c01,001,2024-05-22T10:00:00,1,2.50,late", "may be unfinished"),
        ("transactions", "c01,001,2024-05-22T10:00:00,1,2.50,late", "on one day only: 2024-05-20 (1 day)"),
        ("transactions", "c01,001,2024-01-02T10:00:00,1,250.00,x", "factor of 100"),
        ("transactions", "c01,001,2024-07-07T10:00:00,1,2.50,x", "weeks inside the span hold no line"),
        ("transactions", "c01,001,2024-07-07T10:00:00,1,2.50,x", "1 line lies in the future"),
        ("transactions", "new,001,2024-01-02T10:00:00,1,2.50,x", "1 of 51 customers"),
        ("customers", "extra,1", ""),
    ],
)
def test_oddities_are_reviewed(shop: Any, table: str, row: str, words: str) -> None:
    shop.append(table, row)
    assert words in _sentences(shop.prepare(), Level.REVIEW, today=date(2024, 6, 1))


def test_costs_above_prices_and_missing_costs_are_reviewed(shop: Any) -> None:
    shop.change("items", "2.00,1.20", "2.00,9.20")
    shop.change("items", "2.50,1.50", "2.50,")
    found = _sentences(shop.prepare(), Level.REVIEW)
    assert "1 sold item costs more than the list price: item 000" in found
    assert "8% of the sold items have no unit cost" in found


def test_direct_identifiers_are_pointed_out(shop: Any) -> None:
    shop.change("customers", "customer_id,age", "customer_id,home_email")
    assert "customers.home_email" in _sentences(shop.prepare(), Level.REVIEW)


def test_missing_tables_are_reviewed(shop: Any) -> None:
    shop.remove("prices", "promotions", "inventory", "customers")
    dataset = shop.prepare()
    found = _sentences(dataset, Level.REVIEW)
    for words in ("no prices table", "no promotions table", "no inventory table"):
        assert words in found
    assert any("derived from purchases" in sentence for sentence in dataset.assumptions)


def test_one_week_of_one_item_fails(shop: Any) -> None:
    shop.remove(*shop.tables)
    shop.write("transactions", "customer_id,item_id,timestamp,quantity,unit_price\nc,i,2024-01-03,2,2.5\n")
    shop.write("items", "item_id,name,category,list_price\ni,Tea,tea,2.5\n")
    report = shop.prepare().check()
    assert report.level is Level.FAIL
    assert [finding.level for finding in report.findings[:2]] == [Level.FAIL, Level.FAIL]


def test_the_problems_of_a_refusal_can_be_written_without_their_rows(tmp_path: Any) -> None:
    refusal = DataRefusedError([DataProblem("items", "name", "=check", 3, ("row 1: '@x'", "row 2"), "fix it")])
    write_rejects(refusal, tmp_path / "rejects.csv")
    text = (tmp_path / "rejects.csv").read_text()
    assert text.splitlines()[1:] == ["items,name,'=check,3,row 1: '@x',fix it", "items,name,'=check,3,row 2,fix it"]
