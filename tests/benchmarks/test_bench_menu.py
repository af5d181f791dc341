"""The menu benchmark on an instance of a second: peers and engine agree, a broken-off run goes on, charts are XML."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.dom import minidom

import numpy as np
import pytest

from bundleopt_solvers.settings import EngineSettings

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def _benchmarks_on_the_path():
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path.remove(str(FOLDER))


@pytest.fixture(scope="module")
def problem():
    from menu_instances import MenuShape, reference_menu

    return reference_menu(MenuShape(bundles=12, segments=3, points=2, items=8, max_bundles=3, slots=2, seed=1))


def test_peers_and_engine_agree_on_a_small_instance(problem):
    from bench_menu import measure_ours
    from menu_peers import exported, run_peer

    ours = measure_ours(problem, [1.0, 20.0], EngineSettings(gap=1e-6, time_limit=20.0))[-1]
    program = exported(problem)
    highs = run_peer(program, "highs", 20.0, 1e-6)
    assert ours["value"] == pytest.approx(highs["value"], rel=1e-5)
    assert ours["bound"] == pytest.approx(highs["bound"], rel=1e-5)
    whole = run_peer(program, "cp_sat", 20.0, 1e-6)
    assert 0.8 * highs["value"] < whole["value"] <= highs["value"] * (1 + 1e-6)


def test_what_keeps_the_rounded_rows_keeps_the_exact_ones(problem):
    from menu_peers import SHARES, exported, whole_numbers

    program = exported(problem)
    rounded, rng = whole_numbers(program), np.random.default_rng(0)
    kept = 0
    for _ in range(300):
        menu = (rng.random(len(program.core.option)) < 0.1).astype(float)
        shares = rng.integers(0, SHARES + 1, program.model.variables - len(menu)) * menu[program.option]
        if rounded.violation(np.concatenate([menu, shares])):
            continue
        assert not program.model.violation(np.concatenate([menu, shares / SHARES]))
        kept += 1
    assert kept > 20


def test_segments_added_up_give_the_same_model():
    from menu_instances import by_segment

    from bundleopt_solvers.segment_model import build_segment_model
    from tests.solvers.test_menu_engine import campaign

    whole = campaign(2)
    first, second = build_segment_model(whole), build_segment_model(by_segment(whole))
    assert np.allclose(first.value, second.value, atol=1e-5)
    assert np.allclose(first.dense, second.dense, atol=1e-5)


def test_a_broken_off_run_goes_on_where_it_stopped(tmp_path, capsys):
    from bench_menu import Results

    first = Results(tmp_path / "deep" / "rows.jsonl", fresh=True)
    first.add({"instance": "reference", "bundles": 12, "solver": "highs", "time": 10.0})
    again = Results(first.path, fresh=False)
    assert again.has(bundles=12, solver="highs", time=10.0)
    assert not again.has(bundles=12, solver="scip")
    assert not Results(first.path, fresh=True).rows
    assert '"solver": "highs"' in capsys.readouterr().out


def test_tables_and_charts_tell_what_is_missing():
    from menu_report import gap_chart, gap_of, growth_chart, write_report

    row = {"instance": "reference", "bundles": 2000, "seconds": 10.0, "status": "feasible"}
    rows = [
        row | {"solver": "bundleopt", "time": 10.0, "value": 98.0, "bound": 100.0, "seconds_to_1_percent": None},
        row | {"solver": "cbc", "time": 10.0, "value": None, "bound": None},
    ]
    assert gap_of(rows[0]) == pytest.approx(0.02)
    assert gap_of(rows[1]) is None
    text = write_report(rows, [10.0], write=False, root=FOLDER)
    assert "| 2000 | bundleopt | 10 | 98 | 100 | 2.00% | 10.0 |" in text
    assert "| 2000 | CBC | 10 | none | none |  | 10.0 |" in text
    for chart in (gap_chart(rows), growth_chart(rows, 10.0)):
        assert minidom.parseString(chart).documentElement.tagName == "svg"  # noqa: S318 - our own text
        assert "SCIP: none" in chart
