"""What customers of like taste bought: the one thing counting knows of items that a customer never bought.

Taste is the customer's own history: w_ui = log(1 + decayed purchases) * log(U / customers who bought i), rows of length
one. The neighbours of a customer are the K most similar others by cosine; they vote with the square of it:

    S_ui = sum over neighbours v of weight_uv * (decayed purchases of i by v)
    feature = log((S_ui + prior_i) / (mean_i + prior_i)),   prior_i = SHRINKAGE * mean_i + a little

once for lately and once for ever (user-wise collaborative filtering with recency: Faggioli, Polato & Aiolli 2020,
doi:10.1145/3340631.3394850). Own purchases never vote. Neighbours are looked for among the V most active customers, and
again every few weeks. Letters: `U` customers, `I` items, `V` reference customers, `K` neighbours, n rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from bundleopt_data.panel import Panel
from bundleopt_models.history import LevelState
from bundleopt_models.sparse import csr, sparse_product

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

LIKE_FEATURES = ("like_minded_lately", "like_minded_ever")
VOTES = (1, 4)
"""Which of history.DECAYS weigh the neighbours' purchases: half-lives of 2.4 and 69 weeks."""

NEIGHBOURS = 60
MOST_REFERENCES = 2_500
"""Customers among whom neighbours are looked for: more cost time, and the most active tell the most."""

REFRESH_WEEKS, MOST_REFRESHES = 4, 12
"""Tastes change slowly: neighbours are looked for every so many weeks, and at most about so many times a log."""

TASTE_DECAY = 0.97
"""Share of a purchase's weight in a taste that is left a week later."""

SHRINKAGE = 0.1
"""Prior votes, as a share of the average customer's."""

CUSTOMERS_PER_CHUNK, ROWS_PER_CHUNK = 1_024, 65_536


