"""Neighbourhoods of the best menu solved as mixed-integer models: some of its bundles stay, the others are free.

The first one keeps what the best menu and the linear relaxation agree on (relaxation-induced neighbourhood search:
Danna, Rothberg, Le Pape 2005, doi:10.1007/s10107-004-0518-7); the next ones free bundles drawn from a seeded generator,
those the relaxation doubts more often. What they find is only a menu; their bounds are not used. A model ends by nodes
or by its gap; where the clock ends it, its menu is dropped, so that a search can be replayed by its work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.backends.backend import Effort, SolveStatus
from bundleopt_solvers.child import solve_with_effort
from bundleopt_solvers.segment_model import Indices, Reals
from bundleopt_solvers.segment_program import SegmentProgram, build_program
from bundleopt_solvers.segment_relaxed import menu_positions
from bundleopt_solvers.segment_state import SegmentState

WORK = 10  # linear models that one neighbourhood counts as
NODES, GAP = 20, 1e-3
MOST = 100  # options of a model
FIRST_FREE, LEAST_FREE = 10, 4  # bundles of the best menu that are free
AGREED = 0.5  # share of the relaxation from which a bundle of the best menu stays
DOUBT = 0.1  # chance of a bundle that the relaxation is sure of, beside one it leaves out


@dataclass(frozen=True, eq=False)
class Fractional:
    """A relaxed menu: `option` indices of the problem, ascending, with their shares > 0, and `score` of all options.

    `score` is aligned with all options of the segment model.
    """

    option: Indices
    share: Reals
    score: Reals


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """One model to solve: `option` are its options (indices of the problem)."""

    option: Indices
    program: SegmentProgram
    effort: Effort
    solver: str

    def menu(self, stopped: Callable[[], bool]) -> Indices | None:
        """The menu found, None where there is none or the clock ended it; touches nothing of the search.

        Raises:
            SolverCrashError: no solver for whole numbers works.
        """
        found = solve_with_effort(self.program.model, self.effort, solver=self.solver, stopped=stopped)
        ended = found.status is SolveStatus.OPTIMAL or "NODE" in found.message
        if found.values is None or not ended:
            return None
        share, _ = self.program.shares(found.values)
        return self.option[share > 0.5]


@dataclass(eq=False)
class Neighbourhoods:
    """The sequence of neighbourhoods of one search; `free` is how many bundles are free, told by what came of it."""

    seed: int
    free: int = FIRST_FREE
    count: int = 0
    _generator: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        """Seed the generator."""
        self._generator = np.random.default_rng(self.seed)

    def next(self, state: SegmentState, relaxed: Fractional) -> Neighbourhood | None:
        """The next model around the best menu; None where there is no menu or no solver that counts its nodes."""
        best, model = state.best, state.model
        if best is None or not len(best.option) or state.settings.solver not in ("auto", "highs", "scip"):
            return None
        known, support = menu_positions(model, best.option), menu_positions(model, relaxed.option)
        share = relaxed.share[np.isin(relaxed.option, model.option)]
        stay = self._staying(model.bundle[known], model.bundle[support], share)
        sure = np.union1d(support, known)
        ranked = np.argsort(-relaxed.score[state.kept], kind="stable")
        at = np.union1d(sure, np.setdiff1d(ranked[:MOST], sure)[: max(MOST - len(sure), 0)]).astype(np.int64)
        if self.count:  # bundles that stay keep their price
            at = at[~np.isin(model.bundle[at], list(stay)) | np.isin(at, known)]
        self.count += 1
        program = build_program(model.take(at), state.cuts, on=stay, columns=state.columns_at(at))
        effort = Effort(time_limit=max(state.left, 1.0), gap=GAP, work=NODES, seed=state.settings.seed)
        return Neighbourhood(model.option[at], program, effort, state.settings.solver)

    def tell(self, *, gained: bool, menu: Indices | None) -> None:
        """Free more bundles where a model was settled in vain, fewer where it was not settled."""
        if menu is None:
            self.free = max(LEAST_FREE, self.free - 2)
        elif not gained:
            self.free += 1

    def _staying(self, known: Indices, support: Indices, share: Reals) -> frozenset[int]:
        """Bundles of the best menu that stay on it."""
        shares = dict.fromkeys(known.tolist(), 0.0)
        for bundle, part in zip(support.tolist(), share.tolist(), strict=True):
            if bundle in shares:
                shares[bundle] += part
        if not self.count:
            return frozenset(bundle for bundle, part in shares.items() if part > AGREED)
        bundles = np.array(sorted(shares))
        if self.free >= len(bundles):
            return frozenset()
        weight = 1.0 + DOUBT - np.clip([shares[b] for b in bundles.tolist()], 0.0, 1.0)
        return frozenset(bundles.tolist()) - self._drawn(bundles, weight)

    def _drawn(self, bundles: Indices, weight: npt.NDArray[np.float64]) -> frozenset[int]:
        drawn = self._generator.choice(bundles, self.free, replace=False, p=weight / weight.sum())
        return frozenset(int(bundle) for bundle in drawn)
