from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bundleopt_solvers.linear_model import Row
from tests.solvers.random_models import brute_force, dense, linear_optimum, model_of, random_linear, random_model

INF = np.inf


def small():
    return model_of([3, 2], [([1, 1], -INF, 1.5), ([1, -1], -1, INF)], offset=4.0, names=("a", "b"))


def test_activity_and_objective_are_the_sums_they_say():
    model = small()
    values = np.array([1.0, 0.5])
    assert model.activity(values).tolist() == [1.5, 0.5]
    assert model.objective_of(values) == 8.0


def test_violation_names_the_broken_row_and_bound():
    model = small()
    assert model.violation(np.array([1.0, 0.5])) == ""
    assert "row r0 = 2" in model.violation(np.array([1.0, 1.0]))
    assert "variable b = 1.5" in model.violation(np.array([0.0, 1.5]))


def test_relaxed_and_new_bounds_keep_everything_else():
    model = small()
    assert model.relaxed().is_continuous
    assert not model.is_continuous
    fixed = model.with_bounds(np.zeros(2), np.zeros(2))
    assert fixed.upper.tolist() == [0, 0]
    assert fixed.row_upper.tolist() == model.row_upper.tolist()


def test_further_rows_stand_below_the_old_ones():
    model = small().with_rows([Row("extra", np.array([1]), np.array([5.0]), -INF, 2.0)])
    assert model.row_names == ("r0", "r1", "extra")
    assert dense(model).tolist() == [[1, 1], [1, -1], [0, 5]]
    assert small().with_rows([]).rows == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"objective": np.array([np.nan, 1])}, "not finite"),
        ({"offset": INF}, "not finite"),
        ({"lower": np.zeros(3)}, "different lengths"),
        ({"upper": np.array([1, -1.0])}, "lower limit above"),
        ({"upper": np.array([1, np.nan])}, "not a number"),
        ({"lower": np.array([INF, 0]), "upper": np.array([INF, 1])}, "lower limit above"),
        ({"row_upper": np.array([1.0])}, "number of rows"),
        ({"row_lower": np.array([5.0, 0.0])}, "row has a lower limit above"),
        ({"coefficients": np.array([1.0, 1.0, np.inf, 1.0])}, "not finite"),
        ({"coefficients": np.ones(3)}, "different lengths"),
        ({"indices": np.array([0, 2, 0, 1])}, "does not exist"),
        ({"indices": np.array([0, 0, 0, 1])}, "twice"),
        ({"indptr": np.array([0, 3, 2])}, "climb"),
        ({"names": ("a",)}, "1 names for 2"),
        ({"row_names": ("a",)}, "1 row names for 2"),
    ],
)
def test_a_model_that_solvers_would_read_differently_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        replace(small(), **change)


def test_an_empty_model_is_a_model():
    model = model_of([], [], offset=2.0)
    assert model.objective_of(np.zeros(0)) == 2.0
    assert model.violation(np.zeros(0)) == ""
    assert model.bound_from_duals(np.zeros(0)) == 2.0


@given(st.integers(0, 10_000), st.lists(st.floats(-50, 50), min_size=8, max_size=8))
def test_any_prices_give_a_bound(seed, prices):
    rng = np.random.default_rng(seed)
    for model, best in ((m := random_linear(rng), linear_optimum(m)), (w := random_model(rng), brute_force(w))):
        bound = model.bound_from_duals(np.array(prices[: model.rows]))
        assert bound >= best - 1e-9 * max(1.0, abs(best)) or best == -INF


def test_prices_of_the_wrong_sign_do_not_cost_the_bound():
    model = model_of([1.0], [([1.0], -INF, 0.5)], integer=[False])
    assert model.bound_from_duals(np.array([1.0])) == 0.5
    assert model.bound_from_duals(np.array([-7.0])) == 1.0


def test_a_variable_without_bound_and_with_value_has_no_bound():
    model = model_of([1.0], [([1.0], -INF, 0.5)], upper=[INF], integer=[False])
    assert model.bound_from_duals(np.array([0.5])) == INF
    assert model.bound_from_duals(np.array([1.0])) == 0.5
