"""The protocol: who is evaluated, that sampling does not change the numbers, and that a table comes out whole."""

from __future__ import annotations

import builtins
from datetime import date

import numpy as np
import pytest

from bundleopt_models.corpus import Vocabulary
from bundleopt_models.evaluation import OURS, evaluate
from bundleopt_models.metrics import probability_metrics
from bundleopt_models.model import build_view
from bundleopt_models.peers.cells import Cells, PeerWeeks
from bundleopt_models.peers.counting import PersonalFrequency, Popularity
from bundleopt_models.peers.linear import LogisticRegression
from bundleopt_models.peers.roster import REFERENCE, all_peers
from bundleopt_models.peers.trees import BoostedTrees
from bundleopt_models.protocol import NEVER_SHARE, protocol_dates, protocol_weeks, week_cells
from bundleopt_models.settings import PriceSource, TrainSettings
from bundleopt_models.week_tables import eligible


@pytest.fixture(scope="module")
def builder(market):
    return build_view(market.panel, Vocabulary.of(market.panel)).builder


def test_weeks_of_the_real_log_are_those_of_the_protocol():
    weeks = protocol_weeks(53)
    assert [week + 1 for week in weeks.validation] == [45, 46, 47, 48]
    assert [week + 1 for week in weeks.test] == [49, 50, 51, 52, 53]
    assert protocol_dates(date(2016, 12, 26), 53) == (date(2017, 10, 30), date(2017, 11, 27))
    assert protocol_weeks(2).test == (1,)
    assert protocol_weeks(10).test == (8, 9)


def test_cells_stand_for_the_whole_grid(market, builder):
    week = 20
    cells = week_cells(builder, week)
    panel = market.panel
    population = eligible(panel, week)
    assert set(cells.customer) <= set(np.flatnonzero(population))
    late = (panel.purchase_week == week) & population[panel.purchase_customer]
    assert cells.bought.sum() == late.sum()
    assert (cells.weight[cells.bought | cells.known] == 1).all()
    never = ~(cells.bought | cells.known)
    assert (cells.weight[never] == 1 / NEVER_SHARE).all()
    assert cells.candidate.shape == (len(cells.buyers), panel.n_items)
    assert (cells.list_bought.sum(axis=1) > 0).all()


def test_a_sampled_log_loss_is_the_full_one(make_market):
    """All cells against all purchases, all history and the re-weighted sample, for a fixed guess."""
    market = make_market(1500, 60, 8, seed=2, rate=0.02)
    view = build_view(market.panel, Vocabulary.of(market.panel))
    week = 6
    cells = week_cells(view.builder, week)
    truth = market.probability[week]
    sampled = probability_metrics(truth[cells.customer, cells.item], cells.bought, cells.weight)
    population = eligible(market.panel, week)
    bought = np.zeros(truth.shape, bool)
    late = market.panel.purchase_week == week
    bought[market.panel.purchase_customer[late], market.panel.purchase_item[late]] = True
    full = probability_metrics(truth[population].ravel(), bought[population].ravel(), np.ones(population.sum() * 60))
    assert sampled.log_loss == pytest.approx(full.log_loss, rel=0.06)
    assert sampled.roc_auc == pytest.approx(full.roc_auc, abs=0.03)


def test_every_peer_gives_probabilities_and_beats_popularity(market, builder):
    scope = PeerWeeks(builder, range(6, 16), range(16, 19), TrainSettings(price=PriceSource.LAST_WEEK))
    losses = {}
    for peer in all_peers():
        peer.fit(scope)
        sample = week_cells(builder, 20)
        cells = Cells(builder, 20, sample.customer, sample.item, PriceSource.LAST_WEEK)
        score = peer.score(cells)
        assert ((score > 0) & (score < 1)).all()
        losses[peer.name] = probability_metrics(score, sample.bought, sample.weight).log_loss
    best = min(losses.values())
    assert losses[Popularity.name] > best
    assert losses[LogisticRegression.name] < losses[Popularity.name]


def test_trees_never_rise_in_price(market, builder):
    pytest.importorskip("lightgbm")
    trees = BoostedTrees(monotone=True)
    trees.fit(PeerWeeks(builder, range(6, 16), range(16, 19), TrainSettings(price=PriceSource.CROSS_FIT)))
    sample = week_cells(builder, 20)
    previous = None
    for shift in (-0.5, -0.2, 0.0, 0.3):
        cells = Cells(builder, 20, sample.customer, sample.item, PriceSource.CROSS_FIT)
        cells.features[:, -1] = shift
        score = trees.score(cells)
        assert previous is None or (score <= previous).all()
        previous = score


def test_the_table_has_a_row_for_every_model(make_market, tmp_path):
    panel = make_market(40, 10, 16).panel
    said = []
    table = evaluate(
        panel,
        TrainSettings(epochs=1, least_steps=0),
        folder=tmp_path,
        peers=[Popularity(), PersonalFrequency(decayed=True)],
        progress=lambda stage, share: said.append((stage, share)),
    )
    frame = table.as_frame()
    assert frame["model"].tolist() == ["popularity", "decayed frequency", OURS]
    unknown = ["difference", "error", "z", "rows_per_second"]
    assert frame.drop(columns=["model", "note", *unknown]).notna().all(axis=None)
    assert frame[["difference", "error", "z"]].isna().all(axis=None)
    assert table.row(OURS).loss_by_customer.sum() == pytest.approx(table.row(OURS).probability.log_loss * table.cells)
    assert 0 < table.base_rate < 1
    assert all(0 <= share <= 1 for _, share in said)
    assert table.run["fit_weeks"][1] < table.weeks.test[0]


def test_a_missing_library_leaves_its_install_line(make_market, tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **named):
        if name == "lightgbm":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    panel = make_market(30, 8, 12).panel
    table = evaluate(
        panel, TrainSettings(epochs=1, least_steps=0), folder=tmp_path, peers=[BoostedTrees(monotone=False)]
    )
    row = table.row(REFERENCE)
    assert row.probability is None
    assert "pip install 'bundleopt[bench]'" in row.note
    assert table.as_frame().loc[0, "note"] == row.note
