"""Solvers on the exported segment model, each in a child process with one thread, for the menu benchmark.

All are given the same model with the capacity rows (`link`) that tighten it. CP-SAT takes whole numbers only: it gets
exposures in twentieths and rows rounded to whole numbers on the safe side, its plan is
valued by the exact model, and its bound is that of the rounded one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bundleopt_solvers.backends.backend import Effort
from bundleopt_solvers.backends.result import check_answer
from bundleopt_solvers.backends.table import BACKENDS
from bundleopt_solvers.linear_model import LinearModel
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.segment_model import build_segment_model
from bundleopt_solvers.segment_program import SegmentProgram, build_program
from bundleopt_solvers.worker_pool import WorkerPool

PEERS = ("highs", "scip", "cbc", "cp_sat")
SHARES = 20  # steps of an exposure for CP-SAT
SAFE = 2**30


def exported(problem: CampaignProblem) -> SegmentProgram:
    """The whole segment model: every option, every row, no cuts."""
    return build_program(build_segment_model(problem))


def run_peer(program: SegmentProgram, solver: str, seconds: float, gap: float) -> dict[str, float | str | None]:
    """Value and bound in money after at most `seconds`, None where there is none."""
    model = whole_numbers(program) if solver == "cp_sat" else program.model
    pool = WorkerPool(BACKENDS)
    try:
        outcome = pool.run(solver, model, Effort(time_limit=seconds, gap=gap))
    finally:
        pool.close()
    result = check_answer(model, outcome.answer, solver=solver, seconds=outcome.seconds, gap=gap)
    value, bound = None, result.bound / program.money_scale if np.isfinite(result.bound) else None
    if result.values is not None:
        values = result.values
        if solver == "cp_sat":
            values = np.where(program.model.integer, values, values / SHARES)
        value = program.model.objective_of(values) / program.money_scale
    if solver == "cp_sat" and bound is not None:
        bound = result.bound / _money(program) / program.money_scale
    return {"value": value, "bound": bound, "seconds": round(outcome.seconds, 1), "status": result.status.value}


def _money(program: SegmentProgram) -> float:
    """Whole units of the objective for one of the program's."""
    reach = np.abs(program.model.objective).sum()
    return float(SAFE / SHARES / max(reach, 1.0))


def whole_numbers(program: SegmentProgram) -> LinearModel:
    """The model in whole numbers: exposures in steps, rows rounded to the safe side."""
    model = program.model
    count = int(model.integer.sum())
    unit = np.where(np.arange(model.variables) < count, float(SHARES), 1.0)
    reach = np.bincount(model.row_of, np.abs(model.coefficients) * SHARES, minlength=model.rows)
    scale = np.minimum(SAFE / np.maximum(reach + np.diff(model.indptr) * SHARES, 1.0), 1e4)
    rows = model.row_of
    whole = np.abs(model.coefficients - np.round(model.coefficients)) < 1e-12
    unscaled = np.bincount(rows, ~whole, minlength=model.rows) == 0
    scale = np.where(unscaled, 1.0, scale)
    numbers = model.coefficients * scale[rows] * unit[model.indices]
    upper_only = np.isinf(model.row_lower)
    numbers = np.where(
        unscaled[rows], np.round(numbers), np.where(upper_only[rows], np.ceil(numbers), np.floor(numbers))
    )
    money = np.round(model.objective * unit * _money(program))
    return replace(
        model,
        objective=money,
        upper=np.where(np.arange(model.variables) < count, 1.0, float(SHARES)),
        integer=np.ones(model.variables, np.bool_),
        coefficients=numbers,
        row_lower=np.where(upper_only, -np.inf, np.ceil(model.row_lower * scale * SHARES)),
        row_upper=np.where(np.isinf(model.row_upper), np.inf, np.floor(model.row_upper * scale * SHARES)),
    )
