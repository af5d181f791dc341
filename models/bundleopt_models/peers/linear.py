"""The linear peer."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from bundleopt_models.peers.cells import COLUMNS, PEER_WEEKS, Cells, Floats, PeerWeeks, inside, sample_rows


class LogisticRegression:
    """A linear model of all features, by L-BFGS, with the sampling undone in the log odds."""

    name = "logistic regression"
    rows = 0

    def fit(self, weeks: PeerWeeks) -> None:
        """Maximum likelihood with a weak ridge."""
        rows = sample_rows(weeks, weeks.fit[-PEER_WEEKS:], weeks.settings.price)
        self.rows = len(rows.bought)
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
        return inside(1 / (1 + np.exp(-logit)))

    def _standardised(self, features: Floats) -> Floats:
        scaled = np.clip((features - self._mean) / self._deviation, -6, 6)
        never = 1 - features[:, :1]
        # Popularity matters most where there is no history: the one interaction that counting models have, too.
        cross = never * scaled[:, [COLUMNS.index("popularity_13"), COLUMNS.index("popularity_4")]]
        return np.concatenate([scaled, cross], axis=1).astype(np.float32)
