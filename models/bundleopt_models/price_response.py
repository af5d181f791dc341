"""How demand answers a price, by department and by category: the model's response beside weekly log-log regressions.

The model is asked as a planner asks it: the week's expected buyers of every item at several prices, all else equal.
The regression is what an analyst would run first: log weekly buyers per visitor on log price, with item effects, with
and without display and mailer. It is confounded (MODEL.md, table 4.4), and stands here as a comparison, not as truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_data.panel import Panel
from bundleopt_models.model import DemandModel
from bundleopt_models.week_tables import eligible, weekly_buyers

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

RATIOS = (0.7, 0.8, 0.9, 1.0, 1.1)
"""Prices that the model is asked at, as shares of the shelf price."""

CATEGORIES_SHOWN = 25
LEAST_WEEKS, LEAST_SPREAD, LEAST_BUYERS = 25, 0.03, 2.0
"""Items that a regression can say something of: seen weeks (short logs: half of them), standard deviation of log
price, mean weekly buyers."""


@dataclass(frozen=True)
class PriceResponse:
    """One department or category.

    Attributes:
        department: its name, or that of the category, "all" for everything. items: how many; regressed: how many the
            regression uses.
        elasticity: of expected buyers between 10 % off and the shelf price, over all its items together.
        low, high: quartiles of the items' own elasticities.
        log_log, log_log_promotions: slope of the pooled regression, without and with display and mailer; NaN where too
            few items move.
        buyers: expected buyers at each of RATIOS over those at the shelf price.
    """

    department: str
    items: int
    regressed: int
    elasticity: float
    low: float
    high: float
    log_log: float
    log_log_promotions: float
    buyers: tuple[float, ...]


@dataclass(frozen=True)
class PriceResponses:
    """How demand answers a price.

    Attributes:
        departments: every one with an item, "all" first. categories: those with the most expected buyers among the
            ones that a regression can say something of, CATEGORIES_SHOWN at most, by buyers.
    """

    departments: tuple[PriceResponse, ...]
    categories: tuple[PriceResponse, ...]


def price_response(model: DemandModel, panel: Panel, week: int, *, fit_until: int) -> PriceResponses:
    """Measure both groupings from the same expected buyers.

    Args:
        model: trained on the weeks before `fit_until`.
        panel: of the evaluation.
        week: whose prices and promotions are varied.
        fit_until: first week that the regressions do not see.
    """
    buyers = _expected_buyers(model, panel, week)
    elasticity = (np.log(buyers[RATIOS.index(1.0)]) - np.log(buyers[RATIOS.index(0.9)])) / -np.log(0.9)
    regressions = _Regressions(panel, fit_until)
    items = panel.items

    def by(code: npt.NDArray[np.integer], names: npt.NDArray[np.object_]) -> list[PriceResponse]:
        groups = ((str(name), code == n) for n, name in enumerate(names))
        return [_response(name, at, buyers, elasticity, regressions) for name, at in groups if at.any()]

    everything = _response("all", np.ones(panel.n_items, bool), buyers, elasticity, regressions)
    categories = by(items.category, items.category_names)
    has_departments = len(items.department_names) > 1
    departments = by(items.department, items.department_names) if has_departments else categories
    bought = {str(name): buyers[RATIOS.index(1.0), items.category == n].sum()
              for n, name in enumerate(items.category_names)}  # fmt: skip
    known = sorted((row for row in categories if row.regressed), key=lambda row: -bought[row.department])
    return PriceResponses((everything, *departments), tuple(known[:CATEGORIES_SHOWN]))


def _expected_buyers(model: DemandModel, panel: Panel, week: int) -> Doubles:
    """(len(RATIOS), I) expected buyers among the week's population."""
    population = eligible(panel, week)
    shelf = panel.prices.log_price[min(week, panel.n_weeks - 1)]
    totals = []
    for ratio in RATIOS:
        grid, _ = model.weekly_grid(panel, week, log_price=(shelf + np.log(ratio)).astype(np.float32))
        totals.append(grid[population].sum(axis=0, dtype=np.float64))
    stacked: Doubles = np.maximum(np.stack(totals), 1e-12)
    return stacked


def _response(
    name: str, at: npt.NDArray[np.bool_], buyers: Doubles, elasticity: Doubles, regressions: _Regressions
) -> PriceResponse:
    total = buyers[:, at].sum(axis=1)
    shelf, cut = RATIOS.index(1.0), RATIOS.index(0.9)
    low, high = np.quantile(elasticity[at], [0.25, 0.75])
    plain, controlled, count = regressions.slopes(at)
    return PriceResponse(
        department=name,
        items=int(at.sum()),
        regressed=count,
        elasticity=float(np.log(total[shelf] / total[cut]) / -np.log(0.9)),
        low=float(low),
        high=float(high),
        log_log=plain,
        log_log_promotions=controlled,
        buyers=tuple((total / total[shelf]).tolist()),
    )


class _Regressions:
    """Pooled weekly regressions within items, on the weeks before `fit_until`; week 0 may be unfinished."""

    def __init__(self, panel: Panel, fit_until: int) -> None:
        weeks = slice(min(1, fit_until), fit_until)
        bought = weekly_buyers(panel)[weeks].astype(np.float64)
        visitors = np.maximum((panel.trips[weeks] > 0).sum(axis=1), 1)[:, None]
        price = panel.prices.log_price[weeks].astype(np.float64)
        # Only weeks with a price of their own: a price carried forward says nothing about why nobody bought.
        self._seen = panel.prices.observed[weeks]
        count = np.maximum(self._seen.sum(axis=0), 1)
        self._answer = self._within(np.log(bought + 0.5) - np.log(visitors), count)
        self._price = self._within(price, count)
        promotions = panel.promotions
        self._controls = [
            self._within(part[weeks].astype(np.float64), count) for part in (promotions.display, promotions.mailer)
        ]
        spread = np.sqrt((self._price**2).sum(axis=0) / count)
        least = min(LEAST_WEEKS, (len(bought) + 1) // 2)
        self._usable = (self._seen.sum(axis=0) >= least) & (spread > LEAST_SPREAD)
        self._usable &= bought.mean(axis=0) >= LEAST_BUYERS if len(bought) else False

    def _within(self, weekly: Doubles, count: npt.NDArray[np.int64]) -> Doubles:
        """Deviations from the item's mean over seen weeks, 0 elsewhere."""
        known = np.where(self._seen & np.isfinite(weekly), weekly, 0.0)
        return np.asarray(np.where(self._seen, known - known.sum(axis=0) / count, 0.0), dtype=np.float64)

    def slopes(self, at: npt.NDArray[np.bool_]) -> tuple[float, float, int]:
        """Slopes without and with promotion controls, and the number of items behind them."""
        chosen = at & self._usable
        if not chosen.any():
            return float("nan"), float("nan"), 0
        answer, price = self._answer[:, chosen].ravel(), self._price[:, chosen].ravel()
        controls = [part[:, chosen].ravel() for part in self._controls]
        return _slope(answer, [price]), _slope(answer, [price, *controls]), int(chosen.sum())


def _slope(answer: Doubles, columns: list[Doubles]) -> float:
    table = np.stack(columns, axis=1)
    return float(np.linalg.lstsq(table, answer, rcond=None)[0][0])
