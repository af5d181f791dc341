"""Campaigns whose optimum is known by construction: planted with a dual proof, or set as a trap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bundleopt_solvers.problem import CampaignProblem, Options, Rules


@dataclass(frozen=True, eq=False)
class Planted:
    """A campaign, the offers of its best plan as flags (U, O), and that plan's value."""

    problem: CampaignProblem
    offers: np.ndarray
    value: float


def campaign(
    bundles: list[tuple[list[int], int]], shelf_cents: list[int], value: list[list[float]], rules: dict[str, object]
) -> CampaignProblem:
    """A campaign with one price a bundle: (items, price in cents), and what an offer is worth to each customer."""
    width = max(len(items) for items, _ in bundles)
    table = np.array([items + [-1] * (width - len(items)) for items, _ in bundles], dtype=np.int32)
    shelf = np.array(shelf_cents, dtype=np.int64)
    price = np.array([cents for _, cents in bundles], dtype=np.int64)
    worth = np.array(value, dtype=np.float32)
    return assemble(table, np.arange(len(bundles)), price, worth, Rules(**({"shelf_price_cents": shelf} | rules)))


def assemble(
    table: np.ndarray, bundle: np.ndarray, price: np.ndarray, worth: np.ndarray, rules: Rules
) -> CampaignProblem:
    """Fill in what a campaign needs beside items, prices and values: a redemption for every offer, no units."""
    shelf = rules.shelf_price_cents
    list_value = np.where(table >= 0, shelf[table], 0).sum(1)
    shape = worth.shape
    return CampaignProblem(
        customer_ids=np.array([f"c{n}" for n in range(shape[0])], dtype=object),
        options=Options(
            bundle_ids=np.array([f"b{n}" for n in range(int(bundle.max()) + 1)], dtype=object),
            item_ids=np.array([f"i{n}" for n in range(len(shelf))], dtype=object),
            items=table.astype(np.int32),
            bundle=bundle.astype(np.int32),
            price_cents=price.astype(np.int64),
            list_value_cents=list_value.astype(np.int64),
            unit_spend=(list_value - price) / 100,
            unit_margin=price / 400,
        ),
        value=worth.astype(np.float32),
        redemption=np.ones(shape, dtype=np.float32),
        incremental_margin=worth.astype(np.float32),
        units=np.zeros((*shape, table.shape[1]), dtype=np.float32),
        segment=np.zeros(shape[0], dtype=np.int32),
        rules=rules,
    )


def multi_choice_knapsack(seed: int, *, bundles: int, prices: int, customers: int, stocked: int) -> Planted:
    """At most one price for each of `bundles` disjoint pairs, a budget, and stock of some items; optimum by duality.

    Prices of the rows (money per unit of spend, and per unit of stock) are drawn first. At these each offer has a
    reduced value; the best price of a bundle is the one with the largest sum of positive reduced values, and the offers
    with a positive one are made. Budget and stock are then set to exactly what these offers use. For any plan, value
    <= row prices x limits + sum over bundles of the sum of positive reduced values at its one price, and the planted
    plan reaches that: it is optimal. All numbers are multiples of 1/64, so that the sums are exact.
    """
    rng = np.random.default_rng(seed)
    bundle = np.repeat(np.arange(bundles), prices)
    table = np.stack([2 * bundle, 2 * bundle + 1], axis=1)
    shelf = np.full(2 * bundles, 1600, dtype=np.int64)
    cut = np.tile(25 * np.arange(1, prices + 1) * 4, bundles)
    redemption = rng.integers(8, 65, (customers, bundles * prices)) / 64
    worth = rng.integers(1, 640, (customers, bundles * prices)) / 64
    units = rng.integers(0, 33, (customers, bundles * prices, 2)) / 64
    of_spend, of_stock = 0.5, np.where(np.arange(2 * bundles) < stocked, 0.25, 0.0)
    spend = redemption * cut / 100
    reduced = worth - of_spend * spend - (of_stock[table] * units).sum(2)
    score = np.maximum(reduced, 0).sum(0)
    best = np.array(
        [o == max(range(b * prices, (b + 1) * prices), key=lambda o: (score[o], -o)) for o, b in enumerate(bundle)]
    )
    offers = (reduced > 0) & best
    used = np.zeros(2 * bundles)
    np.add.at(used, table, (offers[:, :, None] * units).sum(0))
    rules = Rules(
        budget=float((offers * spend).sum()),
        stock_slack=np.where(of_stock > 0, used, np.inf),
        max_bundles=bundles,
        slots=bundles,
        shelf_price_cents=shelf,
    )
    empty = assemble(table, bundle, shelf[0] * 2 - cut, worth, rules)
    problem = CampaignProblem(
        customer_ids=empty.customer_ids,
        options=empty.options,
        value=empty.value,
        redemption=redemption.astype(np.float32),
        incremental_margin=empty.incremental_margin,
        units=units.astype(np.float32),
        segment=empty.segment,
        rules=rules,
    )
    proof = of_spend * rules.budget + (of_stock * used).sum() + score[best].sum()
    value = float((offers * worth).sum())
    if value != proof:
        raise AssertionError((value, proof))
    return Planted(problem, offers, value)
