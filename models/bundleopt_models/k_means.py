"""k-means in torch, seeded: k-means++ starts, Lloyd rounds, the best of a few restarts.

Arthur & Vassilvitskii (2007), "k-means++: the advantages of careful seeding". Ties go to the first centre.
Letters: `U` points, `F` features, `S` clusters.
"""

from __future__ import annotations

import torch
from torch import Tensor

RESTARTS = 4
ROUNDS = 60
CHUNK = 1 << 16


def k_means(points: Tensor, n_clusters: int, *, seed: int = 0) -> Tensor:
    """(U,) cluster codes 0..S-1 of (U, F) points, the largest cluster first; fewer where fewer points differ.

    Raises:
        ValueError: no cluster is asked for, or a point is not finite.
    """
    if n_clusters < 1:
        raise ValueError(f"at least one cluster is needed, not {n_clusters}")
    if not bool(torch.isfinite(points).all()):
        raise ValueError("a point is not a finite number")
    if not len(points):
        return torch.zeros(0, dtype=torch.int64)
    points = points.double()
    best, lowest = torch.zeros(len(points), dtype=torch.int64), float("inf")
    for restart in range(RESTARTS):
        generator = torch.Generator().manual_seed(seed * 1_000_003 + restart)
        codes, inertia = _lloyd(points, _first_centres(points, n_clusters, generator))
        if inertia < lowest * (1 - 1e-12):
            best, lowest = codes, inertia
    return _by_size(best)


def _first_centres(points: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """(S, F) points far apart: each next one is drawn in proportion to its squared distance from the others."""
    first = int(torch.randint(len(points), (1,), generator=generator))
    centres = [points[first]]
    far = ((points - centres[0]) ** 2).sum(1)
    while len(centres) < count and float(far.max()) > 0:
        drawn = float(torch.rand((), generator=generator, dtype=torch.float64)) * float(far.sum())
        place = int(torch.searchsorted(far.cumsum(0), torch.tensor(drawn, dtype=far.dtype), right=True))
        centres.append(points[min(place, len(points) - 1)])
        far = torch.minimum(far, ((points - centres[-1]) ** 2).sum(1))
    return torch.stack(centres)


def _lloyd(points: Tensor, centres: Tensor) -> tuple[Tensor, float]:
    """Codes and the sum of squared distances once the centres stand still; an emptied centre stays where it is."""
    codes, distance = _nearest(points, centres)
    for _ in range(ROUNDS):
        count = torch.bincount(codes, minlength=len(centres)).double()
        total = torch.zeros_like(centres).index_add_(0, codes, points)
        moved = torch.where(count[:, None] > 0, total / count.clamp_min(1)[:, None], centres)
        if bool((moved == centres).all()):
            break
        centres = moved
        codes, distance = _nearest(points, centres)
    return codes, float(distance.sum())


def _nearest(points: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    codes, distances = [], []
    for part in torch.split(points, CHUNK):
        distance, code = _squared(part, centres).min(dim=1)
        codes.append(code)
        distances.append(distance)
    return torch.cat(codes), torch.cat(distances)


def _squared(points: Tensor, centres: Tensor) -> Tensor:
    """(U, S) squared distances by one matrix product."""
    lengths = (points**2).sum(1)[:, None] + (centres**2).sum(1)
    return (lengths - 2 * points @ centres.T).clamp_min(0)


def _by_size(codes: Tensor) -> Tensor:
    """The same clusters numbered from the largest; ties to the cluster of the earlier point."""
    used, inverse, count = torch.unique(codes, return_inverse=True, return_counts=True)
    first = torch.full((len(used),), len(codes), dtype=torch.int64)
    first.scatter_reduce_(0, inverse, torch.arange(len(codes)), reduce="amin")
    order = sorted(range(len(used)), key=lambda code: (-int(count[code]), int(first[code])))
    rank = torch.empty(len(used), dtype=torch.int64)
    rank[torch.tensor(order, dtype=torch.int64)] = torch.arange(len(used))
    return rank[inverse]
