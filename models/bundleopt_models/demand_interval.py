"""What a week may sell of an item: parameters x shock of the week x shock of the item x counting, simulated.

Purchases are Poisson with the drawn expectation; the units of a purchase have the item's own mean and mean square, with
one unit at least (extra units are negative binomial, Poisson where they vary less). All draws come from one seed.
Letters: `I` items, `N` simulated weeks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_models.uncertainty import Uncertainty, log_shocks

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.integer]

SIMULATED_WEEKS = 1000


@dataclass(frozen=True)
class WeeklyDemand:
    """Simulated units of one week, (N, I), ascending along N for each item."""

    units: npt.NDArray[np.float32]

    def quantile(self, share: float) -> Floats:
        """(I,) units that are not exceeded with chance `share`, in (0, 1)."""
        place = min(max(int(np.ceil(share * len(self.units))) - 1, 0), len(self.units) - 1)
        return np.asarray(self.units[place], dtype=np.float64)

    def interval(self, level: float) -> tuple[Floats, Floats]:
        """(I,) least and most units of the interval whose chance is nearest to `level`.

        Units are whole numbers: where few are sold, no interval has a chance of exactly `level`, and the usual one,
        between two quantiles, has more. The candidates leave out about equally much on both sides.
        """
        low, high = self.quantile((1 - level) / 2), self.quantile((1 + level) / 2)
        best, error = (low, high), np.abs(self._chance(low, high) - level)
        for down, up in ((0, 1), (1, 0), (1, 1)):
            tighter = np.minimum(low + down, high), np.maximum(high - up, low)
            wrong = np.abs(self._chance(*tighter) - level)
            better = wrong < error
            error = np.minimum(wrong, error)
            best = np.where(better, tighter[0], best[0]), np.where(better, tighter[1], best[1])
        return best

    def position(self, observed: Floats) -> tuple[Floats, Floats]:
        """(I,) chances of less than `observed`, and of at most that: between them lies its place."""
        below = (self.units < observed).mean(0)
        return below.astype(np.float64), (self.units <= observed).mean(0).astype(np.float64)

    def _chance(self, low: Floats, high: Floats) -> Floats:
        inside: Floats = ((self.units >= low) & (self.units <= high)).mean(0)
        return inside


def simulate_demand(
    expected: Floats,
    units: Floats,
    uncertainty: Uncertainty,
    category: Codes,
    *,
    seed: int = 0,
) -> WeeklyDemand:
    """Simulate a week's units of every item.

    Args:
        expected: (I,) expected customers who buy.
        units: (I,) mean units of a purchase, >= 1.
        uncertainty: of the forecast, aligned with the items.
        category: (I,) codes.
        seed: of everything drawn.
    """
    random = np.random.default_rng([seed, len(expected)])
    simulated = np.empty((SIMULATED_WEEKS, len(expected)), np.float32)
    n_categories = int(category.max(initial=-1)) + 1
    for number in range(SIMULATED_WEEKS):
        common = float(log_shocks(np.hypot(uncertainty.common_level, uncertainty.week), random, ()))
        own = log_shocks(np.hypot(uncertainty.level, uncertainty.item_week), random, (len(expected),))
        shared = random.standard_normal(n_categories)[category]
        spread = uncertainty.category_level.astype(np.float64)
        bought = random.poisson(expected * np.exp(common + own + shared * spread - spread**2 / 2))
        simulated[number] = bought + _extra_units(bought, units, uncertainty.units_square, random)
    return WeeklyDemand(np.sort(simulated, axis=0))


def _extra_units(bought: Codes, units: Floats, square: npt.NDArray[np.float32], random: np.random.Generator) -> Floats:
    """(I,) units beyond the first of so many purchases."""
    mean = bought * (units - 1.0)
    variance = bought * np.maximum(square - units**2, 0.0)
    beyond = variance - mean
    mixed = (beyond > 0) & (mean > 0)
    rate = mean.copy()
    shape = mean[mixed] ** 2 / beyond[mixed]
    rate[mixed] = random.gamma(shape, beyond[mixed] / mean[mixed])
    return random.poisson(rate).astype(np.float64)


def demand_variance(expected: Floats, units: Floats, uncertainty: Uncertainty) -> Floats:
    """(I,) variance of a week's units, by the law of `simulate_demand`: counting plus the log-normal spreads."""
    squares = uncertainty.total_level() ** 2 + uncertainty.item_week.astype(np.float64) ** 2 + uncertainty.week**2
    counted = expected * np.maximum(uncertainty.units_square.astype(np.float64), units**2)
    # Counting is itself mixed over the spreads: E[lambda] stays, Var gains (E[units])^2 Var(lambda).
    return np.asarray(counted + (expected * units) ** 2 * np.expm1(squares), dtype=np.float64)


def demand_quantile(expected: Floats, units: Floats, uncertainty: Uncertainty, deviations: float) -> Floats:
    """(I,) units that a week's demand stays below with the chance of a normal below `deviations`.

    That of a gamma with the demand's mean and variance, by the cube root law of Wilson & Hilferty (1931,
    doi:10.1073/pnas.17.12.684); 0 where nothing is expected.
    """
    mean = expected * units
    variance = demand_variance(expected, units, uncertainty)
    ninth = np.divide(variance, 9.0 * mean**2, out=np.zeros_like(mean), where=mean > 0)
    root = np.maximum(1.0 - ninth + deviations * np.sqrt(ninth), 0.0)
    return np.asarray(mean * root**3, dtype=np.float64)
