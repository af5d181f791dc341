"""Where an offer's value comes from: the rows of the waterfall, which sum to the incremental totals.

Letters: `F` offers (customer, option), `K` items of a bundle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_data.campaign import CampaignWeek
from bundleopt_models.bundle_terms import bundle_terms, price_gain
from bundleopt_models.forecast import DemandForecast
from bundleopt_models.market import Market, build_market
from bundleopt_models.offer_values import DECOMPOSITION, OptionTable
from bundleopt_models.valuation import OptionMoney, check_valuation, option_money


@dataclass(frozen=True)
class Offers:
    """Offers to look into: (F,) customer codes of the forecast and option codes of the table, aligned."""

    customer: npt.NDArray[np.int64]
    option: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Decomposition:
    """Rows of `DECOMPOSITION` for each offer, signed so that they sum to the incremental total; money, times reach.

    Attributes:
        revenue, margin: (F, 6) in the order of `DECOMPOSITION`.
    """

    revenue: npt.NDArray[np.float64]
    margin: npt.NDArray[np.float64]

    def totals(self) -> dict[str, tuple[float, float]]:
        """Row name -> (revenue, margin) summed over the offers."""
        return {
            name: (float(self.revenue[:, row].sum()), float(self.margin[:, row].sum()))
            for row, name in enumerate(DECOMPOSITION)
        }


def decompose(
    forecast: DemandForecast,
    campaign: CampaignWeek,
    table: OptionTable,
    offers: Offers,
    *,
    reach: float = 1.0,
    salience: float = 1.0,
) -> Decomposition:
    """Split the incremental revenue and margin of some offers, by the formulas of `bundle_terms`.

    Args:
        forecast: demand of the week at shelf prices.
        campaign: prices, costs, funding of the same items.
        table: options.
        offers: which customer with which option.
        reach: as in `value_offers`.
        salience: as in `value_offers`.

    Raises:
        UsageError: as `value_offers`.
    """
    check_valuation(table, reach, salience)
    people, who = np.unique(offers.customer, return_inverse=True)
    market = build_market(forecast, campaign, table.items[offers.option], people)
    money = option_money(forecast, campaign, table)
    rows = np.zeros((2, len(offers.option), len(DECOMPOSITION)))
    sizes = (table.items[offers.option] >= 0).sum(1)
    for size in np.unique(sizes):
        mine = np.flatnonzero(sizes == size)
        items = table.items[offers.option[mine], :size]
        sold = items, table.quantities[offers.option[mine]]
        rows[:, mine] = _rows(market, money, sold, (who.reshape(-1)[mine], offers.option[mine]), math.log(salience))
    return Decomposition(revenue=rows[0] * reach, margin=rows[1] * reach)


def _rows(
    market: Market,
    money: OptionMoney,
    sold: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]],
    offers: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    log_salience: float,
) -> npt.NDArray[np.float64]:
    """(2, n, 6) rows of offers whose bundles have one size; `sold` is items and units of each."""
    (items, units), (who, option) = sold, offers
    terms = bundle_terms(market.one_customer_each(items, units, who))
    lift = torch.as_tensor(money.log_lift[option, : items.shape[1]].T.copy())
    log_multiplier = (market.slope_of(items, who) * lift).sum(0) + log_salience
    gain = price_gain(terms.both, log_multiplier)
    earned, given = torch.as_tensor(money.earned[:, option]), torch.as_tensor(money.given[:, option])
    rows = {
        "new": gain * terms.none * earned,
        "upsell": gain * (1.0 - terms.none - terms.both) * earned,
        "cannibalised": -gain * terms.kept,
        "certain_buyer_discount": -terms.both * given,
        "diversion": gain * terms.outside,
        "pull_forward": -gain * terms.pulled,
    }
    return torch.stack([rows[name] * terms.visit for name in DECOMPOSITION], dim=2).numpy()
