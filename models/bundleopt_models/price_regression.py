"""Price sensitivities of items from weekly counts, everything that moves with promotions partialled out.

A penalised Poisson regression (quasi-likelihood; Gourieroux, Monfort & Trognon 1984, doi:10.2307/1913472) of weekly
buyers on how far the price is from the reference:

    log E N_fti = c_fbi + w_ft + u_ct + psi . z_ti + R_i(k_i y_fti)
    R_i(y) = log of expected buyers at y over those at y = 0, as the network says; k_i corrects the network's slopes

with effects of item and quarter (b), of week, of category and week (u, shrunk), of display, mailer and the price cuts
of the two weeks before (z). What is left of the price is what the shop did to this item beyond season, category and
promotion: the residual of Robinson (1988, doi:10.2307/1912705) and of double machine learning. k_i ~ N(category mean,
s_item^2), category mean ~ N(global mean, s_category^2), variances by empirical Bayes.

Letters: `F` customer folds, `T` weeks, `I` items, `C` categories, `Z` controls, `Q` knots of R.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

BLOCK_WEEKS = 13
"""Length of the stretches in which an item's own level is free: a quarter, as the reference price looks back."""

ROUNDS, CONJUGATE_STEPS = 12, 60
LEAST_SCALE, MOST_SCALE = 0.1, 4.0
"""k is kept inside: the network's slopes are corrected, never turned around."""

WEAK = 1e-3
"""Precision of effects that are left free."""


@dataclass(frozen=True)
class PriceData:
    """What the regression reads.

    Attributes:
        buyers: (F, T, I) counts. position: (F, T, I) y = m(log price / reference) of the network's price map.
        used: (F, T, I) bool, item-weeks with a known price. controls: (Z, T, I). category: (I,) codes.
        knots: (Q,) of y, ascending, 0 inside. response: (I, Q) R_i.
    """

    buyers: Values
    position: Values
    used: npt.NDArray[np.bool_]
    controls: Values
    category: npt.NDArray[np.int64]
    knots: Values
    response: Values


@dataclass(frozen=True)
class PriceScales:
    """Corrections of the network's slopes.

    Attributes:
        scale: (I,) k. error: (I,) posterior standard deviation. category_scale: (C,). overall: mean of all.
        item_spread, category_spread: s. controls: (Z,) psi. dispersion: variance of counts over their mean.
        raw: (I,) unshrunk estimates, raw_error: (I,) their standard errors.
        category_week: (T, C) u.
    """

    scale: Values
    error: Values
    category_scale: Values
    overall: float
    item_spread: float
    category_spread: float
    controls: Values
    dispersion: float
    raw: Values
    raw_error: Values
    category_week: Values


@dataclass
class _Effects:
    """Current values: block (F, B, I), week (F, T), category (T, C), controls (Z,), scale (I,)."""

    block: Values
    week: Values
    category: Values
    controls: Values
    scale: Values

    def moved(self, step: _Effects) -> _Effects:
        return _Effects(**{name: value + getattr(step, name) for name, value in vars(self).items()})


class _Regression:
    """The penalised likelihood and its linearisation."""

    def __init__(self, data: PriceData) -> None:
        self.data = data
        _, n_weeks, n_items = data.buyers.shape
        self.block_of = np.arange(n_weeks) // BLOCK_WEEKS
        self.n_blocks = int(self.block_of.max()) + 1
        self.member = np.zeros((n_items, int(data.category.max()) + 1))
        self.member[np.arange(n_items), data.category] = 1.0
        self.buyers = np.where(data.used, data.buyers, 0.0)

    def start(self) -> _Effects:
        folds, n_weeks, n_items = self.data.buyers.shape
        total = self.buyers.sum(axis=1) + 0.5
        cells = self.data.used.sum(axis=1) + 1.0
        block = np.repeat(np.log(total / cells)[:, None, :], self.n_blocks, axis=1)
        controls = np.zeros(len(self.data.controls))
        return _Effects(
            block, np.zeros((folds, n_weeks)), np.zeros((n_weeks, self.member.shape[1])), controls, np.ones(n_items)
        )

    def response(self, scale: Values) -> tuple[Values, Values]:
        """R_i(k_i y) and its derivative in k_i, both (F, T, I)."""
        knots, table = self.data.knots, self.data.response
        at = self.data.position * scale
        place = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(knots) - 2)
        item = np.broadcast_to(np.arange(len(table)), at.shape)
        low, high = table[item, place], table[item, place + 1]
        slope = (high - low) / (knots[place + 1] - knots[place])
        return low + slope * (at - knots[place]), slope * self.data.position

    def mean(self, effects: _Effects) -> tuple[Values, Values]:
        """(F, T, I) expected counts (0 where unused) and derivatives of their logs in k."""
        response, derivative = self.response(effects.scale)
        log_mean = effects.block[:, self.block_of] + effects.week[:, :, None] + response
        log_mean = log_mean + (effects.category @ self.member.T + np.tensordot(effects.controls, self.data.controls, 1))
        return np.where(self.data.used, np.exp(np.clip(log_mean, -20.0, 15.0)), 0.0), derivative

    def spread_out(self, step: _Effects, derivative: Values) -> Values:
        """The linear predictor of a step."""
        common = step.category @ self.member.T + np.tensordot(step.controls, self.data.controls, 1)
        return step.block[:, self.block_of] + step.week[:, :, None] + common + derivative * step.scale

    def gathered(self, cells: Values, derivative: Values) -> _Effects:
        """The transpose of `spread_out`."""
        by_item = cells.sum(axis=0)
        block = np.stack([cells[:, self.block_of == b].sum(axis=1) for b in range(self.n_blocks)], axis=1)
        controls = np.tensordot(self.data.controls, by_item, ([1, 2], [0, 1]))
        return _Effects(block, cells.sum(axis=2), by_item @ self.member, controls, (cells * derivative).sum((0, 1)))


