"""From the best sets at some prices to offers that keep every rule exactly: relieve, fill, exchange.

The bound less the value of any offers that keep all rules is what the room left is worth at the prices, plus the worth
that customers lack to their best sets. Relieving makes the changes that lose least worth per unit of a broken rule;
filling makes those that waste the smallest share of the room they use; exchanging makes pairs of changes where one
lacks room.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from bundleopt_solvers.large_assignment.exchange import PairSearch
from bundleopt_solvers.large_assignment.moves import NONE, MoveFinder, MoveTable
from bundleopt_solvers.large_assignment.offer_rules import Floats64, OfferRules
from bundleopt_solvers.large_assignment.offer_totals import Codes, OfferTotals
from bundleopt_solvers.large_assignment.pool import Flags, Pool

BATCH = 2048
MOST_BATCHES = 40  # moves looked at in one round of filling; they come in order of loss
MOST_ROUNDS = 8
DEAREST = (0.01, 0.1, 1.0)  # shares of room that filling may waste, one turn after the other
MOST_EXCHANGES = 400
# Limits are tightened by such shares where exact sums disagree with float64 sums.
TIGHTER = (0.0, 1e-12, 1e-9, 1e-6)


class Repair:
    """Offers on the way to keeping all rules.

    Args:
        pool: offers that may change. rules: the rules. price: (R,) prices that the worth in the pool was taken at.
        least: money; a distance of this size between value and bound is good enough.
    """

    def __init__(self, pool: Pool, rules: OfferRules, price: Floats64, least: float) -> None:
        self.pool, self.rules, self.price, self.least = pool, rules, price, least
        self.finder = MoveFinder(pool, rules)
        self.fixed_use = pool.fixed.use()
        self.limit = rules.limit
        self.best_worth = float(pool.worth[pool.shown].sum())

    def run(self) -> Flags | None:
        """Return the offers of the pool to show, None where no way was found."""
        for tighter in TIGHTER:
            self._start(tighter)
            if not self._relieve():
                return None
            for dearest in DEAREST:
                if self.distance() > self.least:
                    self._fill(dearest)
                    self._exchange()
            if self._exact():
                return self.shown
        return None

    def _start(self, tighter: float) -> None:
        self.shown = self.pool.shown.copy()
        self._measure()
        use = np.array([abs(float(use)) for use in self.use])
        self.limit = self.rules.limit - tighter * np.maximum(np.abs(self.rules.limit), use)
        self._measure()

    def _measure(self) -> None:
        at = np.flatnonzero(self.shown)
        totals = OfferTotals(self.pool.fixed.table)
        totals.add(self.pool.option[at], self.pool.value[at], self.pool.channels[:, at])
        self.use = [mine + other for mine, other in zip(totals.use(), self.fixed_use, strict=True)]
        self.room = self.limit - np.array([float(use) for use in self.use])

    def _exact(self) -> bool:
        """Whether exact sums keep every rule."""
        self._measure()
        return all(use <= Fraction(limit) for use, limit in zip(self.use, self.rules.limit.tolist(), strict=True))

    def distance(self) -> float:
        """Money between the bound and the value of what is shown."""
        lost = self.best_worth - float(self.pool.worth[self.shown].sum())
        return lost + float(self.price @ np.maximum(self.room, 0.0))

    def _table(self) -> MoveTable:
        return MoveTable(self.finder.find(self.shown), self.pool, self.pool.fixed.table)

    def _apply(self, table: MoveTable, at: Codes) -> None:
        _, row, change = table.entries(at)
        self.room = self.room - np.bincount(row, change, len(self.room))
        remove, add = table.moves.remove[at], table.moves.add[at]
        self.shown[remove[remove != NONE]] = False
        self.shown[add[add != NONE]] = True
        table.touch(at)

    def _relieve(self) -> bool:
        """Relieve the worst rule until none is broken; says whether that worked."""
        if not (self.room < 0).any():
            return True
        size = np.maximum(np.abs(self.limit), 1e-9)
        rounds, table = 2 * len(size) + 10, self._table()
        for turn in range(2 * rounds):
            if not (self.room < 0).any():
                return True
            row = int(np.argmin(self.room / size))
            # An exchange can break another rule in turn; drops alone come to an end.
            if not self._relieve_row(row, table, drops_only=turn >= rounds):
                if table.fresh.all():
                    break
                table = self._table()
                self._measure()
        self._measure()
        return not (self.room < 0).any()

    def _relieve_row(self, row: int, table: MoveTable, *, drops_only: bool) -> bool:
        """Make the changes that lose least per unit of one rule, one a customer; says whether there were any."""
        moves, change = table.of_row(row)
        helps = (change < 0) & ((table.moves.add[moves] == NONE) | (not drops_only))
        moves, relief = moves[helps], -change[helps]
        order = np.argsort(-table.moves.worth[moves] / relief, kind="stable")
        _, first = np.unique(table.moves.customer[moves[order]], return_index=True)
        order = order[np.sort(first)]
        missing = -float(self.room[row])
        chosen = order[: int(np.searchsorted(np.cumsum(relief[order]), missing)) + 1]
        keep = _needed(relief[chosen], table.moves.worth[moves[chosen]], missing)
        self._apply(table, moves[chosen[keep]])
        return len(chosen) > 0

    def _fill(self, dearest: float) -> None:
        """Make changes that add value while all rules have room, those that waste the least of it first.

        Args:
            dearest: changes that lose more of the money of their room than this share are left.
        """
        for _ in range(MOST_ROUNDS):
            if self._filled():
                return
            table = self._table()
            gains = np.flatnonzero((table.moves.value > 0) & (table.moves.add != NONE))
            # What a move adds in value is the money of the room it uses less the worth it loses.
            room = np.maximum(table.moves.value[gains] - table.moves.worth[gains], 1e-300)
            share = -table.moves.worth[gains] / room
            order = gains[np.argsort(share, kind="stable")]
            order = order[: min(int((share <= dearest).sum()), MOST_BATCHES * BATCH)]
            added = [self._fill_from(table, order[k : k + BATCH]) for k in range(0, len(order), BATCH)]
            if not any(added):
                return

    def _filled(self) -> bool:
        return float(self.price @ np.maximum(self.room, 0.0)) <= self.least / 2

    def _fill_from(self, table: MoveTable, order: Codes) -> bool:
        """One batch in order, each customer at most once; says whether anything was added."""
        added = False
        while not self._filled():
            order = order[table.fresh[order]]
            change = table.dense(order)
            fits = (change <= np.maximum(self.room, 0.0)[:, None]).all(0)
            order, change = order[fits], change[:, fits]
            if not len(order):
                break
            _, first = np.unique(table.moves.customer[order], return_index=True)
            first = np.sort(first)
            together = (np.cumsum(change[:, first], axis=1) <= np.maximum(self.room, 0.0)[:, None]).all(0)
            count = len(first) if together.all() else max(int(np.argmin(together)), 1)
            self._apply(table, order[first[:count]])
            added = True
        return added

    def _exchange(self) -> None:
        """Make pairs of changes that add value together, until none is found or the rest is not worth it."""
        table = self._table()
        for _ in range(MOST_EXCHANGES):
            if self.distance() <= self.least:
                return
            pairs = PairSearch(table, np.maximum(self.room, 0.0), self.price, self.least / 1000).find()
            if not pairs and table.fresh.all():
                return
            for pair in pairs:
                self._apply(table, pair)
            if not pairs:
                table = self._table()


def _needed(relief: Floats64, worth: Floats64, missing: float) -> Flags:
    """Leave out the dearest moves that the others can do without."""
    extra = float(relief.sum()) - missing
    keep = np.ones(len(relief), dtype=bool)
    for place in np.argsort(worth, kind="stable")[:1000]:
        if relief[place] <= extra:
            extra -= relief[place]
            keep[place] = False
    return keep
