"""A plan joined with everything its figures are computed from."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bundleopt.experiment.design import Experiment
from bundleopt_data.campaign import CampaignWeek
from bundleopt_models.offer_values import OfferValues
from bundleopt_solvers.plan import CampaignPlan
from bundleopt_solvers.problem import CampaignProblem

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stock:
    """Stock of the campaign week, aligned with the items. `slack` and `on_hand` are inf where unlimited.

    Attributes:
        on_hand: (I,) units. baseline: (I,) expected sales of all customers without the campaign.
        safety: (I,) units kept back. slack: (I,) max(0, on_hand - baseline - safety).
    """

    on_hand: Array
    baseline: Array
    safety: Array
    slack: Array


@dataclass(frozen=True)
class ColdStarts:
    """(U,) customers and (I,) items of whom the model knows too little to trust by themselves."""

    customer: npt.NDArray[np.bool_]
    item: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ValuedPlan:
    """The plan, the problem it solves, and the values of its offers. F offers.

    Attributes:
        campaign: the week. problem: what was solved. values: (U, O) effects of all candidates. plan: the answer.
        stock: see Stock. baseline_revenue: expected shelf revenue of the week without the campaign, money.
        cold: see ColdStarts; None where nobody looked. experiment: control group and drawn prices.
    """

    campaign: CampaignWeek
    problem: CampaignProblem
    values: OfferValues
    plan: CampaignPlan
    stock: Stock
    baseline_revenue: float
    cold: ColdStarts | None = None
    experiment: Experiment = field(default_factory=Experiment)

    @cached_property
    def customer(self) -> npt.NDArray[np.int32]:
        """(F,) customer codes of the offers; in public redemption the shelf, code U, has one of each bundle."""
        return self.plan.offer_customer

    @cached_property
    def option(self) -> npt.NDArray[np.int32]:
        """(F,) option codes of the offers."""
        return self.plan.offer_option

    @cached_property
    def is_shown(self) -> npt.NDArray[np.bool_]:
        """(F,) whether a row is an offer to a customer; the others are what the shelf does in public redemption."""
        return np.asarray(self.customer < self.problem.customers)

    @cached_property
    def redemption(self) -> Array:
        """(F,) redemption probabilities."""
        return self._of(self.values.redemption)

    @cached_property
    def baseline(self) -> Array:
        """(F,) chances of buying the full set anyway."""
        return self._of(self.values.baseline)

    @cached_property
    def incremental_revenue(self) -> Array:
        """(F,) money."""
        return self._of(self.values.incremental_revenue)

    @cached_property
    def incremental_margin(self) -> Array:
        """(F,) money."""
        return self._of(self.values.incremental_margin)

    @cached_property
    def units(self) -> Array:
        """(F, K) incremental units, aligned with the items of the option."""
        return self.values.units[self.customer, self.option].astype(np.float64)

    @cached_property
    def promo_spend(self) -> Array:
        """(F,) expected promo spend, money, charged on all redemptions."""
        return self.redemption * self.problem.options.unit_spend[self.option]

    @cached_property
    def redemption_revenue(self) -> Array:
        """(F,) expected revenue at the bundle price, money."""
        return self.redemption * (self.problem.options.price_cents[self.option] / 100.0)

    @cached_property
    def redemption_margin(self) -> Array:
        """(F,) expected margin at the bundle price, money."""
        return self.redemption * self.problem.options.unit_margin[self.option]

    @cached_property
    def incremental_units(self) -> Array:
        """(I,) incremental units of all offers."""
        items = self.problem.options.items[self.option]
        held = items >= 0
        total = np.zeros(len(self.problem.options.item_ids))
        np.add.at(total, items[held], self.units[held])
        return total

    @cached_property
    def cold_items(self) -> npt.NDArray[np.bool_]:
        """(O,) options that hold an item of which too little is known."""
        items = self.problem.options.items
        if self.cold is None:
            return np.zeros(len(items), dtype=bool)
        held = self.cold.item[np.maximum(items, 0)] & (items >= 0)
        return np.asarray(held.any(axis=1), dtype=np.bool_)

    @cached_property
    def cold_start(self) -> npt.NDArray[np.bool_]:
        """(F,) offers that rest on a customer or an item of which too little is known."""
        return self.is_cold(self.customer, self.option)

    def is_cold(self, customer: npt.NDArray[np.int32], option: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
        """(n,) the same of any offers."""
        known = self.cold_items[option]
        if self.cold is None:
            return known
        is_new = np.append(self.cold.customer, False)[np.minimum(customer, self.problem.customers)]
        return np.asarray(known | is_new, dtype=np.bool_)

    def _of(self, matrix: npt.NDArray[np.float32]) -> Array:
        return matrix[self.customer, self.option].astype(np.float64)
