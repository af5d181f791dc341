"""Metrics of the evaluation protocol on weighted cells and on ranked lists. Letters: n cells, `U` customers."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

LIST_LENGTH = 10
SMALLEST = 1e-7
"""Probabilities are kept this far from 0 and 1 before a logarithm is taken."""


@dataclass(frozen=True)
class ProbabilityMetrics:
    """Quality of probabilities over all cells.

    Attributes:
        log_loss: mean negative log-likelihood, nats a cell. rig: share of the base rate's entropy that is removed.
        pr_auc, roc_auc: areas under the precision-recall and the receiver operating curve.
        calibration_error: mean over 15 bins of equal purchases of |predicted / observed - 1|.
        predicted_over_observed: total predicted over total observed purchases.
    """

    log_loss: float
    rig: float
    pr_auc: float
    roc_auc: float
    calibration_error: float
    predicted_over_observed: float


@dataclass(frozen=True)
class RankingMetrics:
    """Quality of lists of ten, means over customers who bought in the week; NaN where nobody did."""

    recall: float
    ndcg: float
    hit_rate: float
    new_item_recall: float


def probability_metrics(probability: Doubles, bought: Flags, weight: Doubles) -> ProbabilityMetrics:
    """Weighted metrics of n cells; `weight` is one over a cell's sampling rate. NaN areas where a class is empty."""
    q = np.clip(probability.astype(np.float64), SMALLEST, 1 - SMALLEST)
    total, positive = float(weight.sum()), float(weight[bought].sum())
    loss = -float((weight * np.where(bought, np.log(q), np.log1p(-q))).sum()) / max(total, 1.0)
    base = min(max(positive / max(total, 1.0), SMALLEST), 1 - SMALLEST)
    entropy = -(base * np.log(base) + (1 - base) * np.log(1 - base))
    order = np.argsort(-q, kind="stable")
    hits, cells = np.cumsum(weight[order] * bought[order]), np.cumsum(weight[order])
    pr_auc, roc_auc = _areas(q[order], hits, cells)
    ratio = float((q * weight).sum()) / positive if positive > 0 else float("nan")
    error = _calibration_error(q[order] * weight[order], hits)
    return ProbabilityMetrics(loss, float(1 - loss / entropy), pr_auc, roc_auc, error, ratio)


def _areas(q: Doubles, hits: Doubles, cells: Doubles) -> tuple[float, float]:
    """Areas under both curves; ties are one point. Average precision as a step function, ROC by trapezoids."""
    if len(q) == 0 or hits[-1] <= 0 or hits[-1] >= cells[-1]:
        return float("nan"), float("nan")
    last = np.append(np.flatnonzero(np.diff(q)), len(q) - 1)
    hit, cell = hits[last], cells[last]
    recall = hit / hit[-1]
    precision_area = float(np.sum(np.diff(np.append(0.0, recall)) * hit / cell))
    false_rate = (cell - hit) / (cell[-1] - hit[-1])
    return precision_area, float(np.trapezoid(np.append(0.0, recall), np.append(0.0, false_rate)))


def _calibration_error(expected: Doubles, hits: Doubles, bins: int = 15) -> float:
    """Mean |predicted / observed - 1| over bins of equal purchases, cells in descending order of probability."""
    if len(hits) == 0 or hits[-1] <= 0:
        return float("nan")
    edges = np.searchsorted(hits, np.linspace(0, hits[-1], bins + 1))
    edges[0], edges[-1] = 0, len(hits)
    totals = np.append(0.0, np.cumsum(expected))
    observed = np.append(0.0, hits)
    errors = [
        abs((totals[stop] - totals[start]) / max(observed[stop] - observed[start], 1.0) - 1)
        for start, stop in itertools.pairwise(edges)
        if stop > start
    ]
    return float(np.mean(errors))


def top_items(score: Doubles, length: int = LIST_LENGTH) -> npt.NDArray[np.int64]:
    """(U, min(length, I)) best items of each row, best first; ties by ascending code."""
    length = min(length, score.shape[1])
    return np.argsort(-score, axis=1, kind="stable")[:, :length]


def ranking_metrics(score: Doubles, bought: Flags, known: Flags, candidate: Flags) -> RankingMetrics:
    """Lists of ten for (U, I) scores of customers who bought; ideal gain is capped at ten items.

    Args:
        score: (U, I), higher is better.
        bought: (U, I) purchases of the week, at least one a row.
        known: (U, I) bought before.
        candidate: (U, I) what may stand in a list.
    """
    if score.shape[0] == 0:
        return RankingMetrics(*[float("nan")] * 4)
    masked = np.where(candidate, score, -np.inf)
    chosen = top_items(masked)
    listed = np.take_along_axis(candidate, chosen, axis=1)
    hit = np.take_along_axis(bought, chosen, axis=1) & listed
    size = bought.sum(axis=1)
    discount = 1 / np.log2(np.arange(2, hit.shape[1] + 2))
    ideal = np.cumsum(discount)[np.minimum(size, len(discount)) - 1]
    fresh = bought & ~known
    new_list = top_items(np.where(known, -np.inf, masked))
    new_hit = (np.take_along_axis(fresh, new_list, axis=1)).sum(axis=1)
    new_size = fresh.sum(axis=1)
    explored = new_size > 0
    return RankingMetrics(
        recall=float(np.mean(hit.sum(axis=1) / size)),
        ndcg=float(np.mean((hit * discount).sum(axis=1) / ideal)),
        hit_rate=float(np.mean(hit.any(axis=1))),
        new_item_recall=float(np.mean(new_hit[explored] / new_size[explored])) if explored.any() else float("nan"),
    )
