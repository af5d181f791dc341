"""What given offers are worth under draws of the model's parameters: the plan's own uncertainty.

Every draw is a market of its own (`uncertainty.py`), in which the offers are valued by the formulas of `bundle_terms`.
`option_factors` says the same of all options, as factors on their means: what an optimiser can hold in memory.
Letters: `N` draws, `F` offers, `O` options, `U` customers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_data.campaign import CampaignWeek
from bundleopt_models.bundle_terms import bundle_terms, price_gain
from bundleopt_models.decomposition import Offers
from bundleopt_models.forecast import DemandForecast
from bundleopt_models.market import Market, build_market
from bundleopt_models.offer_values import OfferValues, OptionTable
from bundleopt_models.uncertainty import ParameterDraw, ParameterDraws
from bundleopt_models.valuation import OptionMoney, check_valuation, option_money, value_in_market

Money = npt.NDArray[np.float64]

FACTOR_CUSTOMERS = 192
"""Customers on whom the factors of an option are measured: draws move items and categories, not single customers."""


@dataclass(frozen=True)
class DrawValues:
    """Expected effect of each offer under each draw; (N, F), money in currency units, all of it times reach.

    Attributes:
        redemption: expected redemptions. promo_spend: money.
        incremental_revenue, incremental_margin: money. units: incremental units of all items of the bundle.
    """

    redemption: Money
    promo_spend: Money
    incremental_revenue: Money
    incremental_margin: Money
    units: Money


@dataclass(frozen=True)
class OptionFactors:
    """(N, O) factors around 1 on the means of an option's values and redemptions, the same for every customer."""

    value: Money
    redemption: Money


def value_offers_under_draws(
    forecast: DemandForecast,
    campaign: CampaignWeek,
    table: OptionTable,
    offers: Offers,
    draws: ParameterDraws,
    *,
    factors: tuple[float, float] = (1.0, 1.0),
) -> DrawValues:
    """Value given offers under every draw.

    Args:
        forecast: demand of the week at shelf prices.
        campaign: prices, costs, funding of the same items.
        table: options.
        offers: which customer with which option.
        draws: of the forecast's parameters.
        factors: reach and salience, as in `value_offers`.

    Raises:
        UsageError: as `value_offers`.
    """
    check_valuation(table, *factors)
    people, who = np.unique(offers.customer, return_inverse=True)
    money = option_money(forecast, campaign, table)
    rows = np.zeros((len(draws), 4, len(offers.option)))
    groups = _by_size(table, offers.option)
    for number in range(len(draws)):
        market = build_market(forecast, campaign, table.items[offers.option], people, draw=draws.one(number))
        for items, mine in groups:
            chosen = who.reshape(-1)[mine], offers.option[mine]
            sold = items, table.quantities[chosen[1]]
            rows[number][:, mine] = _worth(market, money, sold, chosen, math.log(factors[1]))
    rows *= factors[0]
    return DrawValues(
        redemption=rows[:, 0],
        promo_spend=rows[:, 0] * table.unit_spend[offers.option],
        incremental_revenue=rows[:, 1],
        incremental_margin=rows[:, 2],
        units=rows[:, 3],
    )


def _by_size(
    table: OptionTable, option: npt.NDArray[np.int64]
) -> list[tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]]:
    """Items (n, K) without padding and places of the offers whose bundles have K items, for each K."""
    sizes = (table.items[option] >= 0).sum(1)
    places = [np.flatnonzero(sizes == size) for size in np.unique(sizes)]
    return [(table.items[option[mine], : int(sizes[mine[0]])], mine) for mine in places]


