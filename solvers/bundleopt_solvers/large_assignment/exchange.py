"""Pairs of changes that add value together: one uses room, the other frees the one thing that the first lacks.

Single changes end where the budget is used up while some stock is left: what remains is only of use to customers for
whom others make room in the budget. Pairs are looked for around one rule with room and one that is lacking at a time.
"""

from __future__ import annotations

import numpy as np

from bundleopt_solvers.large_assignment.moves import MoveTable
from bundleopt_solvers.large_assignment.offer_rules import Floats64
from bundleopt_solvers.large_assignment.offer_totals import Codes

LOOKED_AT = 2000  # moves of least loss per unit, of those that use the room and of those that free what is lacking
USERS, GIVERS = 120, 300  # of them those that are matched
RULES = 4  # rules with room, by its money, and lacking rules for each that are tried


class PairSearch:
    """Looks for pairs of moves from offers that keep all rules.

    Args:
        table: the moves. room: (R,) what is left of every limit, not below 0. price: (R,) money per unit.
        least: money that a pair must add.
    """

    def __init__(self, table: MoveTable, room: Floats64, price: Floats64, least: float) -> None:
        self.table, self.room, self.price, self.least = table, room, price, least

    def find(self) -> list[Codes]:
        """Pairs of different customers that fit together, best first; empty where none was found."""
        money = self.price * self.room
        for plenty in np.argsort(-money, kind="stable")[:RULES].tolist():
            if money[plenty] <= self.least:
                break
            users = self._cheapest(plenty, sign=1.0)
            lacking, benefit = self._lack(users)
            for rule in _by_best(lacking, benefit, self.least)[:RULES]:
                mine = np.flatnonzero((lacking == rule) & (benefit > self.least))
                mine = mine[np.argsort(-benefit[mine], kind="stable")[:USERS]]
                pairs = self._match(users[mine], self._givers(rule))
                if pairs:
                    return pairs
        return []

    def _cheapest(self, rule: int, *, sign: float) -> Codes:
        """Moves that use (or free) one rule at the least loss of worth per unit."""
        moves, change = self.table.of_row(rule)
        helps = change * sign > 0
        moves, size = moves[helps], np.abs(change[helps])
        return moves[np.argsort(-self.table.moves.worth[moves] / size, kind="stable")[:LOOKED_AT]]

    def _lack(self, moves: Codes) -> tuple[Codes, Floats64]:
        """For each move the one rule it lacks room of (-1: none or several), and its room's money less its loss."""
        place, row, change = self.table.entries(moves)
        lacks = change > self.room[row]
        number = np.bincount(place, lacks, len(moves))
        lacking = np.full(len(moves), -1, dtype=np.int64)
        lacking[place[lacks]] = row[lacks]
        lacking[number != 1] = -1
        used = np.where(lacks, self.room[row], change) * self.price[row]
        return lacking, np.bincount(place, used, len(moves)) + self.table.moves.worth[moves]

    def _givers(self, rule: int) -> Codes:
        """Moves that free one rule at the least loss of worth and of other rules' money, per unit."""
        moves = self._cheapest(rule, sign=-1.0)
        place, row, change = self.table.entries(moves)
        mine = row == rule
        relief = -np.bincount(place[mine], change[mine], len(moves))
        freed = np.maximum(-change[~mine], 0.0) * self.price[row[~mine]]
        others = np.bincount(place[~mine], freed, len(moves))
        return moves[np.argsort((others - self.table.moves.worth[moves]) / relief, kind="stable")[:GIVERS]]

    def _match(self, users: Codes, givers: Codes) -> list[Codes]:
        """Match users and givers greedily by the value of the pair, as far as the room carries."""
        value = self._pair_values(users, givers)
        if not value.size:
            return []
        first, second = self.table.dense(users), self.table.dense(givers)
        who = self.table.moves.customer
        pairs: list[Codes] = []
        left, seen = self.room.copy(), set[int]()
        for flat in np.argsort(-value, axis=None, kind="stable")[: 4 * USERS].tolist():
            user, giver = divmod(flat, len(givers))
            if value[user, giver] <= self.least:
                break
            both = {int(who[users[user]]), int(who[givers[giver]])}
            change = first[:, user] + second[:, giver]
            if both & seen or (change > left).any():
                continue
            left, seen = left - change, seen | both
            pairs.append(np.array([users[user], givers[giver]]))
        return pairs

    def _pair_values(self, users: Codes, givers: Codes) -> Floats64:
        """(users, givers) value of each pair, -inf where it doesn't fit."""
        first, second = self.table.dense(users), self.table.dense(givers)
        moves = self.table.moves
        fits = moves.customer[users][:, None] != moves.customer[givers][None, :]
        for rule in np.flatnonzero(first.any(1) | second.any(1)).tolist():
            fits &= first[rule][:, None] + second[rule][None, :] <= self.room[rule]
        return np.where(fits, moves.value[users][:, None] + moves.value[givers][None, :], -np.inf)


def _by_best(lacking: Codes, benefit: Floats64, least: float) -> list[int]:
    """Lacking rules by the largest benefit of a move that lacks only them."""
    rules = [int(rule) for rule in np.unique(lacking[lacking >= 0])]
    best = {rule: float(benefit[lacking == rule].max()) for rule in rules}
    return sorted((rule for rule in rules if best[rule] > least), key=lambda rule: (-best[rule], rule))
