"""The best offers of every customer from a small menu: exact enumeration of compatible sets, batched over customers.

Letters: `U` customers, `M` options on the menu.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import torch

Floats64 = npt.NDArray[np.float64]
FIRST_WIDTH = 8  # options of a customer that are combined at first; enough for all but a few customers
BATCH = 400_000  # sets evaluated at once
MOST_SETS = 20_000  # beyond so many sets of one customer the answer is a bound, no longer exact


@dataclass(frozen=True)
class BestSets:
    """Per customer the best compatible set found and a bound on the best.

    Attributes:
        shown: (M, U) bool, the set. value: (U,) its value. bound: (U,) no compatible set is worth more.
    """

    shown: npt.NDArray[np.bool_]
    value: Floats64
    bound: Floats64


def _set_count(width: int, slots: int) -> int:
    total, term = 0, 1
    for size in range(1, min(width, slots) + 1):
        term = term * (width - size + 1) // size
        total += term
    return total


def _sets(width: int, slots: int) -> npt.NDArray[np.int64]:
    """All sets of 1 to `slots` of `width` places, (sets, slots), padded with `width`; smaller sets first."""
    rows = [
        [*members, *([width] * (slots - size))]
        for size in range(1, min(slots, width) + 1)
        for members in combinations(range(width), size)
    ]
    return np.array(rows, dtype=np.int64).reshape(len(rows), slots)


def _enumerate(
    worth: Floats64, clash: npt.NDArray[np.bool_], rank: npt.NDArray[np.int64], slots: int
) -> tuple[npt.NDArray[np.int64], Floats64]:
    """Best set among the columns of `worth` (n, W), descending: (n, slots) columns, -1 padded, and the value."""
    count, width = worth.shape
    sets = _sets(width, slots)
    padded = np.concatenate([worth, np.zeros((count, 1))], axis=1)
    apart = np.ones((count, width + 1, width + 1), dtype=bool)  # the empty place goes with everything
    apart[:, :width, :width] = ~clash[rank[:, :, None], rank[:, None, :]]
    pick = np.empty((count, slots), dtype=np.int64)
    best = np.empty(count)
    chunk = max(1, BATCH // max(len(sets), 1))
    for start in range(0, count, chunk):
        here = slice(start, min(start + chunk, count))
        total = padded[here][:, sets[:, 0]]
        for slot in range(1, slots):
            total += padded[here][:, sets[:, slot]]
        for left, right in combinations(range(slots), 2):
            total[~apart[here][:, sets[:, left], sets[:, right]]] = -1.0
        chosen = total.argmax(1)
        best[here] = total[np.arange(len(chosen)), chosen]
        pick[here] = sets[chosen]
    pick[(pick == width) | (best <= 0)[:, None]] = -1
    return pick, np.maximum(best, 0.0)


def _take_the_top(
    worth: Floats64, clash: npt.NDArray[np.bool_], slots: int, out: tuple[npt.NDArray[np.bool_], Floats64, Floats64]
) -> npt.NDArray[np.int64]:
    """Settle all customers whose dearest offers don't clash; returns the others."""
    shown, value, bound = out
    count = min(slots, len(worth))
    top = torch.topk(torch.from_numpy(worth.T.copy()), count, dim=1)
    amount, rank = top.values.numpy(), top.indices.numpy()
    plus = amount > 0
    fine = np.ones(len(rank), dtype=bool)
    for left, right in combinations(range(count), 2):
        fine &= ~(plus[:, right] & clash[rank[:, left], rank[:, right]])
    who, slot = np.nonzero(plus & fine[:, None])
    shown[rank[who, slot], who] = True
    value[fine] = bound[fine] = np.where(plus, amount, 0.0).sum(1)[fine]
    return np.flatnonzero(~fine)


def best_sets(worth: Floats64, clash: npt.NDArray[np.bool_], slots: int) -> BestSets:
    """Find each customer's best set of at most `slots` options without a clash.

    Args:
        worth: (M, U) value of each offer; what is not above 0 is never shown.
        clash: (M, M) options that exclude each other.
        slots: offers a customer.

    Returns:
        The sets; ties go to the set of fewer offers, then to the dearer and earlier options.
    """
    menu, customers = worth.shape
    shown = np.zeros((menu, customers), dtype=bool)
    value, bound = np.zeros(customers), np.zeros(customers)
    todo = _take_the_top(worth, clash, slots, (shown, value, bound)) if menu else np.zeros(0, dtype=np.int64)
    width = min(menu, max(FIRST_WIDTH, slots + 3))
    while len(todo):
        part = np.maximum(worth[:, todo], 0.0)
        rank = np.argsort(-part, axis=0, kind="stable")
        ordered = np.take_along_axis(part, rank, axis=0)
        most = int((ordered > 0).sum(0).max())
        used = min(width, most)
        while used > 1 and _set_count(used, slots) > MOST_SETS:
            used -= 1
        pick, found = _enumerate(ordered[:used].T, clash, rank[:used].T, slots)
        value[todo] = found
        rest = ordered[used] if used < most else np.zeros(len(todo))
        bound[todo] = np.where(rest > 0, np.maximum(found, ordered[: slots - 1].sum(0) + rest), found)
        shown[:, todo] = False
        who, slot = np.nonzero(pick >= 0)
        shown[rank[pick[who, slot], who], todo[who]] = True
        if used < min(width, most):
            break
        todo, width = todo[bound[todo] > found], 2 * width
    return BestSets(shown, value, bound)
