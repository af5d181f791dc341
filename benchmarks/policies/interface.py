"""What every policy gets and gives: the log of a market, and offers for the week after it.

Letters: `U` customers, `I` items, `T` weeks of the log, `P` pairs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from bundleopt_data.simulator.market import Market

SLOTS, MOST_BUNDLES, LARGEST_DISCOUNT = 3, 30, 0.3
FIXED_DISCOUNT = 0.1
BUDGET_SHARE = 0.01
"""Promo budget as a share of the mean weekly revenue of the log."""


@dataclass(frozen=True)
class MarketLog:
    """What a retailer knows before the campaign week; nothing of the truth.

    Attributes:
        folder: the contract's tables. customer_ids, item_ids: texts. category: (I,) codes.
        bought: (T, U, I) bool. came: (T, U) bool.
        relative: (T, I) log of price over regular price. shown: (T, I) bool, display or mailer.
        price_cents, cost_cents: (I,) of the campaign week. budget: money. seed: of the policy's own chance.
    """

    folder: Path
    customer_ids: np.ndarray
    item_ids: np.ndarray
    category: np.ndarray
    bought: np.ndarray
    came: np.ndarray
    relative: np.ndarray
    shown: np.ndarray
    price_cents: np.ndarray
    cost_cents: np.ndarray
    budget: float
    seed: int

    @property
    def shape(self) -> tuple[int, int]:
        """(U, I)."""
        return self.bought.shape[1], self.bought.shape[2]

    def until(self, weeks: int) -> MarketLog:
        """The log as it stood after so many weeks."""
        names = ("bought", "came", "relative", "shown")
        return replace(self, **{name: getattr(self, name)[:weeks] for name in names})

    def rates(self) -> np.ndarray:
        """(U, I) weekly purchase rates, recent weeks weighing more, shrunk to popularity."""
        weight = 0.95 ** np.arange(len(self.bought))[::-1]
        own = np.tensordot(weight, self.bought.astype(np.float64), 1)
        overall = own.mean(axis=0) / weight.sum()
        return (own + 2.0 * overall) / (weight.sum() + 2.0)

    def visits(self) -> np.ndarray:
        """(U,) weekly visit rates."""
        return (self.came.sum(axis=0) + 1.0) / (len(self.came) + 2.0)

    def pair_counts(self) -> np.ndarray:
        """(I, I) customer-weeks in which both items were bought."""
        flat = self.bought.reshape(-1, self.shape[1]).astype(np.float32)
        counts = flat.T @ flat
        np.fill_diagonal(counts, 0.0)
        return counts


@dataclass(frozen=True)
class Ranking:
    """A policy's taste: (U, I) item scores, the (P, 2) pairs it would put on a menu, and their (U, P) scores."""

    items: np.ndarray
    pairs: np.ndarray
    bundles: np.ndarray


class Policy(Protocol):
    """One way to plan."""

    name: str

    def plan(self, log: MarketLog) -> pd.DataFrame:
        """Offers: customer_id, bundle_id, item_ids (list), price."""

    def rank(self, log: MarketLog) -> Ranking | None:
        """What it would recommend, for the table of recommendation quality; None where it recommends nothing."""


class NoCampaign:
    """(1) Nothing."""

    name = "no campaign"

    def plan(self, log: MarketLog) -> pd.DataFrame:
        return offers_frame(log, [])

    def rank(self, log: MarketLog) -> Ranking | None:  # noqa: ARG002 - it recommends nothing
        return None


def read_log(market: Market, folder: Path, seed: int) -> MarketLog:
    """Take the public part of a market."""
    assert market.log is not None  # noqa: S101 - just simulated
    log, weeks, shelf = market.log, market.knobs.weeks, market.shelf
    bought = np.zeros((weeks, market.knobs.customers, market.knobs.items), dtype=bool)
    bought[log.week, log.customer, log.item] = True
    revenue = float((log.units * shelf.price_cents[log.week, log.item]).sum()) / 100.0 / weeks
    return MarketLog(
        folder=folder,
        customer_ids=market.customer_ids,
        item_ids=market.catalogue.item_ids,
        category=market.catalogue.category,
        bought=bought,
        came=bought.any(axis=2),
        relative=np.log(shelf.price_cents[:weeks] / shelf.regular_cents[:weeks]),
        shown=shelf.display[:weeks] | shelf.mailer[:weeks],
        price_cents=market.price_cents,
        cost_cents=market.catalogue.unit_cost_cents,
        budget=round(BUDGET_SHARE * revenue, 2),
        seed=seed,
    )


