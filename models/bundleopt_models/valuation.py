"""Offer valuation: the expected effect of showing each option to each customer. See VALUATION.md for the derivation.

The joint law is evaluated once per customer and bundle; price points only change M. Memory beyond the result is bounded
by the chunk, time is linear in customers x options.

Letters: `U` customers, `B` bundles, `O` options, `K` items of a bundle.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_data.campaign import CampaignWeek
from bundleopt_data.errors import UsageError
from bundleopt_models.bundle_terms import BundleTerms, bundle_terms, price_gain
from bundleopt_models.forecast import DemandForecast
from bundleopt_models.market import Market, build_market
from bundleopt_models.offer_values import OfferValues, OptionTable
from bundleopt_models.option_table import CENTS, shelf_margin

# Cells (options x customers) worked on together: a few MiB a tensor on a CPU, enough to fill a GPU.
CELLS_PER_CHUNK = {"cpu": 1 << 18, "cuda": 1 << 24, "mps": 1 << 22}


@dataclass(frozen=True)
class OptionMoney:
    """Money of each option; (O,) except where said.

    Attributes:
        earned: (2, O) revenue and margin of one redemption.
        given: (2, O) the same at shelf prices less that: what a redemption costs on a customer who would buy anyway.
        log_lift: (O, K) m(shelf) - m(bundle price) of each item, 0 in the padding.
    """

    earned: npt.NDArray[np.float64]
    given: npt.NDArray[np.float64]
    log_lift: npt.NDArray[np.float64]


def value_offers(
    forecast: DemandForecast,
    campaign: CampaignWeek,
    table: OptionTable,
    *,
    reach: float = 1.0,
    salience: float = 1.0,
    device: str | torch.device = "cpu",
) -> OfferValues:
    """Value every option for every customer of the forecast.

    Args:
        forecast: demand of the week at shelf prices.
        campaign: prices, costs, funding of the same items.
        table: options; those of a bundle are adjacent.
        reach: chance in (0, 1] that a shown offer is seen; multiplies every result except `baseline`.
        salience: factor >= 1 on M for being shown at all.
        device: where to compute; results are numpy arrays.

    Raises:
        UsageError: reach, salience or a price is out of range, or the inputs do not fit together.
    """
    check_valuation(table, reach, salience)
    market = build_market(forecast, campaign, table.items, device=device)
    return value_in_market(market, table, option_money(forecast, campaign, table), (reach, salience))


def value_in_market(
    market: Market, table: OptionTable, money: OptionMoney, factors: tuple[float, float]
) -> OfferValues:
    """Value every option for every customer of a market; `factors` are reach and salience, checked before."""
    reach, salience = factors
    customers = len(market.visit)
    values = _empty_values(customers, table)
    for options, rows in _chunks(table, customers, market.visit.device.type):
        _value_chunk(market, table, money, (options, rows), values, (reach, math.log(salience)))
    return values


def option_money(forecast: DemandForecast, campaign: CampaignWeek, table: OptionTable) -> OptionMoney:
    """Money and price lifts of every option."""
    real = table.items >= 0
    shelf = np.where(real, shelf_margin(campaign)[table.items], 0.0).sum(1) * table.quantities
    ratio = table.price_cents / table.list_value_cents
    lift = np.where(real, forecast.item_lift(np.where(real, table.items, 0), ratio[:, None]), 0.0)
    return OptionMoney(
        earned=np.stack([table.price_cents / CENTS, table.unit_margin]),
        given=np.stack([(table.list_value_cents - table.price_cents) / CENTS, shelf - table.unit_margin]),
        log_lift=np.maximum(lift, 0.0),
    )


def check_valuation(table: OptionTable, reach: float, salience: float) -> None:
    """Refuse what no valuation can be made of.

    Raises:
        UsageError: reach, salience, a price or the layout of the table is out of range.
    """
    if not 0.0 < reach <= 1.0:
        raise UsageError(f"reach is a share in (0, 1], not {reach!r}")
    if not (salience >= 1.0 and math.isfinite(salience)):
        raise UsageError(f"salience is a finite factor >= 1, not {salience!r}")
    if bool((table.price_cents > table.list_value_cents).any()) or bool((table.price_cents <= 0).any()):
        raise UsageError("every option needs a price above 0 and at most the sum of its shelf prices")
    real = table.items >= 0
    if len(real) and not bool(real[:, 0].all() and (real[:, 1:] <= real[:, :-1]).all()):
        raise UsageError("option rows hold their items first, then -1")
    if bool((real.sum(1) > 1)[table.quantities > 1].any()):
        raise UsageError("only an option of one item can hold several units of it")
    if len(np.unique(table.bundle)) != int((np.diff(table.bundle) != 0).sum()) + min(1, len(table.bundle)):
        raise UsageError("options of one bundle must be adjacent")


def _empty_values(customers: int, table: OptionTable) -> OfferValues:
    shape = (customers, len(table.bundle))
    return OfferValues(
        redemption=np.zeros(shape, np.float32),
        baseline=np.zeros(shape, np.float32),
        incremental_revenue=np.zeros(shape, np.float32),
        incremental_margin=np.zeros(shape, np.float32),
        units=np.zeros((*shape, table.items.shape[1]), np.float32),
    )


def _chunks(
    table: OptionTable, customers: int, kind: str
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Option codes and, for each, the row of its bundle; every chunk holds whole bundles of one size."""
    starts = np.flatnonzero(np.diff(table.bundle, prepend=-1))
    counts = np.diff(np.append(starts, len(table.bundle)))
    sizes = (table.items[starts] >= 0).sum(1)
    limit = max(1, CELLS_PER_CHUNK.get(kind, CELLS_PER_CHUNK["cpu"]) // max(1, customers))
    for size in np.unique(sizes):
        members = np.flatnonzero(sizes == size)
        part = (np.cumsum(counts[members]) - 1) // limit
        for chunk in np.unique(part):
            chosen = members[part == chunk]
            options = np.concatenate([np.arange(starts[b], starts[b] + counts[b]) for b in chosen])
            yield options, np.repeat(np.arange(len(chosen)), counts[chosen])


def _value_chunk(
    market: Market,
    table: OptionTable,
    money: OptionMoney,
    chunk: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    values: OfferValues,
    factors: tuple[float, float],
) -> None:
    """Value the options of one chunk for all customers and write them into `values`."""
    options, rows = chunk
    first = options[np.flatnonzero(np.diff(rows, prepend=-1))]
    items = table.items[first]
    items = items[:, : int((items[0] >= 0).sum())]
    terms = bundle_terms(market.all_customers(items, table.quantities[first]))
    device = market.visit.device
    row = torch.as_tensor(rows, device=device)
    lift = torch.as_tensor(money.log_lift[options, : items.shape[1]].T.copy(), device=device)
    both, scale = terms.both[row], terms.visit * factors[0]
    log_multiplier = torch.full_like(both, factors[1])
    for slope, raised in zip(market.slopes(items), lift, strict=True):
        log_multiplier.addcmul_(slope[row], raised[:, None])
    gain = price_gain(both, log_multiplier)
    _write(values.baseline, options, both * terms.visit)
    _write(values.redemption, options, (gain + both * (1.0 - gain)) * scale)
    totals = (values.incremental_revenue, values.incremental_margin)
    for kind, target in enumerate(totals):
        earned = torch.as_tensor(money.earned[kind, options], device=device)[:, None]
        given = torch.as_tensor(money.given[kind, options], device=device)[:, None]
        worth = (_net(terms, kind)[row] + earned * (1.0 - both)) * gain - both * given
        _write(target, options, worth * scale)
    for k in range(items.shape[1]):
        _write(values.units[:, :, k], options, terms.lack[k][row] * gain * scale)


def _net(terms: BundleTerms, kind: int) -> torch.Tensor:
    """Money per unit of gain that no price changes."""
    return terms.outside[kind] - terms.kept[kind] - terms.pulled[kind]


def _write(target: npt.NDArray[np.float32], options: npt.NDArray[np.int64], values: torch.Tensor) -> None:
    """Put (n, U) values into the columns `options` of a (U, O) array."""
    block = values.to(torch.float32).cpu().numpy()
    if options[-1] - options[0] + 1 == len(options):
        target[:, options[0] : options[-1] + 1] = block.T
    else:
        target[:, options] = block.T
