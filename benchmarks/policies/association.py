"""(3) Association rules: pairs by lift above a support, shown to who bought the antecedent (Agrawal et al. 1993)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from policies.interface import MarketLog, Ranking, all_pairs, best_pairs, spread

LEAST_SUPPORT, LEAST_CONFIDENCE = 0.002, 0.05
"""Shares of baskets, and of the antecedent's baskets."""


class AssociationRules:
    """Lift."""

    name = "association rules"

    def plan(self, log: MarketLog) -> pd.DataFrame:
        ranking = self.rank(log)
        return spread(log, ranking.pairs, ranking.bundles)

    def rank(self, log: MarketLog) -> Ranking:
        baskets = float(log.came.sum())
        single = log.bought.sum(axis=(0, 1)) / baskets
        support = log.pair_counts() / baskets
        lift = support / np.maximum(single[:, None] * single[None, :], 1e-12)
        confidence = support / np.maximum(single[:, None], 1e-12)
        lift = np.where((support >= LEAST_SUPPORT) & (confidence >= LEAST_CONFIDENCE), lift, 0.0)
        pairs = all_pairs(log)
        chosen = best_pairs(pairs, np.maximum(lift, lift.T)[pairs[:, 0], pairs[:, 1]])
        rates = log.rates()
        # The rule that fires strongest for the customer: its antecedent's rate by its lift.
        fires = np.maximum(
            rates[:, chosen[:, 0]] * lift[chosen[:, 0], chosen[:, 1]],
            rates[:, chosen[:, 1]] * lift[chosen[:, 1], chosen[:, 0]],
        )
        own = log.bought.any(axis=0)
        either = own[:, chosen[:, 0]] | own[:, chosen[:, 1]]
        shown = np.where(either & (fires > 0), fires, -np.inf)
        return Ranking(rates @ confidence, chosen, shown)
