"""The contract of `predict`: same rows, same order, a probability for everything, history before the row's week."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from bundleopt_data.errors import DataRefusedError
from bundleopt_models.extension import NewItem, with_customers, with_items
from bundleopt_models.model import load_model
from bundleopt_models.prediction import predict


@pytest.fixture(scope="module")
def model(model_folder):
    return load_model(model_folder)


@pytest.fixture
def rows(market):
    panel = market.panel
    cells = [(customer, item, week) for week in (20, 5, 24, 40) for customer in (3, 1, 59) for item in (14, 0)]
    return pd.DataFrame(
        {
            "customer_id": [panel.customer_ids[u] for u, _, _ in cells],
            "item_id": [panel.item_ids[i] for _, i, _ in cells],
            "week": [str(panel.weeks[0] + 7 * week) for _, _, week in cells],
        },
        index=np.arange(100, 100 + len(cells)),
    )


def test_same_rows_same_order(model, market, rows):
    found = predict(model, market.panel, rows)
    pd.testing.assert_frame_equal(found.drop(columns="probability"), rows)
    assert found["probability"].dtype == np.float64
    assert ((found["probability"] > 0) & (found["probability"] < 1)).all()
    assert "probability" not in rows


def test_rows_agree_with_the_weekly_grid(model, market, rows):
    found = predict(model, market.panel, rows)
    panel = market.panel
    for week in (20, 5, 24):
        grid, _ = model.weekly_grid(panel, week)
        at = rows["week"] == str(panel.weeks[0] + 7 * week)
        u = np.searchsorted(panel.customer_ids, rows.loc[at, "customer_id"])
        i = np.searchsorted(panel.item_ids, rows.loc[at, "item_id"])
        np.testing.assert_allclose(found.loc[at, "probability"], grid[u, i], rtol=1e-4)


def test_shuffled_rows_get_the_same_numbers(model, market, rows):
    found = predict(model, market.panel, rows)
    mixed = predict(model, market.panel, rows.sample(frac=1, random_state=1))
    np.testing.assert_allclose(mixed.loc[rows.index, "probability"], found["probability"], rtol=1e-6)


def test_a_key_may_repeat_with_other_prices(model, market, rows):
    table = pd.concat([rows.iloc[[0]]] * 4, ignore_index=True)
    table["price"] = [1.0, 2.0, None, 0.5]
    found = predict(model, market.panel, table)["probability"]
    assert found[3] > found[0] > found[1]


def test_promotions_of_a_row_are_used(model, market, rows):
    table = pd.concat([rows.iloc[[0]]] * 2, ignore_index=True)
    table["display"] = [False, True]
    table["mailer"] = [0.0, None]
    quiet, loud = predict(model, market.panel, table)["probability"]
    assert quiet != loud


def test_weeks_may_be_dates(model, market, rows):
    table = rows.assign(week=[date.fromisoformat(week) for week in rows["week"]])
    expected = predict(model, market.panel, rows)["probability"]
    np.testing.assert_array_equal(predict(model, market.panel, table)["probability"], expected)


def test_before_the_log_nothing_is_known(model, market, rows):
    """A week before the first is scored like the first, not from the end of the log."""
    early = rows.assign(week=str(market.panel.weeks[0] - 7 * 5), price=1.0)
    first = rows.assign(week=str(market.panel.weeks[0]), price=1.0, display=0.0, mailer=0.0)
    found, expected = (predict(model, market.panel, table)["probability"] for table in (early, first))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_strangers_get_a_probability(model, market):
    monday = str(market.panel.weeks[20])
    table = pd.DataFrame({"customer_id": ["c0001", "new", "new"], "item_id": ["new", "i0001", "new"], "week": monday})
    catalogue = {"new": NewItem("new", "category 0000 kind 99", "category 0000", "brand 0001", price=2.0)}
    bare = predict(model, market.panel, table)["probability"]
    told = predict(model, market.panel, table, catalogue=catalogue)["probability"]
    assert ((bare > 0) & (bare < 1)).all()
    assert bare[0] != told[0]
    assert bare[1] == pytest.approx(told[1], rel=1e-6)


def test_appended_strangers_leave_the_known_alone(market):
    panel = market.panel
    wider = with_items(with_customers(panel, ["x", "y"]), [NewItem("z", category="category 0000", brand="other")])
    assert (wider.n_customers, wider.n_items, wider.n_weeks) == (62, 16, panel.n_weeks)
    assert wider.items.category[15] == list(wider.items.category_names).index("category 0000")
    assert wider.items.brand_names[wider.items.brand[15]] == "other"
    np.testing.assert_array_equal(wider.prices.log_price[:, :15], panel.prices.log_price)
    assert np.isnan(wider.prices.log_price[:, 15]).all()
    assert wider.promotions.store_group[60:].tolist() == [-1, -1]
    assert with_items(panel, []) is panel
    assert with_customers(panel, []) is panel


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"week": "soon"}, "rows.week: is not an ISO date"),
        ({"price": -1.0}, "rows.price: is not a positive number"),
        ({"price": "cheap"}, "rows.price: is not a positive number"),
        ({"price": np.inf}, "rows.price: is not a positive number"),
        ({"display": 2}, r"rows.display: is not a share in \[0, 1\]"),
    ],
)
def test_unreadable_values_are_refused(model, market, rows, change, words):
    with pytest.raises(DataRefusedError, match=words):
        predict(model, market.panel, rows.assign(**change))


def test_a_missing_column_is_named(model, market, rows):
    with pytest.raises(DataRefusedError, match=r"rows.item_id: is missing"):
        predict(model, market.panel, rows.drop(columns="item_id"))


def test_no_rows(model, market, rows):
    assert predict(model, market.panel, rows.iloc[:0])["probability"].tolist() == []
