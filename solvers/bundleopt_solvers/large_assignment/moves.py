"""Single changes to what customers are shown: drop an offer, add one, exchange one for another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.large_assignment.offer_rules import Floats64, OfferRules
from bundleopt_solvers.large_assignment.offer_totals import Codes, RuleTable
from bundleopt_solvers.large_assignment.pool import Flags, Pool

NONE = -1


@dataclass(frozen=True)
class Moves:
    """Changes, each of one customer.

    Attributes:
        customer: (m,) codes counted without gaps. remove, add: (m,) positions in the pool, -1 for none.
        worth, value: (m,) money, how worth at the prices and value change.
    """

    customer: Codes
    remove: Codes
    add: Codes
    worth: Floats64
    value: Floats64

    def take(self, at: Codes | Flags) -> Moves:
        """Some of the moves, in that order."""
        return Moves(self.customer[at], self.remove[at], self.add[at], self.worth[at], self.value[at])

    def __len__(self) -> int:
        return len(self.customer)


class MoveTable:
    """Moves with their change of every rule's use, as lists by move and by rule.

    Attributes:
        moves: the moves. starts, row, change: by move; `starts` is (m + 1,) into the others.
        fresh: (m,) whether the customer was left alone since the moves were listed.
    """

    def __init__(self, moves: Moves, pool: Pool, table: RuleTable) -> None:
        self.moves = moves
        self.fresh = np.ones(len(moves), dtype=bool)
        rows = len(table.rules.limit)
        keys, parts = [], []
        for position, sign in ((moves.add, 1.0), (moves.remove, -1.0)):
            there = np.flatnonzero(position != NONE)
            at = position[there]
            offer, row, use = table.expand(pool.option[at], pool.channels[:, at])
            keys.append(there[offer] * rows + row)
            parts.append(sign * use)
        key, place = np.unique(np.concatenate(keys), return_inverse=True)
        self.change = np.bincount(place, np.concatenate(parts), len(key))
        self.move, self.row = key // rows, key % rows
        self.starts = np.searchsorted(self.move, np.arange(len(moves) + 1))
        self._by_row = np.argsort(self.row, kind="stable")
        self._row_starts = np.searchsorted(self.row[self._by_row], np.arange(rows + 1))
        self._customer_order = np.argsort(moves.customer, kind="stable")
        self._customers = moves.customer[self._customer_order]
        self.rows = rows

    def of_row(self, row: int) -> tuple[Codes, Floats64]:
        """Fresh moves that change one rule's use, and by how much."""
        at = self._by_row[self._row_starts[row] : self._row_starts[row + 1]]
        at = at[self.fresh[self.move[at]]]
        return self.move[at], self.change[at]

    def entries(self, at: Codes) -> tuple[Codes, Codes, Floats64]:
        """For some moves: place in `at`, rule, change of use."""
        count = self.starts[at + 1] - self.starts[at]
        place = np.repeat(np.arange(len(at)), count)
        entry = np.arange(len(place)) - np.repeat(np.cumsum(count) - count, count) + self.starts[at][place]
        return place, self.row[entry], self.change[entry]

    def dense(self, at: Codes) -> Floats64:
        """(R, n) changes of a few moves."""
        place, row, change = self.entries(at)
        table = np.zeros((self.rows, len(at)))
        table[row, place] = change
        return table

    def touch(self, at: Codes) -> None:
        """Strike out all moves of the customers of `at`."""
        who = np.unique(self.moves.customer[at])
        first, last = np.searchsorted(self._customers, who), np.searchsorted(self._customers, who, side="right")
        for begin, end in zip(first.tolist(), last.tolist(), strict=True):
            self.fresh[self._customer_order[begin:end]] = False


class MoveFinder:
    """Lists the moves that are possible now.

    Args:
        pool: the offers. rules: slots and clashes.
    """

    def __init__(self, pool: Pool, rules: OfferRules) -> None:
        options = len(rules.conflict)
        self.pool, self.slots = pool, rules.slots
        self.clash = np.zeros((options + 1, options + 1), dtype=bool)
        self.clash[:options, :options] = rules.conflict | np.eye(options, dtype=bool)
        self.option = np.append(pool.option, options)  # so that position -1 is an option that clashes with none
        self.worth = np.append(pool.worth, 0.0)
        self.value = np.append(pool.value.astype(np.float64), 0.0)
        self.customer = np.unique(pool.customer, return_inverse=True)[1].astype(np.int64)

    def held(self, shown: Flags) -> Codes:
        """(customers, slots) positions of what each is shown, filled from the left, -1 for none."""
        count = int(self.customer.max(initial=-1)) + 1
        table = np.full((count, self.slots), NONE, dtype=np.int64)
        at = np.flatnonzero(shown)
        who = self.customer[at]
        first = np.flatnonzero(np.r_[True, who[1:] != who[:-1]]) if len(who) else np.zeros(0, dtype=np.int64)
        place = np.arange(len(who)) - np.repeat(first, np.diff(np.r_[first, len(who)]))
        table[who, place] = at
        return table

    def find(self, shown: Flags) -> Moves:
        """All drops, all additions to a free slot, all exchanges for one offer that make room for another."""
        table = self.held(shown)
        new = np.flatnonzero(~shown)
        old = table[self.customer[new]]
        struck = self.clash[self.option[new][:, None], self.option[old]]
        number = struck.sum(1)
        free = (old != NONE).sum(1) < self.slots
        plain = new[(number == 0) & free]
        lists = [self._moves(np.full(len(plain), NONE), plain)]
        for slot in range(self.slots):
            frees = (old[:, slot] != NONE) & (number - struck[:, slot] == 0) & (~free | (number == 1))
            lists.append(self._moves(old[frees, slot], new[frees]))
        drops = np.flatnonzero(shown)
        lists.append(self._moves(drops, np.full(len(drops), NONE)))
        columns = [np.concatenate([getattr(part, name) for part in lists]) for name in Moves.__dataclass_fields__]
        return Moves(*columns)

    def _moves(self, remove: npt.NDArray[np.int64], add: npt.NDArray[np.int64]) -> Moves:
        who = self.customer[np.where(add != NONE, add, remove)] if len(add) else np.zeros(0, dtype=np.int64)
        worth, value = self.worth[add] - self.worth[remove], self.value[add] - self.value[remove]
        return Moves(who, remove, add, worth, value)
