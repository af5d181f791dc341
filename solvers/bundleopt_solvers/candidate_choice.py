"""Choosing from ranked bundles under a cap per item, so that the few best sellers do not fill the list.

Letters: `I` items, `L` budget prices, `n` bundles at hand.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.candidate_inputs import MAX_ITEMS, CandidateSettings
from bundleopt_solvers.candidate_screen import PairBounds
from bundleopt_solvers.candidate_value import BundleScores

Rows = npt.NDArray[np.int64]

# Pairs sell best and are proven; larger bundles widen the choice. Shares of the sizes that are allowed are scaled to 1.
SIZE_SHARE = {1: 0.15, 2: 0.55, 3: 0.27, 4: 0.18}
# Measured with 600 candidates from 5,000 items (CANDIDATES.md): more variety than 40 candidates an item costs nothing
# while budget money is free and pays when it is not; a cap below 6 costs.
PER_ITEM = 6
# A small catalogue could not fill the list under that cap: no cap binds below this multiple of an even spread.
EVEN_SPREADS = 2
# An item may sit in this many times more pairs of the pool than of the final list.
POOL_PER_ITEM = 6
# Bounds that are ranked to fill the pool, as a multiple of it: enough for the cap to find other items.
RANKED_PER_PLACE = 40


class _Picker:
    """Takes rows in the order offered while none of their items is in `cap` taken rows already."""

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._load: dict[int, int] = {}
        self.taken: dict[tuple[int, ...], int] = {}

    def take(self, rows: Rows, positions: Rows, quota: int) -> None:
        """Take up to `quota` new rows; `positions` names them in the caller's table."""
        for row, position in zip(rows.tolist(), positions.tolist(), strict=True):
            if quota == 0:
                return
            items = tuple(row)
            if items in self.taken or any(self._load.get(item, 0) >= self._cap for item in items):
                continue
            self.taken[items] = position
            quota -= 1
            for item in items:
                self._load[item] = self._load.get(item, 0) + 1


def choose_pool(bounds: PairBounds, settings: CandidateSettings, eligible: int) -> tuple[Rows, float]:
    """The pairs to value: best bounds first under a cap per item, an equal share for each budget price.

    Returns:
        (n, 2) pairs in ascending order, and the largest bound at the first budget price of all other pairs.
    """
    items = bounds.bound.shape[1]
    picker = _Picker(pool_cap(settings, eligible))
    for layer, quota in zip(bounds.bound, split(settings.pool, len(settings.budget_prices)), strict=True):
        order = _descending(layer.numpy().ravel(), RANKED_PER_PLACE * settings.pool)
        picker.take(np.stack(np.divmod(order, items), axis=1), order, quota)
    keys = np.array(sorted(picker.taken.values()), dtype=np.int64)
    rest = bounds.bound[0].numpy().ravel()
    rest[keys] = 0.0
    return np.stack(np.divmod(keys, items), axis=1), float(rest.max(initial=0.0))


def choose_best(scores: BundleScores, settings: CandidateSettings, items: int) -> BundleScores:
    """The best bundles of one size under the cap per item, an equal share for each budget price."""
    size = scores.items.shape[1]
    share = _share(size, settings)
    quota = round(settings.total * share)
    picker = _Picker(max(1, round(item_cap(settings, items) * share * size / 2)))
    for score, part in zip(scores.score, split(quota, len(scores.score)), strict=True):
        order = ranked(scores.items, score)
        order = order[score[order] > 0]
        picker.take(scores.items[order], order, part)
    return scores.where(np.array(sorted(picker.taken.values()), dtype=np.int64))


def beam_rows(scores: BundleScores, settings: CandidateSettings, items: int) -> list[int]:
    """Rows of the best bundles under the cap per item, an equal share for each budget price."""
    picker = _Picker(item_cap(settings, items))
    for score, quota in zip(scores.score, split(settings.beam, len(scores.score)), strict=True):
        order = ranked(scores.items, score)
        picker.take(scores.items[order], order, quota)
    return list(picker.taken.values())


def spread(rows: Rows, quota: int, cap: int) -> Rows:
    """Positions of the first `quota` rows such that no item is in more than `cap` of them."""
    picker = _Picker(cap)
    picker.take(rows, np.arange(len(rows)), quota)
    return np.array(list(picker.taken.values()), dtype=np.int64)


def item_cap(settings: CandidateSettings, items: int) -> int:
    """Most candidates that hold one of `items` eligible items."""
    if settings.per_item is not None:
        return settings.per_item
    return max(PER_ITEM, math.ceil(EVEN_SPREADS * MAX_ITEMS * settings.total / max(items, 1)))


def pool_cap(settings: CandidateSettings, items: int) -> int:
    """The same for bundles that are valued."""
    return POOL_PER_ITEM * item_cap(settings, items)


def ranked(items: Rows, score: npt.NDArray[np.float64]) -> Rows:
    """Positions by descending score; ties by ascending item codes."""
    return np.lexsort((*items.T[::-1], -score))


def split(total: int, parts: int) -> list[int]:
    """`total` in `parts` whole numbers, as equal as can be, the larger ones first."""
    return [total // parts + (part < total % parts) for part in range(parts)]


def _share(size: int, settings: CandidateSettings) -> float:
    allowed = [SIZE_SHARE[k] for k in range(settings.min_size, settings.max_size + 1)]
    return SIZE_SHARE[size] / sum(allowed)


def _descending(values: npt.NDArray[np.float32], most: int) -> Rows:
    """Positions of the largest positive values, at most `most`, by descending value, then position."""
    count = min(most, int(np.count_nonzero(values > 0)))
    if count == 0:
        return np.zeros(0, dtype=np.int64)
    least = np.partition(values, len(values) - count)[len(values) - count]
    place = np.flatnonzero(values >= least)
    return place[np.argsort(-values[place], kind="stable")][:count]
