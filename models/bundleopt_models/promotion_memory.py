"""What every customer did with an item while it was promoted, and while it was not.

A visit meets an item *on mailer* or *on display* where the customer's own store group shows it so, or a share of the
chain does. Some customers buy an item only then; whoever sees one plain frequency misses both of their rates.
Letters: n pairs, `P` item pairs.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bundleopt_data.panel import Panel
from bundleopt_models.history import LevelState

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

CHAIN_SHARE = 0.3
"""Share of the chain's stores from which an item counts as promoted for a customer whose own store says nothing."""

RATE_PRIOR = 4.0
"""Visits worth of prior that the plain frequency has in the frequency under one kind of promotion."""

PLAIN_PRIOR, PLAIN_BOUGHT = 6.0, 0.3
"""Visits, and purchases in them, worth of prior in the plain frequency."""

DEAL_DEPTH = -0.05
"""Log price against the reference below which a purchase counts as bought on a deal."""

MEMORY_FEATURES = (
    "log_gap_1", "log_gap_2", "least_gap", "since_against_gap", "deal_share", "last_mailer", "last_display",
    "mailer_share", "display_share", "log_mailer_visits", "odds_mailer", "odds_display", "odds_other_mailer",
    "now_mailer", "now_display",
)  # fmt: skip

NO_GAP = 30.0
"""Least gap, in visits, of a pair that met once."""


class PromotionMemory:
    """Visits and purchases of each item pair by promotion, and its latest gaps; `learn` takes in the next week."""

    def __init__(self, panel: Panel, state: LevelState) -> None:
        """Nothing is known yet; `state` is only asked for its pairs."""
        self._group = panel.promotions.store_group.astype(np.int64)
        size = len(state.level.key)
        self._visits = np.zeros((size, 2, 2), np.float32)
        self._bought = np.zeros((size, 2, 2), np.float32)
        self._last = np.zeros((size, 2), np.float32)
        self._deals = np.zeros(size, np.float32)
        self._gap = np.zeros((size, 2), np.float32)
        self._least = np.full(size, NO_GAP, np.float32)

    def promoted(self, state: LevelState, pair: Ints, chain: list[Floats], store: list[Floats]) -> Flags:
        """(n, 2) whether the item is on mailer, on display for the customer.

        Args:
            state: of the items.
            pair: (n,) item pairs.
            chain: mailer and display, (I,) share of stores.
            store: the same by store group, (G, I) each; G may be 0.
        """
        customer, item = state.level.customer[pair], state.level.group[pair]
        group = self._group[customer]
        found = np.zeros((len(pair), 2), bool)
        for place in (0, 1):
            found[:, place] = chain[place][item] >= CHAIN_SHARE
            if len(store[place]):
                found[:, place] |= (store[place][np.maximum(group, 0), item] > 0) & (group >= 0)
        return found

    def learn(self, met: Ints, bought: Flags, met_promoted: Flags) -> None:
        """Take in the known pairs that customers met in a week; all arrays (n,) or (n, 2)."""
        for place in (0, 1):
            side = met_promoted[:, place].astype(np.int64)
            self._visits[met, place, side] += 1
            self._bought[met, place, side] += bought

    def learn_purchases(self, state: LevelState, pair: Ints, price: Floats, promoted: Flags) -> None:
        """Take in the week's purchases, first ones included; `state` stands before the week."""
        first = state.count[pair] == 0
        for place in (0, 1):
            side = promoted[first, place].astype(np.int64)
            self._visits[pair[first], place, side] += 1
            self._bought[pair[first], place, side] += 1
        self._last[pair] = promoted
        self._deals[pair] += price < DEAL_DEPTH
        again = pair[~first]
        visits = state._visits_before[state.week, state.level.customer[again]]  # noqa: SLF001
        gap = visits + 1 - state.visits_at_last[again]
        self._gap[again, 1] = self._gap[again, 0]
        self._gap[again, 0] = gap
        self._least[again] = np.minimum(self._least[again], gap)

    def features(self, state: LevelState, pair: Ints, since: Floats, promoted: Flags) -> Floats:
        """(n, len(MEMORY_FEATURES)) of item pairs with history; `since`: visits since the last purchase."""
        count = np.maximum(state.count[pair], 1)
        gap = np.log1p(self._gap[pair])
        columns = [
            gap[:, 0], gap[:, 1], np.log1p(self._least[pair]), np.log1p(since) - gap[:, 0], self._deals[pair] / count,
            self._last[pair, 0], self._last[pair, 1],
            self._bought[pair, 0, 1] / count, self._bought[pair, 1, 1] / count,
            np.log1p(self._visits[pair, 0, 1]),
            self._odds(pair, 0, promoted[:, 0]), self._odds(pair, 1, promoted[:, 1]),
            self._odds(pair, 0, ~promoted[:, 0]),
            promoted[:, 0], promoted[:, 1],
        ]  # fmt: skip
        return np.stack(columns, axis=1).astype(np.float32)

    def _odds(self, pair: Ints, place: int, side: Flags) -> Floats:
        """(n,) log odds of a purchase at a visit under this kind of promotion, shrunk to the plain frequency."""
        code = side.astype(np.int64)
        visits, bought = self._visits[pair, place], self._bought[pair, place]
        plain = (bought.sum(axis=1) + PLAIN_BOUGHT) / (visits.sum(axis=1) + PLAIN_PRIOR)
        row = np.arange(len(pair))
        rate = (bought[row, code] + RATE_PRIOR * plain) / (visits[row, code] + RATE_PRIOR)
        rate = np.clip(rate, 1e-4, 0.99)
        return np.asarray(np.log(rate / (1 - rate)), dtype=np.float32)
