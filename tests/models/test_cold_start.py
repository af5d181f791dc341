"""Strangers: items and customers that the model never saw, and items that are asked about with their own history."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bundleopt_models.cold_start import LATE_WEEK, hold_out, measure_cold_start, selected, without
from bundleopt_models.corpus import usual_in_category
from bundleopt_models.extension import NewItem, with_customers, with_items, with_own_history
from bundleopt_models.model import load_model, train_model
from bundleopt_models.prediction import predict
from bundleopt_models.settings import TrainSettings


@pytest.fixture(name="model", scope="module")
def _model(model_folder: Path):
    return load_model(model_folder)


@pytest.fixture(name="parted", scope="module")
def _parted(market):
    """The market's panel in two: items 0 to 11, and 12 to 14 as a panel of their own."""
    panel = market.panel
    everybody = np.arange(panel.n_customers)
    return selected(panel, everybody, np.arange(12)), selected(panel, everybody, np.arange(12, 15))


def rows_of(panel, items: list[str]) -> pd.DataFrame:
    week = str(panel.weeks[20])
    cells = [(str(customer), item, week) for customer in panel.customer_ids[:20] for item in items]
    return pd.DataFrame(cells, columns=["customer_id", "item_id", "week"])


def test_what_is_asked_about_changes_nothing_for_what_is_known(model, parted) -> None:
    known, other = parted
    rows = rows_of(known, [str(item) for item in known.item_ids[:4]])
    alone = predict(model, known, rows)["probability"].to_numpy()
    beside = predict(model, with_own_history(known, other), rows)["probability"].to_numpy()
    # Features of known items are the same bits; matrix products of another width may round differently.
    assert beside == pytest.approx(alone, rel=1e-5)


def test_own_history_of_an_asked_item_tells_its_buyers_from_others(model, parted) -> None:
    known, other = parted
    joined = with_own_history(known, other)
    assert joined.n_modelled == 12
    item = str(other.item_ids[0])
    before = (other.purchase_week < 20) & (other.purchase_item == 0)
    bought = np.bincount(other.purchase_customer[before], minlength=other.n_customers) > 1
    found = predict(model, joined, rows_of(joined, [item]))["probability"].to_numpy()
    without_history = predict(model, with_items(known, [NewItem(item)]), rows_of(known, [item]))[
        "probability"
    ].to_numpy()
    assert bought[:20].any()
    assert not bought[:20].all()
    gain = np.log(found / without_history)
    assert gain[bought[:20]].mean() > gain[~bought[:20]].mean() + 0.3


def test_panels_of_other_customers_cannot_be_joined(parted) -> None:
    known, other = parted
    with pytest.raises(ValueError, match="same customers"):
        with_own_history(known, with_customers(other, ["new"]))


def test_rows_of_predict_agree_with_the_weekly_grid_for_strangers(model, parted) -> None:
    known, _ = parted
    asked = with_customers(with_items(known, [NewItem("new item", category="category 0001")]), ["new customer"])
    grid, visit = model.weekly_grid(asked, 24)
    assert (grid <= visit[:, None] + 1e-7).all()
    ids = [str(asked.item_ids[3]), "new item"]
    rows = pd.DataFrame(
        [(str(c), i, str(asked.weeks[0] + 7 * 24)) for c in asked.customer_ids[[0, 7, -1]] for i in ids],
        columns=["customer_id", "item_id", "week"],
    )
    found = predict(model, asked, rows)["probability"].to_numpy().reshape(3, 2)
    assert found == pytest.approx(grid[np.ix_([0, 7, -1], [3, 12])], rel=1e-4)


def test_an_introduced_item_takes_the_numbers_usual_in_its_category() -> None:
    table = np.array([[1.0, 10.0], [3.0, 30.0], [5.0, 50.0], [0.0, 0.0], [0.0, 0.0]], np.float32)
    new = np.array([False, False, False, True, True])
    found = usual_in_category(table, np.array([0, 0, 1, 0, 2], np.int32), new)
    assert found[:3].tolist() == table[:3].tolist()
    assert found[3].tolist() == [2.0, 20.0]
    assert found[4].tolist() == [3.0, 30.0]
    assert usual_in_category(table, np.zeros(5, np.int32), np.ones(5, bool)) is table


def test_holding_out_leaves_no_trace(market) -> None:
    held = hold_out(market.panel, 0.2, seed=3)
    assert len(held.items) == 3
    came = market.panel.trips > 0
    assert (came.argmax(axis=0)[held.joiners] >= LATE_WEEK).all()
    assert 12 <= len(held.customers) <= 12 + len(held.joiners)
    assert not set(held.rest.item_ids) & set(market.panel.item_ids[held.items])
    assert not set(held.rest.customer_ids) & set(market.panel.customer_ids[held.customers])
    again = without(market.panel, held.customers, held.items)
    assert np.array_equal(again.purchase_item, held.rest.purchase_item)
    gone = np.isin(market.panel.purchase_item, held.items) | np.isin(market.panel.purchase_customer, held.customers)
    assert len(held.rest.purchase_item) == (~gone).sum()
    assert held.rest.prices.fold_log_price.shape == (2, 24, 12)


def joined_late(panel, customers: int):
    """The first customers come for the first time in LATE_WEEK or later."""
    kept = (panel.purchase_customer >= customers) | (panel.purchase_week >= LATE_WEEK)
    names = ("customer", "item", "week", "units", "log_price")
    purchases = {f"purchase_{name}": getattr(panel, f"purchase_{name}")[kept] for name in names}
    weekly = {name: getattr(panel, name).copy() for name in ("trips", "lines", "deal_lines")}
    for table in weekly.values():
        table[:LATE_WEEK, :customers] = 0
    return replace(panel, **purchases, **weekly)


def test_a_first_visit_is_predicted_from_nothing_and_adds_no_habit(model, market) -> None:
    """A stranger's row of the week is the same whoever else is asked, and its level is that of the log."""
    asked = with_customers(market.panel, ["one", "two"])
    last = asked.n_customers
    given = model.given_visit(asked, 20, range(last - 2, last))
    assert given[0] == pytest.approx(given[1], rel=1e-6)
    grid, visit = model.weekly_grid(asked, 20)
    assert grid[-1] / visit[-1] == pytest.approx(given[1], rel=1e-4)


def test_strangers_are_ranked_better_than_by_popularity(make_market, tmp_path: Path) -> None:
    panel = joined_late(make_market(200, 50, 24, seed=2, rate=0.06).panel, customers=40)
    held = hold_out(panel, 0.1, seed=1)
    assert len(held.joiners) >= 15
    until = panel.weeks[20].astype("datetime64[D]").astype(object)
    settings = TrainSettings(fit_until=until, validation_weeks=2, warmup_weeks=6, threads=1)
    model = train_model(held.rest, settings, folder=tmp_path, relate=False)
    rows = measure_cold_start(model, held, [20, 21, 22, 23])
    by = {(row.stranger, row.model): row for row in rows}
    assert len(by) == 6
    # Tastes of this market have no structure that could carry over to a new item; its level can.
    for stranger in ("new items", "customers on their first visit"):
        assert 0.4 < by[stranger, "bundleopt"].probability.predicted_over_observed < 2.5
    assert all(row.error > 0 for row in rows)
    kind = "customers new to the model, with history"
    ours, popular = by[kind, "bundleopt"], by[kind, "popularity within category"]
    assert ours.probability.roc_auc > popular.probability.roc_auc + 0.03
    assert ours.probability.log_loss < popular.probability.log_loss
    assert ours.ranking.recall > popular.ranking.recall
