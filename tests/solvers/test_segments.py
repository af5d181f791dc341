from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundleopt_solvers import segments
from bundleopt_solvers.segments import segment_customers, value_features


def groups(centres, members=50, noise=0.1, seed=0):
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(len(centres)), members)
    return (np.array(centres)[truth] + rng.normal(0, noise, (len(truth), 2))).astype(np.float32), truth


def test_groups_that_stand_apart_are_found():
    features, truth = groups([[0, 0], [9, 0], [0, 9], [9, 9]])
    codes = segment_customers(features, 4, seed=3)
    assert len({*zip(codes.tolist(), truth.tolist(), strict=True)}) == 4


def test_the_same_seed_gives_the_same_segments():
    features = np.random.default_rng(0).normal(size=(500, 5)).astype(np.float32)
    first, second = segment_customers(features, 7, seed=1), segment_customers(features, 7, seed=1)
    assert first.dtype == np.int32
    np.testing.assert_array_equal(first, second)


def test_chunks_and_samples_do_not_change_the_groups(monkeypatch):
    features, _ = groups([[0, 0], [9, 0], [0, 9]], members=200)
    whole = segment_customers(features, 3)
    monkeypatch.setattr(segments, "CHUNK", 17)
    monkeypatch.setattr(segments, "SAMPLE", 90)
    np.testing.assert_array_equal(segment_customers(features, 3), whole)


@given(st.integers(0, 99), st.integers(1, 8), st.integers(1, 30))
def test_codes_are_all_used_and_the_largest_comes_first(seed, count, customers):
    rng = np.random.default_rng(seed)
    features = rng.integers(0, 4, (customers, 2)).astype(np.float32)
    codes = segment_customers(features, count, seed)
    sizes = np.bincount(codes)
    assert len(codes) == customers
    assert 1 <= len(sizes) <= min(count, len(np.unique(features, axis=0)))
    assert (sizes > 0).all()
    assert (np.diff(sizes) <= 0).all()


def test_no_customers_and_equal_customers():
    assert segment_customers(np.zeros((0, 3), np.float32), 4).tolist() == []
    assert segment_customers(np.ones((5, 3), np.float32), 4).tolist() == [0] * 5
    assert segment_customers(np.zeros((3, 0), np.float32), 2).tolist() == [0] * 3


@pytest.mark.parametrize(
    ("features", "count", "words"),
    [(np.ones((2, 1)), 0, "at least one"), (np.full((2, 1), np.nan), 1, "finite")],
)
def test_what_cannot_be_grouped_is_refused(features, count, words):
    with pytest.raises(ValueError, match=words):
        segment_customers(features.astype(np.float32), count)


def test_features_keep_the_distances_between_customers():
    rng = np.random.default_rng(0)
    taste = rng.gamma(1.0, size=(80, 3)) @ rng.gamma(1.0, size=(3, 40))
    bundle = np.repeat(np.arange(40), 3)
    value = np.repeat(taste, 3, axis=1) - np.tile([0.0, 0.5, 1.0], 40)
    features = value_features(value.astype(np.float32), bundle.astype(np.int32), 5)
    assert features.shape == (80, 5)
    far = np.linalg.norm(taste[:, None] - taste[None], axis=2)
    near = np.linalg.norm(features[:, None] - features[None], axis=2)
    np.testing.assert_allclose(near, far, rtol=1e-3, atol=1e-3)


def test_the_best_price_of_a_bundle_counts_and_losses_do_not():
    value = np.array([[1, 3, -2], [2, 1, -5]], np.float32)
    features = value_features(value, np.array([0, 0, 1], np.int32), 2)
    assert np.abs(features[0] - features[1]).max() == pytest.approx(1.0, abs=1e-6)


def test_features_of_nothing():
    assert value_features(np.zeros((3, 0), np.float32), np.zeros(0, np.int32)).shape == (3, 0)
    assert value_features(np.zeros((0, 2), np.float32), np.array([0, 1], np.int32)).shape[0] == 0
    assert (value_features(np.zeros((4, 2), np.float32), np.array([0, 1], np.int32)) == 0).all()
