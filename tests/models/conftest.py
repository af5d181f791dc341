"""Small synthetic panels with a known process, shared by the tests of this room as fixtures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import torch

from bundleopt_data.campaign import CampaignWeek
from bundleopt_data.panel import ItemAttributes, Panel, WeeklyPrices, WeeklyPromotions


@dataclass(frozen=True)
class Market:
    """A panel and the truth behind it: (T, U, I) purchase probabilities."""

    panel: Panel
    probability: np.ndarray


def labels(prefix: str, count: int) -> np.ndarray:
    return np.array([f"{prefix}{number:04d}" for number in range(count)], dtype=object)


def attributes(n_items: int, n_categories: int, n_brands: int = 3) -> ItemAttributes:
    number = np.arange(n_items)
    category, brand = (number % n_categories).astype(np.int32), (number % n_brands).astype(np.int32)
    categories, brands = labels("category ", n_categories), labels("brand ", n_brands)
    names = np.array([f"{categories[c]} kind {n}" for n, c in zip(number, category, strict=True)], dtype=object)
    return ItemAttributes(
        names=names,
        category=category,
        category_names=categories,
        brand=brand,
        brand_names=brands,
        department=np.zeros(n_items, np.int32),
        department_names=np.array(["all"], dtype=object),
        text=names,
    )


def make_market(
    n_customers: int = 60,
    n_items: int = 15,
    n_weeks: int = 24,
    *,
    seed: int = 0,
    elasticity: float = 2.5,
    stores: int = 2,
    rate: float = 0.08,
) -> Market:
    """Customers come with their own visit rate and buy by taste and price; promotions lower the price."""
    rng = np.random.default_rng(seed)
    visit = rng.beta(4, 2, n_customers)
    taste = rng.normal(0, 1.2, (n_customers, n_items)) + rng.normal(0, 0.5, n_items)
    reference = rng.uniform(0.0, 1.5, n_items)
    deal = rng.random((n_weeks, n_items)) < 0.2
    position = np.where(deal, np.log(rng.uniform(0.6, 0.9, (n_weeks, n_items))), 0.0)
    display = (deal & (rng.random(deal.shape) < 0.5)).astype(np.float32)
    came = rng.random((n_weeks, n_customers)) < visit
    z = np.log(rate / (1 - rate)) + taste[None] - elasticity * position[:, None, :] + 0.3 * display[:, None, :]
    chance = 1 / (1 + np.exp(-z))
    bought = (rng.random(chance.shape) < chance) & came[:, :, None]
    panel = panel_of(bought, came, (reference + position), reference, display, stores=stores, seed=seed)
    return Market(panel, visit[None, :, None] * chance)


def panel_of(
    bought: np.ndarray,
    came: np.ndarray,
    log_price: np.ndarray,
    reference: np.ndarray,
    display: np.ndarray,
    *,
    stores: int = 2,
    seed: int = 0,
) -> Panel:
    """Panel of (T, U, I) purchases, (T, U) visits, (T, I) prices and displays, (I,) reference prices."""
    rng = np.random.default_rng([seed, 1])
    n_weeks, n_customers, n_items = bought.shape
    week, customer, item = np.nonzero(bought)
    price = log_price.astype(np.float32)
    flags = np.repeat((display > 0)[:, None, :], stores, axis=1).astype(np.uint8)
    group = rng.integers(-1, stores, n_customers) if stores else np.full(n_customers, -1)
    lines = bought.sum(axis=2) + came * rng.poisson(2, came.shape)
    return Panel(
        customer_ids=labels("c", n_customers),
        item_ids=labels("i", n_items),
        items=attributes(n_items, max(1, n_items // 4)),
        weeks=np.datetime64("2024-01-01") + 7 * np.arange(n_weeks),
        purchase_customer=customer.astype(np.int32),
        purchase_item=item.astype(np.int32),
        purchase_week=week.astype(np.int32),
        purchase_units=(1 + rng.poisson(0.3, len(week))).astype(np.float32),
        purchase_log_price=price[week, item],
        trips=came.astype(np.float32),
        lines=lines.astype(np.float32),
        deal_lines=np.minimum(lines, 1).astype(np.float32),
        prices=WeeklyPrices(
            log_price=price,
            fold_log_price=np.stack([price, price]),
            fold=(np.arange(n_customers) % 2).astype(np.int32),
            log_reference=np.repeat(reference[None], n_weeks, axis=0).astype(np.float32),
            observed=np.ones(price.shape, bool),
            independent=True,
            next_log_reference=reference.astype(np.float32),
        ),
        promotions=WeeklyPromotions(
            display=display.astype(np.float32),
            mailer=np.zeros_like(display, dtype=np.float32),
            store_display=flags,
            store_mailer=np.zeros_like(flags),
            store_group=group.astype(np.int32),
        ),
    )


def campaign_for(panel: Panel, week: int, ratio: float = 1.0) -> CampaignWeek:
    """The campaign week of a panel's week index, at `ratio` times the regular price."""
    n_items, names = panel.n_items, panel.items.names
    price = np.round(100 * ratio * np.exp(panel.prices.next_log_reference.astype(np.float64))).astype(np.int64)
    monday: date = (panel.weeks[0] + 7 * week).astype("datetime64[D]").astype(object)
    return CampaignWeek(
        week=monday,
        item_ids=panel.item_ids,
        names=names,
        category=names,
        brand=names,
        department=names,
        shelf_price_cents=price,
        list_price_cents=price,
        unit_cost_cents=price // 2,
        cost_is_assumed=np.ones(n_items, bool),
        tax_rate=np.zeros(n_items),
        funding_share=np.zeros(n_items),
        promotable=np.ones(n_items, bool),
        on_hand=np.full(n_items, np.inf),
        display=np.zeros(n_items, np.float32),
        mailer=np.zeros(n_items, np.float32),
    )


