"""Metrics of the evaluation protocol on weighted cells and on ranked lists. Letters: n cells, `U` customers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, fields

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
        width_error, mass_error: mean |predicted - observed| of a cell, over 15 bins of equal width, of equal weight.
        predicted_over_observed: total predicted over total observed purchases.
        repeat_loss, never_loss: log loss of pairs with and without own history; NaN where not told apart.
    """

    log_loss: float
    rig: float
    pr_auc: float
    roc_auc: float
    calibration_error: float
    width_error: float
    mass_error: float
    predicted_over_observed: float
    repeat_loss: float
    never_loss: float


@dataclass(frozen=True)
class RankingMetrics:
    """Quality of lists of ten, means over customers who bought in the week; NaN where nobody did.

    Attributes:
        recall, ndcg, hit_rate: over all purchases; ideal gain is capped at ten items.
        repeat_recall: share of the purchases with own history that the list holds.
        new_item_recall: share of the others that a list of items without own history holds.
    """

    recall: float
    ndcg: float
    hit_rate: float
    repeat_recall: float
    new_item_recall: float


def probability_metrics(
    probability: Doubles, bought: Flags, weight: Doubles, known: Flags | None = None
) -> ProbabilityMetrics:
    """Weighted metrics of n cells. NaN areas where a class is empty.

    Args:
        probability: (n,) predictions.
        bought: (n,) outcomes.
        weight: (n,) one over a cell's sampling rate.
        known: (n,) whether the pair has own history.
    """
    q = np.clip(probability.astype(np.float64), SMALLEST, 1 - SMALLEST)
    total, positive = float(weight.sum()), float(weight[bought].sum())
    row = -weight * np.where(bought, np.log(q), np.log1p(-q))
    loss = float(row.sum()) / max(total, 1.0)
    base = min(max(positive / max(total, 1.0), SMALLEST), 1 - SMALLEST)
    entropy = -(base * np.log(base) + (1 - base) * np.log(1 - base))
    order = np.argsort(-q, kind="stable")
    hits, cells = np.cumsum(weight[order] * bought[order]), np.cumsum(weight[order])
    pr_auc, roc_auc = _areas(q[order], hits, cells)
    expected = q[order] * weight[order]
    return ProbabilityMetrics(
        log_loss=loss,
        rig=float(1 - loss / entropy),
        pr_auc=pr_auc,
        roc_auc=roc_auc,
        calibration_error=_calibration_error(expected, hits),
        width_error=_width_error(q, weight, bought),
        mass_error=_mass_error(expected, hits, cells),
        predicted_over_observed=float((q * weight).sum()) / positive if positive > 0 else float("nan"),
        repeat_loss=_mean(row, weight, known),
        never_loss=_mean(row, weight, None if known is None else ~known),
    )


def _mean(row: Doubles, weight: Doubles, chosen: Flags | None) -> float:
    if chosen is None or not chosen.any():
        return float("nan")
    return float(row[chosen].sum() / weight[chosen].sum())


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


def _width_error(q: Doubles, weight: Doubles, bought: Flags, bins: int = 15) -> float:
    """Expected calibration error over bins of equal width: mean |predicted - observed| of a cell."""
    if len(q) == 0:
        return float("nan")
    code = np.minimum((q * bins).astype(np.int64), bins - 1)
    gap = np.bincount(code, weight * (q - bought), bins)
    return float(np.abs(gap).sum() / weight.sum())


def _mass_error(expected: Doubles, hits: Doubles, cells: Doubles, bins: int = 15) -> float:
    """The same over bins of equal weight, cells in descending order of probability."""
    if len(cells) == 0:
        return float("nan")
    gaps = [abs(predicted - seen) for predicted, seen in _bin_sums(expected, hits, cells, bins)]
    return float(sum(gaps) / cells[-1])