class LikeMinded:
    """Votes of like-minded customers in one week at a time; what they need is computed when it is asked for."""

    def __init__(self, panel: Panel) -> None:
        """Nothing is known yet."""
        self._panel = panel
        self.refresh = max(REFRESH_WEEKS, panel.n_weeks // MOST_REFRESHES)
        self._anchor, self._week = -1, -1
        self._last = _Block(-1, 0, 0, np.zeros((len(LIKE_FEATURES), 0, 0), np.float32))

    def _prepare(self, state: LevelState, week: int) -> None:
        """Neighbours as of the last refresh at or before `week`, votes as of `state`, which stands before it."""
        inside = min(max(week, 0), self._panel.n_weeks)
        anchor = inside - inside % self.refresh
        if anchor != self._anchor:
            self._anchor, self._week = anchor, -1
            self._find_neighbours(anchor)
        if inside != self._week:
            self._week = inside
            self._collect_votes(state)

    def _find_neighbours(self, week: int) -> None:
        """(U, K) places among the references, and their weights, from purchases before `week`."""
        n_customers = self._panel.n_customers
        customer, item, taste = self._tastes(week)
        activity = np.bincount(customer, minlength=n_customers)
        count = min(MOST_REFERENCES, n_customers)
        self._reference = np.sort(np.argsort(-activity, kind="stable")[:count])
        others = self._reference_tastes(customer, item, taste)
        starts = np.searchsorted(customer, np.arange(n_customers + 1)).astype(np.int64)
        size = min(NEIGHBOURS, max(count - 1, 1))
        self._neighbour = np.zeros((n_customers, size), np.int64)
        self._weight = np.zeros((n_customers, size), np.float32)
        for start in range(0, n_customers, CUSTOMERS_PER_CHUNK):
            part = slice(start, min(start + CUSTOMERS_PER_CHUNK, n_customers))
            cells = slice(starts[part.start], starts[part.stop])
            shape = (part.stop - part.start, self._panel.n_items)
            own = csr(starts[part.start : part.stop + 1] - starts[part.start], item[cells], taste[cells], shape)
            near = sparse_product(own, others).numpy()
            near[self._reference[None, :] == np.arange(part.start, part.stop)[:, None]] = 0.0
            self._neighbour[part] = np.sort(np.argpartition(-near, size - 1, axis=1)[:, :size], axis=1)
            self._weight[part] = np.take_along_axis(near, self._neighbour[part], axis=1) ** 2
        self._weight /= np.maximum(self._weight.sum(axis=1, keepdims=True), 1e-9)

    def _tastes(self, week: int) -> tuple[Ints, Ints, Floats]:
        """Customer, item and taste of every pair that met before `week`, by customer; rows of length one."""
        panel = self._panel
        known = (panel.purchase_week < week) & (panel.purchase_item < panel.n_modelled)
        place = panel.purchase_customer[known].astype(np.int64) * panel.n_items + panel.purchase_item[known]
        pair, inverse = np.unique(place, return_inverse=True)
        bought = np.bincount(inverse, TASTE_DECAY ** (week - 1.0 - panel.purchase_week[known]), minlength=len(pair))
        customer, item = pair // panel.n_items, pair % panel.n_items
        rarity = np.log(panel.n_customers / (np.bincount(item, minlength=panel.n_items) + 5.0))
        taste = np.log1p(bought) * np.maximum(rarity, 0.1)[item]
        length = np.sqrt(np.bincount(customer, taste**2, minlength=panel.n_customers))
        return customer, item, (taste / np.maximum(length[customer], 1e-6)).astype(np.float32)

    def _reference_tastes(self, customer: Ints, item: Ints, taste: Floats) -> Tensor:
        """(I, V) tastes of the references."""
        place = self._places()[customer]
        inside = place >= 0
        others = np.zeros((self._panel.n_items, len(self._reference)), np.float32)
        others[item[inside], place[inside]] = taste[inside]
        return torch.from_numpy(others)

    def _places(self) -> Ints:
        """(U,) place of every customer among the references, -1 for all others."""
        place = np.full(self._panel.n_customers, -1, np.int64)
        place[self._reference] = np.arange(len(self._reference))
        return place

    def _collect_votes(self, state: LevelState) -> None:
        """(V, I) decayed purchases of the references, and (I,) their mean, lately and ever."""
        place = self._places()
        pair = np.flatnonzero((state.count > 0) & (place[state.level.customer] >= 0))
        row, item = place[state.level.customer[pair]], state.level.group[pair]
        self._votes, self._mean = [], []
        for decay in VOTES:
            votes = np.zeros((len(self._reference), self._panel.n_items), np.float32)
            votes[row, item] = state.decayed[pair, decay]
            self._votes.append(votes)
            self._mean.append(votes.mean(axis=0))

    def rows(self, state: LevelState, week: int, customer: Ints, item: Ints) -> Floats:
        """(n, len(LIKE_FEATURES)) of rows; `state` of the items stands before `week`."""
        self._prepare(state, week)
        last = self._last
        if last.week == self._week and len(item) and last.start <= customer.min() and customer.max() < last.stop:
            return np.ascontiguousarray(last.votes[:, customer - last.start, item].T)
        out = np.zeros((len(item), len(LIKE_FEATURES)), np.float32)
        for start in range(0, len(item), ROWS_PER_CHUNK):
            part = slice(start, start + ROWS_PER_CHUNK)
            neighbour, weight = self._neighbour[customer[part]], self._weight[customer[part]]
            for place, votes in enumerate(self._votes):
                total = np.einsum("nk,nk->n", weight, votes[neighbour, item[part, None]])
                out[part, place] = _log_ratio(total, self._mean[place][item[part]])
        return out

    def block(self, state: LevelState, week: int, start: int, stop: int) -> Floats:
        """(len(LIKE_FEATURES), stop - start, I) of customers start..stop and every item; kept for `rows` of them."""
        self._prepare(state, week)
        size = self._neighbour.shape[1]
        starts = np.arange(stop - start + 1, dtype=np.int64) * size
        near, weight = self._neighbour[start:stop].reshape(-1), self._weight[start:stop].reshape(-1)
        voters = csr(starts, near, weight, (stop - start, len(self._reference)))
        totals = [sparse_product(voters, torch.from_numpy(votes)).numpy() for votes in self._votes]
        votes = np.stack([_log_ratio(total, mean) for total, mean in zip(totals, self._mean, strict=True)])
        self._last = _Block(self._week, start, stop, votes)
        return votes


@dataclass(frozen=True)
class _Block:
    """What was last asked of whole customers: (len(LIKE_FEATURES), stop - start, I) votes of a week."""

    week: int
    start: int
    stop: int
    votes: Floats


def _log_ratio(total: Floats, mean: Floats) -> Floats:
    """Shrunk log ratio of the neighbours' votes to everybody's."""
    prior = SHRINKAGE * mean + np.float32(1e-5)
    return np.asarray(np.log((total + prior) / (mean + prior)), dtype=np.float32)
