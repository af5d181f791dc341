"""The figures that recommenders are compared by, for items and for bundles, on weeks that nobody has seen.

A customer's list is the ten items (or three bundles) of the best scores. An item is relevant if the customer buys
it in the held-out weeks, a bundle if both its items are bought in one of them. Coverage is the share of all items
that stand in anybody's list, diversity the mean share of pairs of a list from different categories, novelty the
mean -log2 of the share of customers who had bought the item.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from policies.interface import MarketLog, Ranking

ITEMS_SHOWN, BUNDLES_SHOWN = 10, 3


@dataclass(frozen=True)
class ListQuality:
    """Means over customers who have something relevant; coverage, diversity and novelty over everybody's lists."""

    precision: float
    recall: float
    f1: float
    ndcg: float
    coverage: float
    diversity: float
    novelty: float


def item_quality(ranking: Ranking, log: MarketLog, later: np.ndarray) -> ListQuality:
    """`later` (W, U, I) are the held-out weeks after `log`."""
    lists = _top(ranking.items, ITEMS_SHOWN)
    return _quality(lists, later.any(axis=0), [(item,) for item in range(log.shape[1])], log)


def bundle_quality(ranking: Ranking, log: MarketLog, later: np.ndarray) -> ListQuality:
    """The same for bundles."""
    lists = _top(ranking.bundles, BUNDLES_SHOWN)
    relevant = (later[:, :, ranking.pairs[:, 0]] & later[:, :, ranking.pairs[:, 1]]).any(axis=0)
    return _quality(lists, relevant, [tuple(pair) for pair in ranking.pairs.tolist()], log)


def _top(scores: np.ndarray, count: int) -> np.ndarray:
    """(U, count) codes by falling score."""
    return np.argsort(-np.where(np.isfinite(scores), scores, -1e18), axis=1, kind="stable")[:, :count]


def _quality(lists: np.ndarray, relevant: np.ndarray, things: list[tuple[int, ...]], log: MarketLog) -> ListQuality:
    hits = np.take_along_axis(relevant, lists, 1)
    wanted = relevant.sum(axis=1)
    some = wanted > 0
    hit, most = hits[some].sum(axis=1), lists.shape[1]
    gain = 1.0 / np.log2(np.arange(most) + 2.0)
    ideal = np.cumsum(gain)[np.minimum(wanted[some], most) - 1]
    held = [sorted({item for code in row for item in things[code]}) for row in lists]
    share = (log.bought.any(axis=0).mean(axis=0) * log.shape[0] + 1.0) / (log.shape[0] + 1.0)
    apart = [
        np.mean(log.category[row][:, None] != log.category[row][None, :]) * len(row) / max(len(row) - 1, 1)
        for row in held
    ]
    return ListQuality(
        precision=float((hit / most).mean()),
        recall=float((hit / wanted[some]).mean()),
        f1=float((2 * hit / (most + wanted[some])).mean()),
        ndcg=float(((hits[some] * gain).sum(axis=1) / ideal).mean()),
        coverage=len({item for row in held for item in row}) / log.shape[1],
        diversity=float(np.mean(apart)),
        novelty=float(np.mean([-np.log2(share[row]).mean() for row in held])),
    )
