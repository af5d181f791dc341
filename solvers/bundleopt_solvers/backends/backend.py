"""What a solver backend is: three questions, the same for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.linear_model import LinearModel, Reals

# Where a simplex ended: (V + R,) one of these letters for every variable, then for every row.
Basis = npt.NDArray[np.uint8]
BASIS_WORDS = {"FREE": 0, "AT_LOWER_BOUND": 1, "AT_UPPER_BOUND": 2, "FIXED_VALUE": 3, "BASIC": 4}
AT_LOWER, BASIC = BASIS_WORDS["AT_LOWER_BOUND"], BASIS_WORDS["BASIC"]


class SolveStatus(Enum):
    """How a solve ended, the same words for every solver."""

    OPTIMAL = "optimal"  # the values are within the asked gap of the bound
    FEASIBLE = "feasible"  # stopped early; the values are the best found, the bound holds
    INFEASIBLE = "infeasible"  # no values keep all rows
    UNBOUNDED = "unbounded"  # the objective has no limit: a mistake in the model
    UNKNOWN = "unknown"  # stopped with no values; the bound, if finite, holds
    REFUSED = "refused"  # this solver must not be given this model; the message says why
    MISSING = "missing"  # this solver is not installed
    CRASHED = "crashed"  # the solver's process died or raised
    HUNG = "hung"  # the solver overstepped its limit and was killed
    LIED = "lied"  # the answer contradicts itself or the model


ENDED = frozenset({SolveStatus.OPTIMAL, SolveStatus.FEASIBLE, SolveStatus.INFEASIBLE, SolveStatus.UNBOUNDED})
FAILED = frozenset({SolveStatus.CRASHED, SolveStatus.HUNG, SolveStatus.LIED})


@dataclass(frozen=True)
class Effort:
    """How much a solve may cost.

    Attributes:
        time_limit: seconds of wall clock.
        gap: relative gap at which the solver may stop.
        work: deterministic limit, None for none: nodes for the tree solvers, iterations for the linear ones,
            thousandths of its deterministic second for CP-SAT. A solve that ends by work is the same every time.
        memory_bytes: memory a solve may add to its process, None for no limit.
        seed: random seed of the solver.
    """

    time_limit: float = 60.0
    gap: float = 1e-6
    work: int | None = None
    memory_bytes: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse limits that mean nothing."""
        if not self.time_limit > 0 or not self.gap >= 0:
            raise ValueError(f"time_limit must be > 0 and gap >= 0, not {self.time_limit!r} and {self.gap!r}")
        if (self.work is not None and self.work < 1) or (self.memory_bytes is not None and self.memory_bytes < 1):
            raise ValueError("work and memory_bytes must be at least 1 where they are given")


@dataclass(frozen=True, eq=False)
class Answer:
    """What a solver says, before anybody checked it.

    Attributes:
        status: in our words. values: (V,) or None. claimed: the solver's own objective value, NaN where it has none.
        bound: the solver's upper bound on the objective, offset included; inf where it has none.
        row_duals: (R,) prices of the rows, linear models only. message: the solver's own words.
        basis: where a simplex ended, None where the solver doesn't say.
    """

    status: SolveStatus
    values: Reals | None = None
    claimed: float = np.nan
    bound: float = np.inf
    row_duals: Reals | None = None
    message: str = ""
    basis: Basis | None = None


Publish = Callable[[Reals], None]


@dataclass(frozen=True, eq=False)
class SolveRequest:
    """One solve: when to stop, a place to publish better values to, and where to begin.

    `start`: (V,) values. `basis`: of a linear model like this one; it saves or costs steps, never the answer.
    """

    effort: Effort
    publish: Publish
    start: Reals | None = None
    basis: Basis | None = None


class Backend(Protocol):
    """How to talk to one solver. Instances hold no live solver and are cheap."""

    @property
    def name(self) -> str:
        """What users call it."""

    @property
    def family(self) -> str:
        """Which libraries share its process; one child process serves one family."""

    def missing(self) -> str:
        """Say why this solver cannot be used on this machine, or ""; may import the solver's library."""

    def refuses(self, model: LinearModel) -> str:
        """Say why this solver must not be given `model`, or ""; imports nothing."""

    def solve(self, model: LinearModel, request: SolveRequest) -> Answer:
        """Solve `model`; runs in a child process and may crash it."""
