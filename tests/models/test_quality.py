"""Calibration tables, unit totals, price response: against closed forms and planted truths."""

from __future__ import annotations

import numpy as np
import pytest

from bundleopt_models.corpus import Vocabulary
from bundleopt_models.model import build_view, load_model
from bundleopt_models.price_response import RATIOS, price_response
from bundleopt_models.protocol import ProtocolWeeks
from bundleopt_models.reliability import CUT_NAMES, all_groups, by_probability, reliability
from bundleopt_models.scoreboard import ScoredCells
from bundleopt_models.settings import PriceSource
from bundleopt_models.unit_totals import AVERAGE, OURS, exponential_mean, poisson_deviance, unit_totals
from bundleopt_models.week_tables import eligible


def cells_of(probability, bought, customer=None, **more) -> ScoredCells:
    n = len(probability)
    zeros = np.zeros(n, np.int64)
    own = np.arange(n) if customer is None else customer
    return ScoredCells(
        more.get("week", zeros), own, more.get("item", zeros), bought, zeros > 0, more.get("weight", np.ones(n)),
        probability.astype(np.float32),
    )  # fmt: skip


def test_honest_probabilities_lie_on_the_diagonal():
    rng = np.random.default_rng(0)
    q = rng.beta(1, 8, 60_000)
    rows = by_probability(cells_of(q, rng.random(60_000) < q))
    assert len(rows) == 10
    predicted = np.array([row.predicted for row in rows])
    assert predicted == pytest.approx(np.full(10, q.sum() / 10), rel=0.01)
    z = [(row.ratio - 1) / row.error for row in rows]
    assert np.abs(z).max() < 4
    assert sum(row.observed for row in rows) == pytest.approx(sum(predicted), rel=0.05)
    doubled = by_probability(cells_of(2 * q.clip(0, 0.5), rng.random(60_000) < q))
    assert all(row.ratio > 1.5 for row in doubled[:8])


def test_weights_and_groups_add_up():
    code, weight = np.array([0, 0, 2]), np.array([1.0, 1.0, 4.0])
    cells = cells_of(np.array([0.5, 0.1, 0.25]), np.array([True, False, False]), weight=weight)
    rows = reliability(cells, code, ("a", "b", "c"))
    assert [row.group for row in rows] == ["a", "c"]
    assert (rows[0].cells, rows[0].predicted, rows[0].observed) == (2.0, pytest.approx(0.6), 1.0)
    assert rows[1].predicted == 1.0
    assert np.isnan(rows[1].ratio)


def test_every_grouping_covers_all_cells(market):
    view = build_view(market.panel, Vocabulary.of(market.panel))
    tables, week = view.builder.tables, 20
    customer, item = (part.ravel() for part in np.indices((60, 15)))
    truth = market.probability[week].ravel()
    bought = np.random.default_rng(0).random(len(truth)) < truth
    cells = cells_of(truth, bought, customer, item=item, week=np.full(len(truth), week))
    groups = all_groups(cells, market.panel, tables, PriceSource.CROSS_FIT)
    assert set(groups) == {"probability", "department", "price cut", "visits in 13 weeks"}
    for rows in groups.values():
        assert sum(row.cells for row in rows) == len(truth)
    assert {row.group for row in groups["price cut"]} <= set(CUT_NAMES)
    assert "10 to 20 % off" in {row.group for row in groups["price cut"]}


def test_deviance_and_means_against_closed_forms():
    assert poisson_deviance(np.array([2.0]), np.array([2.0])) == pytest.approx(0)
    assert poisson_deviance(np.array([2.0]), np.array([0.0])) == pytest.approx(4.0)
    assert poisson_deviance(np.array([1.0]), np.array([3.0])) == pytest.approx(2 * (3 * np.log(3) - 2))
    history = np.array([[4.0], [2.0], [1.0]])
    assert exponential_mean(history, 0.5) == pytest.approx((0.25 * 4 + 0.5 * 2 + 1) / 1.75)


def test_the_truth_beats_the_moving_average(make_market):
    market = make_market(400, 20, 20, seed=3)
    weeks = ProtocolWeeks((14, 15), (16, 17, 18, 19))
    panel = market.panel
    expected = {w: market.probability[w][eligible(panel, w)].sum(axis=0) for w in weeks.test}
    found = unit_totals(panel, weeks, expected, np.full(20, panel.purchase_units.mean()))
    by_name = {error.forecast: error for error in found.errors}
    assert by_name[OURS].deviance < by_name[AVERAGE].deviance
    assert by_name[OURS].predicted_over_sold == pytest.approx(1, abs=0.1)
    assert len(found.weeks) == len(found.sold) == len(found.predicted) == 4
    assert sum(found.sold) == pytest.approx(sum(panel.purchase_units[panel.purchase_week >= 16]), rel=0.02)


def test_cheaper_is_more_in_every_department(market, model_folder):
    found = price_response(load_model(model_folder), market.panel, 20, fit_until=19)
    rows = found.departments
    categories = {row.department: row for row in found.categories}
    assert categories
    assert set(categories) <= {str(name) for name in market.panel.items.category_names}
    assert all(row.regressed and row.low <= row.high < 0 for row in found.categories)
    assert rows[0].department == "all"
    assert sum(row.items for row in rows[1:]) == market.panel.n_items
    for row in rows:
        assert row.elasticity < 0
        assert (np.diff(row.buyers) < 0).all()
        assert row.buyers[RATIOS.index(1.0)] == 1.0
    # The market's own elasticity is -2.5 in log odds; nothing else moves with price but a weak display.
    assert -3.5 < rows[0].log_log_promotions < -1.2
