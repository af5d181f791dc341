"""Where the habit network begins: its inputs standardised, and at the own frequency set right by a straight line."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bundleopt_models.calibration import fit_line
from bundleopt_models.corpus import WeekRows
from bundleopt_models.habit import OWN_LOG_ODDS
from bundleopt_models.network import DemandNetwork, habit_numbers
from bundleopt_models.training import TrainingData
from bundleopt_models.week_store import StoredWeek

ROWS_PER_WEEK = 5_000
"""Rows of a week that are looked at, spread evenly: enough for means and one straight line."""


@dataclass(frozen=True)
class _Sample:
    """Rows with own history of one week: inputs of the habit network (n, F); log P(visit), labels and offsets (n,)."""

    numbers: Tensor
    log_visit: Tensor
    bought: Tensor
    offset: Tensor

    @classmethod
    def of(cls, week: WeekRows | StoredWeek, log_visit: Tensor) -> _Sample:
        """Every so-many-th row with history: purchases and others are thinned alike."""
        known = (week.rows.has_history > 0).nonzero().squeeze(1)
        index = known[:: 1 + len(known) // ROWS_PER_WEEK]
        rows = week.rows.at(index)
        numbers = habit_numbers(rows, week.context.customers[rows.customer], week.context.items[rows.item])
        visit = log_visit[rows.customer.cpu()]
        return cls(numbers.cpu().float(), visit, week.bought[index].cpu(), week.offset[index].cpu())


def start_habit(network: DemandNetwork, data: TrainingData) -> None:
    """Make the habit network of a fresh network ready for the fitting weeks; without any nothing changes."""
    samples = [_Sample.of(week, data.log_visit[week.week]) for week in data.fit]
    if not samples:
        return
    numbers, log_visit, bought, offset = (
        torch.cat([getattr(sample, name) for sample in samples])
        for name in ("numbers", "log_visit", "bought", "offset")
    )
    line = fit_line(numbers[:, OWN_LOG_ODDS], log_visit, offset, bought)
    network.habit_net.start_at(numbers, line)
