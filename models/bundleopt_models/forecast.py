"""The demand model's answer for one week: plain arrays, the only thing valuation sees.

Letters: `U` customers, `I` items, `P` related pairs, `D` price ratios.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt

from bundleopt_models.fullness import Fullness, week_size
from bundleopt_models.uncertainty import Uncertainty

# Below, a chance of a visit is a rounding error.
MIN_VISIT = 1e-12

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PairRelations:
    """Complementarity: log odds ratios of being bought in the same week, given a visit, beyond both marginals.

    Attributes:
        first, second: (P,) item codes, first < second, sorted, unique.
        gamma: (P,) log odds ratio; above `background` for complements, below it for substitutes.
        standard_error: (P,) of gamma.
        background: log odds ratio of every pair that is not listed: weeks with full baskets make all pairs look a
            little related. It belongs to the joint law, but says nothing about what one item does to another.
        significant: (P,) True for complements and substitutes that passed the false discovery test; the others are
            listed for the joint law alone. None: all of them.
        fullness: whose weeks hold more of the background than others'; None: all the same.
    """

    first: npt.NDArray[np.int32]
    second: npt.NDArray[np.int32]
    gamma: Floats
    standard_error: Floats
    background: float = 0.0
    significant: npt.NDArray[np.bool_] | None = None
    fullness: Fullness | None = None

    def is_known(self) -> npt.NDArray[np.bool_]:
        """(P,) True for significant pairs."""
        return np.ones(len(self.first), np.bool_) if self.significant is None else self.significant

    def known(self) -> PairRelations:
        """Only the significant pairs."""
        return self.where(self.is_known())

    def where(self, keep: npt.NDArray[np.bool_]) -> PairRelations:
        """The pairs in `keep` (P,)."""
        return PairRelations(
            first=self.first[keep],
            second=self.second[keep],
            gamma=self.gamma[keep],
            standard_error=self.standard_error[keep],
            background=self.background,
            significant=self.is_known()[keep],
            fullness=self.fullness,
        )

    def shift(self, basket: npt.ArrayLike, visit: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """What a customer's week adds to the log odds ratio of all its pairs; shapes broadcast.

        Args:
            basket: expected items of the week given a visit.
            visit: chance of one.
        """
        size = week_size(basket, visit)
        return np.zeros(size.shape) if self.fullness is None else self.fullness.log_odds(size) - self.background

    def log_odds(self, one: npt.ArrayLike, other: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Gamma of the item pairs (one, other), in any order; shapes broadcast, unlisted pairs have the background."""
        low, high = np.minimum(one, other).astype(np.int64), np.maximum(one, other).astype(np.int64)
        if not len(self.first):
            return np.full(low.shape, self.background)
        span = int(max(self.second.max(), high.max(initial=0))) + 1
        keys = self.first.astype(np.int64) * span + self.second
        wanted = low * span + high
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[place] == wanted, self.gamma[place].astype(np.float64), self.background)


@dataclass(frozen=True)
class PullForward:
    """Share of induced units that is borrowed from later weeks, by item; NaN where it is not identified.

    Attributes:
        share: (I,) in [0, 1]; NaN means "not identified" and is charged as `assumed_share`.
        assumed_share: what the configuration charges where the share is not identified.
    """

    share: Floats
    assumed_share: float


@dataclass(frozen=True)
class DemandForecast:
    """Weekly purchase probabilities and price response of one week.

    Price response: at r times the shelf price the log odds of P(u buys i | visit) rise by
    `slope[u, i] * price_lift(r)[i]`, with `price_lift` >= 0 for r <= 1 and strictly decreasing in r. Given a visit: the
    chance that the customer comes at all does not move with one item's price.

    Attributes:
        week: Monday of the forecast.
        customer_ids: (U,), item_ids: (I,) texts.
        probability: (U, I) chance that the customer buys at least one unit in the week at shelf price.
        visit_probability: (U,) chance of any purchase in the week; >= every probability of the row.
        slope: (U, I) price sensitivity beta > 0, of the log odds given a visit.
        units: (I,) kappa, expected units given bought, >= 1.
        log_position: (I,) log(shelf price / reference price) of the week.
        knots, heights: (Q,) the monotone map m of log relative price as a piecewise linear function, extended with
            its end slopes; the identity is knots (0, 1), heights (0, 1).
        relations: complementarity.
        pull_forward: see PullForward.
        category: (I,) category codes, for substitutes and diversion.
        uncertainty: how far all of it may be off; None where the model was not asked.
        state: (U, R) learned states of the customers, see `DemandModel.states`; None likewise.
        need: (I,) chance that a need of the item's category ends in a purchase, in [0, 1): how much items of one
            category compete, see `category_need`. None: only known pairs do.
    """

    week: date
    customer_ids: npt.NDArray[np.object_]
    item_ids: npt.NDArray[np.object_]
    probability: Floats
    visit_probability: Floats
    slope: Floats
    units: Floats
    log_position: Floats
    knots: Floats
    heights: Floats
    relations: PairRelations
    pull_forward: PullForward
    category: npt.NDArray[np.int32]
    uncertainty: Uncertainty | None = None
    state: Floats | None = None
    need: Floats | None = None

    def of_customers(self, who: npt.NDArray[np.integer]) -> DemandForecast:
        """The forecast of the customers with codes `who`, in that order; everything about items stays as it is."""
        return replace(
            self,
            customer_ids=self.customer_ids[who],
            probability=self.probability[who],
            visit_probability=self.visit_probability[who],
            slope=self.slope[who],
            state=None if self.state is None else self.state[who],
        )

    def pair_shift(self, customers: npt.NDArray[np.int64] | slice = slice(None)) -> npt.NDArray[np.float64]:
        """(n,) what each of some customers adds to the log odds ratios of all pairs, see `PairRelations.shift`."""
        visit = np.maximum(self.visit_probability[customers].astype(np.float64), MIN_VISIT)
        return self.relations.shift(self.probability[customers].sum(axis=1, dtype=np.float64) / visit, visit)

    def price_lift(self, ratio: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """m(log position) - m(log position + log r) for (D,) price ratios r in (0, 1]; returns (I, D), >= 0."""
        position = self.log_position.astype(np.float64)[:, None]
        return self._map(position) - self._map(position + np.log(ratio)[None, :])

    def item_lift(self, items: npt.NDArray[np.int32], ratio: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The same for item codes and price ratios that broadcast against each other, each item at its own ratio."""
        position = self.log_position.astype(np.float64)[items]
        return self._map(position) - self._map(position + np.log(ratio))

    def _map(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        knots, heights = self.knots.astype(np.float64), self.heights.astype(np.float64)
        first = (heights[1] - heights[0]) / (knots[1] - knots[0])
        last = (heights[-1] - heights[-2]) / (knots[-1] - knots[-2])
        inside: npt.NDArray[np.float64] = np.interp(x, knots, heights)
        beyond: npt.NDArray[np.float64] = np.minimum(x - knots[0], 0) * first + np.maximum(x - knots[-1], 0) * last
        return inside + beyond
