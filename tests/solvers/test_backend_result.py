from __future__ import annotations

import numpy as np
import pytest

from bundleopt_solvers.backends.backend import Answer, Effort, SolveStatus
from bundleopt_solvers.backends.result import check_answer, failure, improved_by
from tests.solvers.random_models import INF, model_of

# best: a = b = 1, worth 5 + 1
MODEL = model_of([3, 2, 1], [([1, 1, 1], -INF, 2)], offset=1.0)
BEST = np.array([1.0, 1.0, 0.0])


def judge(answer, gap=1e-6, model=MODEL):
    return check_answer(model, answer, solver="double", seconds=0.5, gap=gap)


def test_a_true_answer_stands():
    result = judge(Answer(SolveStatus.OPTIMAL, BEST, 6.0, 6.0))
    assert (result.status, result.objective, result.bound, result.gap) == (SolveStatus.OPTIMAL, 6.0, 6.0, 0.0)


def test_whole_numbers_are_rounded_and_the_objective_recomputed():
    result = judge(Answer(SolveStatus.OPTIMAL, BEST + np.array([1e-7, -1e-7, 1e-7]), 6.0000001, 6.0))
    assert result.values is not None
    assert result.values.tolist() == [1, 1, 0]
    assert result.objective == 6.0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(SolveStatus.OPTIMAL, BEST, 7.0, 7.0), "claimed to be 7"),
        (Answer(SolveStatus.OPTIMAL, np.ones(3), 7.0, 7.0), "row r0"),
        (Answer(SolveStatus.OPTIMAL, BEST + 1, 9.0, 9.0), "outside its bounds"),
        (Answer(SolveStatus.OPTIMAL, BEST * 0.5, 3.5, 6.0), "fraction"),
        (Answer(SolveStatus.OPTIMAL, BEST * np.nan, 6.0, 6.0), "finite"),
        (Answer(SolveStatus.OPTIMAL, BEST, 6.0, np.nan), "bound is not a number"),
        (Answer(SolveStatus.OPTIMAL, BEST, 6.0, 5.0), "below the value"),
        (Answer(SolveStatus.OPTIMAL, BEST[:2], 6.0, 6.0), "wrong length"),
        (Answer(SolveStatus.OPTIMAL, None, 6.0, 6.0), "without values"),
        (Answer(SolveStatus.FEASIBLE, None), "without values"),
    ],
)
def test_a_lie_is_called_one_and_its_values_are_dropped(answer, words):
    result = judge(answer)
    assert result.status is SolveStatus.LIED
    assert words in result.message
    assert result.values is None
    assert (result.objective, result.bound) == (-INF, INF)


def test_optimal_is_our_word_not_the_solver_s():
    assert judge(Answer(SolveStatus.OPTIMAL, BEST, 6.0, 6.6)).status is SolveStatus.FEASIBLE
    assert judge(Answer(SolveStatus.FEASIBLE, BEST, 6.0, 6.0)).status is SolveStatus.OPTIMAL
    assert judge(Answer(SolveStatus.FEASIBLE, BEST, 6.0, 6.6), gap=0.1).status is SolveStatus.OPTIMAL


def test_an_honest_miss_after_rounding_is_no_lie_but_no_plan():
    model = model_of([1, 1], [([1e6, -1], -INF, 0)], integer=[True, False])
    result = judge(Answer(SolveStatus.OPTIMAL, np.array([1e-6, 1.0]), np.nan, 2.0), model=model)
    assert (result.status, result.objective) == (SolveStatus.FEASIBLE, 1.0)  # rounding down only helps
    model = model_of([1, 1], [([-1e6, 1], -INF, 0)], integer=[True, False])
    result = judge(Answer(SolveStatus.OPTIMAL, np.array([1e-6, 1.0]), np.nan, 2.0), model=model)
    assert (result.status, result.values, result.bound) == (SolveStatus.UNKNOWN, None, 2.0)
    assert "after rounding" in result.message


@pytest.mark.parametrize("status", [s for s in SolveStatus if s not in (SolveStatus.OPTIMAL, SolveStatus.FEASIBLE)])
def test_other_words_pass_without_values(status):
    result = judge(Answer(status))
    assert result.status is status
    assert result.values is None
    assert result.gap == INF


def test_better_values_replace_worse_ones_and_only_those():
    base = judge(Answer(SolveStatus.FEASIBLE, np.array([1.0, 0, 0]), 4.0, 7.0))
    assert improved_by(MODEL, base, None, gap=0).objective == 4.0
    assert improved_by(MODEL, base, np.ones(3), gap=0).objective == 4.0
    assert improved_by(MODEL, base, np.zeros(3), gap=0).objective == 4.0
    better = improved_by(MODEL, base, BEST, gap=0)
    assert (better.objective, better.bound, better.status) == (6.0, 7.0, SolveStatus.FEASIBLE)
    assert improved_by(MODEL, failure(SolveStatus.UNKNOWN, "x", ""), BEST, gap=0).objective == 6.0


def test_values_above_a_claimed_bound_expose_it():
    base = judge(Answer(SolveStatus.FEASIBLE, np.array([1.0, 0, 0]), 4.0, 4.5))
    assert improved_by(MODEL, base, BEST, gap=0).status is SolveStatus.LIED


@pytest.mark.parametrize(
    "change", [{"time_limit": 0}, {"time_limit": np.nan}, {"gap": -1}, {"work": 0}, {"memory_bytes": 0}]
)
def test_an_effort_that_means_nothing_is_refused(change):
    with pytest.raises(ValueError, match=r"must be|at least"):
        Effort(**change)