@dataclass(frozen=True)
class _Prior:
    """Precisions and centres of the shrunk effects: category weeks around 0, scales around their category's mean."""

    category_week: float
    scale: float
    centre: Values

    def precision(self, effects: _Effects) -> _Effects:
        """Precision of every effect."""
        return _Effects(
            np.full_like(effects.block, WEAK),
            np.full_like(effects.week, WEAK),
            np.full_like(effects.category, self.category_week),
            np.full_like(effects.controls, WEAK),
            np.full_like(effects.scale, self.scale),
        )

    def pull(self, effects: _Effects, precision: _Effects) -> _Effects:
        """Gradient of the log prior."""
        away = _Effects(
            effects.block - effects.block.mean(axis=1, keepdims=True),
            effects.week,
            effects.category,
            effects.controls,
            effects.scale - self.centre,
        )
        return _Effects(*(-p * a for p, a in zip(vars(precision).values(), vars(away).values(), strict=True)))


def fit_price_scales(data: PriceData) -> PriceScales:
    """Estimate k of every item; see the module's formula. Items that never moved get their category's mean."""
    regression = _Regression(data)
    effects = regression.start()
    n_items = len(data.category)
    item_spread, category_spread, overall, week_spread = 0.3, 0.3, 1.0, 0.3
    centre = np.ones(n_items)
    for number in range(ROUNDS):
        prior = _Prior(1.0 / week_spread**2, 1.0 / item_spread**2, centre)
        effects, mean, derivative = _newton(regression, effects, prior)
        week_spread = _week_spread(regression, effects, mean, week_spread)
        if number < 2:
            continue
        dispersion = _dispersion(regression, mean)
        information = _partialled(regression, mean, derivative, week_spread) / dispersion
        raw = effects.scale + (effects.scale - centre) / (item_spread**2 * dispersion * np.maximum(information, 1e-9))
        shrunk = _shrink(raw, information, data.category)
        centre, item_spread, category_spread, overall = shrunk
    posterior = 1.0 / (information + 1.0 / item_spread**2)
    weight = information * posterior
    scale = weight * raw + (1.0 - weight) * centre
    member = data.category
    count = np.maximum(np.bincount(member), 1)
    return PriceScales(
        scale=np.clip(scale, LEAST_SCALE, MOST_SCALE),
        error=np.sqrt(posterior),
        category_scale=np.bincount(member, centre) / count,
        overall=overall,
        item_spread=item_spread,
        category_spread=category_spread,
        controls=effects.controls,
        dispersion=dispersion,
        raw=raw,
        raw_error=1.0 / np.sqrt(np.maximum(information, 1e-9)),
        category_week=effects.category,
    )


def _newton(regression: _Regression, effects: _Effects, prior: _Prior) -> tuple[_Effects, Values, Values]:
    """One step by preconditioned conjugate gradients, kept within a unit of every effect."""
    mean, derivative = regression.mean(effects)
    precision = prior.precision(effects)
    gradient = _pack(regression.gathered(regression.buyers - mean, derivative)) + _pack(prior.pull(effects, precision))
    penalty = _pack(precision)
    diagonal = _pack(_diagonal(regression, mean, derivative)) + penalty

    def curvature(vector: Values) -> Values:
        step = _unpack(vector, effects)
        cells = mean * regression.spread_out(step, derivative)
        return _pack(regression.gathered(cells, derivative)) + penalty * vector

    step = _unpack(np.clip(_conjugate(curvature, gradient, diagonal), -1.0, 1.0), effects)
    effects = effects.moved(step)
    effects.scale = np.clip(effects.scale, LEAST_SCALE, MOST_SCALE)
    return effects, *regression.mean(effects)


