"""Options that exclude each other pair by pair without one item in common, for a tighter bound.

Of three items a, b, c, options with a and b, with b and c, and with a and c exclude each other: a customer gets one of
them. The groups of single items don't say so: half of each keeps all three of them, and is worth half as much again.
So a group is added for triples of exclusion groups: all options that belong to two of the three. Any two of these
share a group, so at most one is offered, as in every other group; the proof of the bound stays the same.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.groups import option_groups
from bundleopt_solvers.problem import CampaignProblem

Triple = tuple[int, int, int]
MOST_CLIQUES = 200
MOST_PER_OPTION = 3  # every further one is a pass over all cells


def bound_groups(problem: CampaignProblem) -> tuple[npt.NDArray[np.int64], int]:
    """(O, G) group codes of each option, padded with the number of groups, and that number.

    The groups of `option_groups` come first and keep their codes, then the cliques.
    """
    codes, count = option_groups(problem)
    cliques = exclusion_cliques(problem)
    if not cliques:
        return codes, count
    more = np.full((len(codes), MOST_PER_OPTION), count + len(cliques), np.int64)
    held = np.zeros(len(codes), np.int64)
    for code, options in enumerate(cliques, start=count):
        more[options, held[options]] = code
        held[options] += 1
    first = np.where(codes == count, count + len(cliques), codes)
    return np.concatenate([first, more[:, : int(held.max())]], axis=1), count + len(cliques)


def exclusion_cliques(problem: CampaignProblem) -> list[npt.NDArray[np.int64]]:
    """Options of each clique, ascending, the most valuable cliques first."""
    codes, count = option_groups(problem)
    if problem.rules.slots < 2:
        return []  # one offer excludes every other already
    members = [frozenset(row[row < count].tolist()) for row in codes]
    worth = np.maximum(problem.value[: problem.customers], 0.0).sum(0, dtype=np.float64)
    triples = _triples(members, problem.options.bundle, worth)
    held = np.zeros(len(codes), np.int64)
    cliques: list[npt.NDArray[np.int64]] = []
    for triple in triples[:MOST_CLIQUES]:
        inside = _inside(codes, triple)
        inside = inside[held[inside] < MOST_PER_OPTION]
        if len(np.unique(problem.options.bundle[inside])) > 2:
            cliques.append(inside)
            held[inside] += 1
    return cliques


def _inside(codes: npt.NDArray[np.int64], triple: Triple) -> npt.NDArray[np.int64]:
    return np.flatnonzero(sum((codes == code).any(1).astype(np.int64) for code in triple) >= 2)


def _triples(
    members: list[frozenset[int]], bundle: npt.NDArray[np.integer], worth: npt.NDArray[np.float64]
) -> list[Triple]:
    """Triples of groups of which every two have an option outside the third, by the least of their best worths."""
    best: dict[frozenset[int], dict[frozenset[int], float]] = {}
    for option in np.unique(bundle, return_index=True)[1].tolist():
        groups = members[option]
        gain = float(worth[bundle == bundle[option]].max())
        for pair in map(frozenset, combinations(sorted(groups), 2)):
            known = best.setdefault(pair, {})
            known[groups] = max(gain, known.get(groups, 0.0))
    near: dict[int, set[int]] = {}
    for low, high in map(sorted, best):
        near.setdefault(low, set()).add(high)
        near.setdefault(high, set()).add(low)
    found: list[tuple[float, Triple]] = []
    for low, high in sorted(tuple(sorted(pair)) for pair in best):
        for third in sorted(near[low] & near[high]):
            if third > high:
                triple = (low, high, third)
                gain = min(_outside(best, pair, frozenset(triple)) for pair in combinations(triple, 2))
                if gain > 0:
                    found.append((-gain, triple))
    return [triple for _, triple in sorted(found)]


def _outside(
    best: dict[frozenset[int], dict[frozenset[int], float]], pair: tuple[int, int], triple: frozenset[int]
) -> float:
    """Best worth of an option with both groups of the pair and not the third."""
    known = best[frozenset(pair)]
    return max((gain for groups, gain in known.items() if not triple <= groups), default=0.0)
