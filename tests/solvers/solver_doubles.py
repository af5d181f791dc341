"""Backends that go wrong on purpose, each in one way; loaded by name in a solver child, and in the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np

from bundleopt_solvers.backends.backend import Answer, SolveRequest, SolveStatus
from bundleopt_solvers.backends.table import BACKENDS as REAL
from bundleopt_solvers.linear_model import LinearModel


@dataclass(frozen=True)
class Double:
    """A backend whose `solve` does what its name says."""

    name: str
    family: str = "double"

    def missing(self) -> str:
        if self.name == "breaks_on_import":
            os.kill(os.getpid(), signal.SIGSEGV)
        return "it never was" if self.name == "absent" else ""

    def refuses(self, model: LinearModel) -> str:
        return "it is in a mood" if self.name == "refuses" else ""

    def solve(self, model: LinearModel, request: SolveRequest) -> Answer:
        return WAYS[self.name](model, request)


def _honest(model, request):
    return REAL["highs"].solve(model, request)


def _kill(number):
    return lambda model, request: os.kill(os.getpid(), number)


def _raises(model, request):
    raise RuntimeError("licence server on fire")


def _hangs(model, request):
    time.sleep(3600)


def _publishes_then_hangs(model, request):
    request.publish(_honest(model, request).values)
    time.sleep(3600)


def _publishes_then_crashes(model, request):
    request.publish(_honest(model, request).values)
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGSEGV)


def _starts_a_child_and_hangs(model, request):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    time.sleep(3600)


def _answer(model, request, **changes):
    found = _honest(model, request)
    fields = {"status": found.status, "values": found.values, "claimed": found.claimed, "bound": found.bound}
    return Answer(**{**fields, **changes})


def _wrong_objective(model, request):
    found = _honest(model, request)
    return _answer(model, request, claimed=found.claimed * 1.01 + 1, bound=found.bound * 1.01 + 1)


def _breaks_a_row(model, request):
    return Answer(SolveStatus.OPTIMAL, model.upper.copy(), model.objective_of(model.upper), 1e9)


def _nan(model, request):
    return _answer(model, request, values=np.full(model.variables, np.nan))


def _fraction(model, request):
    return _answer(model, request, values=np.full(model.variables, 1 / 3), claimed=np.nan)


def _low_bound(model, request):
    found = _honest(model, request)
    return _answer(model, request, bound=found.claimed - 1)


def _false_optimum(model, request):
    value = model.objective_of(model.lower)
    return Answer(SolveStatus.OPTIMAL, model.lower.copy(), value, value)


def _short(model, request):
    return _answer(model, request, values=np.zeros(model.variables + 1))


def _hungry(model, request):
    ballast = np.ones(2**28)  # two GiB, touched
    return _answer(model, request, claimed=np.nan, message=str(ballast[0]))


def _prints(model, request):
    sys.stdout.write("a banner on standard output\n")
    os.write(1, b"and another, past python\n")
    return _answer(model, request)


def _garbage(model, request):
    return _answer(model, request, values=np.array(["a"] * model.variables, dtype=object))


WAYS = {
    "honest": _honest,
    "segfaults": _kill(signal.SIGSEGV),
    "aborts": _kill(signal.SIGABRT),
    "is_killed": _kill(signal.SIGKILL),
    "raises": _raises,
    "hangs": _hangs,
    "publishes_then_hangs": _publishes_then_hangs,
    "publishes_then_crashes": _publishes_then_crashes,
    "starts_a_child_and_hangs": _starts_a_child_and_hangs,
    "wrong_objective": _wrong_objective,
    "breaks_a_row": _breaks_a_row,
    "nan": _nan,
    "fraction": _fraction,
    "low_bound": _low_bound,
    "false_optimum": _false_optimum,
    "short": _short,
    "false_infeasible": lambda model, request: Answer(SolveStatus.INFEASIBLE),
    "claims_nothing": lambda model, request: Answer(SolveStatus.OPTIMAL, None),
    "gives_up": lambda model, request: Answer(SolveStatus.UNKNOWN, message="no idea"),
    "hungry": _hungry,
    "prints": _prints,
    "garbage": _garbage,
    "absent": _honest,
    "refuses": _honest,
    "breaks_on_import": _honest,
}
CRASHING = ("segfaults", "aborts", "is_killed", "raises", "garbage")
WRONG_VALUES = ("wrong_objective", "breaks_a_row", "nan", "fraction", "short")
LYING = (*WRONG_VALUES, "low_bound", "false_infeasible", "claims_nothing")
BACKENDS = {name: Double(name) for name in WAYS} | {name: REAL[name] for name in ("highs", "scip", "glop")}