def _conjugate(curvature: Callable[[Values], Values], gradient: Values, diagonal: Values) -> Values:
    """Solve curvature x = gradient."""
    solution, residual = np.zeros_like(gradient), gradient.copy()
    ready = residual / diagonal
    direction, size = ready.copy(), float(residual @ ready)
    first = size
    for _ in range(CONJUGATE_STEPS):
        if size <= 1e-8 * first or size <= 0.0:
            break
        turned = curvature(direction)
        length = size / float(direction @ turned)
        solution += length * direction
        residual -= length * turned
        ready = residual / diagonal
        size, before = float(residual @ ready), size
        direction = ready + size / before * direction
    return solution


def _pack(effects: _Effects) -> Values:
    return np.concatenate([value.ravel() for value in vars(effects).values()])


def _unpack(vector: Values, like: _Effects) -> _Effects:
    parts, start = [], 0
    for value in vars(like).values():
        parts.append(vector[start : start + value.size].reshape(value.shape))
        start += value.size
    return _Effects(*parts)


def _diagonal(regression: _Regression, mean: Values, derivative: Values) -> _Effects:
    plain = regression.gathered(mean, derivative)
    controls = np.tensordot(regression.data.controls**2, mean.sum(axis=0), ([1, 2], [0, 1]))
    return _Effects(plain.block, plain.week, plain.category, controls, (mean * derivative**2).sum((0, 1)))


def _week_spread(regression: _Regression, effects: _Effects, mean: Values, spread: float) -> float:
    """One EM step for the deviation of u."""
    information = mean.sum(axis=0) @ regression.member
    known = information > 0
    if not known.any():
        return spread
    variance = effects.category**2 + 1.0 / (information + 1.0 / spread**2)
    return float(np.sqrt(np.clip(variance[known].mean(), 0.05**2, 1.0)))


def _dispersion(regression: _Regression, mean: Values) -> float:
    """Pearson's ratio over cells, at least 1."""
    cells = regression.data.used & (mean > 1e-9)
    if not cells.any():
        return 1.0
    away = (regression.buyers[cells] - mean[cells]) ** 2 / mean[cells]
    return float(max(np.minimum(away, 50.0).mean(), 1.0))


def _partialled(regression: _Regression, mean: Values, derivative: Values, week_spread: float) -> Values:
    """(I,) information on each k when item blocks, weeks, category weeks and controls are free as well.

    The derivative within item and block, less what each shared effect takes: the square of its cells' sum of mean x
    derivative over its own information. Shared effects are held by all items together, so that they take little.
    """
    within = np.zeros_like(derivative)
    for block in range(regression.n_blocks):
        rows = regression.block_of == block
        weight, column = mean[:, rows], derivative[:, rows]
        middle = (weight * column).sum(1) / np.maximum(weight.sum(1), 1e-9)
        within[:, rows] = column - middle[:, None]
    moved = mean * within
    by_week = moved.sum(axis=0)
    category = mean.sum(axis=0) @ regression.member + 1.0 / week_spread**2
    information = (moved * within).sum((0, 1)) - (by_week**2 / category[:, regression.data.category]).sum(0)
    information -= (moved**2 / np.maximum(mean.sum(2), 1.0)[:, :, None]).sum((0, 1))
    for control in regression.data.controls:
        size = float((mean * (control - control.mean()) ** 2).sum())
        information -= (by_week * control).sum(0) ** 2 / max(size, 1.0)
    return np.asarray(np.maximum(information, 0.0), dtype=np.float64)


def _shrink(raw: Values, information: Values, category: npt.NDArray[np.int64]) -> tuple[Values, float, float, float]:
    """Centres (I,) and spreads of the two levels, by EM from the raw estimates; then the global mean."""
    error = 1.0 / np.maximum(information, 1e-9)
    item, group, overall = 0.3, 0.3, 1.0
    n_groups = int(category.max()) + 1
    for _ in range(100):
        total = item**2 + error
        weight = np.bincount(category, 1.0 / total, minlength=n_groups)
        told = np.bincount(category, raw / total, minlength=n_groups)
        posterior = 1.0 / (weight + 1.0 / group**2)
        mean = (told + overall / group**2) * posterior
        overall = float(mean.mean())
        group = float(np.sqrt(np.clip(((mean - overall) ** 2 + posterior).mean(), 0.05**2, 1.0)))
        spread = 1.0 / (information + 1.0 / item**2)
        estimate = spread * (raw * information + mean[category] / item**2)
        item = float(np.sqrt(np.clip(((estimate - mean[category]) ** 2 + spread).mean(), 0.05**2, 1.0)))
    return mean[category], item, group, overall
