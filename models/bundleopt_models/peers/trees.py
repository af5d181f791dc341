"""Boosted trees: the strongest cheap rival, free in price and with a monotone constraint."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_data.errors import MissingExtraError
from bundleopt_models.peers.cells import COLUMNS, PEER_WEEKS, Cells, Floats, PeerWeeks, inside, sample_rows
from bundleopt_models.settings import PriceSource

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

MOST_TREES = 300
NO_GAIN_ROUNDS = 15


class BoostedTrees:
    """LightGBM on all features; needs the extra `bench`. Monotone: never rising in price."""

    def __init__(self, *, monotone: bool, price: PriceSource | None = None) -> None:
        """`price`: the price it sees; None for that of the comparison."""
        kinds = ["monotone"] * monotone + ([f"{price.value.replace('_', ' ')}'s price"] if price is not None else [])
        self.name = ", ".join(["LightGBM", *kinds])
        self._monotone, self._price = monotone, price
        self.rows = 0

    def fit(self, weeks: PeerWeeks) -> None:
        """Up to MOST_TREES trees, early stopping on the tuning weeks.

        Raises:
            MissingExtraError: LightGBM is not installed.
        """
        try:
            import lightgbm
        except ImportError as error:
            raise MissingExtraError("lightgbm", "bench") from error
        price = self._price or weeks.settings.price
        rows = sample_rows(weeks, weeks.fit[-PEER_WEEKS:], price)
        later = sample_rows(weeks, weeks.validation, price)
        self.rows = len(rows.bought)
        signs = [-1 if self._monotone and name == "log_relative_price" else 0 for name in COLUMNS]
        parameters = TREES | {"monotone_constraints": signs, "num_threads": torch.get_num_threads()}
        train = lightgbm.Dataset(rows.features, rows.bought, init_score=rows.offset + _start(rows.features))
        check = lightgbm.Dataset(
            later.features, later.bought, init_score=later.offset + _start(later.features), reference=train
        )
        stopping: list[Any] = [lightgbm.early_stopping(NO_GAIN_ROUNDS, verbose=False)] if len(later.bought) else []
        valid = [check] if len(later.bought) else None
        self._trees = lightgbm.train(parameters, train, MOST_TREES, valid_sets=valid, callbacks=stopping)

    def score(self, cells: Cells) -> Floats:
        """Log odds of the trees through the logistic function."""
        features = cells.features if self._price is None else cells.features_at(self._price)
        logit = _start(features) + self._trees.predict(features, raw_score=True, num_threads=torch.get_num_threads())
        return inside(1 / (1 + np.exp(-logit)))


def _start(features: Floats) -> npt.NDArray[np.float64]:
    """Log odds to start boosting from: own frequency, else popularity. From one constant it stalls under offsets."""
    known = features[:, COLUMNS.index("item_has")] > 0
    rate = np.where(known, features[:, COLUMNS.index("item_log_odds")], features[:, COLUMNS.index("popularity_13")])
    visits = np.clip(features[:, COLUMNS.index("visit_rate")], 0.02, 0.98)
    return np.asarray(rate + np.log(visits) - 0.5, dtype=np.float64)
