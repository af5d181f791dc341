"""Weekly units per item, predicted against sold: the number that stock and budget rest on.

Beside the model stand the mean of the last four weeks and an exponentially weighted mean (the Poisson forecast of a
local level, Harvey & Fernandes 1989, Journal of Business & Economic Statistics 7:407-417), its weight chosen on the
tuning weeks. Everything is of the population of the evaluation. Letters: `I` items, `T` weeks, W test weeks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_data.panel import Panel
from bundleopt_models.protocol import ProtocolWeeks
from bundleopt_models.week_tables import eligible

Doubles = npt.NDArray[np.float64]

AVERAGE_WEEKS = 4
WEIGHTS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
"""Of the newest week in the exponentially weighted mean."""

LEAST_RATE = 0.02
"""Units a week that any forecast expects at least, so that a sale out of nothing has a finite deviance."""

OURS, AVERAGE, EXPONENTIAL = "bundleopt", "mean of the last 4 weeks", "exponentially weighted mean"


@dataclass(frozen=True)
class UnitError:
    """One forecast over all items and test weeks.

    Attributes:
        predicted_over_sold: totals. absolute_error: mean |predicted - sold| of an item-week.
        weighted_error: sum of |predicted - sold| over units sold.
        deviance: mean Poisson deviance of an item-week. items_better: share of items on which its absolute error is
            below that of the mean of the last four weeks; ties count half.
    """

    forecast: str
    predicted_over_sold: float
    absolute_error: float
    weighted_error: float
    deviance: float
    items_better: float


@dataclass(frozen=True)
class UnitTotals:
    """The comparison: errors of each forecast, and totals by week.

    Attributes:
        errors: our model first. weeks: Mondays (ISO). predicted, sold: (W,) units. average: (W,) of the four-week mean.
        weight: chosen for the exponentially weighted mean.
    """

    errors: tuple[UnitError, ...]
    weeks: tuple[str, ...]
    predicted: tuple[float, ...]
    sold: tuple[float, ...]
    average: tuple[float, ...]
    weight: float


def units_of(panel: Panel, week: int, population: npt.NDArray[np.bool_]) -> Doubles:
    """(I,) units that a population bought in a week."""
    rows = slice(*np.searchsorted(panel.purchase_week, [week, week + 1]))
    chosen = population[panel.purchase_customer[rows]]
    item, units = panel.purchase_item[rows][chosen], panel.purchase_units[rows][chosen].astype(np.float64)
    return np.bincount(item, units, minlength=panel.n_items).astype(np.float64)


def exponential_mean(history: Doubles, weight: float) -> Doubles:
    """(I,) exponentially weighted mean of (T, I) weeks, the newest last, weights normalised."""
    age = np.arange(len(history))[::-1]
    weights = (1 - weight) ** age
    return np.asarray(weights @ history / max(weights.sum(), 1e-12), dtype=np.float64)


def poisson_deviance(predicted: Doubles, sold: Doubles) -> float:
    """Mean of 2 (y log(y / m) - (y - m))."""
    mean = np.maximum(predicted, LEAST_RATE)
    term = np.where(sold > 0, sold * np.log(np.maximum(sold, 1e-12) / mean), 0.0)
    return float(2 * np.mean(term - (sold - mean)))


def unit_totals(
    panel: Panel, weeks: ProtocolWeeks, expected_buyers: Mapping[int, Doubles], units_per_purchase: Doubles
) -> UnitTotals:
    """Compare forecasts of the test weeks, each one step ahead.

    Args:
        panel: of the evaluation.
        weeks: tuned and tested on.
        expected_buyers: test week -> (I,) our expected buyers among the population.
        units_per_purchase: (I,) kappa.
    """
    weight = _choose_weight(panel, weeks.validation) if weeks.validation else WEIGHTS[2]
    sold: list[Doubles] = []
    forecasts: dict[str, list[Doubles]] = {OURS: [], AVERAGE: [], EXPONENTIAL: []}
    for week in weeks.test:
        history, now = _history(panel, week)
        sold.append(now)
        forecasts[OURS].append(expected_buyers[week] * units_per_purchase)
        forecasts[AVERAGE].append(history[-AVERAGE_WEEKS:].mean(axis=0))
        forecasts[EXPONENTIAL].append(exponential_mean(history, weight))
    actual = np.stack(sold)
    stacked = {name: np.stack(parts) for name, parts in forecasts.items()}
    base = np.abs(stacked[AVERAGE] - actual).sum(axis=0)
    return UnitTotals(
        errors=tuple(_error(name, parts, actual, base) for name, parts in stacked.items()),
        weeks=tuple(str(panel.weeks[week].astype("datetime64[D]")) for week in weeks.test),
        predicted=tuple(stacked[OURS].sum(axis=1).tolist()),
        sold=tuple(actual.sum(axis=1).tolist()),
        average=tuple(stacked[AVERAGE].sum(axis=1).tolist()),
        weight=weight,
    )


def _history(panel: Panel, week: int) -> tuple[Doubles, Doubles]:
    """(T, I) units of the population of `week` in the weeks before it, and (I,) in the week."""
    population = eligible(panel, week)
    return np.stack([units_of(panel, past, population) for past in range(week)]), units_of(panel, week, population)


def _choose_weight(panel: Panel, weeks: Sequence[int]) -> float:
    """The weight with the least Poisson deviance on the tuning weeks."""
    parts = [_history(panel, week) for week in weeks]
    loss = {w: np.mean([poisson_deviance(exponential_mean(h, w), now) for h, now in parts]) for w in WEIGHTS}
    return min(loss, key=loss.__getitem__)


def _error(name: str, predicted: Doubles, sold: Doubles, base: Doubles) -> UnitError:
    gap = np.abs(predicted - sold)
    own = gap.sum(axis=0)
    total = float(sold.sum())
    return UnitError(
        forecast=name,
        predicted_over_sold=float(predicted.sum()) / total if total else float("nan"),
        absolute_error=float(gap.mean()),
        weighted_error=float(gap.sum()) / total if total else float("nan"),
        deviance=poisson_deviance(predicted, sold),
        items_better=float(np.mean((own < base) + 0.5 * (own == base))),
    )
