"""Competition inside categories: the law by hand, found where it was planted, absent where it was not."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from bundleopt_models.category_need import (
    GRID,
    CategoryGroups,
    NeedEvidence,
    displaced_money,
    measure_need,
    spread_weeks,
)
from bundleopt_models.forecast import PullForward
from bundleopt_models.option_table import option_table
from bundleopt_models.relations import no_relations
from bundleopt_models.synthetic_week import synthetic_week
from bundleopt_models.valuation import value_offers

CUSTOMERS, WEEKS, PER_CATEGORY = 3000, 12, 4


def shop(share: float, seed: int = 0):
    """A log of two categories in which a needed category is bought with chance `share` (0: side by side)."""
    rng = np.random.default_rng(seed)
    taste = rng.normal(0, 1.5, (CUSTOMERS, 2 * PER_CATEGORY))
    week, customer, item, scored = [], [], [], {}
    for number in range(WEEKS):
        promoted = rng.random(2 * PER_CATEGORY) < 0.3
        chance, quiet = (_chances(taste + 1.5 * promoted * on, share) for on in (1.0, 0.0))
        alone = _own_move(taste, promoted, share)
        peak = np.repeat(np.where([promoted[:4].any(), promoted[4:].any()], 1.3, 1.0), PER_CATEGORY)
        scored[number] = (alone, quiet, np.ones(CUSTOMERS, np.float32))
        for place in range(2):
            columns = np.arange(place * PER_CATEGORY, (place + 1) * PER_CATEGORY)
            who, what = _draw(rng, chance[:, columns] * peak[columns] / 1.5, one=share > 0)
            week += [number] * len(who)
            customer += who.tolist()
            item += columns[what].tolist()
    panel = SimpleNamespace(
        items=SimpleNamespace(category=np.repeat([0, 1], PER_CATEGORY)),
        n_items=2 * PER_CATEGORY,
        n_customers=CUSTOMERS,
        trips=np.ones((WEEKS, CUSTOMERS)),
        purchase_week=np.array(week),
        purchase_customer=np.array(customer),
        purchase_item=np.array(item),
    )
    return panel, lambda number: scored[number]


def _chances(utility: np.ndarray, share: float) -> np.ndarray:
    """(U, I) chances: a nested choice where `share` > 0, else independent purchases."""
    weight = np.exp(utility).reshape(len(utility), 2, PER_CATEGORY)
    if share == 0:
        return (0.1 * weight / (1 + 0.1 * weight)).reshape(len(utility), -1)
    none = PER_CATEGORY * 1.65 * (1 - share) / share
    return (0.6 * weight / (none + weight.sum(2, keepdims=True))).reshape(len(utility), -1)


def _own_move(taste: np.ndarray, promoted: np.ndarray, share: float) -> np.ndarray:
    """What a network without neighbours says: each item moved alone."""
    out = _chances(taste, share)
    for item in np.flatnonzero(promoted):
        moved = taste.copy()
        moved[:, item] += 1.5
        out[:, item] = _chances(moved, share)[:, item]
    return out


def _draw(rng: np.random.Generator, chance: np.ndarray, *, one: bool) -> tuple[np.ndarray, np.ndarray]:
    if not one:
        return np.nonzero(rng.random(chance.shape) < chance)
    place = (np.cumsum(chance, 1) < rng.random((len(chance), 1))).sum(1)
    who = np.flatnonzero(place < chance.shape[1])
    return who, place[who]


def test_competition_is_found_where_it_is_and_nowhere_else() -> None:
    for share in (0.0, 0.75):
        panel, scored = shop(share)
        found = measure_need(panel, range(WEEKS), scored).shares()
        assert found == pytest.approx([share, share], abs=0.2)


def test_a_category_with_little_evidence_takes_from_the_others() -> None:
    grid = np.array(GRID)
    clear = -40.0 * (grid - 0.6) ** 2 * 10
    weak = -0.1 * (grid - 0.0) ** 2
    shares = NeedEvidence(np.stack([clear, clear, clear, weak], 1) - clear[0]).shares()
    assert shares[3] == pytest.approx(0.6, abs=0.1)
    assert shares[0] == pytest.approx(0.6, abs=0.02)


def test_sums_by_category_and_displaced_money_by_hand() -> None:
    category = np.array([1, 0, 1])
    groups = CategoryGroups(category)
    assert groups.sums(np.array([[1.0, 2.0, 3.0]])).tolist() == [[2.0, 4.0]]
    chance = np.array([[0.2, 0.5, 0.3]])
    lost = displaced_money(chance, category, np.full(3, 0.8, np.float32), np.array([2.0, 9.0, 4.0]))
    assert lost[0] == pytest.approx([0.8 * 0.3 * 4 / (0.5 - 0.8 * 0.2), 0.0, 0.8 * 0.2 * 2 / (0.5 - 0.8 * 0.3)])


def test_weeks_are_spread_and_the_last_is_among_them() -> None:
    panel = SimpleNamespace(n_customers=10, n_items=10)
    weeks = spread_weeks(panel, range(5, 65))
    assert len(weeks) == 20
    assert weeks[-1] == 64
    assert set(np.diff(weeks)) == {3}


def test_an_offer_is_charged_with_what_its_neighbours_lose() -> None:
    """Against the same offer where nothing competes: units x rho x_k p_k / (B - rho x_i), bundle mates left out."""
    forecast, campaign = synthetic_week(20, 12, pairs=0, popularity=-1.5)
    none = PullForward(np.zeros(12, np.float32), 0.0)
    calm = replace(forecast, relations=no_relations(), pull_forward=none)
    calm = replace(calm, category=np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3], np.int32))
    need = np.array([0.6] * 6 + [0.0] * 6, np.float32)
    price = campaign.shelf_price_cents / 100.0
    bundles = [(0, 1), (0, 3), (6, 9)]
    table = option_table(bundles, [[int(price[list(b)].sum() * 80)] for b in bundles], campaign)
    plain, charged = (value_offers(week, campaign, table) for week in (calm, replace(calm, need=need)))
    x = calm.probability / calm.visit_probability[:, None]
    lost = np.zeros((20, 3))
    for option, (one, other) in enumerate(bundles[:2]):
        for slot, item in enumerate((one, other)):
            mates = np.flatnonzero(calm.category == calm.category[item])
            rest = [k for k in mates if k not in (one, other)]
            share = 0.6 * (x[:, rest] * price[rest]).sum(1) / (x[:, mates].sum(1) - 0.6 * x[:, item])
            lost[:, option] += plain.units[:, option, slot] * share
    assert plain.incremental_revenue - charged.incremental_revenue == pytest.approx(lost, rel=2e-3, abs=1e-6)
    assert lost[:, :2].min() > 0
    assert np.array_equal(plain.redemption, charged.redemption)