def _calibration_error(expected: Doubles, hits: Doubles, bins: int = 15) -> float:
    """Mean |predicted / observed - 1| over bins of equal purchases, cells in descending order of probability."""
    if len(hits) == 0 or hits[-1] <= 0:
        return float("nan")
    pairs = _bin_sums(expected, hits, hits, bins)
    return float(np.mean([abs(predicted / max(seen, 1.0) - 1) for predicted, seen in pairs]))


def _bin_sums(expected: Doubles, hits: Doubles, mass: Doubles, bins: int) -> list[tuple[float, float]]:
    """(predicted, observed) purchases of bins that split the running total `mass` evenly."""
    edges = np.searchsorted(mass, np.linspace(0, mass[-1], bins + 1))
    edges[0], edges[-1] = 0, len(mass)
    totals, observed = np.append(0.0, np.cumsum(expected)), np.append(0.0, hits)
    return [
        (float(totals[stop] - totals[start]), float(observed[stop] - observed[start]))
        for start, stop in itertools.pairwise(edges)
        if stop > start
    ]


def top_items(score: Doubles, length: int = LIST_LENGTH) -> npt.NDArray[np.int64]:
    """(U, min(length, I)) best items of each row, best first; ties by ascending code."""
    length = min(length, score.shape[1])
    return np.argsort(-score, axis=1, kind="stable")[:, :length]


@dataclass(frozen=True)
class ListScores:
    """The same as RankingMetrics for every list, (A,) each; NaN where a customer bought nothing of the kind."""

    recall: Doubles
    ndcg: Doubles
    hit_rate: Doubles
    repeat_recall: Doubles
    new_item_recall: Doubles

    @classmethod
    def joined(cls, parts: Sequence[ListScores]) -> ListScores:
        """The lists of several weeks."""
        nothing = [np.zeros(0)]
        return cls(*(np.concatenate([getattr(part, f.name) for part in parts] or nothing) for f in fields(cls)))

    def means(self) -> RankingMetrics:
        """Means over the lists where a score is defined."""
        return RankingMetrics(*(_nan_mean(getattr(self, field.name)) for field in fields(self)))


def _nan_mean(values: Doubles) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _share(part: Flags, whole: Flags) -> Doubles:
    """(A,) hits over purchases of each row, NaN where there are none."""
    size = whole.sum(axis=1)
    return np.asarray(np.where(size > 0, part.sum(axis=1) / np.maximum(size, 1), np.nan), dtype=np.float64)


def list_scores(score: Doubles, bought: Flags, known: Flags, candidate: Flags) -> ListScores:
    """Lists of ten for (A, I) scores of customers who bought; ties by ascending code.

    Args:
        score: (A, I), higher is better.
        bought: (A, I) purchases of the week, at least one a row.
        known: (A, I) bought before.
        candidate: (A, I) what may stand in a list.
    """
    if score.shape[0] == 0:
        return ListScores(*[np.zeros(0)] * 5)
    masked = np.where(candidate, score, -np.inf)
    chosen = top_items(masked)
    hit = np.take_along_axis(bought & candidate, chosen, axis=1)
    discount = 1 / np.log2(np.arange(2, hit.shape[1] + 2))
    ideal = np.cumsum(discount)[np.minimum(bought.sum(axis=1), len(discount)) - 1]
    new_list = top_items(np.where(known, -np.inf, masked))
    return ListScores(
        recall=_share(hit, bought),
        ndcg=(hit * discount).sum(axis=1) / ideal,
        hit_rate=np.asarray(hit.any(axis=1), dtype=np.float64),
        repeat_recall=_share(np.take_along_axis(bought & known & candidate, chosen, axis=1), bought & known),
        new_item_recall=_share(np.take_along_axis(bought & ~known & candidate, new_list, axis=1), bought & ~known),
    )


def ranking_metrics(score: Doubles, bought: Flags, known: Flags, candidate: Flags) -> RankingMetrics:
    """Means of `list_scores`."""
    return list_scores(score, bought, known, candidate).means()
