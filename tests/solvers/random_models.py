"""Small random linear models, and their optimum found without any solver."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np

from bundleopt_solvers.linear_model import LinearModel

INF = np.inf


def model_of(objective, rows, *, lower=None, upper=None, integer=None, offset=0.0, names=(), row_names=()):
    """A model from dense rows `(coefficients, low, high)`; whole numbers in 0..1 unless said."""
    count = len(objective)
    matrix = np.array([row[0] for row in rows], float).reshape(len(rows), count)
    at, columns = np.nonzero(matrix)
    return LinearModel(
        objective=np.array(objective, float),
        lower=np.zeros(count) if lower is None else np.array(lower, float),
        upper=np.ones(count) if upper is None else np.array(upper, float),
        integer=np.ones(count, bool) if integer is None else np.array(integer, bool),
        indptr=np.concatenate([[0], np.cumsum(np.bincount(at, minlength=len(rows)))]).astype(np.int64),
        indices=columns.astype(np.int64),
        coefficients=matrix[at, columns],
        row_lower=np.array([row[1] for row in rows], float),
        row_upper=np.array([row[2] for row in rows], float),
        names=tuple(names),
        row_names=tuple(row_names),
        offset=offset,
    )


def overflow_repro() -> LinearModel:
    """Four variables on which unguarded CP-SAT 9.15 says 131 where 135 is right (google/or-tools #5293)."""
    wide = [4067536978, 4939499557, 3003740835, -609468036]
    return model_of(
        [45, 41, 50, 90],
        [([1, 1, 0, 0], -INF, 1), ([0, 0, 1, 1], -INF, 1), (wide, -312500000, 7203194417)],
    )


def random_model(rng: np.random.Generator, *, money: float = 100.0, continuous: bool = False) -> LinearModel:
    """One price for a bundle, a few linear limits, money in cents: the shape of our problems, in 4 to 9 variables.

    `continuous` makes the last variable a share in [0, 2]; `money` is the size of the coefficients.
    """
    count = int(rng.integers(4, 10))
    dense = rng.integers(-int(money), 3 * int(money) + 1, (int(rng.integers(1, 4)), count)) / 100
    dense[rng.random(dense.shape) < 0.2] = 0
    rows = []
    for coefficients in dense:
        high = np.round(rng.uniform(0, 0.6) * np.abs(coefficients).sum(), 2)
        rows.append((coefficients, -INF if rng.random() < 0.6 else np.round(-0.3 * high, 2), high))
    for start in range(0, count - 2, 3):
        pair = np.zeros(count)
        pair[start : start + 3] = 1
        rows.append((pair, -INF, 1))
    integer = np.ones(count, bool)
    upper = np.where(rng.random(count) < 0.2, 2.0, 1.0)
    if continuous:
        integer[-1], upper[-1] = False, 2.0
    objective = rng.integers(-5000, 12500, count) / 100
    return model_of(objective, rows, upper=upper, integer=integer, offset=float(rng.integers(-3, 4)))


def random_linear(rng: np.random.Generator) -> LinearModel:
    """A linear model of 2 to 4 bounded variables."""
    count = int(rng.integers(2, 5))
    rows = [
        (rng.integers(-4, 9, count), -INF if rng.random() < 0.5 else -4.0, float(rng.integers(0, 12)))
        for _ in range(int(rng.integers(1, 4)))
    ]
    upper = rng.integers(1, 4, count)
    return model_of(rng.integers(-9, 20, count), rows, upper=upper, integer=np.zeros(count), offset=2.5)


def dense(model: LinearModel) -> np.ndarray:
    matrix = np.zeros((model.rows, model.variables))
    matrix[model.row_of, model.indices] = model.coefficients
    return matrix


def brute_force(model: LinearModel) -> float:
    """Best objective over all whole numbers, with at most one continuous variable solved in closed form.

    -inf where nothing is feasible. Sums of the generated cents are compared with a slack of 1e-9.
    """
    free = np.flatnonzero(~model.integer)
    assert len(free) <= 1
    whole = np.flatnonzero(model.integer)
    ranges = [range(int(model.lower[v]), int(model.upper[v]) + 1) for v in whole]
    points = np.zeros((int(np.prod([len(r) for r in ranges])), model.variables))
    points[:, whole] = np.array(list(product(*ranges))).reshape(len(points), len(whole))
    matrix = dense(model)
    tolerance = 1e-9 * np.maximum(1, np.abs(matrix).sum(1))
    base = points @ matrix.T
    low, high = np.zeros(len(points)), np.zeros(len(points))
    allowed = np.ones(len(points), bool)
    if len(free):
        low, high = np.full(len(points), model.lower[free[0]]), np.full(len(points), model.upper[free[0]])
    for row in range(model.rows):
        slope = matrix[row, free[0]] if len(free) else 0.0
        if slope == 0:
            allowed &= (base[:, row] <= model.row_upper[row] + tolerance[row]) & (
                base[:, row] >= model.row_lower[row] - tolerance[row]
            )
            continue
        ends = (model.row_lower[row] - base[:, row]) / slope, (model.row_upper[row] - base[:, row]) / slope
        low, high = np.maximum(low, np.minimum(*ends)), np.minimum(high, np.maximum(*ends))
    allowed &= low <= high + 1e-12
    if not allowed.any():
        return -INF
    value = points @ model.objective + model.offset
    if len(free):
        gain = model.objective[free[0]]
        value += gain * (high if gain > 0 else low)
    return float(value[allowed].max())


def linear_optimum(model: LinearModel) -> float:
    """Best vertex of a bounded linear model, by trying every choice of tight limits; -inf where none is feasible."""
    count = model.variables
    matrix = np.vstack([dense(model), np.eye(count)])
    low = np.concatenate([model.row_lower, model.lower])
    high = np.concatenate([model.row_upper, model.upper])
    sides = [(row, limit) for row in range(len(matrix)) for limit in {low[row], high[row]} if np.isfinite(limit)]
    best = -INF
    for chosen in combinations(sides, count):
        basis, limits = matrix[[c[0] for c in chosen]], np.array([c[1] for c in chosen])
        if abs(np.linalg.det(basis)) < 1e-9:
            continue
        point = np.linalg.solve(basis, limits)
        activity = matrix @ point
        if (activity >= low - 1e-9).all() and (activity <= high + 1e-9).all():
            best = max(best, float(model.objective @ point + model.offset))
    return best
