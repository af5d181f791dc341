"""What own history with an item says of buying it again: personal frequency, and a network for what that misses.

    habit = level + slope * log odds of the smoothed own frequency + MLP((numbers - mean) / deviation, style)

The network sees every number that is known of the pair, the customer and the item, and a short learned style of the
item, but no vector of the customer: affinities that were fitted to the same purchases as the habit explain them twice,
and hold less in later weeks than counting does (`models/README.md` has the figures).
Letters: n rows, `F` numbers.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from bundleopt_models.features import GROUP_FEATURES, PAIR_FEATURES, PROMO_FEATURES
from bundleopt_models.modules import output
from bundleopt_models.week_tables import CUSTOMER_FEATURES, ITEM_FEATURES

N_NUMBERS = len(PAIR_FEATURES) + 3 * len(GROUP_FEATURES) + len(PROMO_FEATURES) + len(CUSTOMER_FEATURES) + len(
    ITEM_FEATURES
)  # fmt: skip
OWN_LOG_ODDS = PAIR_FEATURES.index("log_odds")

LEAST_DEVIATION = 1e-2
"""A number that hardly ever changes is not blown up."""

FURTHEST = 6.0
"""Standardised numbers are cut here: one strange value must not decide a forecast."""


class HabitNetwork(nn.Module):
    """Log odds given a visit of pairs with own history.

    Attributes:
        mean, deviation: (F,) of the numbers over training rows, see `start_at`; 0 and 1 before it.
        level, slope: of the own frequency. layers: the network itself; it begins almost silent.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, width: int, style_rank: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(N_NUMBERS))
        self.register_buffer("deviation", torch.ones(N_NUMBERS))
        self.level = nn.Parameter(torch.zeros(()))
        self.slope = nn.Parameter(torch.ones(()))
        self.layers = nn.Sequential(
            nn.Linear(N_NUMBERS + style_rank, width), nn.SiLU(),
            nn.Linear(width, width // 2), nn.SiLU(),
            nn.Linear(width // 2, 1),
        )  # fmt: skip
        last = cast("nn.Linear", self.layers[-1])
        with torch.no_grad():
            last.weight.mul_(0.1)
            last.bias.zero_()

    def start_at(self, numbers: Tensor, line: tuple[float, float]) -> None:
        """Measure means and deviations on (n, F) rows; begin at the own frequency, set right by a level and a slope."""
        if not len(numbers):
            return
        with torch.no_grad():
            self.mean.copy_(numbers.mean(0))
            self.deviation.copy_(numbers.std(0, correction=0) + LEAST_DEVIATION)
            self.level.fill_(line[0])
            self.slope.fill_(line[1])

    def forward(self, numbers: Tensor, style: Tensor) -> Tensor:
        """(n,) log odds from (n, F) numbers and (n, style_rank) styles."""
        scaled = ((numbers - self.mean) / self.deviation).clamp(-FURTHEST, FURTHEST)
        correction = output(self.layers, torch.cat([scaled, style], dim=1)).squeeze(1)
        return self.level + self.slope * numbers[:, OWN_LOG_ODDS] + correction
