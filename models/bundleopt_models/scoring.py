"""Scores a whole week, customers x items, in seconds: matrix products for all, the wide network for known pairs.

The terms are those of `network.DemandNetwork`, evaluated where they differ from zero only; the tests compare every
cell with the row-wise forward pass. Letters: `U` customers, `I` items, `G` store groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from bundleopt_models.calibration import CalibrationMap
from bundleopt_models.corpus import as_rows
from bundleopt_models.features import FeatureBuilder, Planned, group_features
from bundleopt_models.history import LevelState
from bundleopt_models.modules import output
from bundleopt_models.network import DEAL_SHARE, Catalogue, DemandNetwork, WeekContext
from bundleopt_models.price import SLOPE_FLOOR

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

CUSTOMERS_PER_CHUNK = 512
ROWS_PER_CHUNK = 65_536


@dataclass(frozen=True)
class WeekInputs:
    """Everything that a week's scores depend on.

    Attributes:
        builder: standing just before the week. context: its tables. catalogue, customer_code: codes in the model.
        planned: promotions and price of the week. position: (I,) log relative price x.
        log_visit: (U,) log P(visit).
    """

    builder: FeatureBuilder
    context: WeekContext
    catalogue: Catalogue
    customer_code: Ints
    planned: Planned
    position: Floats
    log_visit: Tensor


@dataclass(frozen=True)
class WeekScores:
    """(U, I) purchase probabilities and calibrated price slopes (None unless asked for)."""

    probability: Floats
    slope: Floats | None


class _Members:
    """Items of every group of a level, for spreading a group's score over its items."""

    def __init__(self, group_of_item: Ints, n_groups: int) -> None:
        self.items = np.argsort(group_of_item, kind="stable")
        self.starts = np.searchsorted(group_of_item[self.items], np.arange(n_groups + 1))

    def cells(self, group: Ints) -> tuple[Ints, Ints]:
        """For each pair its items: (row of the pair, item), concatenated."""
        first, size = self.starts[group], self.starts[group + 1] - self.starts[group]
        row = np.repeat(np.arange(len(group)), size)
        inside = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size)
        return row, self.items[np.repeat(first, size) + inside]


