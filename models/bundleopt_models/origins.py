"""Rolling origins: are summed predictions right in other seasons than the one the table is tested in?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bundleopt_data.panel import Panel
from bundleopt_data.progress import Progress, silent
from bundleopt_models.metrics import probability_metrics
from bundleopt_models.model import DemandModel, train_model
from bundleopt_models.protocol import week_cells
from bundleopt_models.settings import PriceSource, TrainSettings
from bundleopt_models.week_tables import eligible

TEST_WEEKS = 5


@dataclass(frozen=True)
class OriginLevel:
    """Totals of the weeks after one origin.

    Attributes:
        fit_weeks: weeks the model was fitted and calibrated on. weeks: Mondays (ISO) of the test.
        predicted, observed: purchases (customer-item-weeks) of the population, one a week.
        log_loss: of the same weeks, by the protocol.
    """

    fit_weeks: int
    weeks: tuple[str, ...]
    predicted: tuple[float, ...]
    observed: tuple[float, ...]
    log_loss: float

    @property
    def error(self) -> float:
        """Predicted over observed less one, over all test weeks."""
        return sum(self.predicted) / max(sum(self.observed), 1e-12) - 1


def mean_absolute_error(levels: list[OriginLevel]) -> float:
    """Mean of |error| over origins."""
    return float(np.mean([abs(level.error) for level in levels]))


def measure_origin(
    panel: Panel, settings: TrainSettings, fit_weeks: int, *, folder: Path, progress: Progress | None = None
) -> tuple[OriginLevel, DemandModel]:
    """Train on the first weeks, predict the five after them one step ahead.

    Args:
        panel: top items counted on the weeks that are fitted on.
        settings: of the training; its end and its price are those of the protocol.
        fit_weeks: how many weeks fitting and calibration see.
        folder: for the model.
        progress: told (sentence, share of the work).
    """
    until = panel.weeks[fit_weeks].astype("datetime64[D]").astype(object)
    settings = replace(settings, fit_until=until, price=PriceSource.LAST_WEEK)
    model = train_model(panel, settings, folder=folder, progress=progress or silent, relate=False)
    weeks = range(fit_weeks, min(fit_weeks + TEST_WEEKS, panel.n_weeks))
    predicted, observed, q, bought, weight = [], [], [], [], []
    for week in weeks:
        price = panel.prices.log_price[max(week - 1, 0)]
        grid, _ = model.weekly_grid(panel, week, log_price=price)
        cells = week_cells(model.view(panel).builder, week)
        predicted.append(float(grid[eligible(panel, week)].sum(dtype=np.float64)))
        observed.append(float(cells.bought.sum()))
        q.append(grid[cells.customer, cells.item].astype(np.float64))
        bought.append(cells.bought)
        weight.append(cells.weight)
    metrics = probability_metrics(np.concatenate(q), np.concatenate(bought), np.concatenate(weight))
    mondays = tuple(str(panel.weeks[week].astype("datetime64[D]")) for week in weeks)
    return OriginLevel(fit_weeks, mondays, tuple(predicted), tuple(observed), metrics.log_loss), model
