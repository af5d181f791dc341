"""Segments of customers who value the same bundles: k-means on what each bundle is worth to a customer.

Letters: `U` customers, `B` bundles, `O` options, `F` features, `S` segments.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.problem import Codes, Floats

Matrix = npt.NDArray[np.float64]

ROUNDS = 25  # Lloyd rounds; centres of the data we meet stand still after ten to twenty
SAMPLE = 20_000  # customers that the centres are placed on; all are assigned in the end
CHUNK = 65_536  # customers whose distances are held at once: 10 MB at 20 segments
FEATURES = 16  # directions kept of the value matrix
OVERSAMPLE = 8


def segment_customers(features: Floats, n_segments: int, seed: int = 0) -> Codes:
    """Group customers with like `features` by k-means, seeded by k-means++ (Arthur & Vassilvitskii 2007).

    Args:
        features: (U, F).
        n_segments: how many segments at most; fewer come back where fewer customers differ.
        seed: of the sample and of the first centres. The same seed gives the same segments.

    Returns:
        (U,) codes 0..S-1, each used, the largest segment first.

    Raises:
        ValueError: no segment is asked for, or a feature is not a finite number.
    """
    if n_segments < 1:
        raise ValueError(f"at least one segment is needed, not {n_segments}")
    if not np.isfinite(features).all():
        raise ValueError("a feature is not a finite number")
    if not len(features):
        return np.zeros(0, np.int32)
    random = np.random.default_rng(seed)
    points = _sample(features, random)
    centres = _first_centres(points, n_segments, random)
    for _ in range(ROUNDS):
        moved = _moved(points, centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    return _by_size(_nearest(features, centres))


def value_features(value: Floats, bundle: Codes, n_features: int = FEATURES, seed: int = 0) -> Floats:
    """Compress what bundles are worth to customers: the best price point of each, in its main directions.

    The best value per bundle, floored at 0 (nobody is shown what loses money), is projected on the leading right
    singular vectors of the (U, B) matrix, found by a randomised range finder (Halko, Martinsson, Tropp 2011,
    10.1137/090771806). Distances between customers keep their meaning in money.

    Args:
        value: (U, O) money per offer.
        bundle: (O,) bundle of each option, options of a bundle adjacent.
        n_features: F, how many directions to keep.
        seed: of the random directions.

    Returns:
        (U, F) features; F is smaller where there are fewer bundles.
    """
    start = np.flatnonzero(np.diff(bundle, prepend=-1))
    if not len(start):
        return np.zeros((len(value), 0), np.float32)
    width = min(n_features + OVERSAMPLE, len(start))
    directions = np.random.default_rng(seed).normal(size=(len(start), width))
    for _ in range(3):
        directions, _ = np.linalg.qr(_gram_product(value, start, directions))
    small = directions.T @ _gram_product(value, start, directions)
    size, turn = np.linalg.eigh((small + small.T) / 2)
    kept = turn[:, np.argsort(-size, kind="stable")[:n_features]]
    return np.concatenate([(best @ (directions @ kept)).astype(np.float32) for best in _best_values(value, start)])


def _best_values(value: Floats, start: npt.NDArray[np.int64]) -> Iterator[Matrix]:
    """Chunks (u, B) of the best value per bundle, floored at 0; one empty chunk where nobody is there."""
    for at in range(0, max(len(value), 1), CHUNK):
        best = np.maximum.reduceat(value[at : at + CHUNK], start, axis=1)
        yield np.maximum(best, 0.0).astype(np.float64)


def _gram_product(value: Floats, start: npt.NDArray[np.int64], directions: Matrix) -> Matrix:
    """V'V directions, without holding V, the (U, B) best values."""
    total = np.zeros_like(directions)
    for best in _best_values(value, start):
        total += best.T @ (best @ directions)
    return total


def _sample(features: Floats, random: np.random.Generator) -> Matrix:
    if len(features) <= SAMPLE:
        return features.astype(np.float64)
    return features[np.sort(random.choice(len(features), SAMPLE, replace=False))].astype(np.float64)


def _first_centres(points: Matrix, count: int, random: np.random.Generator) -> Matrix:
    """Centres far apart: each next one is drawn with chance proportional to its squared distance from the others."""
    centres = [points[random.integers(len(points))]]
    far = _squared(points, centres[0])
    while len(centres) < count and far.max() > 0:
        drawn = np.searchsorted(np.cumsum(far), random.random() * far.sum(), side="right")
        centres.append(points[min(int(drawn), len(points) - 1)])
        far = np.minimum(far, _squared(points, centres[-1]))
    return np.array(centres)


def _squared(points: Matrix, centre: Matrix) -> Matrix:
    distance: Matrix = ((points - centre) ** 2).sum(1)
    return distance


def _moved(points: Matrix, centres: Matrix) -> Matrix:
    """Centres at the mean of their points; one that lost all its points stays where it is."""
    codes = _nearest(points, centres)
    count = np.bincount(codes, minlength=len(centres))
    moved = centres.copy()
    for column in range(points.shape[1]):
        total = np.bincount(codes, points[:, column], minlength=len(centres))
        moved[:, column] = np.where(count > 0, total / np.maximum(count, 1), centres[:, column])
    return moved


def _nearest(points: npt.NDArray[np.floating], centres: Matrix) -> Codes:
    """(U,) nearest centre of each point; ties to the first."""
    half = (centres**2).sum(1) / 2
    parts = [points[at : at + CHUNK].astype(np.float64) for at in range(0, len(points), CHUNK)]
    return np.concatenate([np.argmin(half - part @ centres.T, axis=1) for part in parts]).astype(np.int32)


def _by_size(codes: Codes) -> Codes:
    """The same groups numbered from the largest; ties to the group of the earlier customer."""
    _, first, inverse, count = np.unique(codes, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(count), np.int32)
    rank[np.lexsort((first, -count))] = np.arange(len(count), dtype=np.int32)
    return rank[inverse]
