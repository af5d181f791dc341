"""Steps of the local search: every add, delete and exchange of an assortment, valued at once.

Letters: `B` assortments searched side by side, `S` segments, `I` items, `L` items with limited stock,
`J` listed and `K` unlisted items of one assortment.
"""

from __future__ import annotations

import numpy as np
import torch

from bundleopt_solvers.assortment.problem import AssortmentProblem, Flags, Reals
from bundleopt_solvers.assortment.rules import space_limit


class Moves:
    """The problem as tensors, and the money of all neighbours of given assortments.

    Money is sum_s numerator_s / denominator_s, and a step changes both sums by the item's terms; what limited items
    would sell beyond their stock is taken off.
    """

    def __init__(self, problem: AssortmentProblem) -> None:
        """Move the problem's arrays into tensors of double precision."""
        rules = problem.rules
        self.items = problem.items
        self.weight = _tensor(problem.weight.T)
        self.outside = _tensor(problem.outside)
        self.occasions = _tensor(problem.occasions)
        self.gain = self.occasions * self.weight * _tensor(problem.value)[:, None]
        self.limited = torch.from_numpy(np.flatnonzero(np.isfinite(problem.stock)))
        self.stock = _tensor(problem.stock)[self.limited]
        self.limited_value = _tensor(problem.value)[self.limited]
        self.limited_weight = self.weight[self.limited].T
        self.fixed = torch.zeros(self.items, dtype=torch.bool)
        self.fixed[list(rules.keep) + list(rules.drop)] = True
        self.most = self.items if rules.max_items is None else rules.max_items
        space = rules.space if rules.max_space is not None else None
        self.space = torch.zeros(self.items, dtype=torch.float64) if space is None else _tensor(space)
        self.room = space_limit(rules)
        members = [torch.from_numpy(group.members) for group in rules.coverage]
        self.members = torch.stack(members).double() if members else torch.zeros((0, self.items), dtype=torch.float64)
        self.least = torch.tensor([float(group.least) for group in rules.coverage], dtype=torch.float64)

    def money(self, listed: torch.Tensor) -> torch.Tensor:
        """(B,) money of assortments (B, I)."""
        chosen = listed.double()
        top, low = chosen @ self.gain, self.outside + chosen @ self.weight
        return self._money(top, low, listed[:, self.limited])

    def keeps(self, listed: torch.Tensor) -> torch.Tensor:
        """(B,) whether assortments keep count, space and coverage."""
        chosen = listed.double()
        good = (chosen.sum(1) <= self.most) & (chosen @ self.space <= self.room)
        return good & (chosen @ self.members.T >= self.least).all(1)

    def flips(self, listed: torch.Tensor) -> torch.Tensor:
        """(B, I) money after adding or deleting each item; -inf where a rule forbids it."""
        chosen = listed.double()
        sign = 1.0 - 2.0 * chosen
        top = (chosen @ self.gain)[:, None, :] + sign[:, :, None] * self.gain
        low = (self.outside + chosen @ self.weight)[:, None, :] + sign[:, :, None] * self.weight
        changed = torch.arange(self.items)[:, None] == self.limited
        worth = self._money(top, low, listed[:, None, self.limited] ^ changed)
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
        chosen = listed.double()
        top, low = chosen @ self.gain, self.outside + chosen @ self.weight
        above = (top - self.gain[out])[:, None, :] + self.gain[into]
        below = (low - self.weight[out])[:, None, :] + self.weight[into]
        gone, come = out[:, None] == self.limited, into[:, None] == self.limited
        return self._money(above, below, (listed[self.limited] & ~gone)[:, None, :] | come)

    def _money(self, top: torch.Tensor, low: torch.Tensor, limited: torch.Tensor) -> torch.Tensor:
        """Money (...) from the sums `top` and `low` (..., S) and which limited items are listed (..., L)."""
        worth = (top / low).sum(-1)
        if not len(self.limited):
            return worth
        demand = ((self.occasions / low) @ self.limited_weight) * limited
        return worth - (demand - self.stock).clamp(min=0.0) @ self.limited_value


def _tensor(values: Reals) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float64))


def as_rows(listed: torch.Tensor) -> Flags:
    """Assortments as numpy flags."""
    return listed.numpy().copy()
