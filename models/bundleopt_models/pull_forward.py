"""Pull-forward: which share of the units that a discount induces is borrowed from the week after.

For every category a weighted least squares of weekly sales, each item in units of its own mean and each week in units
of the chain's total, on this week's and last week's price depth:

    s_it = item effect + lift depth_it + dip depth_i,t-1 + display, mailer (this week, last week)
    depth = max(0, log reference price - log shelf price)                 share = -dip / lift, inside [0, 1]

Standard errors are robust and clustered by item. Rule: a category is identified when lift / se >= 2 and |dip| / se >= 2
over at least `MIN_ITEMS` items; a significant rise afterwards is a share of 0. Anything else is NaN, "not identified",
and is charged as the configuration says, never as 0. Only items bought by `MIN_WEEKLY_BUYERS` a week take part: where
prices are seen through purchases, weeks without a sale have no price of their own.

Letters: `I` items, `T` weeks, `R` item-weeks of a category, `X` regressors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_data.panel import Panel

LEAST_T = 2.0
MIN_ITEMS = 5
MIN_WEEKLY_BUYERS = 3.0
LIFT, DIP = 0, 1


@dataclass(frozen=True)
class CategoryDip:
    """One category's regression; `share` is NaN where it is not identified."""

    category: int
    items: int
    lift: float
    lift_error: float
    dip: float
    dip_error: float

    @property
    def share(self) -> float:
        """Share of induced units borrowed from the week after, by the rule above."""
        if self.items < MIN_ITEMS or not self.lift >= LEAST_T * self.lift_error > 0.0:
            return float("nan")
        if not abs(self.dip) >= LEAST_T * self.dip_error > 0.0:
            return float("nan")
        return float(np.clip(-self.dip / self.lift, 0.0, 1.0))


def fit_pull_forward(panel: Panel, weeks: Sequence[int]) -> npt.NDArray[np.float32]:
    """(I,) share of each item's category; NaN where it is not identified.

    Args:
        panel: purchases, prices, promotions.
        weeks: week indices t; each also uses week t - 1.
    """
    share = np.full(panel.n_items, np.nan, dtype=np.float32)
    for dip in measure_dips(panel, weeks):
        share[panel.items.category == dip.category] = dip.share
    return share


def measure_dips(panel: Panel, weeks: Sequence[int]) -> tuple[CategoryDip, ...]:
    """The regression of every category that has enough items, by category code."""
    now = np.array(sorted(week for week in set(weeks) if week >= 1), dtype=np.int64)
    if not len(now):
        return ()
    sales = _weekly_buyers(panel)
    mean = sales[now].mean(0)
    index = sales[now].sum(1) / max(float(sales[now].sum()) / len(now), 1.0)
    depth = np.maximum(panel.prices.log_reference - panel.prices.log_price, 0.0).astype(np.float64)
    shown = panel.promotions.display.astype(np.float64), panel.promotions.mailer.astype(np.float64)
    columns = [depth[now], depth[now - 1], *(table[lag] for table in shown for lag in (now, now - 1))]
    seen = panel.prices.observed[now] & panel.prices.observed[now - 1]
    usable = seen & (mean >= MIN_WEEKLY_BUYERS)[None, :] & (index > 0)[:, None]
    scaled = sales[now] / np.maximum(mean, 1e-9) / np.maximum(index, 1e-9)[:, None]
    found = []
    for category in np.unique(panel.items.category[usable.any(0)]):
        mine = usable & (panel.items.category == category)[None, :]
        week, item = np.nonzero(mine)
        table = np.stack([column[week, item] for column in columns], axis=1)
        dip = _regress(int(category), scaled[week, item], table, item, mean[item])
        if dip is not None:
            found.append(dip)
    return tuple(found)


def _weekly_buyers(panel: Panel) -> npt.NDArray[np.float64]:
    """(T, I) customers who bought the item in the week."""
    flat = panel.purchase_week.astype(np.int64) * panel.n_items + panel.purchase_item
    count = np.bincount(flat, minlength=panel.n_weeks * panel.n_items)
    return count.reshape(panel.n_weeks, panel.n_items).astype(np.float64)


def _regress(
    category: int,
    sales: npt.NDArray[np.float64],
    table: npt.NDArray[np.float64],
    item: npt.NDArray[np.int64],
    weight: npt.NDArray[np.float64],
) -> CategoryDip | None:
    """Within-item weighted least squares of (R,) sales on (R, X) regressors; None where depth does not vary."""
    group = np.unique(item, return_inverse=True)[1].reshape(-1)
    items = int(group.max()) + 1
    if items < MIN_ITEMS:
        return None
    within = _demeaned(np.column_stack([sales, table]), group, weight)
    response, design = within[:, 0], within[:, 1:]
    kept = np.flatnonzero((design**2 * weight[:, None]).sum(0) > 1e-9)
    if LIFT not in kept or DIP not in kept or len(sales) <= items + len(kept):
        return None
    design = design[:, kept]
    bread = np.linalg.pinv(design.T @ (design * weight[:, None]))
    beta = bread @ (design.T @ (weight * response))
    moments = np.zeros((items, len(kept)))
    np.add.at(moments, group, design * (weight * (response - design @ beta))[:, None])
    variance = bread @ (moments.T @ moments) @ bread * items / max(1, items - 1)
    error = np.sqrt(np.maximum(np.diag(variance), 0.0))
    return CategoryDip(category, items, float(beta[0]), float(error[0]), float(beta[1]), float(error[1]))


def _demeaned(
    values: npt.NDArray[np.float64], group: npt.NDArray[np.int64], weight: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """(R, columns) less each group's weighted mean."""
    total = np.zeros((int(group.max()) + 1, values.shape[1]))
    np.add.at(total, group, values * weight[:, None])
    mean = total / np.bincount(group, weights=weight)[:, None]
    return values - mean[group]
