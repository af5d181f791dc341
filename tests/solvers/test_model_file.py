"""Model files are read by readers that are not ours: OR-Tools for MPS, CBC for both."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import numpy as np
import pytest
from ortools.linear_solver.python import model_builder

from bundleopt_data.errors import UsageError
from bundleopt_solvers.backends.backend import SolveStatus
from bundleopt_solvers.child import solve_model
from bundleopt_solvers.model_file import write_model
from bundleopt_solvers.segment_master import build_segment_master
from tests.solvers.random_models import INF, brute_force, model_of, random_model
from tests.solvers.small_campaigns import random_campaign


def by_or_tools(path):
    """Optimum of the negated objective in an MPS file, None where there is none."""
    model = model_builder.Model()
    assert model.import_from_mps_file(str(path))
    solver = model_builder.Solver("SCIP")
    status = solver.solve(model)
    return solver.objective_value if status == model_builder.SolveStatus.OPTIMAL else None


def by_cbc(path):
    """Optimum that the CBC program finds in a file, None where there is none."""
    from pulp.apis.coin_api import pulp_cbc_path

    solution = path.with_suffix(".solution")
    command = [pulp_cbc_path, str(path), "-solve", "-solution", str(solution)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "errors on input" not in text
    status = solution.read_text().splitlines()[0]
    return float(status.rpartition(" ")[2]) if status.startswith("Optimal") else None


def random_offset_model(rng):
    """Two-sided rows, free, fixed and negative bounds, an offset, whole and continuous numbers."""
    model = random_model(rng, continuous=True)
    lower = np.where(rng.random(model.variables) < 0.2, -1.0, model.lower)
    upper = np.where(rng.random(model.variables) < 0.1, lower, model.upper)
    return replace(model, lower=lower, upper=upper, offset=float(rng.integers(-9, 10)))


@pytest.mark.parametrize("ending", [".mps", ".lp"])
def test_other_readers_find_the_same_optimum(tmp_path, ending):
    rng, solved = np.random.default_rng(0), 0
    for number in range(40):
        model, path = random_offset_model(rng), tmp_path / f"m{number}{ending}"
        write_model(model, path)
        best = brute_force(model)
        readers = [by_or_tools, by_cbc] if ending == ".mps" else [by_cbc]
        for read in readers:
            found = read(path)
            if best == -INF:
                assert found is None, f"model {number}, {read.__name__}"
                continue
            assert found == pytest.approx(-best if ending == ".mps" else best, rel=1e-6, abs=1e-4)
            solved += 1
    assert solved > 20


def test_the_segment_problem_reads_back_with_its_names(tmp_path):
    master = build_segment_master(random_campaign(2, bundles=4, customers=6))
    expected = solve_model(master.model)
    assert expected.status is SolveStatus.OPTIMAL
    for ending, sign in ((".mps", -1), (".lp", 1)):
        path = tmp_path / f"menu{ending}"
        write_model(master.model, path)
        assert by_cbc(path) == pytest.approx(sign * expected.objective, rel=1e-6, abs=1e-6)
    model = model_builder.Model()
    model.import_from_mps_file(str(tmp_path / "menu.mps"))
    assert [variable.name for variable in model.get_variables()] == list(master.model.names)
    assert [row.name for row in model.get_linear_constraints()] == list(master.model.row_names)


def test_numbers_read_back_as_the_same_float(tmp_path):
    numbers = [0.1 + 0.2, 1 / 3, 1e-7, 123456789.123456789, 5e300]
    model = model_of(numbers, [(numbers, -INF, 2 / 3)])
    write_model(model, tmp_path / "m.mps")
    read = model_builder.Model()
    assert read.import_from_mps_file(str(tmp_path / "m.mps"))
    assert [-variable.objective_coefficient for variable in read.get_variables()] == numbers
    assert [row.upper_bound for row in read.get_linear_constraints()] == [2 / 3]


def test_hostile_names_become_readable_ones(tmp_path):
    model = model_of([1, 2], [([1, 1], -INF, 1)], names=("a b\nEND", "value"), row_names=("minus_value",))
    for ending in (".mps", ".lp"):
        write_model(model, tmp_path / f"m{ending}")
        assert abs(by_cbc(tmp_path / f"m{ending}")) == 2.0


def test_empty_models_and_free_rows_are_written(tmp_path):
    free = model_of([1, 0], [([1, 1], -INF, INF), ([0, 0], -INF, 4)], lower=[-INF, -2], upper=[3, INF], integer=[0, 0])
    for ending in (".mps", ".lp"):
        write_model(model_of([], []), tmp_path / f"empty{ending}")
        assert (tmp_path / f"empty{ending}").read_text()
        write_model(free, tmp_path / f"free{ending}")
        assert abs(by_cbc(tmp_path / f"free{ending}")) == 3.0


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"\.mps or \.lp, not to 'm.txt'"):
        write_model(model_of([1], []), tmp_path / "m.txt")
    assert not list(tmp_path.iterdir())
