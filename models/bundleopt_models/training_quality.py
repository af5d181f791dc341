"""How good a fresh model is on its validation weeks, beside the personal frequency: what `train` tells its user.

Validation weeks did not shape the weights, but they chose the pass that was kept and the calibration: an honest figure
comes from `evaluate`, on weeks that chose nothing. Sampled cells stand for all cells, weighted by one over their rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_models.features import FeatureBuilder
from bundleopt_models.metrics import probability_metrics
from bundleopt_models.week_tables import CUSTOMER_FEATURES, eligible, weekly_buyers

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FREQUENCY_WEEKS = 13
"""Weeks of popularity that a personal frequency is smoothed with."""

FREQUENCY_PRIORS = (1.0, 3.0, 10.0, 30.0)
"""Weeks worth of that popularity; the rival gets the one that suits these very weeks best."""


def personal_frequencies(builder: FeatureBuilder, customer: Ints, item: Ints) -> Floats:
    """(len(FREQUENCY_PRIORS), n) chances (count + prior * popularity) / (weeks since first seen + prior)."""
    week, panel = builder.week, builder.panel
    buyers = weekly_buyers(panel)[max(0, week - FREQUENCY_WEEKS) : week]
    active = max(int(eligible(panel, week).sum()), 1)
    popularity = buyers.sum(axis=0) / max(len(buyers), 1) / active
    state = builder.history.item
    pair = state.level.find(customer, item)
    count = np.where(pair >= 0, state.count[np.maximum(pair, 0)], 0.0) if len(state.count) else np.zeros(len(pair))
    tenure = np.expm1(builder.tables.customer[min(week, panel.n_weeks), customer, CUSTOMER_FEATURES.index("tenure")])
    weeks = np.maximum(tenure, 1.0)
    rates = [(count + prior * popularity[item]) / (weeks + prior) for prior in FREQUENCY_PRIORS]
    return np.asarray(np.clip(np.stack(rates), 1e-7, 1 - 1e-7), dtype=np.float32)


@dataclass(frozen=True)
class Quality:
    """Means over all cells of the validation weeks.

    Attributes:
        log_loss, frequency_log_loss: nats a cell, of the model and of the best smoothed personal frequency.
        predicted_over_observed: total predicted over total observed purchases.
        calibration_error: mean |predicted / observed - 1| over bins of equal purchases.
    """

    log_loss: float
    frequency_log_loss: float
    predicted_over_observed: float
    calibration_error: float

    @property
    def gain(self) -> float:
        """Share of the personal frequency's log loss that the model takes off."""
        return 1 - self.log_loss / self.frequency_log_loss if self.frequency_log_loss > 0 else 0.0

    def as_record(self) -> dict[str, float | str]:
        """Plain values, named as people read them."""
        return {
            "validation_log_loss": float(f"{self.log_loss:.4g}"),
            "personal_frequency_log_loss": float(f"{self.frequency_log_loss:.4g}"),
            "gain_over_personal_frequency": f"{self.gain:.1%}",
            "predicted_over_observed": round(self.predicted_over_observed, 3),
            "calibration_error": f"{self.calibration_error:.1%}",
        }


def measure_quality(probability: Doubles, frequency: Floats, bought: Floats, offset: Floats) -> Quality | None:
    """Compare on sampled rows; None where there is nothing to compare on.

    Args:
        probability: (n,) of the calibrated model.
        frequency: (len(FREQUENCY_PRIORS), n) personal frequencies.
        bought: (n,) 0 or 1.
        offset: (n,) -log of a negative's sampling rate.
    """
    is_bought = bought > 0
    if not is_bought.any() or is_bought.all():
        return None
    weight = np.where(is_bought, 1.0, np.exp(offset.astype(np.float64)))
    ours = probability_metrics(probability, is_bought, weight)
    rivals = [probability_metrics(one.astype(np.float64), is_bought, weight).log_loss for one in frequency]
    return Quality(ours.log_loss, min(rivals), ours.predicted_over_observed, ours.calibration_error)
