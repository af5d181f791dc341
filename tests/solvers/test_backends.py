"""One contract for every backend of the table; absent ones skip with the reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bundleopt_solvers.backends.backend import Effort, SolveStatus
from bundleopt_solvers.backends.cp_sat import SAFE_SUM
from bundleopt_solvers.backends.result import check_answer
from bundleopt_solvers.backends.table import BACKENDS, ladder
from bundleopt_solvers.worker_pool import WorkerPool
from tests.solvers.random_models import (
    INF,
    brute_force,
    linear_optimum,
    model_of,
    overflow_repro,
    random_linear,
    random_model,
)

WHOLE = [name for name, backend in BACKENDS.items() if not getattr(backend, "linear", False)]
LINEAR = [name for name in BACKENDS if name != "cp_sat"]
# starting cbc costs 10 ms a model, the others 1 to 8 in their warm child
MODELS = {"highs": 1000, "scip": 1000, "cp_sat": 1000, "cbc": 300, "glop": 1000, "pdlp": 300}


@pytest.fixture(scope="module")
def pool():
    pool = WorkerPool()
    yield pool
    pool.close()


@pytest.fixture
def run(pool):
    """Solve with one backend and judge the answer; skips where the backend is not here."""

    def solve(name, model, *, gap=1e-9, start=None, **effort):
        if reason := pool.missing(name):
            pytest.skip(f"{name}: {reason}")
        outcome = pool.run(name, model, Effort(**{"time_limit": 10.0, **effort, "gap": gap}), start=start)
        return check_answer(model, outcome.answer, solver=name, seconds=outcome.seconds, gap=gap)

    return solve


def assert_right(result, best, label):
    """Right means: the brute-force optimum, a bound that is not below it, and proven where it says so."""
    close = 1e-6 * max(1.0, abs(best)) if np.isfinite(best) else 0.0
    if best == -INF:
        assert result.status is SolveStatus.INFEASIBLE, f"{label}: {result}"
        return
    assert result.status in (SolveStatus.OPTIMAL, SolveStatus.FEASIBLE), f"{label}: {result}"
    assert result.bound >= best - close, f"{label}: bound {result.bound} below {best}"
    assert result.objective <= best + close, f"{label}: {result.objective} above {best}"
    if result.status is SolveStatus.OPTIMAL:
        assert result.objective >= best - close, f"{label}: {result.objective} called optimal, {best} is"


@pytest.mark.parametrize("name", WHOLE)
def test_whole_numbers_against_brute_force(run, name):
    rng = np.random.default_rng(1)
    proven = 0
    for number in range(MODELS.get(name, 100)):
        model = random_model(rng)
        result = run(name, model)
        assert_right(result, brute_force(model), f"model {number}")
        proven += result.status in (SolveStatus.OPTIMAL, SolveStatus.INFEASIBLE)
    assert proven == MODELS.get(name, 100)


@pytest.mark.parametrize("name", WHOLE)
def test_large_money_against_brute_force_or_refused(run, name):
    rng = np.random.default_rng(2)
    refused = 0
    for number in range(MODELS.get(name, 100) // 3):
        model = random_model(rng, money=10.0 ** rng.integers(3, 13))
        if BACKENDS[name].refuses(model):
            refused += 1
            continue
        result = run(name, model)
        best = brute_force(model)
        # at 1e12 a tolerance of 1e-6 on a whole number is worth millions: an honest solver may then know nothing
        if result.status is not SolveStatus.UNKNOWN:
            assert_right(result, best, f"model {number}")
        else:
            assert result.bound >= best - 1e-6 * abs(best)
    assert (refused > 0) == (name == "cp_sat")


@pytest.mark.parametrize("name", [name for name in WHOLE if name != "cp_sat"])
def test_mixed_numbers_against_brute_force(run, name):
    rng = np.random.default_rng(3)
    for number in range(MODELS.get(name, 100) // 2):
        model = random_model(rng, continuous=True)
        assert_right(run(name, model), brute_force(model), f"model {number}")


@pytest.mark.parametrize("name", LINEAR)
def test_linear_models_against_their_vertices(run, name):
    rng = np.random.default_rng(4)
    # a first-order method stops near the optimum, so its value is compared at its own tolerance
    loose = 1e-3 if name == "pdlp" else 1e-6
    for number in range(MODELS.get(name, 100) // 2):
        model = random_linear(rng)
        best, result = linear_optimum(model), run(name, model)
        if best == -INF:
            assert result.status is SolveStatus.INFEASIBLE, f"model {number}: {result}"
            continue
        assert result.bound >= best - 1e-9 * max(1, abs(best)), f"model {number}: {result} but {best}"
        assert result.objective == pytest.approx(best, rel=loose, abs=loose), f"model {number}"


@pytest.mark.parametrize("name", ["glop", "highs", "cbc", "pdlp"])
def test_row_prices_prove_the_bound(run, name):
    rng = np.random.default_rng(5)
    seen = 0
    for _ in range(50):
        model = random_linear(rng)
        result = run(name, model)
        if result.status is SolveStatus.OPTIMAL and result.row_duals is not None:
            seen += 1
            assert model.bound_from_duals(result.row_duals) == pytest.approx(result.objective, rel=1e-3, abs=1e-3)
    assert seen > 20


@pytest.mark.parametrize("name", WHOLE)
def test_the_overflow_of_cp_sat_is_refused_or_right(run, name):
    model = overflow_repro()
    assert brute_force(model) == 135
    if name == "cp_sat":
        assert "2^31" in BACKENDS[name].refuses(model)
        assert run(name, model).status is SolveStatus.REFUSED
    else:
        assert run(name, model).objective == 135


@pytest.mark.parametrize("name", list(BACKENDS))
def test_an_empty_model_has_its_offset(run, name):
    result = run(name, model_of([], [], offset=3.0))
    assert (result.status, result.objective, result.bound) == (SolveStatus.OPTIMAL, 3.0, 3.0)


@pytest.mark.parametrize("name", list(BACKENDS))
def test_rows_and_objective_without_terms(run, name):
    whole = name not in ("glop", "pdlp")
    nothing = model_of([0, 0], [([0, 0], -INF, 1)], integer=[whole, whole])
    assert run(name, nothing).objective == 0.0
    impossible = model_of([1, 1], [([0, 0], 1, 2), ([1, 1], -INF, 2)], integer=[whole, whole])
    assert run(name, impossible).status is SolveStatus.INFEASIBLE
    free = model_of([2, -3], [], lower=[-4, -5], upper=[7, 9], integer=[whole, whole])
    assert run(name, free).objective == 29.0


@pytest.mark.parametrize("name", list(BACKENDS))
def test_infeasible_is_said_of_what_cannot_be(run, name):
    whole = name not in ("glop", "pdlp")
    model = model_of([1, 1], [([1, 1], 3, INF)], integer=[whole, whole])
    result = run(name, model)
    assert result.status is SolveStatus.INFEASIBLE
    assert result.values is None


@pytest.mark.parametrize("name", WHOLE)
def test_infeasible_by_whole_numbers_alone(run, name):
    model = model_of([1, 1], [([2, 2], 1, 1)])
    assert run(name, model).status is SolveStatus.INFEASIBLE


@pytest.mark.parametrize("name", [name for name in BACKENDS if name != "cp_sat"])
def test_unbounded_is_told_from_infeasible(run, name):
    model = model_of([1, 1], [([1, -1], 0, INF)], upper=[INF, 1], integer=[False, False])
    assert run(name, model).status in (SolveStatus.UNBOUNDED, SolveStatus.UNKNOWN)
    assert run("highs", model).status is SolveStatus.UNBOUNDED


def test_cp_sat_refuses_what_it_cannot_hold():
    refuses = BACKENDS["cp_sat"].refuses
    assert "continuous" in refuses(model_of([1], [], integer=[False]))
    assert "bounds" in refuses(model_of([1], [], upper=[INF]))
    assert "decimals" in refuses(model_of([1], [([1 / 3], -INF, 1)]))
    assert "2^31" in refuses(model_of([1, 1], [([SAFE_SUM / 2, SAFE_SUM / 2], -INF, 1)]))
    assert not refuses(model_of([1, 1], [([SAFE_SUM / 2, SAFE_SUM / 2 - 1], -INF, 1)]))


def test_cp_sat_keeps_the_bound_when_the_objective_is_rounded(run):
    rng = np.random.default_rng(6)
    for number in range(300):
        model = random_model(rng)
        scale = 10.0 ** rng.integers(-6, 13)
        model = replace(model, objective=model.objective * rng.uniform(0.5, 1.5, model.variables) * scale)
        best, result = brute_force(model), run("cp_sat", model)
        if best == -INF:
            assert result.status is SolveStatus.INFEASIBLE
            continue
        assert result.bound >= best - 1e-12 * abs(best), f"model {number}"
        assert result.objective == pytest.approx(best, rel=1e-6, abs=1e-6 * scale), f"model {number}"


def test_cbc_is_right_where_its_preprocessing_was_wrong(run):
    """Found by the generator: CBC alone calls -23.43 optimal here, the empty plan is worth 3."""
    model = model_of(
        [-19.07, -47.39, 103.19, 11.52, 20.96, 10.36],
        [
            ([22.52, -2.12, 0, 0, 0, 0], -INF, 11),
            ([24.3, 11.91, 15.49, 23.24, -5.66, 10.04], -2.55, 8.51),
            ([1, 1, 1, 0, 0, 0], -INF, 1),
            ([0, 0, 0, 1, 1, 1], -INF, 1),
        ],
        offset=3.0,
    )
    assert brute_force(model) == 3.0
    assert run("cbc", model).objective == 3.0


@pytest.mark.parametrize("name", WHOLE)
def test_a_start_is_taken(run, name):
    rng = np.random.default_rng(7)
    for _ in range(20):
        model = random_model(rng)
        best = run(name, model)
        if best.values is not None:
            again = run(name, model, start=best.values)
            assert again.objective == pytest.approx(best.objective)


def hard_model(count=70, rows=25):
    """A multi-dimensional knapsack that no solver finishes in a second."""
    rng = np.random.default_rng(8)
    weights = rng.integers(100, 1000, (rows, count))
    values = weights.mean(0).round() + rng.integers(0, 60, count)
    limits = [(row, -INF, float(row.sum() // 2)) for row in weights]
    return model_of(values, limits)


@pytest.mark.parametrize("name", WHOLE)
def test_a_time_limit_gives_plan_and_bound(run, name):
    model = hard_model()
    result = run(name, model, time_limit=1.0)
    assert result.status is SolveStatus.FEASIBLE, result
    assert result.seconds < 5
    assert model.violation(result.values) == ""
    reference = model.relaxed()
    relaxation = run("glop", reference).bound
    assert result.objective <= result.bound
    assert result.bound <= relaxation * 1.001 or name not in ("highs", "scip", "cbc")


@pytest.mark.parametrize("name", WHOLE)
def test_a_tiny_time_limit_never_gives_fractions(run, name):
    model = hard_model(count=60, rows=12)
    result = run(name, model, time_limit=0.01)
    assert result.status in (SolveStatus.FEASIBLE, SolveStatus.UNKNOWN), result
    if result.values is not None:
        assert (result.values == np.round(result.values)).all()


@pytest.mark.parametrize("name", [name for name in WHOLE if name != "pulp_highs"])
def test_a_work_limit_stops_at_the_same_place_twice(run, name):
    model = hard_model(count=50, rows=20)
    first, second = (run(name, model, work=30, time_limit=30.0) for _ in range(2))
    assert first.status in (SolveStatus.FEASIBLE, SolveStatus.UNKNOWN)
    assert first.seconds < 25
    assert first.objective == second.objective
    assert first.bound == second.bound


def test_the_ladder_starts_with_the_solver_asked_for():
    whole, linear = model_of([1], []), model_of([1], [], integer=[False])
    assert ladder(whole)[0] == "highs"
    assert ladder(whole, "cbc")[:2] == ("cbc", "highs")
    assert ladder(linear)[0] == "glop"
    assert "glop" not in ladder(whole)
    for name in {*ladder(whole), *ladder(linear)}:
        assert name in BACKENDS
    assert len(set(ladder(whole, "cbc"))) == len(ladder(whole, "cbc"))


@pytest.mark.parametrize("name", list(BACKENDS))
def test_the_table_agrees_with_its_rows(name):
    assert BACKENDS[name].name == name
    assert BACKENDS[name].family in ("ortools", "pulp")
    linear_only = name in ("glop", "pdlp")
    assert bool(BACKENDS[name].refuses(model_of([1], []))) == linear_only
