"""Models to compare with, on the same information: counting, a linear model, boosted trees.

A peer is fitted on the weeks before the test and scores cells (customer, item) of a week from features before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from bundleopt_data.errors import MissingExtraError
from bundleopt_models.corpus import observed_plan, training_prices
from bundleopt_models.features import GROUP_FEATURES, PAIR_FEATURES, PROMO_FEATURES, FeatureBuilder
from bundleopt_models.protocol import WeekCells, week_cells
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
PRIOR_VISITS = (1.0, 3.0, 10.0, 30.0)
"""Weeks of popularity that smooth a personal frequency; the best on the tuning weeks is taken."""

PEER_WEEKS = 18
"""Latest fitting weeks that the linear model and the trees learn from, as in MODEL.md."""

SMALLEST = 1e-7


@dataclass(frozen=True)
class Cells:
    """n cells of one week; features are computed when a peer asks for them."""

    builder: FeatureBuilder
    week: int
    customer: Ints
    item: Ints
    price: PriceSource

    @cached_property
    def features(self) -> Floats:
        """(n, len(COLUMNS)); the builder must still stand before the week."""
        builder, panel = self.builder, self.builder.panel
        features = builder.rows(self.customer, self.item, observed_plan(panel, self.week))
        price = training_prices(panel, self.week, self.price)[panel.prices.fold[self.customer], self.item]
        position = log_position(price, builder.tables.reference[self.week, self.item])
        tables = (builder.tables.customer[self.week][self.customer], builder.tables.item[self.week][self.item])
        parts = (features.pair, features.category, features.family, features.brand, features.promo, *tables)
        return np.concatenate([*parts, position[:, None]], axis=1)

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
    """One model of the comparison."""

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


class Popularity:
    """Everybody buys what was popular."""

    name = "popularity"

    def fit(self, weeks: PeerWeeks) -> None:
        """Nothing to learn."""

    def score(self, cells: Cells) -> Floats:
        """Share of active customers."""
        return np.clip(cells.popularity, SMALLEST, 1 - SMALLEST)


class PersonalFrequency:
    """Own purchase frequency, smoothed by popularity (P-TopFreq); with decay, recent purchases count more."""

    def __init__(self, *, decayed: bool) -> None:
        """`decayed` weighs a purchase by 0.9 a week."""
        self.name = "decayed frequency" if decayed else "personal frequency"
        self._decayed, self._prior = decayed, PRIOR_VISITS[0]

    def fit(self, weeks: PeerWeeks) -> None:
        """Choose the smoothing on the tuning weeks, by log loss."""
        chosen = list(weeks.validation)[-2:] or list(weeks.fit)[-1:]
        losses = dict.fromkeys(PRIOR_VISITS, 0.0)
        for week in chosen:
            sample = week_cells(weeks.builder, week)
            cells = Cells(weeks.builder, week, sample.customer, sample.item, weeks.settings.price)
            for prior in PRIOR_VISITS:
                self._prior = prior
                losses[prior] += _log_loss(self.score(cells), sample)
        self._prior = min(losses, key=losses.__getitem__)

    def score(self, cells: Cells) -> Floats:
        """(count + prior * popularity) / (weeks since first seen + prior)."""
        state = cells.builder.history.item
        pair = state.level.find(cells.customer, cells.item)
        values = state.decayed[:, 2] if self._decayed else state.count
        count = np.where(pair >= 0, values[np.maximum(pair, 0)], 0.0) if len(values) else np.zeros(len(pair))
        column = CUSTOMER_FEATURES.index("tenure")
        weeks = np.maximum(np.expm1(cells.builder.tables.customer[cells.week, cells.customer, column]), 1)
        weeks = (1 - 0.9**weeks) / 0.1 if self._decayed else weeks
        chance = (count + self._prior * cells.popularity) / (weeks + self._prior)
        return _inside(chance)


def _inside(probability: npt.ArrayLike) -> Floats:
    return np.asarray(np.clip(probability, SMALLEST, 1 - SMALLEST), dtype=np.float32)


def _log_loss(probability: Floats, cells: WeekCells) -> float:
    q = probability.astype(np.float64)
    return -float((cells.weight * np.where(cells.bought, np.log(q), np.log1p(-q))).sum() / cells.weight.sum())


@dataclass(frozen=True)
class PeerRows:
    """Sampled rows of several weeks: features (n, F), labels, -log sampling rates."""

    features: Floats
    bought: Floats
    offset: Floats


def sample_rows(weeks: PeerWeeks, chosen: Sequence[int]) -> PeerRows:
    """Rows of the same sampler that the network learns from, two thirds of them without purchase."""
    sampler = WeekSampler(weeks.builder, 2.0, 2.0)
    features, bought, offset = [], [], []
    for week in chosen:
        weeks.builder.move_to(week)
        rows = sampler.draw(np.random.default_rng([weeks.settings.seed, week]))
        features.append(Cells(weeks.builder, week, rows.customer, rows.item, weeks.settings.price).features)
        bought.append(rows.bought.astype(np.float32))
        offset.append(-np.log(np.maximum(rows.rate, 1e-9)))
    empty = [np.zeros((0, len(COLUMNS)), np.float32)]
    nothing = [np.zeros(0, np.float32)]
    return PeerRows(
        np.concatenate(features or empty), np.concatenate(bought or nothing), np.concatenate(offset or nothing)
    )


class LogisticRegression:
    """A linear model of all features, by L-BFGS, with the sampling undone in the log odds."""

    name = "logistic regression"

    def fit(self, weeks: PeerWeeks) -> None:
        """Maximum likelihood with a weak ridge."""
        rows = sample_rows(weeks, weeks.fit[-PEER_WEEKS:])
        self._mean, self._deviation = rows.features.mean(axis=0), rows.features.std(axis=0) + 1e-3
        inputs = torch.from_numpy(self._standardised(rows.features))
        bought, offset = torch.from_numpy(rows.bought), torch.from_numpy(rows.offset)
        weights = torch.zeros(inputs.shape[1] + 1, requires_grad=True)
        with torch.no_grad():
            weights[-1] = -6.6
        optimiser = torch.optim.LBFGS([weights], max_iter=100, history_size=20, line_search_fn="strong_wolfe")

        def closure() -> torch.Tensor:
            optimiser.zero_grad()
            logit = inputs @ weights[:-1] + weights[-1] + offset
            loss = functional.binary_cross_entropy_with_logits(logit, bought) + 1e-6 * (weights[:-1] ** 2).sum()
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        optimiser.step(closure)  # type: ignore[no-untyped-call]
        self._weights = weights.detach().numpy()

    def score(self, cells: Cells) -> Floats:
        """Linear log odds through the logistic function."""
        logit = self._standardised(cells.features) @ self._weights[:-1] + self._weights[-1]
        return _inside(1 / (1 + np.exp(-logit)))

    def _standardised(self, features: Floats) -> Floats:
        scaled = np.clip((features - self._mean) / self._deviation, -6, 6)
        never = 1 - features[:, :1]
        # Popularity matters most where there is no history: the one interaction that counting models have, too.
        cross = never * scaled[:, [COLUMNS.index("popularity_13"), COLUMNS.index("popularity_4")]]
        return np.concatenate([scaled, cross], axis=1).astype(np.float32)


TREES = {
    "objective": "binary",
    "learning_rate": 0.1,
    "num_leaves": 31,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5,
    "verbosity": -1,
    "seed": 0,
    "boost_from_average": False,
    "deterministic": True,
    "force_row_wise": True,
}
"""The setting of the strongest rival in MODEL.md."""


class BoostedTrees:
    """LightGBM on all features, not rising in price; needs the extra `bench`."""

    name = "LightGBM, monotone in price"

    def fit(self, weeks: PeerWeeks) -> None:
        """Up to 300 trees, early stopping on the tuning weeks.

        Raises:
            MissingExtraError: LightGBM is not installed.
        """
        try:
            import lightgbm
        except ImportError as error:
            raise MissingExtraError("lightgbm", "bench") from error
        rows, later = sample_rows(weeks, weeks.fit[-PEER_WEEKS:]), sample_rows(weeks, weeks.validation)
        signs = [-1 if name == "log_relative_price" else 0 for name in COLUMNS]
        parameters = TREES | {"monotone_constraints": signs, "num_threads": torch.get_num_threads()}
        train = lightgbm.Dataset(rows.features, rows.bought, init_score=rows.offset + _start(rows.features))
        check = lightgbm.Dataset(
            later.features, later.bought, init_score=later.offset + _start(later.features), reference=train
        )
        stopping: list[Any] = [lightgbm.early_stopping(15, verbose=False)] if len(later.bought) else []
        valid = [check] if len(later.bought) else None
        self._trees = lightgbm.train(parameters, train, 300, valid_sets=valid, callbacks=stopping)

    def score(self, cells: Cells) -> Floats:
        """Log odds of the trees through the logistic function."""
        features = cells.features
        logit = _start(features) + self._trees.predict(features, raw_score=True)
        return _inside(1 / (1 + np.exp(-logit)))


def _start(features: Floats) -> npt.NDArray[np.float64]:
    """Log odds to start boosting from: own frequency, else popularity. From one constant it stalls under offsets."""
    known = features[:, COLUMNS.index("item_has")] > 0
    rate = np.where(known, features[:, COLUMNS.index("item_log_odds")], features[:, COLUMNS.index("popularity_13")])
    visits = np.clip(features[:, COLUMNS.index("visit_rate")], 0.02, 0.98)
    return np.asarray(rate + np.log(visits) - 0.5, dtype=np.float64)


def all_peers() -> list[Peer]:
    """Every peer, in the order of the table."""
    return [
        Popularity(),
        PersonalFrequency(decayed=False),
        PersonalFrequency(decayed=True),
        LogisticRegression(),
        BoostedTrees(),
    ]
