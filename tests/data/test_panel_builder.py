"""The panel against a plain recomputation in pandas, and the rules for its axes."""

from __future__ import annotations

from datetime import date
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bundleopt_data.dataset import Dataset
from bundleopt_data.errors import DataRefusedError
from bundleopt_data.panel import Panel
from bundleopt_data.panel_builder import top_items

CUT = date(2024, 4, 1)


@pytest.fixture(scope="module")
def panel(shop_dataset: Dataset) -> Panel:
    return shop_dataset.panel(fit_until=CUT, max_items=10)


@pytest.fixture(scope="module")
def lines(six_tables: dict[str, str]) -> pd.DataFrame:
    frame = pd.read_csv(StringIO(six_tables["transactions"]), dtype={"item_id": str}, parse_dates=["timestamp"])
    frame["week"] = (frame.timestamp.dt.normalize() - pd.Timestamp("2024-01-01")).dt.days // 7
    return frame


def test_items_are_the_most_frequent_before_the_cut_in_ascending_order(panel: Panel, lines: pd.DataFrame) -> None:
    counts = lines[lines.timestamp < pd.Timestamp(CUT)].item_id.value_counts()
    expected = sorted(sorted(counts.index, key=lambda item: (-counts[item], int(item)))[:10])
    assert panel.item_ids.tolist() == expected
    assert panel.customer_ids.tolist() == sorted(lines.customer_id.unique())
    assert panel.weeks.tolist() == [date(2024, 1, 1) + pd.Timedelta(weeks=week) for week in range(20)]
    assert panel.week_index(date(2024, 5, 20)) == panel.n_weeks == 20


def test_purchases_are_the_unique_customer_item_weeks(panel: Panel, lines: pd.DataFrame) -> None:
    known = lines[lines.item_id.isin(panel.item_ids)].assign(value=lambda f: f.quantity * f.unit_price)
    grouped = known.groupby(["week", "customer_id", "item_id"]).agg(units=("quantity", "sum"), value=("value", "sum"))
    grouped = grouped.reset_index()
    assert (panel.purchase_week == grouped.week).all()
    assert (panel.customer_ids[panel.purchase_customer] == grouped.customer_id).all()
    assert (panel.item_ids[panel.purchase_item] == grouped.item_id).all()
    assert (panel.purchase_units == grouped.units).all()
    np.testing.assert_allclose(panel.purchase_log_price, np.log(grouped.value / grouped.units), rtol=1e-6)


def test_trips_lines_and_deals_count_every_item(panel: Panel, lines: pd.DataFrame, six_tables: dict[str, str]) -> None:
    items = pd.read_csv(StringIO(six_tables["items"]), dtype={"item_id": str}).set_index("item_id")
    lines = lines.assign(deal=lines.unit_price < lines.item_id.map(items.list_price) - 0.005)
    for week, customer in [(0, "c00"), (7, "c13"), (19, "c49")]:
        here = lines[(lines.week == week) & (lines.customer_id == customer)]
        code = panel.customer_ids.tolist().index(customer)
        assert panel.trips[week, code] == here.basket_id.nunique()
        assert panel.lines[week, code] == len(here)
        assert panel.deal_lines[week, code] == here.deal.sum()
    assert panel.lines.sum() == len(lines)
    assert panel.deal_lines.sum() == lines.deal.sum() > 0


def test_attributes_follow_the_items_table(panel: Panel, six_tables: dict[str, str]) -> None:
    items = pd.read_csv(StringIO(six_tables["items"]), dtype=str).set_index("item_id").loc[panel.item_ids.tolist()]
    assert panel.items.names.tolist() == items.name.tolist()
    assert panel.items.category_names[panel.items.category].tolist() == items.category.tolist()
    assert panel.items.brand_names[panel.items.brand].tolist() == items.brand.tolist()
    assert set(panel.items.department_names) == {"unknown"}
    assert sorted(panel.items.category_names) == panel.items.category_names.tolist()


def test_a_prices_table_is_what_both_folds_see(panel: Panel, six_tables: dict[str, str]) -> None:
    prices = pd.read_csv(StringIO(six_tables["prices"]), dtype={"item_id": str}).pivot_table("price", "week", "item_id")
    expected = np.log(prices[panel.item_ids.tolist()].to_numpy())
    np.testing.assert_allclose(panel.prices.log_price, expected, atol=1e-6)
    np.testing.assert_allclose(panel.prices.fold_log_price, np.stack([expected, expected]), atol=1e-6)
    assert panel.prices.independent
    assert panel.prices.observed.all()


def test_promotions_without_a_store_hold_everywhere(panel: Panel, six_tables: dict[str, str]) -> None:
    rows = pd.read_csv(StringIO(six_tables["promotions"]), dtype={"item_id": str})
    expected = np.zeros((20, 10))
    for item, week in zip(rows.item_id, rows.week, strict=True):
        if item in panel.item_ids:
            expected[panel.week_index(date.fromisoformat(week)), panel.item_ids.tolist().index(item)] = 1
    assert (panel.promotions.display == expected).all()
    assert not panel.promotions.mailer.any()
    assert panel.promotions.store_display.shape == (20, 0, 10)
    assert (panel.promotions.store_group == -1).all()


def test_ties_at_the_cut_go_to_the_smaller_number_and_order_is_by_code_point() -> None:
    assert top_items([("10", 3), ("9", 3), ("100", 3), ("8", 1)], 2) == ["10", "9"]
    assert top_items([("10", 3), ("9", 3), ("x", 3)], 2) == ["10", "9"]
    assert top_items([("b", 1), ("a", 1)], 5) == ["a", "b"]


def test_permuted_rows_give_the_same_panel(shop: Any, panel: Panel) -> None:
    for name, text in shop.tables.items():
        header, *rows = text.splitlines()
        shop.write(name, "\n".join([header, *reversed(rows)]) + "\n")
    other = shop.prepare().panel(fit_until=CUT, max_items=10)
    for field in ("purchase_customer", "purchase_item", "purchase_week", "purchase_units", "trips", "lines"):
        assert (getattr(other, field) == getattr(panel, field)).all()
    np.testing.assert_allclose(other.prices.fold_log_price, panel.prices.fold_log_price, atol=1e-6)


def test_no_lines_before_the_cut_is_refused(shop_dataset: Dataset) -> None:
    with pytest.raises(DataRefusedError, match="no transactions before 2023-01-01"):
        shop_dataset.panel(fit_until=date(2023, 1, 1))


def test_one_customer_one_item_one_week_is_a_panel(shop: Any) -> None:
    shop.remove(*shop.tables)
    shop.write("transactions", "customer_id,item_id,timestamp,quantity,unit_price\nc,i,2024-01-03,2,2.5\n")
    shop.write("items", "item_id,name,category,list_price\ni,Tea,tea,2.5\n")
    panel = shop.prepare().panel(fit_until=date(2024, 1, 8))
    assert (panel.n_customers, panel.n_items, panel.n_weeks) == (1, 1, 1)
    arrays = [panel.prices.log_price, panel.prices.fold_log_price, panel.prices.log_reference]
    assert all(np.allclose(array, np.log(2.5)) for array in arrays)
    np.testing.assert_allclose(panel.prices.next_log_reference, np.log(2.5), rtol=1e-6)
