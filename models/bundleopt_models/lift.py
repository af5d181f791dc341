"""Lift of a campaign from a randomised control group: what shown customers spent beyond what they would have spent.

Three estimators of the mean effect per treated customer, from outcomes y, the arm, and facts x known before the draw:

    difference    mean(y | treated) - mean(y | control)                                          Neyman (1923)
    CUPED         the same of y - theta (x_1 - mean x_1), theta = cov(y, x_1) / var(x_1) pooled within arms
                  Deng, Xu, Kohavi & Walker (2013), doi:10.1145/2433396.2433413
    regression    a least-squares line per arm in all of x, both read off at the mean of x; errors HC2
                  Lin (2013), doi:10.1214/12-AOAS583

All are unbiased or nearly so because the arm was drawn; x only removes noise. Each interval is that of Student's t with
Welch's degrees of freedom. Letters: `n` customers, `k` facts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_data.errors import UsageError
from bundleopt_models.student import t_quantile

Values = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

LEAST_ARM = 2
"""Customers of an arm below which nothing can be said of its spread."""

CUSTOMERS_A_FACT = 5
"""Control customers per fact of the regression; with fewer the line fits noise."""


@dataclass(frozen=True)
class LiftEstimate:
    """An effect per treated customer with its interval, in the unit of the outcome.

    Attributes:
        name: of the estimator. effect, standard_error, low, high: per treated customer. level: of the interval.
        treated, control: customers of each arm.
    """

    name: str
    effect: float
    standard_error: float
    low: float
    high: float
    level: float
    treated: int
    control: int

    @property
    def total(self) -> tuple[float, float, float]:
        """Effect, low and high end over all treated customers."""
        return self.effect * self.treated, self.low * self.treated, self.high * self.treated

    @property
    def is_significant(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


def estimate_lift(outcome: Values, treated: Flags, facts: Values, *, level: float = 0.95) -> tuple[LiftEstimate, ...]:
    """Return the three estimates, those that the size of the control group allows.

    Args:
        outcome: (n,) of every customer that was drawn from, shown anything or not.
        treated: (n,) not in the control group.
        facts: (n, k) known before the draw; the first column is what CUPED uses: the same outcome, earlier.
        level: of the intervals.

    Raises:
        UsageError: an arm has fewer than two customers.
    """
    arms = (int(treated.sum()), int((~treated).sum()))
    if min(arms) < LEAST_ARM:
        raise UsageError(
            f"lift needs at least {LEAST_ARM} customers with and without offers, not {arms[0]} and {arms[1]}; "
            "plan with --holdout 5%"
        )
    found = [difference_in_means(outcome, treated, level=level)]
    if facts.shape[1]:
        found.append(cuped(outcome, treated, facts[:, 0], level=level))
    kept = facts[:, : min(arms) // CUSTOMERS_A_FACT]
    if kept.shape[1]:
        found.append(regression_adjusted(outcome, treated, kept, level=level))
    return tuple(found)


def difference_in_means(outcome: Values, treated: Flags, *, level: float = 0.95) -> LiftEstimate:
    """The plain difference; its variance is Neyman's, never too small on average."""
    one, other = outcome[treated], outcome[~treated]
    spread = (float(one.var(ddof=1)) / len(one), float(other.var(ddof=1)) / len(other))
    return _estimate("difference in means", float(one.mean() - other.mean()), spread, treated, level)


def cuped(outcome: Values, treated: Flags, before: Values, *, level: float = 0.95) -> LiftEstimate:
    """The difference with the part taken out that the outcome before the draw explains."""
    theta = _within_arms(outcome, before, treated) / max(_within_arms(before, before, treated), 1e-300)
    found = difference_in_means(outcome - theta * (before - before.mean()), treated, level=level)
    return LiftEstimate(**(vars(found) | {"name": "CUPED"}))


def regression_adjusted(outcome: Values, treated: Flags, facts: Values, *, level: float = 0.95) -> LiftEstimate:
    """Each arm's least-squares line read off at the mean of the facts of all customers.

    The facts' own sampling adds (beta_1 - beta_0)' S (beta_1 - beta_0) / n where customers stand for a population;
    here the effect is that on the customers at hand, so that it is left out.
    """
    centred = _scaled(facts)
    lines = [_line(outcome[arm], centred[arm]) for arm in (treated, ~treated)]
    effect = lines[0][0] - lines[1][0]
    return _estimate("regression-adjusted", effect, (lines[0][1], lines[1][1]), treated, level)


def pooled(estimates: list[LiftEstimate]) -> LiftEstimate:
    """Pool the effects of several weeks, each weighted by its precision.

    Raises:
        UsageError: there are none.
    """
    if not estimates:
        raise UsageError("there are no weeks to pool")
    errors = np.array([max(one.standard_error, 1e-12) for one in estimates])
    weight = 1.0 / errors**2
    effect = float(np.average([one.effect for one in estimates], weights=weight))
    error = float(1.0 / math.sqrt(weight.sum()))
    level = estimates[-1].level
    half = t_quantile((1 + level) / 2, math.inf) * error
    sizes = (sum(one.treated for one in estimates), sum(one.control for one in estimates))
    return LiftEstimate("pooled weeks", effect, error, effect - half, effect + half, level, *sizes)


def residual_share(outcome: Values, before: Values) -> float:
    """Return the share of the outcome's variance that CUPED leaves, in [0, 1]."""
    spread = float(outcome.var()) * float(before.var())
    if spread <= 0:
        return 1.0
    covariance = float(np.mean((outcome - outcome.mean()) * (before - before.mean())))
    return min(1.0, max(0.0, 1.0 - covariance**2 / spread))


def _within_arms(left: Values, right: Values, treated: Flags) -> float:
    total = 0.0
    for arm in (treated, ~treated):
        total += float(np.sum((left[arm] - left[arm].mean()) * (right[arm] - right[arm].mean())))
    return total


def _scaled(facts: Values) -> Values:
    """Facts with mean 0 and spread 1; those that are the same for everybody say nothing and become 0."""
    spread = facts.std(axis=0)
    return np.asarray((facts - facts.mean(axis=0)) / np.where(spread > 0, spread, 1.0), dtype=np.float64)


def _line(outcome: Values, facts: Values) -> tuple[float, float]:
    """Height of an arm's line at facts of 0, and its HC2 variance."""
    design = np.column_stack([np.ones(len(outcome)), facts])
    inverse = np.linalg.pinv(design.T @ design)
    coefficient = inverse @ (design.T @ outcome)
    residual = outcome - design @ coefficient
    leverage = np.minimum(np.einsum("ij,jk,ik->i", design, inverse, design), 1.0 - 1e-9)
    weight = (design @ inverse[0]) ** 2 * residual**2 / (1.0 - leverage)
    return float(coefficient[0]), float(weight.sum())


def _estimate(name: str, effect: float, spread: tuple[float, float], treated: Flags, level: float) -> LiftEstimate:
    """Put the interval together; `spread` holds the variance of each arm's mean."""
    sizes = (int(treated.sum()), int((~treated).sum()))
    total = spread[0] + spread[1]
    error = math.sqrt(total)
    freedom = math.inf
    if total > 0:
        freedom = total**2 / sum(part**2 / (size - 1) for part, size in zip(spread, sizes, strict=True))
    half = t_quantile((1 + level) / 2, max(freedom, 1.0)) * error
    return LiftEstimate(name, effect, error, effect - half, effect + half, level, *sizes)
