"""The table of backends, and which of them to try in which order."""

from __future__ import annotations

from collections.abc import Mapping

from bundleopt_solvers.backends.backend import Backend
from bundleopt_solvers.backends.cp_sat import CpSatBackend
from bundleopt_solvers.backends.mathopt import MathOptBackend
from bundleopt_solvers.backends.pulp_solvers import PulpBackend
from bundleopt_solvers.linear_model import LinearModel

_ALL: tuple[Backend, ...] = (
    MathOptBackend("highs", "HIGHS"),
    MathOptBackend("scip", "GSCIP"),
    MathOptBackend("glop", "GLOP", linear=True),
    MathOptBackend("pdlp", "PDLP", linear=True),
    CpSatBackend(),
    # no `threads`: with threads 1 CBC starts its thread pool and now and then idles until its time limit
    PulpBackend("cbc", "PULP_CBC_CMD", work_option="maxNodes", has_start=True),
    PulpBackend("pulp_highs", "HiGHS", options={"threads": 1}),
    PulpBackend("gurobi", "GUROBI_CMD", has_start=True, options={"threads": 1}),
    PulpBackend("cplex", "CPLEX_CMD", work_option="maxNodes", has_start=True, options={"threads": 1}),
    PulpBackend("xpress", "XPRESS"),
    PulpBackend("copt", "COPT"),
)
BACKENDS: Mapping[str, Backend] = {backend.name: backend for backend in _ALL}

# Largest model, in coefficients, that simplex solves faster than the first-order method.
SIMPLEX_COEFFICIENTS = 3_000_000


def ladder(model: LinearModel, solver: str = "auto") -> tuple[str, ...]:
    """Names of the backends to try, best first; a named `solver` comes first and the others stand behind it.

    Linear models: GLOP, or PDLP where the model is large. Whole numbers: HiGHS, then SCIP, then CBC in a family of its
    own, then CP-SAT, which refuses most models with money in their rows.
    """
    if model.is_continuous:
        linear = ("glop", "pdlp", "highs", "cbc")
        order = ("pdlp", "glop", "highs") if len(model.coefficients) > SIMPLEX_COEFFICIENTS else linear
    else:
        order = ("highs", "scip", "cbc", "cp_sat")
    return order if solver == "auto" else (solver, *(name for name in order if name != solver))
