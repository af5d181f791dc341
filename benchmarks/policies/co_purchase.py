"""(2) The N most co-purchased pairs at 10 % off, shown to everyone who bought either."""

from __future__ import annotations

import numpy as np
import pandas as pd

from policies.interface import MarketLog, Ranking, all_pairs, best_pairs, spread


class CoPurchase:
    """Counts."""

    name = "most co-purchased pairs"

    def plan(self, log: MarketLog) -> pd.DataFrame:
        ranking = self.rank(log)
        return spread(log, ranking.pairs, ranking.bundles)

    def rank(self, log: MarketLog) -> Ranking:
        counts, pairs = log.pair_counts(), all_pairs(log)
        chosen = best_pairs(pairs, counts[pairs[:, 0], pairs[:, 1]])
        own = log.bought.any(axis=0)
        either = own[:, chosen[:, 0]] | own[:, chosen[:, 1]]
        worth = counts[chosen[:, 0], chosen[:, 1]]
        return Ranking(own * log.bought.sum(axis=(0, 1)), chosen, np.where(either, worth[None, :], -np.inf))
