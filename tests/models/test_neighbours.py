"""TIFU-KNN against a loop over its published definition."""

from __future__ import annotations

import numpy as np
import pytest

from bundleopt_models.peers.neighbours import (
    GROUPS,
    basket_weights,
    customer_vectors,
    neighbour_means,
    rising_map,
)


@pytest.mark.parametrize("baskets", [1, 5, 7, 8, 15, 22])
def test_weights_are_those_of_groups_of_baskets(baskets):
    visits = np.zeros((30, 1), bool)
    visits[np.random.default_rng(baskets).choice(30, baskets, replace=False), 0] = True
    found = basket_weights(visits, (0.9, 0.7))
    size = int(np.ceil(baskets / GROUPS))
    groups = int(np.ceil(baskets / size))
    lengths = [baskets - size * (groups - 1), *[size] * (groups - 1)]
    expected = []
    for g, length in enumerate(lengths):
        expected += [0.9 ** (length - 1 - j) / length * 0.7 ** (groups - 1 - g) / groups for j in range(length)]
    assert found[visits[:, 0], 0] == pytest.approx(expected, rel=1e-6)
    assert (found[~visits] == 0).all()


def test_vectors_see_nothing_of_the_week_itself(market, shuffled_future):
    week = 15
    now = customer_vectors(market.panel, week, (0.9, 0.7))
    later = customer_vectors(shuffled_future(market.panel, week), week, (0.9, 0.7))
    assert (now == later).all()
    assert now.sum() > 0


def test_neighbours_against_a_loop():
    rng = np.random.default_rng(0)
    vectors = rng.random((12, 5)).astype(np.float32)
    pool = np.array([0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11])
    asked = np.array([0, 3, 7])
    found = neighbour_means(vectors, asked, pool, [4, 1])
    for place, u in enumerate(asked):
        order = sorted((v for v in pool if v != u), key=lambda v: ((vectors[u] - vectors[v]) ** 2).sum())
        assert found[0][place] == pytest.approx(vectors[order[:4]].mean(axis=0), rel=1e-5)
        assert found[1][place] == pytest.approx(vectors[order[0]], rel=1e-5)


def test_the_map_rises_and_agrees_with_scikit_learn():
    isotonic = pytest.importorskip("sklearn.isotonic")
    rng = np.random.default_rng(2)
    score = np.round(rng.random(3000), 2)
    bought = (rng.random(3000) < score**2).astype(float)
    weight = rng.choice([1.0, 3.0], 3000)
    knots, share = rising_map(score, bought, weight)
    assert (np.diff(share) >= 0).all()
    reference = isotonic.IsotonicRegression().fit(score, bought, sample_weight=weight)
    assert np.interp(knots, knots, share) == pytest.approx(reference.predict(knots), abs=1e-9)