def offers_frame(log: MarketLog, rows: list[tuple[int, tuple[int, ...], int]]) -> pd.DataFrame:
    """The table of (customer, items, price in cents)."""
    table: dict[str, Any] = {
        "customer_id": [log.customer_ids[customer] for customer, _, _ in rows],
        "bundle_id": ["+".join(log.item_ids[list(items)]) for _, items, _ in rows],
        "item_ids": [list(log.item_ids[list(items)]) for _, items, _ in rows],
        "price": [cents / 100.0 for _, _, cents in rows],
    }
    return pd.DataFrame(table)


def spread(
    log: MarketLog, pairs: np.ndarray, scores: np.ndarray, *, discount: float | np.ndarray = FIXED_DISCOUNT
) -> pd.DataFrame:
    """Show each customer the best-scored pairs, best first, until the expected promo spend reaches the budget.

    The expected redemptions of an offer are what every policy without a price model would put down: the customer's own
    rate of buying both, by the pair's lift, and a fifth more for the discount.

    Args:
        log: the market.
        pairs: (P, 2) items of at most MOST_BUNDLES pairs.
        scores: (U, P); -inf where a pair is not shown.
        discount: share off, one for all or (P,).
    """
    off = np.broadcast_to(np.asarray(discount, dtype=np.float64), (len(pairs),))
    value = log.price_cents[pairs].sum(axis=1)
    price = np.ceil(value * (1.0 - off)).astype(np.int64)
    spend = expected_both(log, pairs) * 1.2 * (value - price) / 100.0
    left, rows = log.budget, []
    held: dict[int, set[int]] = {}
    count = np.zeros(len(scores), dtype=np.int64)
    for flat in np.argsort(-scores, axis=None, kind="stable"):
        customer, pair = divmod(int(flat), len(pairs))
        items = (int(pairs[pair, 0]), int(pairs[pair, 1]))
        mine = held.setdefault(customer, set())
        if not np.isfinite(scores[customer, pair]):
            break
        if count[customer] >= SLOTS or mine & set(items) or spend[customer, pair] > left:
            continue
        left -= spend[customer, pair]
        count[customer] += 1
        mine.update(items)
        rows.append((customer, items, int(price[pair])))
    return offers_frame(log, rows)


def expected_both(log: MarketLog, pairs: np.ndarray) -> np.ndarray:
    """(U, P) chance that a customer buys both items of a pair in a week: own rates by the pair's lift."""
    rates, visits = log.rates(), log.visits()[:, None]
    alone = rates[:, pairs[:, 0]] * rates[:, pairs[:, 1]] / visits
    seen = log.pair_counts()[pairs[:, 0], pairs[:, 1]] / len(log.bought)
    lift = (seen + 1.0) / (alone.sum(axis=0) + 1.0)
    return np.minimum(alone * lift, np.minimum(rates[:, pairs[:, 0]], rates[:, pairs[:, 1]]))


def all_pairs(log: MarketLog) -> np.ndarray:
    """(P, 2) pairs that may be sold at any allowed discount: none below cost, none below its dearest item."""
    pairs = np.array(list(combinations(range(log.shape[1]), 2)))
    value = log.price_cents[pairs].sum(axis=1) * (1.0 - LARGEST_DISCOUNT)
    fits = (value >= log.cost_cents[pairs].sum(axis=1)) & (value >= log.price_cents[pairs].max(axis=1))
    return pairs[fits]


def best_pairs(pairs: np.ndarray, worth: np.ndarray, count: int = MOST_BUNDLES) -> np.ndarray:
    """The `count` pairs of the greatest (P,) worth."""
    return pairs[np.argsort(-worth, kind="stable")[:count]]
