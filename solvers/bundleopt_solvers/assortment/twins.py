"""Items that only differ in what they earn: of such twins the ones that earn more come first.

**Dominance.** Let items j and k have the same preference weights in every segment, the same space, the same stock and
the same coverage groups, neither kept nor dropped, and let j earn at least as much per sale. An assortment with k and
without j can list j instead of k: all denominators, all other sales and all rules stay, and its money does not fall.
So some best assortment lists the first n_c items of every class c of twins, ordered by value, and is described by its
counts alone. Where the counts are few, all of them are valued, and the best is proven.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bundleopt_solvers.assortment.problem import AssortmentProblem, Flags, Indices
from bundleopt_solvers.assortment.revenue import money
from bundleopt_solvers.assortment.rules import keeps_rules

_CELLS_AT_ONCE = 4_000_000


@dataclass(frozen=True, eq=False)
class Twins:
    """Classes of items that differ in value alone.

    Attributes:
        code: (I,) class of each item, 0 to C - 1. rank: (I,) place within its class, the most valuable is 0.
        least, most: (C,) fewest and most items of the class that may be listed (kept and dropped items).
    """

    code: Indices
    rank: Indices
    least: Indices
    most: Indices

    @property
    def assortments(self) -> float:
        """How many counts there are; a float, because it overflows."""
        return float(np.prod((self.most - self.least + 1).astype(np.float64)))


def find_twins(problem: AssortmentProblem) -> Twins:
    """Group the items; a kept or dropped item is a class of its own."""
    rules = problem.rules
    fixed = np.zeros(problem.items)
    fixed[list(rules.keep)] = 1 + np.arange(len(rules.keep))
    fixed[list(rules.drop)] = -1
    columns = [problem.weight, problem.stock[None], fixed[None]]
    if rules.max_space is not None and rules.space is not None:
        columns.append(rules.space[None])
    columns += [group.members[None].astype(np.float64) for group in rules.coverage]
    _, code = np.unique(np.concatenate(columns).T, axis=0, return_inverse=True)
    code = code.ravel()
    order = np.lexsort((np.arange(problem.items), -problem.value, code))
    start = np.searchsorted(code[order], np.arange(code.max(initial=-1) + 1))
    rank = np.empty(problem.items, np.int64)
    rank[order] = np.arange(problem.items) - start[code[order]]
    size = np.bincount(code, minlength=len(start))
    least, most = np.zeros(len(start), np.int64), size.astype(np.int64)
    least[code[list(rules.keep)]] = 1
    most[code[list(rules.drop)]] = 0
    return Twins(code, rank, least, most)


def best_of_all(problem: AssortmentProblem, twins: Twins) -> tuple[Flags, float, int] | None:
    """Value every count of `twins` that keeps the rules.

    Returns:
        The best assortment (I,), its money, and how many were valued; None where no count keeps the rules. Ties go to
        fewer items, then to the first count in lexicographic order.
    """
    sizes = twins.most - twins.least + 1
    stride = np.append(np.cumprod(sizes[:0:-1])[::-1], 1)
    total = int(twins.assortments)
    step = max(1, _CELLS_AT_ONCE // max(1, problem.items))
    best: tuple[float, int, Flags] | None = None
    for begin in range(0, total, step):
        number = np.arange(begin, min(total, begin + step))
        counts = number[:, None] // stride % sizes + twins.least
        listed = twins.rank < counts[:, twins.code]
        listed = listed[keeps_rules(problem, listed)]
        if len(listed):
            worth = money(problem, listed)
            at = int(np.lexsort((listed.sum(1), -worth))[0])
            found = (float(worth[at]), -int(listed[at].sum()), listed[at])
            if best is None or found[:2] > best[:2]:
                best = found
    return None if best is None else (best[2], best[0], total)


def precedence(twins: Twins) -> list[tuple[int, int]]:
    """Pairs (j, k) of neighbours in a class: x_j >= x_k loses no best value."""
    order = np.lexsort((twins.rank, twins.code))
    same = twins.code[order[1:]] == twins.code[order[:-1]]
    return [(int(j), int(k)) for j, k in zip(order[:-1][same], order[1:][same], strict=True)]
