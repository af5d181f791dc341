"""Incremental arrays against enumeration and Monte Carlo of the same law."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bundleopt_data.errors import UsageError
from bundleopt_models.forecast import DemandForecast, PullForward
from bundleopt_models.joint_law import week_law
from bundleopt_models.option_table import option_table, shelf_margin
from bundleopt_models.outside import conditional_shift
from bundleopt_models.relations import no_relations
from bundleopt_models.synthetic_week import synthetic_bundles, synthetic_week
from bundleopt_models.valuation import value_offers


@pytest.fixture(scope="module")
def week():
    return synthetic_week(40, 60, pairs=300, popularity=-2.5)


@pytest.fixture(scope="module")
def table(week):
    forecast, campaign = week
    return option_table(*synthetic_bundles(forecast, campaign, [1, 1, 2, 2, 2, 3, 3, 4, 4, 2], among=30), campaign)


def alone(forecast: DemandForecast) -> DemandForecast:
    """The same demand where nothing happens outside a bundle or later."""
    inside = replace(forecast.relations, significant=np.zeros(len(forecast.relations.first), np.bool_))
    none = PullForward(np.zeros(len(forecast.item_ids), np.float32), 0.0)
    return replace(forecast, relations=inside, pull_forward=none)


def subset_law(forecast: DemandForecast, items: list[int], customer: int) -> tuple[np.ndarray, np.ndarray]:
    """P(T) and the (2**K, K) membership of the subsets."""
    pairs = list(combinations(items, 2))
    gammas = [float(forecast.relations.log_odds(i, j)) for i, j in pairs]
    law = week_law(
        torch.as_tensor(forecast.probability[customer, items].astype(float))[:, None],
        torch.as_tensor(forecast.visit_probability[[customer]].astype(float)),
        torch.tensor(gammas, dtype=torch.float64)[:, None],
    )
    member = (np.arange(1 << len(items))[:, None] >> np.arange(len(items))) & 1
    return law[:, 0].numpy(), member


def tilted(forecast: DemandForecast, table, option: int, customer: int, salience: float):
    items = [int(item) for item in table.items[option] if item >= 0]
    law, member = subset_law(forecast, items, customer)
    ratio = np.array([table.price_cents[option] / table.list_value_cents[option]])
    lift = forecast.price_lift(ratio)[items, 0]
    multiplier = salience * np.exp((forecast.slope[customer, items] * lift).sum())
    visit = float(forecast.visit_probability[customer])
    weight = law.copy()
    weight[0] -= 1.0 - visit  # who stays away is not reached
    weight[-1] *= multiplier
    after = visit * weight / weight.sum()
    after[0] += 1.0 - visit
    return items, member, law, after


def test_against_enumeration(week, table) -> None:
    forecast, campaign = alone(week[0]), week[1]
    values = value_offers(forecast, campaign, table, reach=0.8, salience=1.3)
    for option in range(0, len(table.bundle), 5):
        for customer in (0, 17, 39):
            items, member, law, after = tilted(forecast, table, option, customer, 1.3)
            shelf = np.stack([campaign.shelf_price_cents / 100.0, shelf_margin(campaign)])[:, items] @ member.T
            paid = shelf.copy()
            paid[:, -1] = table.price_cents[option] / 100.0, table.unit_margin[option]
            change = 0.8 * (paid @ after - shelf @ law)
            assert values.incremental_revenue[customer, option] == pytest.approx(change[0], rel=2e-5, abs=1e-8)
            assert values.incremental_margin[customer, option] == pytest.approx(change[1], rel=2e-5, abs=1e-8)
            assert values.redemption[customer, option] == pytest.approx(0.8 * after[-1], rel=1e-5)
            assert values.baseline[customer, option] == pytest.approx(law[-1], rel=1e-5)
            units = 0.8 * (after - law) @ member
            assert values.units[customer, option, : len(items)] == pytest.approx(units, rel=1e-4, abs=1e-9)
            assert not values.units[customer, option, len(items) :].any()


def test_against_monte_carlo(week, table) -> None:
    """Draw weeks with and without the offer and count the money."""
    forecast, campaign = alone(week[0]), week[1]
    values = value_offers(forecast, campaign, table, salience=4.0)
    option, rng, draws = 20, np.random.default_rng(1), 400_000
    customer = int(values.redemption[:, option].argmax())
    items, member, law, after = tilted(forecast, table, option, customer, 4.0)
    shelf = member @ (campaign.shelf_price_cents[items] / 100.0)
    paid = shelf.copy()
    paid[-1] = table.price_cents[option] / 100.0
    change = rng.choice(paid, draws, p=after) - rng.choice(shelf, draws, p=law)
    error = change.std() / np.sqrt(draws)
    assert abs(values.incremental_revenue[customer, option] - change.mean()) < 4 * error
    assert abs(change.mean()) > 6 * error  # there is something to find


def test_no_discount_and_no_salience_change_nothing(week) -> None:
    forecast, campaign = week
    bundles, _ = synthetic_bundles(forecast, campaign, [1, 2, 3, 4], among=30)
    table = option_table(bundles, [[int(campaign.shelf_price_cents[list(b)].sum())] for b in bundles], campaign)
    values = value_offers(forecast, campaign, table)
    for array in (values.incremental_revenue, values.incremental_margin, values.units):
        assert np.abs(array).max() < 1e-7
    assert values.redemption == pytest.approx(values.baseline)


def test_diversion_and_pull_forward_by_hand(week) -> None:
    """One item with one complement outside: g (1 - q) (shift x price of the neighbour - share x own price)."""
    forecast, campaign = week
    pairs = replace(
        no_relations(),
        first=np.array([2], np.int32),
        second=np.array([5], np.int32),
        gamma=np.array([1.4], np.float32),
        standard_error=np.array([0.1], np.float32),
        background=0.4,
        significant=np.array([True]),
    )
    related = replace(forecast, relations=pairs)
    table = option_table([(2,), (2, 5)], [[int(campaign.shelf_price_cents[2] * 0.8)], [100]], campaign)
    full, bare = value_offers(related, campaign, table), value_offers(alone(related), campaign, table)
    visit = forecast.visit_probability.astype(float)
    one, other = (torch.as_tensor(forecast.probability[:, k] / visit) for k in (2, 5))
    shift = conditional_shift(one, other, torch.tensor(1.0, dtype=torch.float64))[0].numpy()
    share = forecast.pull_forward.share[2]
    share = forecast.pull_forward.assumed_share if np.isnan(share) else float(share)
    price = campaign.shelf_price_cents / 100.0
    expected = bare.units[:, 0, 0] * (shift * price[5] - share * price[2])
    assert full.incremental_revenue[:, 0] - bare.incremental_revenue[:, 0] == pytest.approx(
        expected, rel=1e-3, abs=1e-7
    )
    shares = np.where(np.isnan(forecast.pull_forward.share), 0.2, forecast.pull_forward.share)[[2, 5]]
    pulled = -(bare.units[:, 1, :2] * shares * price[[2, 5]]).sum(1)  # inside the bundle there is no outside
    assert full.incremental_revenue[:, 1] - bare.incremental_revenue[:, 1] == pytest.approx(pulled, rel=1e-3, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.floats(0.1, 1.0))
def test_more_discount_never_redeems_less(seed: int, size: int, reach: float) -> None:
    forecast, campaign = synthetic_week(7, 12, pairs=30, seed=seed, popularity=-2.0)
    bundles, _ = synthetic_bundles(forecast, campaign, [size], among=12, seed=seed)
    value = int(campaign.shelf_price_cents[list(bundles[0])].sum())
    table = option_table(bundles, [[int(value * ratio) for ratio in (1.0, 0.9, 0.7, 0.5, 0.3)]], campaign)
    values = value_offers(forecast, campaign, table, reach=reach)
    assert (np.diff(values.redemption, axis=1) >= 0).all()
    assert (np.diff(values.units, axis=1) >= 0).all()
    assert (values.units >= 0).all()
    assert ((values.redemption >= reach * values.baseline - 1e-7) & (values.redemption <= reach + 1e-6)).all()


def test_chunks_and_option_order_do_not_matter(week, table, monkeypatch) -> None:
    forecast, campaign = week
    whole = value_offers(forecast, campaign, table, reach=0.7)
    monkeypatch.setattr("bundleopt_models.valuation.CELLS_PER_CHUNK", {"cpu": 100})
    small = value_offers(forecast, campaign, table, reach=0.7)
    for name, array in vars(whole).items():
        assert getattr(small, name) == pytest.approx(array, rel=1e-6, abs=1e-9), name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reach": 0.0}, "reach"),
        ({"reach": 1.1}, "reach"),
        ({"salience": 0.9}, "salience"),
        ({"salience": float("inf")}, "salience"),
    ],
)
def test_refuses_shares_out_of_range(week, table, change, message) -> None:
    with pytest.raises(UsageError, match=message):
        value_offers(*week, table, **change)


def test_no_options_no_values(week) -> None:
    values = value_offers(*week, option_table([], [], week[1]))
    assert values.redemption.shape == (40, 0)
    assert values.units.shape == (40, 0, 1)


def test_refuses_tables_that_do_not_fit(week, table) -> None:
    forecast, campaign = week
    with pytest.raises(UsageError, match="adjacent"):
        value_offers(forecast, campaign, replace(table, bundle=np.arange(len(table.bundle), dtype=np.int32) % 2))
    with pytest.raises(UsageError, match="at most the sum"):
        value_offers(forecast, campaign, replace(table, price_cents=table.list_value_cents + 1))
    with pytest.raises(UsageError, match="different items"):
        value_offers(forecast, replace(campaign, item_ids=campaign.item_ids[::-1]), table)