def _worth(
    market: Market,
    money: OptionMoney,
    sold: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]],
    offers: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    log_salience: float,
) -> Money:
    """(4, n) redemptions, revenue, margin and units of offers whose bundles have one size; `sold`: items and units."""
    (items, units), (who, option) = sold, offers
    terms = bundle_terms(market.one_customer_each(items, units, who))
    lift = torch.as_tensor(money.log_lift[option, : items.shape[1]].T.copy())
    gain = price_gain(terms.both, (market.slope_of(items, who) * lift).sum(0) + log_salience)
    earned, given = torch.as_tensor(money.earned[:, option]), torch.as_tensor(money.given[:, option])
    fixed = terms.outside - terms.kept - terms.pulled
    worth = (fixed + earned * (1.0 - terms.both)) * gain - terms.both * given
    redemption = gain + terms.both * (1.0 - gain)
    return (torch.stack([redemption, worth[0], worth[1], terms.lack.sum(0) * gain]) * terms.visit).numpy()


def option_factors(
    forecast: DemandForecast,
    campaign: CampaignWeek,
    table: OptionTable,
    draws: ParameterDraws,
    *,
    revenue_weight: float = 1.0,
) -> OptionFactors:
    """Say what every draw makes of every option, on average over the customers it is worth most to.

    Args:
        forecast: demand of the week at shelf prices.
        campaign: prices, costs, funding of the same items.
        table: options.
        draws: of the forecast's parameters.
        revenue_weight: share of incremental revenue in the objective; the rest is incremental margin.

    Raises:
        UsageError: as `value_offers`.
    """
    check_valuation(table, 1.0, 1.0)
    money = option_money(forecast, campaign, table)
    people = _likely_customers(forecast, table)
    mean = _objective(forecast, campaign, table, money, (people, None, revenue_weight))
    positive = np.maximum(mean[0], 0.0)
    weight = np.where(positive.sum(0) > 0, positive, mean[1])
    value, redemption = np.ones((len(draws), len(table.bundle))), np.ones((len(draws), len(table.bundle)))
    for number in range(len(draws)):
        drawn = _objective(forecast, campaign, table, money, (people, draws.one(number), revenue_weight))
        earns = positive > 0
        base = np.where(earns, mean[0], 0.0).sum(0)
        ratio = np.divide(np.where(earns, drawn[0], 0.0).sum(0), base, out=np.zeros_like(base), where=base > 0)
        redeemed = _ratio((drawn[1] * weight).sum(0), (mean[1] * weight).sum(0))
        value[number] = np.where(base > 0, ratio, redeemed)
        redemption[number] = redeemed
    return OptionFactors(_centred(value), _centred(redemption))


def _likely_customers(forecast: DemandForecast, table: OptionTable) -> npt.NDArray[np.int64]:
    """Customers spread over the upper half by how much they are expected to buy of the options' items."""
    items = np.unique(table.items[table.items >= 0])
    expected = forecast.probability[:, items].sum(1, dtype=np.float64)
    order = np.argsort(-expected, kind="stable")
    upper = order[: max(1, (len(order) + 1) // 2)]
    places = np.unique(np.linspace(0, len(upper) - 1, min(FACTOR_CUSTOMERS, len(upper))).astype(np.int64))
    return np.sort(upper[places])


def _objective(
    forecast: DemandForecast,
    campaign: CampaignWeek,
    table: OptionTable,
    money: OptionMoney,
    part: tuple[npt.NDArray[np.int64], ParameterDraw | None, float],
) -> tuple[Money, Money]:
    """(U, O) objective and redemptions of some customers under one draw, or under none."""
    people, draw, weight = part
    market = build_market(forecast, campaign, table.items, people, draw=draw)
    values: OfferValues = value_in_market(market, table, money, (1.0, 1.0))
    worth = weight * values.incremental_revenue + (1.0 - weight) * values.incremental_margin
    return worth.astype(np.float64), values.redemption.astype(np.float64)


def _ratio(above: Money, below: Money) -> Money:
    return np.divide(above, below, out=np.ones_like(above), where=below > 0)


def _centred(factors: Money) -> Money:
    """Factors >= 0 whose mean over the draws is 1."""
    kept = np.maximum(factors, 0.0)
    mean = kept.mean(0) if len(kept) else np.ones(factors.shape[1])
    return np.divide(kept, mean, out=np.ones_like(kept), where=mean > 0)
