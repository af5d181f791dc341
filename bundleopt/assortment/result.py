"""What `assort` found: every item with and without the chosen list, and the certificate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bundleopt.assortment.preference_table import PreferenceTable
from bundleopt.plan.document import plain
from bundleopt.report import formats
from bundleopt_solvers.assortment.plan import AssortmentPlan
from bundleopt_solvers.assortment.problem import AssortmentProblem
from bundleopt_solvers.assortment.revenue import expected_sales, money

if TYPE_CHECKING:
    import pandas as pd

_ROUNDED = {"sales": 4, "sales_if_all_listed": 4, "revenue": 2, "margin": 2, "change_if_switched": 2}


@dataclass(frozen=True, eq=False)
class AssortResult:
    """The chosen list.

    Attributes:
        items: one row an item, listed ones first: item_id, name, brand, tier, price, space, listed, sales (units),
            sales_if_all_listed, revenue, margin, change_if_switched (objective, if this item alone were taken off or
            put on the list).
        objective: revenue or margin. plan: the certificate. all_listed: the objective with every item listed.
        kept_share: share of the dropped items' sales that the listed ones take over.
        table: where the numbers come from. substitution: how the independence assumption fared on the log, or "".
        out: the file with the list, or None.
    """

    items: pd.DataFrame
    objective: str
    plan: AssortmentPlan
    all_listed: float
    kept_share: float
    table: PreferenceTable
    substitution: str
    out: Path | None = None

    @property
    def listed(self) -> tuple[str, ...]:
        """Ids of the listed items."""
        return tuple(self.items.loc[self.items["listed"], "item_id"])

    @property
    def value(self) -> float:
        """Expected money of the list."""
        return self.plan.headline.value

    @property
    def bound(self) -> float:
        """No list that keeps the rules is expected to earn more."""
        return self.plan.headline.bound

    @property
    def gap(self) -> float:
        """(bound - value) / |bound|."""
        return self.plan.headline.gap

    def bound_sentence(self) -> str:
        """What is proven, in words and in money."""
        open_money = max(0.0, self.bound - self.value)
        if open_money < (0.005 if self.table.is_money else 1e-9):
            return "Proven best: no other list that keeps the rules is expected to earn more."
        amount = formats.money(open_money) if self.table.is_money else f"{open_money:.6g}"
        return (
            f"No other list that keeps the rules can beat this by more than {formats.fine_share(self.gap)} ({amount})."
        )

    def document(self) -> dict[str, Any]:
        """Return everything as JSON."""
        plan = self.plan
        return dict(
            plain(
                {
                    "status": "optimal" if plan.optimal else "feasible",
                    "objective": {"name": self.objective, "value": self.value},
                    "bound": self.bound,
                    "gap": self.gap,
                    "gap_money": max(0.0, self.bound - self.value),
                    "certificate": {"family": plan.headline.family, "method": plan.method, "work": plan.work},
                    "all_listed": self.all_listed,
                    "kept_share": self.kept_share,
                    "listed": list(self.listed),
                    "items": self.items.astype(object).to_dict("records"),
                    "rules": [vars(rule) for rule in plan.rules],
                    "substitution": self.substitution,
                    "preferences": self.table.source,
                    "assumptions": list(self.table.assumptions),
                    "seconds": plan.seconds,
                    "incidents": list(plan.incidents),
                    "out": None if self.out is None else str(self.out),
                }
            )
        )


def assort_result(
    problem: AssortmentProblem, table: PreferenceTable, plan: AssortmentPlan, objective: str, substitution: str
) -> AssortResult:
    """Value the list, every single change of it, and the shelf with everything on it."""
    every = np.ones((1, problem.items), np.bool_)
    before = expected_sales(problem, every)[0]
    dropped = ~plan.listed
    lost, gained = before[dropped] @ table.units[dropped], (plan.sales - before)[plan.listed] @ table.units[plan.listed]
    return AssortResult(
        items=_items(problem, table, plan, before),
        objective=objective,
        plan=plan,
        all_listed=float(money(problem, every)[0]),
        kept_share=float(gained / lost) if lost > 0 else 0.0,
        table=table,
        substitution=substitution,
    )


def _items(
    problem: AssortmentProblem, table: PreferenceTable, plan: AssortmentPlan, before: np.ndarray[Any, Any]
) -> pd.DataFrame:
    import pandas as pd

    switched = plan.listed ^ np.eye(problem.items, dtype=np.bool_)
    units = plan.sales * table.units
    frame = pd.DataFrame(
        {
            "item_id": table.item_ids,
            "name": table.names,
            "brand": table.brands,
            "tier": table.tiers,
            "price": table.price,
            "space": np.nan if table.space is None else table.space,
            "listed": plan.listed,
            "sales": units,
            "sales_if_all_listed": before * table.units,
            "revenue": units * table.price,
            "margin": units * table.margin,
            "change_if_switched": money(problem, switched) - plan.headline.value,
        }
    )
    order = ["listed", "revenue", "sales_if_all_listed", "item_id"]
    frame = frame.sort_values(order, ascending=[False, False, False, True], ignore_index=True)
    return frame.round(_ROUNDED) if table.is_money else frame
