"""Published next-basket methods, on sparse matrices: what they need is every basket before the one that is predicted.

All return (U, I) scores as a function of a slice of customers; ties are broken by popularity, then by item.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from bundleopt_models.basket_log import BasketLog
from bundleopt_models.peers.neighbours import basket_weights

Scores = Callable[[slice], np.ndarray]
TIE = 1e-6
ROWS = 512


@dataclass(frozen=True)
class Counts:
    """(U, I) purchases and (I,) how often everybody bought, as a share of the most popular item's."""

    purchases: sparse.csr_matrix
    popularity: np.ndarray

    @classmethod
    def of(cls, log: BasketLog) -> Counts:
        shape = (len(log.customer_ids), len(log.item_ids))
        purchases = sparse.csr_matrix((np.ones(len(log.item)), (log.customer, log.item)), shape=shape)
        total = np.asarray(purchases.sum(axis=0)).ravel()
        return cls(purchases, total / total.max())


def top_popular(log: BasketLog) -> Scores:
    counts = Counts.of(log)
    return lambda rows: np.repeat(counts.popularity[None], rows.stop - rows.start, axis=0)


def top_frequency(log: BasketLog) -> Scores:
    """GP-TopFreq: own frequency, then what everybody buys (Li et al. 2023, doi:10.1145/3587153)."""
    counts = Counts.of(log)
    return lambda rows: counts.purchases[rows].toarray() + TIE * counts.popularity[None]


def frequency_then_lately(log: BasketLog, asked: np.ndarray, days: int = 7) -> Scores:
    """Own frequency, then what everybody bought in the days before the asked one: the strongest rule of thumb here."""
    counts = Counts.of(log)
    by_day = sparse.csr_matrix(
        (np.ones(len(log.item)), (log.day, log.item)), shape=(log.n_days, len(log.item_ids))
    ).toarray()
    total = np.concatenate([np.zeros((1, by_day.shape[1])), np.cumsum(by_day, axis=0)])

    def scores(rows: slice) -> np.ndarray:
        stop = np.minimum(asked[rows], log.n_days)
        lately = total[stop] - total[np.maximum(stop - days, 0)]
        return counts.purchases[rows].toarray() + lately / (1.0 + lately.max()) + TIE * counts.popularity[None]

    return scores


def user_popularity_cf(log: BasketLog, *, recency: int, locality: float, asymmetry: float) -> Scores:
    """UP-CF (Faggioli, Polato & Aiolli 2020, doi:10.1145/3340631.3394850).

    The popularity of an item for a customer in the last `recency` baskets, summed over customers by their asymmetric
    cosine similarity to the power `locality`.
    """
    counts = Counts.of(log)
    binary = (counts.purchases > 0).astype(np.float64).tocsr()
    size = np.asarray(binary.sum(axis=1)).ravel()
    recent = _recent_popularity(log, recency)

    def scores(rows: slice) -> np.ndarray:
        overlap = (binary[rows] @ binary.T).toarray()
        scale = np.outer(np.maximum(size[rows], 1) ** asymmetry, np.maximum(size, 1) ** (1 - asymmetry))
        return (overlap / scale) ** locality @ recent + TIE * counts.popularity[None]

    return scores


def _recent_popularity(log: BasketLog, recency: int) -> sparse.csr_matrix:
    """(U, I) share of a customer's last `recency` baskets that hold the item."""
    basket, place = np.unique(log.customer * (log.n_days + 1) + log.day, return_inverse=True)
    owner = basket // (log.n_days + 1)
    behind = np.searchsorted(owner, owner, side="right") - 1 - np.arange(len(owner))
    kept = behind[place] < recency
    baskets = np.minimum(np.bincount(owner, minlength=len(log.customer_ids)), recency)
    weight = 1.0 / baskets[log.customer[kept]]
    shape = (len(log.customer_ids), len(log.item_ids))
    return sparse.csr_matrix((weight, (log.customer[kept], log.item[kept])), shape=shape)


def tifu_knn(log: BasketLog, *, decays: tuple[float, float], neighbours: int, own_share: float) -> Scores:
    """TIFU-KNN (Hu et al. 2020, doi:10.1145/3397271.3401066)."""
    counts = Counts.of(log)
    visits = np.zeros((log.n_days, len(log.customer_ids)), bool)
    visits[log.day, log.customer] = True
    weight = basket_weights(visits, decays)[log.day, log.customer]
    shape = (len(log.customer_ids), len(log.item_ids))
    vectors = sparse.csr_matrix((weight, (log.customer, log.item)), shape=shape)
    length = np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel()

    def scores(rows: slice) -> np.ndarray:
        distance = length[None] - 2 * (vectors[rows] @ vectors.T).toarray()
        distance[np.arange(rows.stop - rows.start), np.arange(rows.start, rows.stop)] = np.inf
        near = np.argpartition(distance, neighbours, axis=1)[:, :neighbours]
        mean = sparse.csr_matrix(
            (np.full(near.size, 1 / neighbours), near.ravel(), np.arange(0, near.size + 1, neighbours)),
            shape=(len(near), len(length)),
        )
        mixed = own_share * vectors[rows].toarray() + (1 - own_share) * (mean @ vectors).toarray()
        return mixed + TIE * TIE * counts.popularity[None]

    return scores


def best_items(scores: Scores, customers: int, length: int = 10) -> np.ndarray:
    """(U, length) best items of every customer; ties by ascending code."""
    lists = []
    for start in range(0, customers, ROWS):
        table = scores(slice(start, min(start + ROWS, customers)))
        near = np.argpartition(-table, length, axis=1)[:, : length + 1]
        near.sort(axis=1)
        order = np.argsort(-np.take_along_axis(table, near, axis=1), axis=1, kind="stable")[:, :length]
        lists.append(np.take_along_axis(near, order, axis=1))
    return np.concatenate(lists)
