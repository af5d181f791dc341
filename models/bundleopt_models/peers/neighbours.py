"""TIFU-KNN: personal item frequencies, decayed twice, mixed with those of the nearest customers.

Hu, He, Gao & Zhang 2020, Modeling Personalized Item Frequency Information for Next-basket Recommendation, SIGIR
(doi:10.1145/3397271.3401066). A basket is what a customer bought in a week. Letters: `U` customers, `I` items.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_data.panel import Panel
from bundleopt_models.metrics import ranking_metrics
from bundleopt_models.peers.cells import Cells, Floats, Ints, PeerWeeks, inside
from bundleopt_models.protocol import WeekCells, week_cells
from bundleopt_models.week_tables import eligible

Doubles = npt.NDArray[np.float64]

GROUPS = 7
"""Baskets are cut into this many groups of equal length, oldest first."""

DECAYS = ((0.9, 0.7), (0.9, 0.9))
NEIGHBOURS = (100, 300, 900)
OWN_SHARES = (0.2, 0.5, 0.7, 0.9)
"""The grid: (decay inside a group, decay over groups), neighbours, weight of the customer's own vector."""

MOST_NEIGHBOURS = 3_000
ROWS_PER_CHUNK = 512
MAP_BINS = 400


@dataclass(frozen=True)
class Setting:
    """One point of the grid."""

    decays: tuple[float, float]
    neighbours: int
    own_share: float


