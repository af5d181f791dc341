"""Next baskets: nothing of the future is seen, the sampling is undone, and a planted habit is found."""

from __future__ import annotations

import numpy as np
import pytest

from bundleopt_models.basket_log import BasketLog, daily_panel, last_days
from bundleopt_models.corpus import Vocabulary
from bundleopt_models.model import build_view
from bundleopt_models.next_basket import DaySampler, fit_next_basket
from bundleopt_models.settings import TrainSettings

CUSTOMERS, ITEMS, DAYS = 60, 40, 50


def label(prefix: str, count: int) -> np.ndarray:
    return np.array([f"{prefix}{number:03d}" for number in range(count)], dtype=object)


@pytest.fixture(scope="module")
def log() -> BasketLog:
    """Everybody has three favourites, bought at three visits of four, and takes two other things."""
    rng = np.random.default_rng(0)
    favourite = np.stack([rng.choice(ITEMS, 3, replace=False) for _ in range(CUSTOMERS)])
    lines = set()
    for customer in range(CUSTOMERS):
        for day in np.flatnonzero(rng.random(DAYS) < 0.25):
            bought = {int(i) for i in favourite[customer] if rng.random() < 0.75} | set(
                rng.integers(0, ITEMS, 2).tolist()
            )
            lines |= {(int(day), customer, item) for item in bought}
    day, customer, item = np.array(sorted(lines)).T
    category = np.array([f"k{number % 5}" for number in range(ITEMS)], dtype=object)
    return BasketLog(
        label("c", CUSTOMERS), label("i", ITEMS), customer, item, day, np.ones(len(day)), category, category
    )


@pytest.fixture(scope="module")
def split(log):
    last = last_days(log)
    test = log.day == last[log.customer]
    return log.select(~test), log.select(test), last


@pytest.fixture(scope="module")
def model(split, tmp_path_factory):
    settings = TrainSettings(epochs=3, least_steps=120, width=32, rank=8, threads=1)
    return fit_next_basket(split[0], settings, folder=tmp_path_factory.mktemp("basket"))


def recall(lists, test):
    return np.mean([np.isin(test.item[test.customer == u], lists[u]).mean() for u in range(CUSTOMERS)])


def test_a_panel_of_days_holds_every_line_once(log):
    panel = daily_panel(log, log.n_days)
    assert len(panel.purchase_item) == len(log.item)
    assert panel.trips.sum() == len(set(zip(log.day.tolist(), log.customer.tolist(), strict=True)))
    assert panel.lines.sum() == len(log.item)
    doubled = BasketLog(
        log.customer_ids, log.item_ids, *(np.repeat(getattr(log, n), 2) for n in ("customer", "item", "day", "units")),
        log.category, log.brand,
    )  # fmt: skip
    assert (daily_panel(doubled, log.n_days).purchase_units == 2).all()


def test_the_sample_stands_for_all_cells_of_the_visitors(log):
    view = build_view(daily_panel(log, log.n_days), Vocabulary.of(daily_panel(log, log.n_days)))
    visitors = np.flatnonzero(view.panel.trips[30] > 0)
    sampler = DaySampler(view.builder)
    weights = []
    for seed in range(200):
        _, _, bought, offset = sampler.draw(30, visitors, np.random.default_rng(seed))
        weights.append(np.exp(offset[~bought]).sum() + bought.sum())
    assert np.mean(weights) == pytest.approx(len(visitors) * ITEMS, rel=0.02)


def test_favourites_come_first(model, split):
    _, test, last = split
    lists = model.rank(np.arange(CUSTOMERS), last)
    assert lists.shape == (CUSTOMERS, 10)
    assert all(len(set(row)) == 10 for row in lists.tolist())
    popular = np.argsort(-np.bincount(split[0].item, minlength=ITEMS), kind="stable")[:10]
    assert recall(lists, test) > recall(np.repeat(popular[None], CUSTOMERS, axis=0), test) + 0.2


def test_what_happens_later_changes_no_list(model, split):
    train, day = split[0], 35
    lists = model.rank(np.arange(CUSTOMERS), np.full(CUSTOMERS, day))
    later = train.day >= day
    changed = BasketLog(
        train.customer_ids, train.item_ids, train.customer,
        np.where(later, (train.item + 7) % ITEMS, train.item), train.day, train.units, train.category, train.brand,
    )  # fmt: skip
    panel = daily_panel(changed, changed.n_days)
    other = type(model)(build_view(panel, Vocabulary.of(panel)), model.scaler, model.network, model.record)
    assert (other.rank(np.arange(CUSTOMERS), np.full(CUSTOMERS, day)) == lists).all()
    twice = model.rank(np.array([3, 3]), np.array([day, day]))
    assert (twice[0] == lists[3]).all()
    assert (twice[1] == lists[3]).all()
