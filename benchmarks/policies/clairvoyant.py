"""The reference: the best plan that knows the true parameters and the state of the shops, but not what chance will do.

True values of all pairs at all prices of the ladder come from closed forms (`true_values.py`), so that no draw of
chance shapes the plan; the same engine and the same rules as the product's choose among the best of them. What the
plan is worth is then played like every other plan, on draws that nothing was optimised on.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from bundleopt_data.simulator.market import Market
from bundleopt_solvers.engine import solve_campaign
from bundleopt_solvers.problem import CampaignProblem, Options, Rules
from bundleopt_solvers.settings import EngineSettings
from policies.interface import LARGEST_DISCOUNT, MOST_BUNDLES, SLOTS, MarketLog, all_pairs, offers_frame
from policies.true_values import TrueValues, true_values

LADDER = (0.05, 0.1, 0.15, 0.2, 0.25, LARGEST_DISCOUNT)
MOST_PAIRS = 200
TIME_LIMIT = 10.0


def clairvoyant_plan(market: Market, log: MarketLog) -> tuple[pd.DataFrame, float]:
    """Its offers, and their true value on paper (revenue, stock and shopper budgets aside)."""
    pairs = all_pairs(log)
    shelf = log.price_cents[pairs].sum(axis=1)
    prices = np.ceil(shelf[:, None] * (1 - np.array(LADDER))[None, :]).astype(np.int64)
    values = true_values(market, pairs, prices)
    spend = (shelf[:, None] - prices) / 100.0
    promise = np.maximum(values.revenue - 0.5 * spend[None] * values.redemption, 0.0).sum(axis=0).max(axis=1)
    kept = np.sort(np.argsort(-promise, kind="stable")[:MOST_PAIRS])
    part = TrueValues(*(getattr(values, name)[:, kept] for name in ("revenue", "margin", "redemption")))
    problem = _problem(log, pairs[kept], prices[kept], part)
    plan = solve_campaign(problem, EngineSettings(gap=0.005, time_limit=TIME_LIMIT, segment_master=False))
    rows = [
        (int(u), tuple(int(i) for i in problem.options.items[o]), int(problem.options.price_cents[o]))
        for u, o in zip(plan.offer_customer, plan.offer_option, strict=True)
    ]
    return offers_frame(log, rows), float(plan.headline.value)


def _problem(log: MarketLog, pairs: np.ndarray, prices: np.ndarray, values: TrueValues) -> CampaignProblem:
    steps = prices.shape[1]
    items = np.repeat(pairs, steps, axis=0).astype(np.int32)
    price = prices.ravel()
    value_cents = log.price_cents[items].sum(axis=1)
    flat = {name: getattr(values, name).reshape(log.shape[0], -1).astype(np.float32) for name in vars(values)}
    options = Options(
        bundle_ids=np.array(["+".join(log.item_ids[pair]) for pair in pairs], dtype=object),
        item_ids=log.item_ids,
        items=items,
        bundle=np.repeat(np.arange(len(pairs), dtype=np.int32), steps),
        price_cents=price,
        list_value_cents=value_cents,
        unit_spend=(value_cents - price) / 100.0,
        unit_margin=(price - log.cost_cents[items].sum(axis=1)) / 100.0,
    )
    return CampaignProblem(
        customer_ids=log.customer_ids,
        options=options,
        value=flat["revenue"],
        redemption=flat["redemption"],
        incremental_margin=flat["margin"],
        units=np.zeros((*flat["revenue"].shape, 2), np.float32),
        segment=np.zeros(log.shape[0], np.int32),
        rules=Rules(
            budget=log.budget,
            max_bundles=MOST_BUNDLES,
            slots=SLOTS,
            shelf_price_cents=log.price_cents,
            no_arbitrage=True,
        ),
    )