class WeekScorer:
    """Scores of one week, a block of customers at a time."""

    def __init__(self, network: DemandNetwork, calibration: CalibrationMap, inputs: WeekInputs) -> None:
        """Prepare what all customers share."""
        self._network, self._calibration, self._inputs = network, calibration, inputs
        with torch.no_grad():
            catalogue, context = inputs.catalogue, inputs.context
            self._style = network.style_of(catalogue)
            self._alpha = network.item_vectors(catalogue).T.contiguous()
            code = torch.from_numpy(inputs.customer_code)
            self._theta = network.customer_vectors(catalogue, context, code)
            self._block = network.block_vectors(catalogue)
            self._level = network.item_scores(catalogue, context) + self._chain_promo()
            self._store = self._store_promo()
            self._lift = network.price.map(torch.from_numpy(inputs.position))
            self._item_slope = network.price.item_part(catalogue.item, catalogue.category)
            self._item_scale = network.price.scale(catalogue.item)
            self._shift = network.price.shift[catalogue.item]
        groups = inputs.builder.history.groups
        self._members = {
            "category": _Members(groups.category.astype(np.int64), groups.n_categories),
            "family": _Members(groups.family.astype(np.int64), groups.n_families),
            "brand": _Members(groups.brand.astype(np.int64), groups.n_brands),
        }

    def score(self, *, with_slope: bool = False) -> WeekScores:
        """All customers and items; float32, probabilities <= P(visit)."""
        panel = self._inputs.builder.panel
        shape = (panel.n_customers, panel.n_items)
        probability = np.empty(shape, np.float32)
        slope = np.empty(shape, np.float32) if with_slope else None
        with torch.no_grad():
            for start in range(0, panel.n_customers, CUSTOMERS_PER_CHUNK):
                stop = min(start + CUSTOMERS_PER_CHUNK, panel.n_customers)
                z, beta = self._block_scores(start, stop)
                visit = self._inputs.log_visit[start:stop, None]
                probability[start:stop] = torch.exp(visit + functional.logsigmoid(z)).numpy()
                if slope is not None:
                    slope[start:stop] = beta.numpy()
        return WeekScores(probability, slope)

    def mean_slope(self) -> Floats:
        """(I,) calibrated price slope of each item, weighted by who buys it, over the first block of customers."""
        stop = min(self._inputs.builder.panel.n_customers, CUSTOMERS_PER_CHUNK)
        with torch.no_grad():
            z, slope = self._block_scores(0, stop)
            chance = torch.exp(self._inputs.log_visit[:stop, None] + functional.logsigmoid(z))
            return ((slope * chance).sum(0) / chance.sum(0).clamp_min(1e-12)).numpy()

    def given_visit(self, start: int, stop: int) -> Floats:
        """(stop - start, I) calibrated chances of customers start..stop given that they come."""
        with torch.no_grad():
            chance: Floats = torch.sigmoid(self._block_scores(start, stop)[0]).numpy()
        return chance

    def habit_ratio(self) -> float:
        """Purchases of all customers over those expected if nobody had own history with the items, >= 1.

        Over known items and the first block of customers who came before. Cells without history stand for what all
        would be without it; the ratio says how much of sales is habit.
        """
        panel, state = self._inputs.builder.panel, self._inputs.builder.history.item
        stop = min(panel.n_customers, CUSTOMERS_PER_CHUNK)
        with torch.no_grad():
            z, _ = self._block_scores(0, stop)
            chance = torch.exp(self._inputs.log_visit[:stop, None] + functional.logsigmoid(z)).double().numpy()
        pairs = _known_pairs(state, 0, stop)
        own = np.zeros(chance.shape, dtype=bool)
        own[state.level.customer[pairs], state.level.group[pairs]] = True
        came = own.any(axis=1)
        items = np.flatnonzero(own.any(axis=0))
        if not came.any():
            return 1.0
        chance, own = chance[came][:, items], own[came][:, items]
        never = np.where(own, 0.0, chance).sum(0) / np.maximum((~own).sum(0), 1)
        return max(1.0, float(chance.sum() / max(float(never.sum()) * len(chance), 1e-12)))

    def _block_scores(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Calibrated log odds given a visit and calibrated slopes of customers start..stop, both (n, I)."""
        network, inputs = self._network, self._inputs
        customers = inputs.context.customers[start:stop]
        z = self._theta[start:stop] @ self._alpha
        z += self._level + network.customer_net(customers)
        z += self._store_terms(start, stop, customers)
        stratum = torch.zeros(z.shape, dtype=torch.uint8)
        flat, codes = z.view(-1), stratum.view(-1)
        for name in ("category", "family", "brand"):
            self._add_groups(name, start, stop, flat, codes)
        slope = self._raw_slopes(start, stop, customers)
        known = self._put_habit(start, stop, flat, codes)
        slope.view(-1)[known] += network.price.has_history
        slope = (functional.softplus(slope) + SLOPE_FLOOR) * self._item_scale
        z += self._shift - slope * self._lift
        index = stratum.long()
        return self._calibration.apply(z, index), slope * self._calibration.slopes(index)

    def _chain_promo(self) -> Tensor:
        """(I,) effect of chain-wide display and mailer that is the same for everybody."""
        weights = self._network.promo_item(self._inputs.catalogue.category)
        planned = self._inputs.planned
        chain = torch.from_numpy(np.stack([planned.display, planned.mailer], axis=1).astype(np.float32))
        return (weights[:, :2] * chain).sum(1)

    def _store_features(self) -> Tensor:
        """(3, G + 1, I) display, mailer and popularity of every store group; the last row is for no group."""
        planned, stores = self._inputs.planned, self._inputs.builder.stores
        lift = stores.log_lift()
        out = np.zeros((3, *lift.shape), np.float32)
        if planned.store_display.shape[0]:
            out[0, :-1], out[1, :-1] = planned.store_display, planned.store_mailer
        out[2] = lift
        return torch.from_numpy(out)

    def _store_promo(self) -> tuple[Tensor, Tensor]:
        """(G + 1, I) the items' own part, and the features for the customers' part."""
        features = self._store_features()
        weights = self._network.promo_item(self._inputs.catalogue.category)[:, 2:5]
        return (features * weights.T[:, None, :]).sum(0), features

    def _store_terms(self, start: int, stop: int, customers: Tensor) -> Tensor:
        own, features = self._store
        group = self._inputs.builder.panel.promotions.store_group[start:stop].astype(np.int64)
        row = torch.from_numpy(group % self._inputs.builder.stores.n_groups)
        weights = self._network.promo_weights(customers)
        planned = self._inputs.planned
        chain = torch.from_numpy(np.stack([planned.display, planned.mailer]).astype(np.float32))
        total = own[row] + weights[:, :2] @ chain
        for place in range(3):
            total += weights[:, 2 + place, None] * features[place][row]
        return total + self._like_terms(start, stop, weights)

    def _like_terms(self, start: int, stop: int, weights: Tensor) -> Tensor:
        """(n, I) effect of what like-minded customers bought; `weights` (n, N_PROMO) are the customers' own."""
        builder = self._inputs.builder
        votes = torch.from_numpy(builder.like_minded.block(builder.history.item, builder.week, start, stop))
        own = self._network.promo_item(self._inputs.catalogue.category)
        total = torch.zeros(votes.shape[1:])
        for place in range(len(votes)):
            total += (own[None, :, 5 + place] + weights[:, 5 + place, None]) * votes[place]
        return total

    def _add_groups(self, name: str, start: int, stop: int, flat: Tensor, codes: Tensor) -> None:
        """Add the scores of one level to the cells of its known groups."""
        network, inputs = self._network, self._inputs
        history = inputs.builder.history
        state: LevelState = getattr(history, name)
        pairs = _known_pairs(state, start, stop)
        if not len(pairs):
            return
        customer, group = state.level.customer[pairs], state.level.group[pairs]
        features = torch.from_numpy(group_features(state, pairs, inputs.builder.week))
        customers = inputs.context.customers[torch.from_numpy(customer)]
        row, item = self._members[name].cells(group)
        cell = torch.from_numpy((customer[row] - start) * inputs.builder.panel.n_items + item)
        rows = torch.from_numpy(row)
        if name != "category":
            net = network.family_net if name == "family" else network.brand_net
            flat.index_add_(0, cell, network.group_score(net, features, customers)[rows])
            return
        code = inputs.catalogue.category[self._members[name].items[self._members[name].starts[group]]]
        block = network.category_block(features, customers, network.style_category(code))
        inner = block[rows, 0] + (block[rows, 1:] * self._block[torch.from_numpy(item)]).sum(1)
        flat.index_add_(0, cell, inner)
        codes[cell] = 1

    def _put_habit(self, start: int, stop: int, flat: Tensor, codes: Tensor) -> Tensor:
        """Put the habit in the place of the interest where pairs have history; returns their cells."""
        network, inputs = self._network, self._inputs
        state = inputs.builder.history.item
        pairs = _known_pairs(state, start, stop)
        cells = []
        for part in np.array_split(pairs, max(1, -(-len(pairs) // ROWS_PER_CHUNK))):
            customer, item = state.level.customer[part], state.level.group[part]
            features = inputs.builder.rows(customer, item, inputs.planned)
            rows = as_rows(customer, item, inputs.customer_code, features, inputs.position[item])
            cell = torch.from_numpy((customer - start) * inputs.builder.panel.n_items + item)
            customers, items = inputs.context.customers[rows.customer], inputs.context.items[rows.item]
            flat.index_copy_(0, cell, network.habit(rows, customers, items, self._style[rows.item]))
            codes[cell] = 2
            cells.append(cell)
        return torch.cat(cells)

    def _raw_slopes(self, start: int, stop: int, customers: Tensor) -> Tensor:
        """(n, I) price sensitivities before softplus and floor, without the effect of own history."""
        price, inputs = self._network.price, self._inputs
        code = torch.from_numpy(inputs.customer_code[start:stop])
        cross = output(price.customer_factor, code) @ output(price.item_factor, inputs.catalogue.item).T
        return cross + self._item_slope + price.customer_part(customers[:, DEAL_SHARE, None])


def _known_pairs(state: LevelState, start: int, stop: int) -> Ints:
    """Pairs of customers start..stop that have met before the state's week."""
    first, last = np.searchsorted(state.level.customer, [start, stop])
    return np.asarray(first + np.flatnonzero(state.count[first:last] > 0), dtype=np.int64)
