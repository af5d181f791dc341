"""A planted dip after deals is measured; where there is none to see, the answer is "not identified"."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from bundleopt_models.pull_forward import CategoryDip, fit_pull_forward, measure_dips

WEEKS, ITEMS, LIFT = 60, 24, 3.0
SHARES = (0.4, 0.0)  # of category 0 and category 1


def make_panel(noise: bool = True) -> SimpleNamespace:
    rng = np.random.default_rng(11)
    category = (np.arange(ITEMS) % 2).astype(np.int32)
    depth = np.where(rng.random((WEEKS, ITEMS)) < 0.2, rng.uniform(0.1, 0.4, (WEEKS, ITEMS)), 0.0)
    base = rng.uniform(40, 120, ITEMS)
    borrowed = np.array(SHARES)[category] * LIFT
    mean = base * (1 + LIFT * depth)
    mean[1:] -= base * borrowed * depth[:-1]
    buyers = rng.poisson(mean) if noise else np.round(mean).astype(int)
    week, item = np.repeat(np.arange(WEEKS), ITEMS), np.tile(np.arange(ITEMS), WEEKS)
    zeros = np.zeros((WEEKS, ITEMS), np.float32)
    return SimpleNamespace(
        n_items=ITEMS,
        n_weeks=WEEKS,
        items=SimpleNamespace(category=category),
        purchase_week=np.repeat(week, buyers.ravel()).astype(np.int32),
        purchase_item=np.repeat(item, buyers.ravel()).astype(np.int32),
        prices=SimpleNamespace(
            log_reference=zeros + 1.0, log_price=(1.0 - depth).astype(np.float32), observed=zeros == 0
        ),
        promotions=SimpleNamespace(display=zeros, mailer=zeros),
    )


def test_the_planted_dip_comes_back_and_the_absent_one_is_not_identified() -> None:
    panel = make_panel()
    share = fit_pull_forward(panel, range(WEEKS))
    assert share.shape == (ITEMS,)
    assert share[0] == pytest.approx(SHARES[0], abs=0.1)
    assert (share[::2] == share[0]).all()
    assert np.isnan(share[1::2]).all()


def test_the_lift_is_measured_beside_it() -> None:
    dips = measure_dips(make_panel(), range(WEEKS))
    assert [dip.category for dip in dips] == [0, 1]
    for dip in dips:
        assert dip.items == ITEMS // 2
        assert dip.lift == pytest.approx(LIFT / (1 + LIFT * 0.2 * 0.25), rel=0.1)  # in units of the mean with deals


@pytest.mark.parametrize(
    ("dip", "share"),
    [
        (CategoryDip(0, 9, 2.0, 0.1, -0.5, 0.1), 0.25),
        (CategoryDip(0, 9, 2.0, 0.1, -3.0, 0.1), 1.0),
        (CategoryDip(0, 9, 2.0, 0.1, 0.5, 0.1), 0.0),
        (CategoryDip(0, 9, 2.0, 0.1, -0.15, 0.1), float("nan")),
        (CategoryDip(0, 9, 0.1, 0.1, -0.5, 0.1), float("nan")),
        (CategoryDip(0, 9, -2.0, 0.1, -0.5, 0.1), float("nan")),
        (CategoryDip(0, 4, 2.0, 0.1, -0.5, 0.1), float("nan")),
    ],
)
def test_the_rule(dip: CategoryDip, share: float) -> None:
    assert dip.share == pytest.approx(share, nan_ok=True)


def test_prices_that_never_move_identify_nothing() -> None:
    panel = make_panel()
    panel.prices.log_price[:] = panel.prices.log_reference
    assert np.isnan(fit_pull_forward(panel, range(WEEKS))).all()
    assert measure_dips(panel, [0]) == ()
