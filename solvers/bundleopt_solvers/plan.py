"""What an engine returns: the menu, the offers, and a certificate that says how far from the best they can be."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from bundleopt_solvers.lagrangian import Multipliers


class StopReason(Enum):
    """Why the engine stopped."""

    GAP_REACHED = "gap reached"  # the asked gap is proven
    TIME_LIMIT = "time limit"  # the wall clock ran out; the best plan and its bound are kept
    WORK_LIMIT = "work limit"  # the deterministic work ran out, or no further work could close the gap
    INTERRUPTED = "interrupted"  # Ctrl-C; the best plan and its bound are kept


@dataclass(frozen=True)
class Certificate:
    """A value, a proven upper bound, and for which family of plans the bound holds.

    Attributes:
        value, bound: money. family: in words, what the bound speaks of.
    """

    value: float
    bound: float
    family: str

    @property
    def gap(self) -> float:
        """(bound - value) / |bound|, 0 where both are 0; never negative beyond rounding."""
        scale = max(abs(self.bound), 1e-9)
        return max(0.0, (self.bound - self.value) / scale)


@dataclass(frozen=True)
class RuleReport:
    """One rule as it stands in the plan. `shadow_price` is money per unit of the limit, None where it has none."""

    name: str
    limit: float
    value: float
    slack: float
    binding: bool
    shadow_price: float | None


@dataclass(frozen=True)
class CampaignPlan:
    """The delivered plan.

    Attributes:
        menu: option indices on the menu, ascending.
        offer_customer, offer_option: aligned (F,) codes of the 0/1 offers, sorted by customer, then option; in public
            redemption the menu follows as the offers of the shelf, the last row of the problem.
        headline: objective value and bound of the delivered customer plan.
        certificates: `menu` (segment model) and `assignment` (menu fixed), labelled as what they are.
        rules: every rule with limit, value, slack and shadow price.
        item_shadow_price: (I,) money per unit of stock.
        reduced_value: (O,) value of each option under the dual prices, money; for "why not".
        reason, seconds, work, solver, incidents: how the solve went. menu_work: of the segment model.
        prices: multipliers of the headline bound's root, None where no search was needed.
        priced_rows: names of the coupling rows that `prices.row` speaks of, in its order.
    """

    menu: npt.NDArray[np.int32]
    offer_customer: npt.NDArray[np.int32]
    offer_option: npt.NDArray[np.int32]
    headline: Certificate
    certificates: dict[str, Certificate]
    rules: tuple[RuleReport, ...]
    item_shadow_price: npt.NDArray[np.float64]
    reduced_value: npt.NDArray[np.float64]
    reason: StopReason
    seconds: float
    work: int
    solver: str
    incidents: tuple[str, ...] = field(default=())
    menu_work: int = 0
    prices: Multipliers | None = field(default=None, repr=False)
    priced_rows: tuple[str, ...] = field(default=(), repr=False)
