"""Are the probabilities right: predicted against observed purchases, in groups that are formed without the outcome.

Groups: ten equal parts of the expected purchases, departments, depth of the price cut, activity of the customer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_data.panel import Panel
from bundleopt_models.scoreboard import ScoredCells
from bundleopt_models.settings import PriceSource
from bundleopt_models.week_tables import CUSTOMER_FEATURES, WeekTables, log_position

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

GROUPS = 10

CUT_EDGES = (-0.02, 0.02, 0.10, 0.20, 0.30)
CUT_NAMES = ("above regular", "regular price", "2 to 10 % off", "10 to 20 % off", "20 to 30 % off", "over 30 % off")

VISIT_EDGES = (0.5, 2.5, 5.5, 9.5)
VISIT_NAMES = ("none", "1 or 2", "3 to 5", "6 to 9", "10 to 13")
"""Visit weeks of the last 13."""


@dataclass(frozen=True)
class ReliabilityRow:
    """One group of cells.

    Attributes:
        group: its name. cells: their weighted number. predicted, observed: purchases.
        ratio: predicted over observed, NaN where nothing was bought.
        error: standard error of the ratio, from how customers' totals scatter.
    """

    group: str
    cells: float
    predicted: float
    observed: float
    ratio: float
    error: float


def reliability(cells: ScoredCells, code: Ints, names: tuple[str, ...]) -> tuple[ReliabilityRow, ...]:
    """Rows of the groups `code` (n,) indexes into `names`; empty groups are left out.

    Customers are independent, their cells are not: the error is that of the sum over customers of their gaps.
    """
    predicted, observed = cells.weight * cells.probability, cells.weight * cells.bought
    n_customers = int(cells.customer.max()) + 1 if len(cells.customer) else 1
    place = code * n_customers + cells.customer
    size = len(names) * n_customers
    by_customer = [np.bincount(place, part, size).reshape(-1, n_customers) for part in (predicted, observed)]
    count = np.bincount(code, cells.weight, len(names))
    rows = []
    for number, name in enumerate(names):
        if count[number] == 0:
            continue
        gap = by_customer[0][number] - by_customer[1][number]
        sums = float(by_customer[0][number].sum()), float(by_customer[1][number].sum())
        spread = float(np.sqrt(np.sum((gap - gap.mean()) ** 2)))
        ratio, error = (sums[0] / sums[1], spread / sums[1]) if sums[1] > 0 else (float("nan"), float("nan"))
        rows.append(ReliabilityRow(name, float(count[number]), *sums, ratio, error))
    return tuple(rows)


def by_probability(cells: ScoredCells, groups: int = GROUPS) -> tuple[ReliabilityRow, ...]:
    """Groups of equal expected purchases, from the least to the most probable cells."""
    order = np.argsort(cells.probability, kind="stable")
    mass = np.cumsum((cells.weight * cells.probability)[order])
    code = np.empty(len(order), np.int64)
    share = mass / mass[-1] if len(mass) else mass
    code[order] = np.minimum((share * groups - 1e-9).astype(np.int64), groups - 1)
    return reliability(cells, code, tuple(f"group {number + 1}" for number in range(groups)))


def by_department(cells: ScoredCells, panel: Panel) -> tuple[ReliabilityRow, ...]:
    """Departments; where the catalogue has but one, categories."""
    items = panel.items
    code, names = items.department, items.department_names
    if len(names) < 2:
        code, names = items.category, items.category_names
    return reliability(cells, code[cells.item].astype(np.int64), tuple(str(name) for name in names))


def by_price_cut(cells: ScoredCells, panel: Panel, tables: WeekTables) -> tuple[ReliabilityRow, ...]:
    """Depth of the week's own price cut, at the price that other customers paid."""
    fold = panel.prices.fold[cells.customer]
    price = panel.prices.fold_log_price[fold, cells.week, cells.item]
    depth = -np.expm1(log_position(price, tables.reference[cells.week, cells.item]))
    return reliability(cells, np.digitize(depth, CUT_EDGES).astype(np.int64), CUT_NAMES)


def by_activity(cells: ScoredCells, tables: WeekTables) -> tuple[ReliabilityRow, ...]:
    """Weeks with a visit among the 13 before."""
    visits = tables.customer[cells.week, cells.customer, CUSTOMER_FEATURES.index("visits_13")]
    return reliability(cells, np.digitize(visits, VISIT_EDGES).astype(np.int64), VISIT_NAMES)


def all_groups(
    cells: ScoredCells, panel: Panel, tables: WeekTables, price: PriceSource
) -> dict[str, tuple[ReliabilityRow, ...]]:
    """Every grouping by its name; `price` says whether the model saw the week's own price."""
    seen = "" if price is PriceSource.CROSS_FIT else " (the model knew last week's price)"
    return {
        "probability": by_probability(cells),
        "department": by_department(cells, panel),
        f"price cut{seen}": by_price_cut(cells, panel, tables),
        "visits in 13 weeks": by_activity(cells, tables),
    }
