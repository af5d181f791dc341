"""Assortment problems for benchmarks: a public hard set from its file, and random ones without twins."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bundleopt_solvers.assortment.problem import AssortmentProblem, AssortmentRules


@dataclass(frozen=True)
class Known:
    """A problem of the public set, its group (items x segments), and the best published revenue."""

    group: str
    problem: AssortmentProblem
    best: float


def public_set(path: Path) -> Iterator[Known]:
    """The instances of a file of github.com/wch444/Assortment-Benchmark, gzipped or not."""
    raw = path.read_bytes()
    groups = json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    for name, group in groups.items():
        for data, best in zip(group["data"], group["max_rev"], strict=True):
            weight = np.array(data["u"], np.float64)
            yield Known(
                name.replace("_", " x "),
                _problem(weight, np.ravel(data["v0"]), np.ravel(data["omega"]), np.ravel(data["price"]), None),
                float(best),
            )


def random_problem(seed: int, *, items: int, segments: int, most: int | None) -> AssortmentProblem:
    """Cheap items are liked more, every segment has tastes of its own, no two items are alike."""
    rng = np.random.default_rng(seed)
    price = rng.uniform(1.0, 5.0, items)
    liking = -1.5 * np.log(price) + rng.normal(0.0, 1.5, (segments, items))
    return _problem(np.exp(liking), rng.uniform(1.0, 5.0, segments), rng.dirichlet(np.ones(segments)), price, most)


def _problem(
    weight: np.ndarray, outside: np.ndarray, share: np.ndarray, price: np.ndarray, most: int | None
) -> AssortmentProblem:
    segments, items = weight.shape
    return AssortmentProblem(
        item_ids=np.array([f"i{n}" for n in range(items)], dtype=object),
        segment_ids=np.array([f"s{n}" for n in range(segments)], dtype=object),
        weight=weight,
        outside=outside.astype(np.float64),
        occasions=share.astype(np.float64),
        value=price.astype(np.float64),
        rules=AssortmentRules(max_items=most),
    )