def shuffled_future(panel: Panel, week: int, seed: int = 0) -> Panel:
    """The panel with everything from `week` on replaced: other buyers, other trips, other prices and promotions."""
    rng = np.random.default_rng(seed)
    late = panel.purchase_week >= week
    customer, item = panel.purchase_customer.copy(), panel.purchase_item.copy()
    customer[late] = rng.permutation(panel.n_customers)[customer[late]]
    item[late] = rng.permutation(panel.n_items)[item[late]]
    trips, lines, deals = panel.trips.copy(), panel.lines.copy(), panel.deal_lines.copy()
    for weekly in (trips, lines, deals):
        weekly[week:] = rng.permutation(weekly[week:].ravel()).reshape(weekly[week:].shape)
    prices, promotions = panel.prices, panel.promotions
    log_price, fold_price = prices.log_price.copy(), prices.fold_log_price.copy()
    log_price[week:] += rng.normal(0, 0.3, log_price[week:].shape)
    fold_price[:, week:] += rng.normal(0, 0.3, fold_price[:, week:].shape)
    reference = prices.log_reference.copy()
    reference[week + 1 :] += 0.1
    display = promotions.display.copy()
    display[week + 1 :] = rng.random(display[week + 1 :].shape)
    return replace(
        panel,
        purchase_customer=customer,
        purchase_item=item,
        trips=trips,
        lines=lines,
        deal_lines=deals,
        prices=replace(prices, log_price=log_price, fold_log_price=fold_price, log_reference=reference),
        promotions=replace(promotions, display=display),
    )


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Bits depend on the number of threads."""
    torch.set_num_threads(1)


@pytest.fixture(name="make_market", scope="session")
def _make_market() -> Callable[..., Market]:
    return make_market


@pytest.fixture(name="panel_of", scope="session")
def _panel_of() -> Callable[..., Panel]:
    return panel_of


@pytest.fixture(name="campaign_for", scope="session")
def _campaign_for() -> Callable[..., CampaignWeek]:
    return campaign_for


@pytest.fixture(name="shuffled_future", scope="session")
def _shuffled_future() -> Callable[..., Panel]:
    return shuffled_future


@pytest.fixture(scope="session")
def market() -> Market:
    """Sixty customers, fifteen items, twenty-four weeks."""
    return make_market()


@pytest.fixture(scope="session")
def model_folder(market: Market, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model trained on `market`, on disk."""
    from bundleopt_models.model import train_model
    from bundleopt_models.settings import TrainSettings

    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("model")
    train_model(market.panel, TrainSettings(), folder=folder)
    return folder
