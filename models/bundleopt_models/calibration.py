"""Strictly increasing corrections of the purchase log odds, per stratum, fitted on weeks the network did not train on.

z' = a_s + b_s z with b_s >= MIN_SLOPE, for s in: no history in the category, history in the category, history with the
item. Affine maps keep the price response what it is: slopes are multiplied by b_s > 0 and stay positive.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bundleopt_models.likelihood import sampled_loss

MIN_SLOPE = 0.05
STRATA = ("new_category", "known_category", "known_item")
PRIOR_ROWS = 50.0
"""Weight of the prior that pulls the map towards the identity, in purchases."""

NEWTON_STEPS = 30


@dataclass(frozen=True)
class CalibrationMap:
    """Intercepts and slopes of the strata, aligned with STRATA."""

    intercept: tuple[float, ...]
    slope: tuple[float, ...]

    @classmethod
    def identity(cls) -> CalibrationMap:
        """The map that changes nothing."""
        return cls((0.0,) * len(STRATA), (1.0,) * len(STRATA))

    def apply(self, z: Tensor, stratum: Tensor) -> Tensor:
        """Map log odds; `stratum` holds codes of STRATA, same shape."""
        return torch.tensor(self.intercept)[stratum] + self.slopes(stratum) * z

    def slopes(self, stratum: Tensor) -> Tensor:
        """Slope of each stratum code."""
        return torch.tensor(self.slope)[stratum]


def fit_calibration(z: Tensor, stratum: Tensor, log_visit: Tensor, offset: Tensor, bought: Tensor) -> CalibrationMap:
    """Fit all strata by maximum penalised likelihood on sampled rows of later weeks; (n,) tensors."""
    fitted = [
        fit_line(*(part[stratum == code] for part in (z, log_visit, offset, bought))) for code in range(len(STRATA))
    ]
    return CalibrationMap(tuple(a for a, _ in fitted), tuple(b for _, b in fitted))


def fit_line(z: Tensor, log_visit: Tensor, offset: Tensor, bought: Tensor) -> tuple[float, float]:
    """Intercept and slope that set the log odds of (n,) rows right; the identity where there is no purchase."""
    z, log_visit, offset, bought = (part.double() for part in (z, log_visit, offset, bought))
    if float(bought.sum()) < 1:
        return 0.0, 1.0
    parameters = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    centre = (z * bought).sum() / bought.sum()
    optimiser = torch.optim.LBFGS([parameters], max_iter=NEWTON_STEPS, line_search_fn="strong_wolfe")

    def mapped(values: Tensor) -> Tensor:
        return values[0] + centre + (1 + values[1]).clamp_min(MIN_SLOPE) * (z - centre)

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = sampled_loss(mapped(parameters), log_visit, offset, bought).sum()
        loss = (loss + PRIOR_ROWS * (parameters**2).sum()) / len(z)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    shift, extra = (float(value) for value in parameters.detach())
    slope = max(1.0 + extra, MIN_SLOPE)
    if not np.isfinite([shift, slope]).all():
        return 0.0, 1.0
    return float(shift + centre * (1 - slope)), slope
