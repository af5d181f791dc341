"""Each customer's best set of compatible offers, exactly: at most `slots` of them, no two that clash.

Branching on clashes, all customers at once: the dearest `slots` offers bound a node from above. Where two of them
clash, either the first of them is left out, or everything that clashes with it is. Each step removes an offer, so it
ends, and no set is lost.
"""

from __future__ import annotations

import torch

MOST_TABLE = 16_000_000  # entries of the clash tables of one batch of customers


class SetFinder:
    """Finds best sets under one table of clashes.

    Args:
        conflict: (O, O) bool. slots: most offers a customer. longest: dearest offers that are enough (see OfferRules).
    """

    def __init__(self, conflict: torch.Tensor, slots: int, longest: int) -> None:
        options = len(conflict)
        table = torch.zeros((options + 1, options + 1), dtype=torch.bool, device=conflict.device)
        table[:options, :options] = conflict & ~torch.eye(options, dtype=torch.bool, device=conflict.device)
        self.table = table
        self.slots = slots
        self.longest = longest

    def choose(self, customer: torch.Tensor, option: torch.Tensor, worth: torch.Tensor) -> torch.Tensor:
        """Choose among offers of positive worth.

        Args:
            customer: (n,) codes, ascending.
            option: (n,) codes, ascending for each customer.
            worth: (n,) money, above 0.

        Returns:
            (n,) bool, the offers of the best sets; ties go to the lower option.
        """
        if not len(customer):
            return torch.zeros(0, dtype=torch.bool, device=customer.device)
        _, inverse, count = torch.unique_consecutive(customer, return_inverse=True, return_counts=True)
        many = count[inverse] > 1
        chosen: torch.Tensor = ~many
        at = torch.nonzero(many)[:, 0]
        if len(at):
            chosen[at] = self._choose_among(inverse[at], option[at], worth[at])
        return chosen

    def _choose_among(self, group: torch.Tensor, option: torch.Tensor, worth: torch.Tensor) -> torch.Tensor:
        """The same for customers with several offers, laid out as one row each, dearest offer first."""
        order = torch.argsort(worth, descending=True, stable=True)
        order = order[torch.argsort(group[order], stable=True)]
        _, row, count = torch.unique_consecutive(group[order], return_inverse=True, return_counts=True)
        first = torch.cumsum(count, 0) - count
        column = torch.arange(len(order), device=order.device) - first[row]
        width = min(int(count.max()), self.longest)
        inside = column < width
        table = worth.new_zeros((len(count), width))
        codes = torch.full((len(count), width), len(self.table) - 1, dtype=torch.int64, device=option.device)
        table[row[inside], column[inside]] = worth[order[inside]]
        codes[row[inside], column[inside]] = option[order[inside]].long()
        taken = self._rows(table, codes)
        chosen = torch.zeros(len(order), dtype=torch.bool, device=order.device)
        chosen[order[inside]] = taken[row[inside], column[inside]]
        return chosen

    def _rows(self, worth: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        """Best sets of rows sorted by descending worth, 0 where a row has ended; (n, L) bool."""
        taken = worth > 0
        taken[:, self.slots :] = False
        hard = torch.zeros(len(worth), dtype=torch.bool, device=worth.device)
        width = min(self.slots, worth.shape[1])
        for left in range(width):
            for right in range(left + 1, width):
                hard |= self.table[codes[:, left], codes[:, right]]
        at = torch.nonzero(hard)[:, 0]
        batch = max(1, MOST_TABLE // worth.shape[1] ** 2)
        for part in torch.split(at, batch):
            taken[part] = self._branch(worth[part], codes[part])
        return taken

    def _branch(self, worth: torch.Tensor, codes: torch.Tensor) -> torch.Tensor:
        clash = self.table[codes[:, :, None], codes[:, None, :]]
        best = self._greedy(worth, clash)
        value = (worth * best).sum(1)
        row = torch.arange(len(worth), device=worth.device)
        alive = worth > 0
        while len(row):
            top = alive & (torch.cumsum(alive, 1) <= self.slots)
            bound = (worth[row] * top).sum(1)
            open_ = bound > value[row]
            row, alive, top, bound = row[open_], alive[open_], top[open_], bound[open_]
            struck = top & (clash[row] & top[:, None, :]).any(2)
            whole = ~struck.any(1)
            self._keep(best, value, (row[whole], top[whole], bound[whole]))
            row, alive, struck = row[~whole], alive[~whole], struck[~whole]
            pivot = struck.to(torch.uint8).argmax(1)
            without = alive.clone()
            without[torch.arange(len(row), device=row.device), pivot] = False
            row, alive = torch.cat([row, row]), torch.cat([alive & ~clash[row, pivot], without])
        return best

    def _greedy(self, worth: torch.Tensor, clash: torch.Tensor) -> torch.Tensor:
        taken = torch.zeros_like(worth, dtype=torch.bool)
        blocked = worth <= 0
        for column in range(worth.shape[1]):
            free = ~blocked[:, column] & (taken.sum(1) < self.slots)
            taken[:, column] = free
            blocked |= clash[:, column] & free[:, None]
        return taken

    @staticmethod
    def _keep(best: torch.Tensor, value: torch.Tensor, found: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> None:
        """Enter finished nodes that beat what their customers have; of several, the dearest, then the first."""
        row, top, bound = found
        if not len(row):
            return
        order = torch.argsort(bound, descending=True, stable=True)
        order = order[torch.argsort(row[order], stable=True)]
        row = row[order]
        first = torch.ones(len(row), dtype=torch.bool, device=row.device)
        first[1:] = row[1:] != row[:-1]
        best[row[first]] = top[order[first]]
        value[row[first]] = bound[order[first]]
