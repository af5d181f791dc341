"""Metrics against other implementations and closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from bundleopt_models.metrics import probability_metrics, ranking_metrics, top_items


@pytest.fixture
def cells():
    rng = np.random.default_rng(1)
    probability = rng.beta(1, 20, 4000).round(3).clip(1e-4, 1 - 1e-4)
    return probability, rng.random(4000) < probability, rng.choice([1.0, 1 / 0.03], 4000)


def test_areas_and_loss_agree_with_scikit_learn(cells):
    sklearn = pytest.importorskip("sklearn.metrics")
    probability, bought, weight = cells
    found = probability_metrics(probability, bought, weight)
    assert found.roc_auc == pytest.approx(sklearn.roc_auc_score(bought, probability, sample_weight=weight))
    expected = sklearn.average_precision_score(bought, probability, sample_weight=weight)
    assert found.pr_auc == pytest.approx(expected)
    assert found.log_loss == pytest.approx(sklearn.log_loss(bought, probability, sample_weight=weight))


def test_the_base_rate_gains_no_information():
    bought = np.arange(1000) < 100
    found = probability_metrics(np.full(1000, 0.1), bought, np.ones(1000))
    assert found.rig == pytest.approx(0, abs=1e-12)
    assert found.predicted_over_observed == pytest.approx(1)
    assert found.roc_auc == pytest.approx(0.5)
    assert found.pr_auc == pytest.approx(0.1)


def test_one_class_gives_nan_and_no_error():
    found = probability_metrics(np.full(10, 0.2), np.zeros(10, bool), np.ones(10))
    assert np.isnan(found.pr_auc)
    assert np.isnan(found.predicted_over_observed)
    assert found.log_loss == pytest.approx(-np.log(0.8))
    assert np.isfinite(probability_metrics(np.full(3, 0.2), np.ones(3, bool), np.ones(3)).log_loss)


def test_calibration_error_sees_a_factor_of_two(cells):
    probability, bought, weight = cells
    honest = probability_metrics(probability, bought, weight)
    doubled = probability_metrics(2 * probability, bought, weight)
    assert doubled.predicted_over_observed == pytest.approx(2 * honest.predicted_over_observed, rel=1e-6)
    assert doubled.calibration_error > honest.calibration_error + 0.5


def test_lists_against_a_loop():
    rng = np.random.default_rng(0)
    score = rng.random((30, 50)).round(2)
    bought, known, candidate = (rng.random((30, 50)) < share for share in (0.1, 0.3, 0.6))
    bought[:, 0] = True
    found = ranking_metrics(score, bought, known, candidate)
    recalls, gains, hits, fresh = [], [], [], []
    for u in range(30):
        order = sorted(np.flatnonzero(candidate[u]), key=lambda i: (-score[u, i], i))
        hit = [bought[u, i] for i in order[:10]]
        ideal = sum(1 / np.log2(k + 2) for k in range(min(10, bought[u].sum())))
        recalls.append(sum(hit) / bought[u].sum())
        gains.append(sum(h / np.log2(k + 2) for k, h in enumerate(hit)) / ideal)
        hits.append(any(hit))
        new = [i for i in order if not known[u, i]][:10]
        wanted = bought[u] & ~known[u]
        if wanted.any():
            fresh.append(sum(wanted[i] for i in new) / wanted.sum())
    assert found.recall == pytest.approx(np.mean(recalls))
    assert found.ndcg == pytest.approx(np.mean(gains))
    assert found.hit_rate == pytest.approx(np.mean(hits))
    assert found.new_item_recall == pytest.approx(np.mean(fresh))


def test_ties_go_to_the_smaller_code():
    assert top_items(np.zeros((1, 20))).tolist() == [list(range(10))]
    assert top_items(np.zeros((1, 3))).tolist() == [[0, 1, 2]]


def test_nobody_bought():
    nothing = np.zeros((0, 5), bool)
    assert np.isnan(ranking_metrics(np.zeros((0, 5)), nothing, nothing, nothing).recall)