def basket_weights(visits: npt.NDArray[np.bool_], decays: tuple[float, float]) -> Floats:
    """(T, U) weight of each week's basket, newest groups and baskets highest; 0 where there is none.

    Weight of the j-th of L baskets in the g-th of G groups: inner^(L - 1 - j) / L * outer^(G - 1 - g) / G.
    """
    inner, outer = decays
    weights = np.zeros(visits.shape, np.float32)
    for customer in np.flatnonzero(visits.any(axis=0)):
        weeks = np.flatnonzero(visits[:, customer])
        size = -(-len(weeks) // GROUPS)
        number = -(-len(weeks) // size)
        # The oldest group takes what is left over, as in the published code.
        first = len(weeks) - size * (number - 1)
        group = np.maximum(np.arange(len(weeks)) - first + size, 0) // size
        length = np.where(group == 0, first, size)
        place = np.where(group == 0, np.arange(len(weeks)), (np.arange(len(weeks)) - first) % size)
        weights[weeks, customer] = inner ** (length - 1 - place) / length * outer ** (number - 1 - group) / number
    return weights


def customer_vectors(panel: Panel, week: int, decays: tuple[float, float]) -> Floats:
    """(U, I) decayed item frequencies of the weeks before `week`."""
    stop = int(np.searchsorted(panel.purchase_week, week))
    customer, item = panel.purchase_customer[:stop].astype(np.int64), panel.purchase_item[:stop].astype(np.int64)
    visits = np.zeros((max(week, 1), panel.n_customers), bool)
    visits[panel.purchase_week[:stop], customer] = True
    weight = basket_weights(visits, decays)[panel.purchase_week[:stop], customer]
    size = panel.n_customers * panel.n_items
    total = np.bincount(customer * panel.n_items + item, weight, minlength=size)
    return total.reshape(panel.n_customers, panel.n_items).astype(np.float32)


def neighbour_means(vectors: Floats, asked: Ints, pool: Ints, counts: Sequence[int]) -> list[Floats]:
    """Mean vectors of the nearest other customers (Euclidean), one (n, I) array for each of `counts`.

    Args:
        vectors: (U, I).
        asked: (n,) customers whose neighbours are wanted.
        pool: (m,) customers who may be neighbours.
        counts: how many neighbours, as far as the pool goes.
    """
    table = torch.from_numpy(vectors)
    near_by, length = table[torch.from_numpy(pool)], (table * table).sum(1)
    sizes = [min(count, max(len(pool) - 1, 1)) for count in counts]
    parts: list[list[torch.Tensor]] = [[] for _ in counts]
    for start in range(0, len(asked), ROWS_PER_CHUNK):
        rows = asked[start : start + ROWS_PER_CHUNK]
        distance = length[torch.from_numpy(pool)][None] - 2 * table[torch.from_numpy(rows)] @ near_by.T
        # Nobody is their own neighbour.
        distance[torch.from_numpy(rows[:, None] == pool[None])] = torch.inf
        order = distance.topk(max(sizes), dim=1, largest=False).indices
        for size, part in zip(sizes, parts, strict=True):
            weight = torch.zeros_like(distance).scatter_(1, order[:, :size], 1.0 / size)
            part.append(weight @ near_by)
    empty = torch.zeros((0, vectors.shape[1]))
    return [np.asarray(torch.cat(part or [empty]).numpy(), dtype=np.float32) for part in parts]


def neighbour_pool(panel: Panel, week: int) -> Ints:
    """Active customers, or MOST_NEIGHBOURS of them at random: distances to everybody grow with the square."""
    active = np.flatnonzero(eligible(panel, week))
    if len(active) <= MOST_NEIGHBOURS:
        return active
    return np.sort(np.random.default_rng(week).choice(active, MOST_NEIGHBOURS, replace=False))


def rising_map(score: Doubles, bought: Doubles, weight: Doubles) -> tuple[Doubles, Doubles]:
    """Knots (score, share bought) of a rising map: pool adjacent violators on bins of equal size."""
    edges = np.unique(np.quantile(score[score > 0], np.linspace(0, 1, MAP_BINS))) if (score > 0).any() else np.zeros(1)
    code = np.searchsorted(edges, score)
    cells = np.bincount(code, weight, len(edges) + 1)
    full = cells > 0
    middle = np.bincount(code, weight * score, len(edges) + 1)[full] / cells[full]
    blocks: list[tuple[float, float, int]] = []
    for hits, mass in zip(np.bincount(code, weight * bought, len(edges) + 1)[full], cells[full], strict=True):
        blocks.append((float(hits), float(mass), 1))
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] >= blocks[-1][0] * blocks[-2][1]:
            last, before = blocks.pop(), blocks.pop()
            blocks.append((last[0] + before[0], last[1] + before[1], last[2] + before[2]))
    share = np.repeat([hits / mass for hits, mass, _ in blocks], [count for _, _, count in blocks])
    return middle, share


class NearestBaskets:
    """TIFU-KNN with a rising map from its score to a probability."""

    name = "TIFU-KNN"

    def __init__(self) -> None:
        self._week = -1
        self._scores = np.zeros((0, 0), np.float32)
        self.setting = Setting(DECAYS[0], NEIGHBOURS[0], OWN_SHARES[0])

    def fit(self, weeks: PeerWeeks) -> None:
        """Choose the setting by recall, and map scores to probabilities, both on the tuning weeks."""
        chosen = list(weeks.validation)[-3::2] or list(weeks.fit)[-1:]
        samples = [week_cells(weeks.builder, week) for week in chosen]
        panel = weeks.builder.panel
        recalls: dict[Setting, float] = {}
        for decays, sample in itertools.product(DECAYS, samples):
            vectors = customer_vectors(panel, sample.week, decays)
            own = vectors[sample.buyers]
            means = neighbour_means(vectors, sample.buyers, neighbour_pool(panel, sample.week), NEIGHBOURS)
            for (count, mean), share in itertools.product(zip(NEIGHBOURS, means, strict=True), OWN_SHARES):
                setting = Setting(decays, count, share)
                recalls[setting] = recalls.get(setting, 0.0) + _recall(share * own + (1 - share) * mean, sample)
        self.setting = max(recalls, key=recalls.__getitem__)
        self._fit_map(panel, samples)

    def _fit_map(self, panel: Panel, samples: list[WeekCells]) -> None:
        parts = [self._grid(panel, sample.week)[sample.customer, sample.item] for sample in samples]
        bought = np.concatenate([sample.bought for sample in samples]).astype(np.float64)
        weight = np.concatenate([sample.weight for sample in samples])
        self._knots, self._shares = rising_map(np.concatenate(parts).astype(np.float64), bought, weight)

    def score(self, cells: Cells) -> Floats:
        """Own and neighbours' vectors, through the map; a trace of the score itself keeps ties apart."""
        panel = cells.builder.panel
        if cells.week != self._week:
            self._scores, self._week = self._grid(panel, cells.week), cells.week
        score = self._scores[cells.customer, cells.item].astype(np.float64)
        return inside(np.interp(score, self._knots, self._shares) + 1e-6 * score)

    def _grid(self, panel: Panel, week: int) -> Floats:
        """(U, I) scores of active customers; everybody else has none."""
        setting = self.setting
        vectors = customer_vectors(panel, week, setting.decays)
        active = np.flatnonzero(eligible(panel, week))
        means = neighbour_means(vectors, active, neighbour_pool(panel, week), [setting.neighbours])[0]
        scores = np.zeros_like(vectors)
        scores[active] = setting.own_share * vectors[active] + (1 - setting.own_share) * means
        return scores


def _recall(scores: Floats, sample: WeekCells) -> float:
    table = scores.astype(np.float64)
    return ranking_metrics(table, sample.list_bought, sample.list_known, sample.candidate).recall
