"""The visit layer: the chance that a customer comes in a week at all, a small hazard network on past trips."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from bundleopt_data.panel import Panel
from bundleopt_models.corpus import Scaler
from bundleopt_models.modules import output
from bundleopt_models.week_tables import CUSTOMER_FEATURES, WeekTables

Floats = npt.NDArray[np.float32]

EPOCHS = 12
BATCH = 2048
LEARNING_RATE = 5e-3
RECENT_WEEKS = 4
"""Weeks whose observed visits correct the level of the next one: holidays and slow drift are not in the features."""

LEVEL_PRIOR = 100.0
"""Information (sum of p (1 - p)) worth of prior that the level correction has towards none."""


class VisitNetwork(nn.Module):
    """Log odds of a visit from (n, len(CUSTOMER_FEATURES)) standardised features."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(len(CUSTOMER_FEATURES), 32), nn.SiLU(), nn.Linear(32, 1))
        with torch.no_grad():
            cast("nn.Linear", self.net[-1]).weight.mul_(0.1)

    def start_at(self, rate: float) -> None:
        """Begin at a base rate, kept inside (0.0001, 0.9999)."""
        rate = min(max(rate, 1e-4), 1 - 1e-4)
        with torch.no_grad():
            cast("nn.Linear", self.net[-1]).bias.fill_(math.log(rate / (1 - rate)))

    def forward(self, features: Tensor) -> Tensor:
        """(n,) log odds."""
        return output(self.net, features).squeeze(-1)


def fit_visits(network: VisitNetwork, features: Floats, came: npt.NDArray[np.bool_], seed: int) -> float:
    """Fit by Adam on (n, F) rows; returns the last epoch's mean log loss. A fixed number of small steps."""
    generator = torch.Generator().manual_seed(seed)
    inputs, labels = torch.from_numpy(features), torch.from_numpy(came.astype(np.float32))
    optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, weight_decay=1e-5)
    steps = EPOCHS * max(1, -(-len(labels) // BATCH))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    total = 0.0
    for _ in range(EPOCHS):
        order = torch.randperm(len(labels), generator=generator)
        total = 0.0
        for rows in torch.split(order, BATCH):
            loss = functional.binary_cross_entropy_with_logits(network(inputs[rows]), labels[rows])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            total += float(loss.detach()) * len(rows)
    return total / max(len(labels), 1)


def log_visits(network: VisitNetwork, panel: Panel, tables: WeekTables, scaler: Scaler, week: int) -> Tensor:
    """(U,) log P(visit) in `week`, from features of weeks before it and the level of the last few weeks."""
    with torch.no_grad():
        shift = _level_shift(network, panel, tables, scaler, min(week, panel.n_weeks))
        features = scaler.customers(tables.customer[min(week, panel.n_weeks)])
        return functional.logsigmoid(network(torch.from_numpy(features)) + shift)


def _level_shift(network: VisitNetwork, panel: Panel, tables: WeekTables, scaler: Scaler, week: int) -> float:
    """Shift of the log odds that explains the visits of the last weeks, shrunk by LEVEL_PRIOR customer-weeks."""
    score = information = 0.0
    for earlier in range(max(1, week - RECENT_WEEKS), week):
        known = tables.visits_before[earlier] > 0
        if not known.any():
            continue
        chance = torch.sigmoid(network(torch.from_numpy(scaler.customers(tables.customer[earlier][known])))).numpy()
        score += float((panel.trips[earlier][known] > 0).sum() - chance.sum())
        information += float((chance * (1 - chance)).sum())
    return score / (information + LEVEL_PRIOR)
