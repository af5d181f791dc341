"""What another policy would have earned, from a log whose choices were drawn with known chances.

Row i: an occasion, the action that was drawn with chance e_i, the reward r_i, and the chance pi_i with which the other
policy would have taken that action. With w_i = pi_i / e_i

    inverse propensity     mean(w r)                                                Horvitz & Thompson (1952)
    self-normalised        sum(w r) / sum(w)                                        Swaminathan & Joachims (2015)
    doubly robust          mean(v + w (r - m))         m: a model's reward of the logged action, v: of the other policy
                           Dudik, Erhan, Langford & Li (2014), doi:10.1214/14-STS500

Each is right where every action that the other policy may take had a chance above 0 in the log; the last is also right
where the model is, whatever the chances. Standard errors are those of sums over clusters: all rows of one draw, as the
offers of a bundle whose price was drawn once for everybody. The open libraries for this (Open Bandit Pipeline) bring a
whole learning stack for these three lines and know no clusters, so they are written here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_data.errors import UsageError
from bundleopt_models.student import t_quantile

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LoggedChoices:
    """A log of drawn actions. n rows.

    Attributes:
        reward: (n,). propensity: (n,) chance of the logged action, in (0, 1].
        target: (n,) chance with which the other policy takes the logged action, in [0, 1].
        cluster: (n,) codes of the draws; rows of one draw stand and fall together.
        logged_model: (n,) a model's reward of the logged action. target_model: (n,) its expected reward of the other
            policy. Neither may have been fitted on the row itself.
    """

    reward: Values
    propensity: Values
    target: Values
    cluster: npt.NDArray[np.int64]
    logged_model: Values
    target_model: Values

    def __post_init__(self) -> None:
        """Refuse what no log can hold.

        Raises:
            UsageError: no rows, or a chance outside its range.
        """
        if not len(self.reward):
            raise UsageError("the log of drawn choices holds no rows")
        if bool(((self.propensity <= 0) | (self.propensity > 1)).any()):
            raise UsageError("propensity must be in (0, 1]")
        if bool(((self.target < 0) | (self.target > 1)).any()):
            raise UsageError("the other policy's chances must be in [0, 1]")

    @property
    def weight(self) -> Values:
        """(n,) pi / e."""
        return np.asarray(self.target / self.propensity, dtype=np.float64)


@dataclass(frozen=True)
class PolicyValue:
    """Mean reward per occasion of the other policy, with its interval.

    Attributes:
        name: of the estimator. value, standard_error, low, high: per occasion. level: of the interval.
        effective: sample size that the weights leave, (sum w)^2 / sum w^2. draws: number of clusters.
    """

    name: str
    value: float
    standard_error: float
    low: float
    high: float
    level: float
    effective: float
    draws: int


def policy_values(log: LoggedChoices, *, level: float = 0.95) -> tuple[PolicyValue, PolicyValue, PolicyValue]:
    """Return inverse propensity, self-normalised and doubly robust estimates."""
    weight = log.weight
    total = float(weight.sum())
    plain = weight * log.reward
    normal = float(plain.sum()) / total if total > 0 else 0.0
    # The self-normalised ratio's influence, by the delta method: w (r - value) / mean(w).
    influence = weight * (log.reward - normal) / max(total / len(weight), 1e-300)
    robust = log.target_model + weight * (log.reward - log.logged_model)
    return (
        _value("inverse propensity", float(plain.mean()), plain - plain.mean(), log, level),
        _value("self-normalised", normal, influence, log, level),
        _value("doubly robust", float(robust.mean()), robust - robust.mean(), log, level),
    )


def _value(name: str, value: float, influence: Values, log: LoggedChoices, level: float) -> PolicyValue:
    """Put the interval together; `influence` has mean 0, and its sums over clusters are independent."""
    _, place = np.unique(log.cluster, return_inverse=True)
    sums = np.bincount(place.reshape(-1), influence)
    draws = len(sums)
    square = float((sums**2).sum())
    error = math.sqrt(square * draws / (draws - 1)) / len(influence) if draws > 1 else math.inf
    half = t_quantile((1 + level) / 2, draws - 1) * error if draws > 1 else math.inf
    weight = log.weight
    spread = float((weight**2).sum())
    effective = float(weight.sum()) ** 2 / spread if spread > 0 else 0.0
    return PolicyValue(name, value, error, value - half, value + half, level, effective, draws)


def cross_fitted_rates(reward: Values, cell: npt.NDArray[np.int64], cluster: npt.NDArray[np.int64]) -> Values:
    """Mean reward of each row's cell over the clusters of the other half, shrunk to the mean of all by ten rows.

    Clusters are split by the parity of their rank, so that no row, and no row of its own draw, shapes its model.

    Args:
        reward: (n,).
        cell: (n,) codes of what is alike: a bundle, or a bundle at a price.
        cluster: (n,) codes of the draws.
    """
    rank = np.unique(cluster, return_inverse=True)[1].reshape(-1)
    half = rank % 2
    cells = int(cell.max(initial=-1)) + 1
    out = np.empty(len(reward))
    for side in (0, 1):
        others, mine = half != side, half == side
        mean = float(reward[others].mean()) if others.any() else 0.0
        total = np.bincount(cell[others], reward[others], cells) + 10.0 * mean
        out[mine] = (total / (np.bincount(cell[others], minlength=cells) + 10.0))[cell[mine]]
    return out
