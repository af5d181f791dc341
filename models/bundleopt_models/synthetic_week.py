"""A made-up week of a grocer: a forecast and its campaign week, for benchmarks and tests of what stands on forecasts.

Popularity is log-normal, taste is per customer, prices lie between 0.80 and 9.00, pairs are related at random.

Letters: `U` customers, `I` items, `B` bundles.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt

from bundleopt_data.campaign import UNLIMITED, CampaignWeek
from bundleopt_models.forecast import DemandForecast, PairRelations, PullForward

WEEK = date(2018, 1, 1)
DISCOUNTS = (0.05, 0.10, 0.15, 0.20, 0.25, 0.30)


def synthetic_week(
    customers: int, items: int, *, pairs: int = 0, seed: int = 0, popularity: float = -6.5
) -> tuple[DemandForecast, CampaignWeek]:
    """Draw a week.

    Args:
        customers: U.
        items: I.
        pairs: how many related pairs to draw; repeats fall out.
        seed: of every draw.
        popularity: mean log chance of a purchase given a visit.
    """
    rng = np.random.default_rng(seed)
    visit = rng.beta(3, 2, customers).clip(0.05, 0.99).astype(np.float32)
    chance = np.exp(rng.normal(popularity, 1.2, items) + rng.normal(0.0, 1.0, (customers, items))).clip(max=0.9)
    ids = np.array([f"{item:06d}" for item in range(items)], dtype=object)
    category = (np.arange(items) // 20).astype(np.int32)
    forecast = DemandForecast(
        week=WEEK,
        customer_ids=np.array([f"{customer:06d}" for customer in range(customers)], dtype=object),
        item_ids=ids,
        probability=(visit[:, None] * chance).astype(np.float32),
        visit_probability=visit,
        slope=np.exp(rng.normal(0.3, 0.4, (customers, items))).astype(np.float32),
        units=np.full(items, 1.3, np.float32),
        log_position=rng.uniform(-0.2, 0.0, items).astype(np.float32),
        knots=np.array([-0.5, -0.1, 0.0, 0.3], np.float32),
        heights=np.array([-0.7, -0.12, 0.0, 0.25], np.float32),
        relations=_relations(rng, items, pairs),
        pull_forward=PullForward(np.where(rng.random(items) < 0.5, np.nan, 0.1).astype(np.float32), 0.2),
        category=category,
    )
    return forecast, _campaign(rng, ids, category)


def synthetic_bundles(
    forecast: DemandForecast, campaign: CampaignWeek, sizes: npt.ArrayLike, *, among: int = 800, seed: int = 0
) -> tuple[list[tuple[int, ...]], list[list[int]]]:
    """Bundles of popular items, one for each entry of `sizes`, and their price points at `DISCOUNTS`."""
    rng = np.random.default_rng(seed)
    popular = np.argsort(-forecast.probability.sum(0), kind="stable")[:among]
    bundles = [
        tuple(int(item) for item in np.sort(rng.choice(popular, size, replace=False))) for size in np.asarray(sizes)
    ]
    shelf = [int(campaign.shelf_price_cents[list(bundle)].sum()) for bundle in bundles]
    return bundles, [[round(value * (1.0 - discount)) for discount in DISCOUNTS] for value in shelf]


def _relations(rng: np.random.Generator, items: int, pairs: int) -> PairRelations:
    drawn = np.sort(rng.integers(0, items, (pairs, 2)), axis=1)
    drawn = np.unique(drawn[drawn[:, 0] < drawn[:, 1]], axis=0)
    return PairRelations(
        first=drawn[:, 0].astype(np.int32),
        second=drawn[:, 1].astype(np.int32),
        gamma=rng.normal(0.4, 0.9, len(drawn)).clip(-4.0, 4.0).astype(np.float32),
        standard_error=np.full(len(drawn), 0.2, np.float32),
        background=0.4,
        significant=rng.random(len(drawn)) < 0.6,
    )


def _campaign(rng: np.random.Generator, ids: npt.NDArray[np.object_], category: npt.NDArray[np.int32]) -> CampaignWeek:
    price = rng.integers(80, 900, len(ids)).astype(np.int64)
    return CampaignWeek(
        week=WEEK,
        item_ids=ids,
        names=ids,
        category=np.array([f"category {code}" for code in category], dtype=object),
        brand=np.full(len(ids), "brand", dtype=object),
        department=np.full(len(ids), "department", dtype=object),
        shelf_price_cents=price,
        list_price_cents=price,
        unit_cost_cents=np.round(price * rng.uniform(0.55, 0.8, len(ids))).astype(np.int64),
        cost_is_assumed=np.zeros(len(ids), np.bool_),
        tax_rate=rng.choice([0.0, 0.07], len(ids)),
        funding_share=rng.choice([0.0, 0.5], len(ids)),
        promotable=np.ones(len(ids), np.bool_),
        on_hand=np.full(len(ids), UNLIMITED),
        display=np.zeros(len(ids), np.float32),
        mailer=np.zeros(len(ids), np.float32),
    )
