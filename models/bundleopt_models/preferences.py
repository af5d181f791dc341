"""Preference weights of a category: from purchase probabilities to segments that choose by a logit.

Customers are grouped by what they choose in the category; for each segment m, with q the mean weekly probability of
each item and r the mean chance of buying anything of the category,

    s_mj = q_mj / sum_k q_mk,    u_mj = r_m s_mj / (1 - r_m),    occasions_m = customers * sum_k q_mk / r_m

With all items listed the logit u_mj / (1 + sum_k u_mk), times occasions, gives back the forecast, item by item. What
happens with fewer items rests on the independence of irrelevant alternatives inside a segment: the demand of an item
that goes is shared among nothing and the others in proportion to their own. See `substitution.py` for the check.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_models.forecast import DemandForecast

Reals = npt.NDArray[np.float64]
# Nobody buys with certainty: above it the weight of an item would have no limit.
MOST_CERTAIN = 0.999
_ROUNDS = 40


@dataclass(frozen=True, eq=False)
class PreferenceWeights:
    """Segments of customers and what they like, against an outside option of 1.

    Attributes:
        weight: (S, J) preference weights of the chosen items. occasions: (S,) choices of the week.
        customers: (S,) how many customers each segment has. segment: (U,) the segment of every customer.
    """

    weight: Reals
    occasions: Reals
    customers: npt.NDArray[np.int64]
    segment: npt.NDArray[np.int64]


def preference_weights(
    forecast: DemandForecast, items: npt.NDArray[np.int64], *, segments: int, seed: int = 0
) -> PreferenceWeights:
    """Group customers by their choices among `items` (J,) and return what each group likes.

    Args:
        forecast: purchase probabilities of the week.
        items: (J,) item codes of the category.
        segments: most segments; fewer where customers do not differ.
        seed: of the grouping.
    """
    bought = forecast.probability[:, items].astype(np.float64)
    visit = np.clip(forecast.visit_probability.astype(np.float64), 1e-9, 1.0)
    given_visit = np.clip(bought / visit[:, None], 0.0, 1.0 - 1e-9)
    anything = visit * -np.expm1(np.log1p(-given_visit).sum(1))
    anything = np.clip(anything, 1e-12, MOST_CERTAIN)
    segment = group_by_choice(bought, anything, segments=segments, seed=seed)
    customers = np.bincount(segment)
    mean = _sums(segment, bought) / customers[:, None]
    any_mean = np.bincount(segment, anything) / customers
    total = np.maximum(mean.sum(1), 1e-300)
    weight = (any_mean / (1.0 - any_mean) / total)[:, None] * mean
    return PreferenceWeights(weight, customers * total / any_mean, customers.astype(np.int64), segment)


def group_by_choice(bought: Reals, anything: Reals, *, segments: int, seed: int) -> npt.NDArray[np.int64]:
    """(U,) segment codes by k-means on square roots of choice shares (Hellinger distance), nothing being one choice.

    Args:
        bought: (U, J) purchase probabilities.
        anything: (U,) chance of buying anything of the category.
        segments: most segments.
        seed: of the first centres (k-means++, Arthur & Vassilvitskii 2007).
    """
    share = bought / np.maximum(bought.sum(1, keepdims=True), 1e-300) * anything[:, None]
    point = np.sqrt(np.column_stack([share, 1.0 - anything]))
    centre = _first_centres(point, min(segments, len(point)), np.random.default_rng(seed))
    code = np.zeros(len(point), np.int64)
    for _ in range(_ROUNDS):
        nearest = _distance(point, centre).argmin(1)
        if (nearest == code).all():
            break
        code = nearest
        count = np.bincount(code, minlength=len(centre))
        kept = count > 0
        centre[kept] = _sums(code, point, len(centre))[kept] / count[kept, None]
    return np.unique(code, return_inverse=True)[1].astype(np.int64)


def _first_centres(point: Reals, count: int, rng: np.random.Generator) -> Reals:
    chosen = [int(rng.integers(len(point)))]
    distance = _distance(point, point[chosen])[:, 0]
    while len(chosen) < count and distance.sum() > 1e-12:
        chosen.append(int(rng.choice(len(point), p=distance / distance.sum())))
        distance = np.minimum(distance, _distance(point, point[chosen[-1:]])[:, 0])
    return point[chosen].copy()


def _distance(point: Reals, centre: Reals) -> Reals:
    squares = (point**2).sum(1)[:, None] - 2 * point @ centre.T + (centre**2).sum(1)
    return np.asarray(np.maximum(squares, 0.0))


def _sums(code: npt.NDArray[np.int64], rows: Reals, groups: int | None = None) -> Reals:
    total = np.zeros((int(code.max()) + 1 if groups is None else groups, rows.shape[1]))
    np.add.at(total, code, rows)
    return total
