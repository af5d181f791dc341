"""The paired bootstrap against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from bundleopt_models.bootstrap import paired_difference


def test_the_error_is_that_of_the_mean_difference():
    rng = np.random.default_rng(0)
    reference = rng.gamma(2.0, 1.0, 2000)
    loss = reference * 0.99 + rng.normal(0, 0.05, 2000)
    found = paired_difference(loss, reference, draws=2000)
    gap = loss - reference
    assert found.difference == pytest.approx(gap.sum() / reference.sum())
    expected = gap.std() * np.sqrt(len(gap)) / reference.sum()
    assert found.error == pytest.approx(expected, rel=0.08)
    assert found.z == pytest.approx(found.difference / found.error)


def test_a_model_differs_from_itself_by_nothing():
    loss = np.array([0.0, 1.0, 2.0, 3.0])
    found = paired_difference(loss, loss)
    assert (found.difference, found.error, found.z) == (0.0, 0.0, 0.0)


def test_customers_without_loss_and_short_arrays_do_not_count():
    full = paired_difference(np.array([1.0, 0.0, 2.0, 0.0]), np.array([2.0, 0.0, 2.5, 0.0]))
    short = paired_difference(np.array([1.0, 0.0, 2.0]), np.array([2.0, 0.0, 2.5]))
    assert full == short
    assert np.isnan(paired_difference(np.zeros(3), np.zeros(3)).z)


def test_the_same_seed_gives_the_same_error():
    rng = np.random.default_rng(1)
    left, right = rng.random(50), rng.random(50)
    assert paired_difference(left, right) == paired_difference(left, right)
