"""Are several offers to one customer worth the sum of their values? Enumerated in the joint law of all their items.

The optimiser adds up offer values. With offers b_1 .. b_m to one customer the law of all their items together is tilted
by the product of the M of every bundle that a subset T contains, and a contained bundle is paid at its price. The
difference is what the items of one offer do to those of another, and the visit they share. Reach is 1, where overlap
is largest; effects outside the offers are left out on both sides.

Letters: `F` offers, `K` items of all offers of a customer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_data.campaign import CampaignWeek
from bundleopt_models.decomposition import Offers, decompose
from bundleopt_models.forecast import DemandForecast
from bundleopt_models.joint_law import week_law
from bundleopt_models.offer_values import OptionTable
from bundleopt_models.option_table import CENTS, shelf_margin
from bundleopt_models.valuation import OptionMoney, option_money

# 2**12 subsets: three offers of four items.
MAX_ITEMS_TOGETHER = 12
DIRECT_ROWS = 4  # of DECOMPOSITION: what happens inside the offers


@dataclass(frozen=True)
class Additivity:
    """Additive against joint value of the sampled customers' offers, money at reach 1.

    Attributes:
        customers: how many customers with two offers or more were enumerated.
        additive, joint: (2,) revenue and margin, summed.
    """

    customers: int
    additive: npt.NDArray[np.float64]
    joint: npt.NDArray[np.float64]

    @property
    def relative_error(self) -> npt.NDArray[np.float64]:
        """(2,) (additive - joint) / |joint|; 0 where both are 0."""
        return (self.additive - self.joint) / np.maximum(np.abs(self.joint), 1e-12)


def measure_additivity(
    forecast: DemandForecast,
    campaign: CampaignWeek,
    table: OptionTable,
    offers: Offers,
    *,
    salience: float = 1.0,
    sample: int = 200,
) -> Additivity:
    """Enumerate evenly spaced customers who hold two item-disjoint offers or more.

    Args:
        forecast: demand of the week at shelf prices.
        campaign: prices, costs, funding of the same items.
        table: options.
        offers: the delivered offers.
        salience: as in `value_offers`.
        sample: most customers to enumerate.
    """
    people, count = np.unique(offers.customer, return_counts=True)
    people = people[count >= 2]
    people = people[np.unique(np.linspace(0, len(people) - 1, min(sample, len(people))).astype(np.int64))]
    money = option_money(forecast, campaign, table)
    additive, joint, seen = np.zeros(2), np.zeros(2), 0
    for customer in people:
        held = offers.option[offers.customer == customer]
        if int((table.items[held] >= 0).sum()) > MAX_ITEMS_TOGETHER:
            continue
        rows = decompose(forecast, campaign, table, Offers(np.full(len(held), customer), held), salience=salience)
        additive += [rows.revenue[:, :DIRECT_ROWS].sum(), rows.margin[:, :DIRECT_ROWS].sum()]
        joint += joint_value(forecast, campaign, table, money, (int(customer), held, salience))
        seen += 1
    return Additivity(seen, additive, joint)


def joint_value(
    forecast: DemandForecast,
    campaign: CampaignWeek,
    table: OptionTable,
    money: OptionMoney,
    held: tuple[int, npt.NDArray[np.int64], float],
) -> npt.NDArray[np.float64]:
    """(2,) incremental revenue and margin of all offers of one customer together.

    Args:
        forecast: demand of the week at shelf prices.
        campaign: prices and costs of the same items.
        table: options, item-disjoint among those held.
        money: of the options.
        held: the customer, its options and the salience.
    """
    customer, options, salience = held
    items = table.items[options]
    flat = items[items >= 0]
    first, second = np.array(list(combinations(range(len(flat)), 2)), dtype=np.int64).reshape(-1, 2).T
    gammas = torch.as_tensor(forecast.relations.log_odds(flat[first], flat[second]))[:, None]
    chance = torch.as_tensor(forecast.probability[customer, flat].astype(np.float64))[:, None]
    visit = torch.as_tensor(forecast.visit_probability[customer : customer + 1].astype(np.float64))
    law = week_law(chance, visit, gammas)[:, 0].numpy()
    masks = np.arange(len(law))
    has = (masks[:, None] >> np.arange(len(flat))) & 1
    shelf = np.stack([campaign.shelf_price_cents / CENTS, shelf_margin(campaign)])[:, flat] @ has.T
    paid, log_weight, start = shelf.copy(), np.zeros(len(law)), 0
    for row, option in zip(items, options, strict=True):
        size = int((row >= 0).sum())
        full = has[:, start : start + size].all(1)
        raised = forecast.slope[customer, row[:size]].astype(np.float64) @ money.log_lift[option, :size]
        log_weight[full] += raised + math.log(salience)
        paid[:, full] -= money.given[:, [option]]
        start += size
    tilted = law * np.exp(log_weight)
    change: npt.NDArray[np.float64] = paid @ (tilted / tilted.sum()) - shelf @ law
    return change
