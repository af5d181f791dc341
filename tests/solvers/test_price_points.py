from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundleopt_data.errors import UsageError
from bundleopt_solvers.price_points import PricePolicy, as_share, earns_its_cost, price_endings, price_points

ENDINGS = st.sampled_from([None, "9", ".99", "0.95", "5", ".00", ".49,.99"])
SHARES = st.sampled_from([0.0, 0.05, 0.07, 0.1, 0.15, 0.3, 0.333, 0.5, 0.8])
STEPS = st.sampled_from([0.01, 0.03, 0.05, 0.1, 0.25])
PRICES = st.lists(st.integers(1, 250), min_size=1, max_size=4)


@st.composite
def policies(draw):
    low, high = sorted((draw(SHARES), draw(SHARES)))
    return PricePolicy(low, high, draw(STEPS), draw(ENDINGS))


def allowed(policy, list_value):
    """Every cent of the band with an allowed ending, by enumeration."""
    low, high = 1 - as_share(policy.max_discount), 1 - as_share(policy.min_discount)
    ends = price_endings(policy.price_ending)
    return [
        p
        for p in range(1, list_value)
        if low * list_value <= p <= high * list_value and any(p % m == r for r, m in ends)
    ]


def test_the_ladder_of_the_defaults_is_every_five_per_cent_without_zero():
    assert PricePolicy().ladder == tuple(Fraction(k, 20) for k in range(1, 7))
    assert price_points(1000, (400, 600), PricePolicy()) == (950, 900, 850, 800, 750, 700)


def test_a_ladder_that_starts_at_a_discount_keeps_its_first_step():
    policy = PricePolicy(min_discount=0.1, max_discount=0.3, price_step=0.1)
    assert price_points(1000, (500, 500), policy) == (900, 800, 700)


def test_endings_move_each_step_to_the_nearest_allowed_price_inside_the_band():
    assert price_points(1000, (500, 500), PricePolicy(price_ending=".99")) == (999, 899, 799)
    assert price_points(1000, (500, 500), PricePolicy(price_ending="9")) == (949, 899, 849, 799, 749, 709)
    assert price_points(120, (60, 60), PricePolicy(price_ending=".99")) == (99,)
    assert price_points(90, (45, 45), PricePolicy(price_ending=".99")) == ()


def test_nobody_pays_less_than_the_dearest_item_but_a_single_item_may_be_promoted():
    assert price_points(1000, (900, 100), PricePolicy()) == (950, 900)
    assert price_points(1000, (1000,), PricePolicy(max_discount=0.1)) == (950, 900)


@settings(deadline=None, max_examples=60)
@given(PRICES, policies())
def test_price_points_are_the_nearest_allowed_prices_by_enumeration(prices, policy):
    list_value = sum(prices)
    least = max(prices) if len(prices) > 1 else 0
    candidates = allowed(policy, list_value)
    expected = set()
    for discount in policy.ladder if candidates else ():
        target = list_value * (1 - discount)
        expected.add(min(candidates, key=lambda p: (abs(p - target), -p)))
    found = price_points(list_value, prices, policy)
    assert found == tuple(sorted((p for p in expected if p >= least), reverse=True))


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 3000),
            st.integers(0, 3000),
            st.sampled_from([0.0, 0.07, 0.19]),
            st.sampled_from([0.0, 0.5, 1.0]),
            st.integers(0, 400),
        ),
        min_size=1,
        max_size=4,
    ),
    st.integers(1, 12_000),
)
def test_a_price_earns_its_cost_where_its_margin_by_hand_is_not_negative(rows, price):
    prices, costs, taxes, funding, per_unit = zip(*rows, strict=True)
    list_value = sum(prices)
    price = min(price, list_value)
    margin = Fraction(0)
    for shelf, cost, tax, share, amount in rows:
        paid, discount = (Fraction(part * shelf, list_value) for part in (price, list_value - price))
        margin += paid / (1 + as_share(tax)) - cost + min(as_share(share) * discount + amount, discount)
    assert earns_its_cost(price, prices, costs, taxes, (funding, per_unit)) == (margin >= 0)


@pytest.mark.parametrize("ending", ["", "x", "99", "1.999", "0,99", "-9"])
def test_endings_that_cannot_be_read_are_refused(ending):
    with pytest.raises(UsageError, match=r"price ending .* is not understood"):
        PricePolicy(price_ending=ending)


@pytest.mark.parametrize("band", [(0.3, 0.1), (-0.1, 0.2), (0.0, 1.0), (float("nan"), 0.3)])
def test_bands_that_make_no_sense_are_refused(band):
    with pytest.raises(UsageError, match="discounts must satisfy"):
        PricePolicy(*band)


@pytest.mark.parametrize("step", [0.0, 1.0, -0.05, float("nan")])
def test_steps_that_make_no_sense_are_refused(step):
    with pytest.raises(UsageError, match="price step"):
        PricePolicy(price_step=step)
