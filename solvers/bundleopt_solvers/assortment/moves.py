"""Steps of the local search: every add, delete and exchange of an assortment, valued at once.

Letters: `B` assortments searched side by side, `S` segments, `I` items,
`J` listed and `K` unlisted items of one of them.
"""

from __future__ import annotations

import numpy as np
import torch

from bundleopt_solvers.assortment.problem import AssortmentProblem, Flags, Reals
from bundleopt_solvers.assortment.rules import space_limit

_CELLS_AT_ONCE = 20_000_000


class Moves:
    """The problem as tensors, and the money of all neighbours of given assortments.

    Without stock, money is sum_s numerator_s / denominator_s, and a step changes both sums by the item's terms. With
    stock, every neighbour is valued as a whole.
    """

    def __init__(self, problem: AssortmentProblem) -> None:
        """Move the problem's arrays into tensors of double precision."""
        rules = problem.rules
        self.items = problem.items
        self.weight = _tensor(problem.weight)
        self.outside = _tensor(problem.outside)
        self.occasions = _tensor(problem.occasions)
        self.value = _tensor(problem.value)
        self.gain = self.occasions[:, None] * self.weight * self.value
        self.stock = _tensor(problem.stock) if problem.has_stock else None
        self.fixed = torch.zeros(self.items, dtype=torch.bool)
        self.fixed[list(rules.keep) + list(rules.drop)] = True
        self.most = self.items if rules.max_items is None else rules.max_items
        has_space = rules.max_space is not None and rules.space is not None
        self.space = (
            _tensor(rules.space)
            if has_space and rules.space is not None
            else torch.zeros(self.items, dtype=torch.float64)
        )
        self.room = space_limit(rules)
        members = [torch.from_numpy(group.members) for group in rules.coverage]
        self.members = torch.stack(members).double() if members else torch.zeros((0, self.items), dtype=torch.float64)
        self.least = torch.tensor([float(group.least) for group in rules.coverage], dtype=torch.float64)

    def money(self, listed: torch.Tensor) -> torch.Tensor:
        """(B,) money of assortments (B, I)."""
        chosen = listed.double()
        total = self.outside + chosen @ self.weight.T
        if self.stock is None:
            return ((chosen @ self.gain.T) / total).sum(1)
        demand = chosen * ((self.occasions / total) @ self.weight)
        return torch.minimum(demand, self.stock) @ self.value

    def keeps(self, listed: torch.Tensor) -> torch.Tensor:
        """(B,) whether assortments keep count, space and coverage."""
        chosen = listed.double()
        good = (chosen.sum(1) <= self.most) & (chosen @ self.space <= self.room)
        return good & (chosen @ self.members.T >= self.least).all(1)

    def flips(self, listed: torch.Tensor) -> torch.Tensor:
        """(B, I) money after adding or deleting each item; -inf where a rule forbids it."""
        chosen = listed.double()
        sign = 1.0 - 2.0 * chosen
        if self.stock is None:
            top = (chosen @ self.gain.T)[:, :, None] + sign[:, None, :] * self.gain
            low = (self.outside + chosen @ self.weight.T)[:, :, None] + sign[:, None, :] * self.weight
            worth = (top / low).sum(1)
        else:
            near = (listed[:, None, :] ^ torch.eye(self.items, dtype=torch.bool)).reshape(-1, self.items)
            worth = self._money_in_parts(near).reshape(listed.shape)
        good = (chosen.sum(1)[:, None] + sign <= self.most) & ~self.fixed
        good &= (chosen @ self.space)[:, None] + sign * self.space <= self.room
        count = (chosen @ self.members.T)[:, :, None] + sign[:, None, :] * self.members
        good &= (count >= self.least[:, None]).all(1)
        return worth.masked_fill(~good, -torch.inf)

    def best_exchange(self, listed: torch.Tensor) -> tuple[float, int, int]:
        """Money, deleted and added item of the best exchange of one assortment (I,); -inf where there is none."""
        out = torch.nonzero(listed & ~self.fixed).ravel()
        into = torch.nonzero(~listed & ~self.fixed).ravel()
        if not len(out) or not len(into):
            return -float("inf"), 0, 0
        worth = self._exchanges(listed, out, into)
        chosen = listed.double()
        good = (chosen @ self.space) - self.space[out][:, None] + self.space[into] <= self.room
        count = (
            (self.members @ chosen)[:, None, None] - self.members[:, out][:, :, None] + self.members[:, into][:, None]
        )
        good &= (count >= self.least[:, None, None]).all(0)
        worth = worth.masked_fill(~good, -torch.inf)
        at = int(worth.argmax())
        return float(worth.ravel()[at]), int(out[at // len(into)]), int(into[at % len(into)])

    def _exchanges(self, listed: torch.Tensor, out: torch.Tensor, into: torch.Tensor) -> torch.Tensor:
        """(J, K) money after deleting an item of `out` and adding one of `into`."""
        if self.stock is not None:
            near = listed.expand(len(out), len(into), -1).clone()
            near[torch.arange(len(out)), :, out] = False
            near[:, torch.arange(len(into)), into] = True
            return self._money_in_parts(near.reshape(-1, self.items)).reshape(len(out), len(into))
        chosen = listed.double()
        top, low = self.gain @ chosen, self.outside + self.weight @ chosen
        above = (top[:, None] - self.gain[:, out])[:, :, None] + self.gain[:, into][:, None]
        below = (low[:, None] - self.weight[:, out])[:, :, None] + self.weight[:, into][:, None]
        return (above / below).sum(0)

    def _money_in_parts(self, listed: torch.Tensor) -> torch.Tensor:
        parts = torch.split(listed, max(1, _CELLS_AT_ONCE // self.items))
        return torch.cat([self.money(part) for part in parts])


def _tensor(values: Reals) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float64))


def as_rows(listed: torch.Tensor) -> Flags:
    """Assortments as numpy flags."""
    return listed.numpy().copy()
