"""Peers that count: what everybody buys, and what this customer buys."""

from __future__ import annotations

import numpy as np

from bundleopt_models.peers.cells import Cells, Floats, PeerWeeks, inside, log_loss
from bundleopt_models.protocol import week_cells
from bundleopt_models.week_tables import CUSTOMER_FEATURES

PRIOR_VISITS = (1.0, 3.0, 10.0, 30.0)
"""Weeks of popularity that smooth a personal frequency; the best on the tuning weeks is taken."""


class Popularity:
    """Everybody buys what was popular."""

    name = "popularity"

    def fit(self, weeks: PeerWeeks) -> None:
        """Nothing to learn."""

    def score(self, cells: Cells) -> Floats:
        """Share of active customers."""
        return inside(cells.popularity)


class PersonalFrequency:
    """Own purchase frequency, smoothed by popularity (P-TopFreq); with decay, recent purchases count more."""

    def __init__(self, *, decayed: bool) -> None:
        """`decayed` weighs a purchase by 0.9 a week."""
        self.name = "decayed frequency" if decayed else "personal frequency"
        self._decayed, self._prior = decayed, PRIOR_VISITS[0]

    def fit(self, weeks: PeerWeeks) -> None:
        """Choose the smoothing on the tuning weeks, by log loss."""
        chosen = list(weeks.validation)[-2:] or list(weeks.fit)[-1:]
        losses = dict.fromkeys(PRIOR_VISITS, 0.0)
        for week in chosen:
            sample = week_cells(weeks.builder, week)
            cells = Cells(weeks.builder, week, sample.customer, sample.item, weeks.settings.price)
            for prior in PRIOR_VISITS:
                self._prior = prior
                losses[prior] += log_loss(self.score(cells), sample)
        self._prior = min(losses, key=losses.__getitem__)

    def score(self, cells: Cells) -> Floats:
        """(count + prior * popularity) / (weeks since first seen + prior)."""
        state = cells.builder.history.item
        pair = state.level.find(cells.customer, cells.item)
        values = state.decayed[:, 2] if self._decayed else state.count
        count = np.where(pair >= 0, values[np.maximum(pair, 0)], 0.0) if len(values) else np.zeros(len(pair))
        column = CUSTOMER_FEATURES.index("tenure")
        weeks = np.maximum(np.expm1(cells.builder.tables.customer[cells.week, cells.customer, column]), 1)
        weeks = (1 - 0.9**weeks) / 0.1 if self._decayed else weeks
        chance = (count + self._prior * cells.popularity) / (weeks + self._prior)
        return inside(chance)
