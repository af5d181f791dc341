"""Good assortments fast: many starts climb side by side, then the best are perturbed and climb again.

A step is the best add or delete; where none helps, the best exchange. Ends in an assortment that no add, delete or
exchange improves. Iterated local search (Lourenco, Martin & Stutzle 2003, doi:10.1007/0-306-48056-5_11) repeats it from
perturbed copies. Everything is drawn from one seeded generator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from bundleopt_solvers.assortment.moves import Moves, as_rows
from bundleopt_solvers.assortment.problem import AssortmentProblem, Flags, Indices
from bundleopt_solvers.assortment.rules import keeps_rules
from bundleopt_solvers.assortment.settings import AssortmentSettings

# A step must gain more than rounding: else two equal assortments would be exchanged for ever.
LEAST_GAIN = 1e-12
ELITES = 6
IDLE_KICKS = 8  # rounds of kicks without a better assortment after which the search ends


@dataclass(frozen=True, eq=False)
class Found:
    """The best assortment (I,), its money, and how many assortments were valued."""

    listed: Flags
    money: float
    work: int


def search(
    problem: AssortmentProblem,
    base: Flags,
    settings: AssortmentSettings,
    *,
    is_over: Callable[[], bool] = lambda: False,
) -> Found:
    """Climb from many starts around `base` (I,), which keeps the rules, then perturb the best until `is_over`."""
    moves, rng = Moves(problem), np.random.default_rng(settings.seed)
    listed = torch.from_numpy(_starts(problem, base, settings.starts, rng))
    listed, work = climb(moves, listed, is_over)
    worth = moves.money(listed)
    best_so_far, idle = float(worth.max()), 0
    for _ in range(settings.kicks):
        if is_over() or idle == IDLE_KICKS:
            break
        elite = _best_distinct(listed, worth)
        listed, worth = listed[elite], worth[elite]
        kicked, more = climb(moves, _kicked(moves, listed, rng), is_over)
        listed, worth = torch.cat([listed, kicked]), torch.cat([worth, moves.money(kicked)])
        work += more
        gained = float(worth.max()) > best_so_far
        best_so_far, idle = max(best_so_far, float(worth.max())), 0 if gained else idle + 1
    best = _best_distinct(listed, worth)[0]
    return Found(as_rows(listed[best]), float(worth[best]), work)


def climb(moves: Moves, listed: torch.Tensor, is_over: Callable[[], bool]) -> tuple[torch.Tensor, int]:
    """Improve assortments (B, I) until no step does; returns them and how many neighbours were valued."""
    listed, active, work = listed.clone(), torch.arange(len(listed)), 0
    while len(active) and not is_over():
        here = listed[active]
        worth = moves.money(here)
        best, item = moves.flips(here).max(1)
        work += here.numel()
        better = best > worth + LEAST_GAIN * worth.abs().clamp(min=1e-9)
        listed[active[better], item[better]] ^= True
        moved = better.clone()
        for row in torch.nonzero(~better).ravel().tolist():
            gain, out, into = moves.best_exchange(here[row])
            work += int(here[row].sum()) * int((~here[row]).sum())
            if gain > float(worth[row]) + LEAST_GAIN * max(abs(float(worth[row])), 1e-9):
                listed[active[row], out], listed[active[row], into] = False, True
                moved[row] = True
        active = active[moved]
    return listed, work


def _starts(problem: AssortmentProblem, base: Flags, count: int, rng: np.random.Generator) -> Flags:
    """(B, I) the best prefix of each of `count` orders of the items, joined with `base`."""
    orders = _orders(problem, count, rng)
    found = [base]
    for order in orders:
        rank = np.empty(problem.items, np.int64)
        rank[order] = np.arange(problem.items)
        prefixes = (rank < np.arange(1, problem.items + 1)[:, None]) | base
        prefixes[:, list(problem.rules.drop)] = False
        prefixes = prefixes[keeps_rules(problem, prefixes)]
        if len(prefixes):
            worth = Moves(problem).money(torch.from_numpy(prefixes)).numpy()
            found.append(prefixes[int(worth.argmax())])
    return np.unique(np.stack(found), axis=0)


def _orders(problem: AssortmentProblem, count: int, rng: np.random.Generator) -> list[Indices]:
    """Orders of the items: by value, by money alone, by what segments like, and noisy mixtures of these."""
    liking = problem.occasions @ problem.ratio
    earning = problem.value * liking
    segment = (problem.ratio * problem.value)[np.argsort(-problem.occasions, kind="stable")]
    scores = [problem.value, earning, *segment[: max(0, count // 3)]]
    while len(scores) < count:
        weight = rng.dirichlet(np.ones(len(problem.segment_ids)))
        noise = rng.gumbel(size=problem.items) * rng.choice([0.0, 0.3, 1.0])
        scale = np.maximum(weight @ problem.ratio, 1e-300)
        scores.append(problem.value * np.exp(rng.choice([0.0, 0.5, 1.0]) * np.log(scale) + noise))
    return [np.argsort(-score, kind="stable") for score in scores[:count]]


def _best_distinct(listed: torch.Tensor, worth: torch.Tensor) -> list[int]:
    """Rows of the best distinct assortments, at most ELITES, best first."""
    order = torch.argsort(worth, descending=True, stable=True).tolist()
    seen: set[bytes] = set()
    kept = []
    for row in order:
        key = listed[row].numpy().tobytes()
        if key not in seen:
            seen.add(key)
            kept.append(row)
        if len(kept) == ELITES:
            break
    return kept


def _kicked(moves: Moves, listed: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Copies of `listed` with a few random steps that keep the rules."""
    kicked = listed.clone()
    free = torch.nonzero(~moves.fixed).ravel().numpy()
    for row in range(len(kicked) if len(free) else 0):
        for _ in range(int(rng.integers(2, 3 + max(2, len(free) // 8)))):
            near = kicked[row].clone()
            near[rng.choice(free, size=min(len(free), int(rng.integers(1, 3))), replace=False)] ^= True
            if bool(moves.keeps(near[None])[0]):
                kicked[row] = near
    return kicked
