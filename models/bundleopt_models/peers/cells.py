"""What a peer sees: cells (customer, item) of one week, and weeks to learn from.

A peer is fitted on the weeks before the test and scores cells of a week from features before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

from bundleopt_models.corpus import observed_plan, training_prices
from bundleopt_models.features import GROUP_FEATURES, PAIR_FEATURES, PROMO_FEATURES, FeatureBuilder
from bundleopt_models.protocol import WeekCells
from bundleopt_models.sampling import WeekSampler
from bundleopt_models.settings import PriceSource, TrainSettings
from bundleopt_models.week_tables import CUSTOMER_FEATURES, ITEM_FEATURES, eligible, log_position, weekly_buyers

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

COLUMNS = (
    *(f"item_{name}" for name in PAIR_FEATURES),
    *(f"{level}_{name}" for level in ("category", "family", "brand") for name in GROUP_FEATURES),
    *PROMO_FEATURES,
    *CUSTOMER_FEATURES,
    *ITEM_FEATURES,
    "log_relative_price",
)

PEER_WEEKS = 18
"""Latest fitting weeks that the linear model and the trees learn from, as in MODEL.md."""

SMALLEST = 1e-7


@dataclass(frozen=True)
class Cells:
    """n cells of one week; features are computed when a peer asks for them.

    Attributes:
        builder: must still stand before the week. customer, item: (n,) codes.
        price: which price the models of the comparison see.
    """

    builder: FeatureBuilder
    week: int
    customer: Ints
    item: Ints
    price: PriceSource

    @cached_property
    def features(self) -> Floats:
        """(n, len(COLUMNS)) at the price of the comparison."""
        builder = self.builder
        features = builder.rows(self.customer, self.item, observed_plan(builder.panel, self.week))
        tables = (builder.tables.customer[self.week][self.customer], builder.tables.item[self.week][self.item])
        parts = (features.pair, features.category, features.family, features.brand, features.promo, *tables)
        return np.concatenate([*parts, self.position(self.price)[:, None]], axis=1)

    def position(self, price: PriceSource) -> Floats:
        """(n,) log price of a source less log reference price."""
        panel = self.builder.panel
        seen = training_prices(panel, self.week, price)[panel.prices.fold[self.customer], self.item]
        return log_position(seen, self.builder.tables.reference[self.week, self.item])

    def features_at(self, price: PriceSource) -> Floats:
        """(n, len(COLUMNS)) at another price."""
        if price is self.price:
            return self.features
        features = self.features.copy()
        features[:, -1] = self.position(price)
        return features

    @cached_property
    def popularity(self) -> Floats:
        """(n,) share of active customers who bought the item in a week, mean of the last 13."""
        return weekly_share(self.builder, self.week)[self.item]


@dataclass(frozen=True)
class PeerWeeks:
    """What a peer may learn from."""

    builder: FeatureBuilder
    fit: Sequence[int]
    validation: Sequence[int]
    settings: TrainSettings


class Peer(Protocol):
    """One model of the comparison. One that learns from sampled rows says how many in an attribute `rows`."""

    name: str

    def fit(self, weeks: PeerWeeks) -> None:
        """Learn from weeks before the test."""

    def score(self, cells: Cells) -> Floats:
        """(n,) probabilities in (0, 1)."""


def weekly_share(builder: FeatureBuilder, week: int) -> Floats:
    """(I,) share of the week's active customers who bought the item, mean of the 13 weeks before."""
    buyers = weekly_buyers(builder.panel)[max(0, week - 13) : week]
    active = max(int(eligible(builder.panel, week).sum()), 1)
    return np.asarray(buyers.sum(axis=0) / max(len(buyers), 1) / active, dtype=np.float32)


def inside(probability: npt.ArrayLike) -> Floats:
    """Probabilities away from 0 and 1, as float32."""
    return np.asarray(np.clip(probability, SMALLEST, 1 - SMALLEST), dtype=np.float32)


def log_loss(probability: Floats, cells: WeekCells) -> float:
    """Weighted mean negative log-likelihood of a week's cells."""
    q = probability.astype(np.float64)
    return -float((cells.weight * np.where(cells.bought, np.log(q), np.log1p(-q))).sum() / cells.weight.sum())


@dataclass(frozen=True)
class PeerRows:
    """Sampled rows of several weeks: features (n, F), labels, -log sampling rates."""

    features: Floats
    bought: Floats
    offset: Floats


def sample_rows(weeks: PeerWeeks, chosen: Sequence[int], price: PriceSource) -> PeerRows:
    """Rows of the same sampler that the network learns from, two thirds of them without purchase."""
    sampler = WeekSampler(weeks.builder, 2.0, 2.0)
    features, bought, offset = [], [], []
    for week in chosen:
        weeks.builder.move_to(week)
        rows = sampler.draw(np.random.default_rng([weeks.settings.seed, week]))
        features.append(Cells(weeks.builder, week, rows.customer, rows.item, price).features)
        bought.append(rows.bought.astype(np.float32))
        offset.append(-np.log(np.maximum(rows.rate, 1e-9)))
    empty = [np.zeros((0, len(COLUMNS)), np.float32)]
    nothing = [np.zeros(0, np.float32)]
    return PeerRows(
        np.concatenate(features or empty), np.concatenate(bought or nothing), np.concatenate(offset or nothing)
    )
