"""Where a plan's incremental revenue comes from: the parts of every offer, by the joint law of its bundle."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bundleopt.plan import cents
from bundleopt.plan.valued_plan import ValuedPlan

if TYPE_CHECKING:
    from bundleopt_models.bundle_terms import BundleTerms
    from bundleopt_models.market import Market
    from bundleopt_models.valuation import OptionMoney

    from bundleopt.config import SolveConfig
    from bundleopt.pipeline import Prepared

Array = npt.NDArray[np.float64]

PARTS = ("new", "upsell", "cannibalised", "certain_buyer_discount", "diversion", "pull_forward")


def offer_parts(prepared: Prepared, valued: ValuedPlan, settings: SolveConfig) -> dict[str, Array]:
    """Return (F,) money of each part of the offers' incremental revenue; the parts of an offer add up to it.

    With the bundle price p, the shelf value L, g = 1 - 1/D and the terms of `bundle_terms`:

        new = g P(empty) p;  upsell = g P(some, not all) p;  cannibalised = -g kept;  pull_forward = -g pulled
        certain_buyer_discount = -P(all) (L - p);  diversion = g outside (complements gained less substitutes lost)
    """
    from bundleopt_models.bundle_terms import bundle_terms
    from bundleopt_models.market import build_market
    from bundleopt_models.valuation import option_money

    forecast, campaign, table = prepared.week.forecast, prepared.week.campaign, prepared.table
    parts = {name: np.zeros(len(valued.option)) for name in PARTS}
    if not len(valued.option):
        return parts
    market = build_market(forecast, campaign, table.items[valued.plan.menu])
    money = option_money(forecast, campaign, table)
    sizes = (table.items[valued.option] >= 0).sum(axis=1)
    for size in np.unique(sizes):
        at = np.flatnonzero(sizes == size)
        option, customer = valued.option[at], valued.customer[at].astype(np.int64)
        items = table.items[option][:, :size]
        terms = bundle_terms(market.one_customer_each(items, customer))
        gain = _gain(market, terms, money, (items, option, customer), settings)
        for name, amount in _revenue_parts(terms, gain, money, option).items():
            parts[name][at] = amount * settings.reach
    return parts


def waterfall(parts: dict[str, Array], valued: ValuedPlan) -> dict[str, float]:
    """Return the parts of the plan's incremental revenue, in cents that add up to the published total."""
    amounts = np.array([math.fsum(parts[name]) for name in PARTS], dtype=np.float64)
    rows = cents.rows_in_cents(amounts, cents.total_in_cents(valued.incremental_revenue))
    return {name: int(row) / 100 for name, row in zip(PARTS, rows, strict=True)}


def _gain(
    market: Market,
    terms: BundleTerms,
    money: OptionMoney,
    offers: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int64]],
    settings: SolveConfig,
) -> Array:
    """G of each offer: the share of every other basket that the offer turns into the full bundle."""
    import torch
    from bundleopt_models.bundle_terms import price_gain

    items, option, customer = offers
    rows = torch.as_tensor(market.place[items.T])
    slope = market.slope[rows, torch.as_tensor(customer)]
    lift = torch.as_tensor(money.log_lift[option, : items.shape[1]].T.copy())
    log_multiplier = (slope * lift).sum(0) + math.log(settings.salience)
    gain: Array = price_gain(terms.both, log_multiplier).numpy()
    return gain


def _revenue_parts(
    terms: BundleTerms, gain: Array, money: OptionMoney, option: npt.NDArray[np.int32]
) -> dict[str, Array]:
    both, none = terms.both.numpy(), terms.none.numpy()
    price, given = money.earned[0, option], money.given[0, option]
    return {
        "new": gain * none * price,
        "upsell": gain * (1.0 - none - both) * price,
        "cannibalised": -gain * terms.kept[0].numpy(),
        "certain_buyer_discount": -both * given,
        "diversion": gain * terms.outside[0].numpy(),
        "pull_forward": -gain * terms.pulled[0].numpy(),
    }
