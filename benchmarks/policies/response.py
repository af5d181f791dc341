"""A world fitted on the log, in which learning policies may try things: the purchase model of `greedy.py` with its
slopes.

A pair at a discount is redeemed with P M / (1 + (M - 1) P), P the chance of buying both anyway and M the rise of
both items' odds; who redeems without having meant to buy brings the items that were missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from policies.greedy import PurchaseModel
from policies.interface import MarketLog


@dataclass(frozen=True)
class FittedWorld:
    """Chances (U, I) at shelf prices and (I,) slopes, from the log alone; (I,) prices and costs in money."""

    chance: np.ndarray
    slope: np.ndarray
    visits: np.ndarray
    price: np.ndarray
    cost: np.ndarray

    @classmethod
    def fit(cls, log: MarketLog) -> FittedWorld:
        model = PurchaseModel.fit(log)
        return cls(model.chances(0.0), model.slopes, log.visits(), log.price_cents / 100.0, log.cost_cents / 100.0)

    def offer(self, user: np.ndarray, first: np.ndarray, second: np.ndarray, off: np.ndarray) -> tuple[np.ndarray, ...]:
        """(redemption, both anyway, margin gained, spend) of offers; all arguments broadcast."""
        x, y = self.chance[user, first], self.chance[user, second]
        both = x * y / self.visits[user]
        multiplier = np.exp((self.slope[first] + self.slope[second]) * -np.log(1 - off))
        gain = (multiplier - 1) * both / (1 + (multiplier - 1) * both)
        redemption = gain + both * (1 - gain)
        given = off * (self.price[first] + self.price[second])
        margin = self.price - self.cost
        gained = gain * ((1 - x) * margin[first] + (1 - y) * margin[second]) - redemption * given
        return redemption, both, gained, redemption * given
