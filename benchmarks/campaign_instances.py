"""Synthetic campaign problems whose shape is that of a grocer: Zipf items, few habits a customer, most values tiny.

Purchase chances follow a low-rank logit with habits; bundles are pairs to quadruples of items that go together; the
arrays come from the offer law with independent items and one lift per bundle, so that the price points of a bundle are
strongly correlated, many offers lose money and a few earn most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bundleopt_solvers.problem import CampaignProblem, Options, Rules


@dataclass(frozen=True)
class Shape:
    """Size of an instance; `U` customers, `I` items, `B` bundles, `D` price points."""

    customers: int = 2469
    items: int = 600
    bundles: int = 700
    points: int = 6
    categories: int = 40
    budget_share: float = 0.5
    stock_weeks: float = 1.0


def _chances(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    popularity = -3.2 - 1.1 * np.log1p(np.arange(shape.items) / 6.0)
    taste = rng.normal(0, 1, (shape.customers, 6)) @ rng.normal(0, 0.45, (6, shape.items))
    habit = 3.5 * (rng.random((shape.customers, shape.items)) < 0.03)
    visit = rng.normal(0, 0.7, (shape.customers, 1))
    logit = popularity + taste + habit + visit + rng.normal(0, 0.3, (shape.customers, shape.items))
    return 1 / (1 + np.exp(-logit))


def _bundles(shape: Shape, rng: np.random.Generator) -> np.ndarray:
    weight = 1.0 / (np.arange(shape.items) + 12.0)
    seen: dict[tuple[int, ...], None] = {}
    while len(seen) < shape.bundles:
        size = int(rng.choice([2, 3, 4], p=[0.7, 0.22, 0.08]))
        seen.setdefault(tuple(sorted(rng.choice(shape.items, size, replace=False, p=weight / weight.sum()).tolist())))
    rows = [list(key) + [-1] * (4 - len(key)) for key in seen]
    return np.array(rows, dtype=np.int32)


def _options(items: np.ndarray, shelf: np.ndarray, cost: np.ndarray, points: int) -> Options:
    inside = items >= 0
    list_value = np.where(inside, shelf[items], 0).sum(1)
    unit_cost = np.where(inside, cost[items], 0).sum(1)
    dearest = np.where(inside, shelf[items], 0).max(1)
    ladder = np.linspace(0.05, 0.30, points)
    price = np.rint(list_value[:, None] * (1 - ladder)).astype(np.int64)
    keep = (price >= dearest[:, None]) & (price < list_value[:, None])
    bundle = np.broadcast_to(np.arange(len(items))[:, None], price.shape)[keep].astype(np.int32)
    chosen = price[keep]
    discount = (list_value[bundle] - chosen) / 100
    return Options(
        bundle_ids=np.array([f"b{n:05d}" for n in range(len(items))], dtype=object),
        item_ids=np.array([f"i{n:05d}" for n in range(len(shelf))], dtype=object),
        items=items[bundle],
        bundle=bundle,
        price_cents=chosen,
        list_value_cents=list_value[bundle],
        unit_spend=0.5 * discount,
        unit_margin=(chosen - unit_cost[bundle]) / 100 + 0.5 * discount,
    )


def _arrays(options: Options, chance: np.ndarray, shelf: np.ndarray, cost: np.ndarray, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng([seed, 7])
    count, customers = len(options.bundle), len(chance)
    lift = np.exp(rng.normal(1.0, 0.7, int(options.bundle.max()) + 1))
    beta = np.exp(rng.normal(-0.4, 0.5, (customers, 1)))
    out = [np.empty((customers, count), dtype=np.float32) for _ in range(3)]
    units = np.zeros((customers, count, 4), dtype=np.float32)
    for o in range(count):
        members = options.items[o][options.items[o] >= 0]
        q, p, c = chance[:, members], shelf[members] / 100, cost[members] / 100
        full = np.minimum(q.prod(1) * lift[options.bundle[o]], 0.8 * q.min(1))
        ratio = options.price_cents[o] / options.list_value_cents[o]
        weight = np.exp(-np.log(ratio) * beta[:, 0] * len(members))
        norm = 1 + (weight - 1) * full
        moved, price, unit_cost = 1 - 1 / norm, options.price_cents[o] / 100, c.sum()
        partial_revenue = q @ p - full * p.sum()
        partial_margin = q @ (p - c) - full * (p - c).sum()
        out[0][:, o] = moved * ((1 - full) * price - partial_revenue) - full * (p.sum() - price)
        out[1][:, o] = weight * full / norm
        earned = options.unit_margin[o]
        out[2][:, o] = moved * ((1 - full) * earned - partial_margin) - full * ((p.sum() - unit_cost) - earned)
        units[:, o, : len(members)] = np.maximum((q + (weight - 1)[:, None] * full[:, None]) / norm[:, None] - q, 0)
    return [*out, units]


def campaign(shape: Shape | None = None, *, seed: int = 0, rules: dict[str, object] | None = None) -> CampaignProblem:
    """Build one instance; `rules` overrides fields of `Rules`, `budget_share` is of the spend of a greedy free plan."""
    shape = shape or Shape()
    rng = np.random.default_rng(seed)
    cost = rng.lognormal(0.6, 0.6, shape.items)
    shelf = np.rint(100 * cost * (1.25 + rng.beta(2, 4, shape.items))).astype(np.int64)
    cost_cents = np.rint(100 * cost).astype(np.int64)
    chance = _chances(shape, rng)
    options = _options(_bundles(shape, rng), shelf, cost_cents, shape.points)
    value, redemption, margin, units = _arrays(options, chance, shelf, cost_cents, seed)
    best = np.sort(np.where(value > 0, redemption * options.unit_spend, 0), axis=1)[:, -3:]
    settings: dict[str, object] = {
        "budget": float(shape.budget_share * best.sum() * 0.3),
        "item_category": rng.integers(0, shape.categories, shape.items).astype(np.int32),
        "stock_slack": shape.stock_weeks * 0.1 * chance.sum(0) + 1.0,
        "shelf_price_cents": shelf,
    }
    return CampaignProblem(
        customer_ids=np.array([f"c{n:06d}" for n in range(shape.customers)], dtype=object),
        options=options,
        value=value,
        redemption=redemption,
        incremental_margin=margin,
        units=units,
        segment=(np.arange(shape.customers) % 20).astype(np.int32),
        rules=Rules(**(settings | (rules or {}))),  # type: ignore[arg-type]
    )
