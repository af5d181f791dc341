from __future__ import annotations

import numpy as np
import pytest

from bundleopt_data.errors import UsageError
from bundleopt_models.lift import (
    LiftEstimate,
    difference_in_means,
    estimate_lift,
    pooled,
    regression_adjusted,
    residual_share,
)

EFFECT = 1.5
LOGS = 600


def simulated(seed: int, *, customers: int = 240, share: float = 0.2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Skewed spend that spend before explains in part, an effect that grows with it, and a drawn control group."""
    random = np.random.default_rng([5, seed])
    before = random.gamma(2.0, 10.0, customers)
    age = random.normal(size=customers)
    plain = 0.8 * before + 2.0 * age + random.gamma(2.0, 4.0, customers)
    own = EFFECT * before / before.mean()
    treated = np.ones(customers, dtype=bool)
    treated[random.permutation(customers)[: int(share * customers)]] = False
    return np.where(treated, plain + own, plain), treated, np.column_stack([before, age])


@pytest.fixture(scope="module")
def many() -> dict[str, list[LiftEstimate]]:
    found: dict[str, list[LiftEstimate]] = {}
    for seed in range(LOGS):
        for one in estimate_lift(*simulated(seed)):
            found.setdefault(one.name, []).append(one)
    return found


@pytest.mark.parametrize("name", ["difference in means", "CUPED", "regression-adjusted"])
def test_estimates_are_unbiased_and_their_intervals_hold(many: dict[str, list[LiftEstimate]], name: str) -> None:
    effects = np.array([one.effect for one in many[name]])
    assert abs(effects.mean() - EFFECT) < 4 * effects.std() / np.sqrt(LOGS)
    covered = np.mean([one.low <= EFFECT <= one.high for one in many[name]])
    assert 0.92 <= covered <= 0.985
    assert np.mean([one.standard_error for one in many[name]]) == pytest.approx(effects.std(), rel=0.12)


def test_what_was_known_before_takes_noise_out(many: dict[str, list[LiftEstimate]]) -> None:
    spread = {name: np.std([one.effect for one in found]) for name, found in many.items()}
    assert spread["regression-adjusted"] < spread["CUPED"] < 0.6 * spread["difference in means"]


def test_a_constant_effect_on_a_line_is_found_exactly() -> None:
    before = np.arange(40.0)
    treated = np.arange(40) % 4 > 0
    outcome = 3.0 + 2.0 * before + np.where(treated, EFFECT, 0.0)
    found = regression_adjusted(outcome, treated, before[:, None])
    assert found.effect == pytest.approx(EFFECT)
    assert found.standard_error == pytest.approx(0.0, abs=1e-9)


def test_the_unit_of_money_and_the_order_of_customers_do_not_matter() -> None:
    outcome, treated, facts = simulated(3)
    order = np.random.default_rng(1).permutation(len(outcome))
    for one, other in zip(
        estimate_lift(outcome, treated, facts),
        estimate_lift(100 * outcome[order], treated[order], 100 * facts[order]),
        strict=True,
    ):
        assert other.effect == pytest.approx(100 * one.effect)
        assert other.high == pytest.approx(100 * one.high)
        assert one.total[0] == pytest.approx(one.effect * one.treated)


def test_a_small_control_group_gets_no_regression() -> None:
    outcome, treated, facts = simulated(1, customers=40, share=0.1)
    assert [one.name for one in estimate_lift(outcome, treated, facts)] == ["difference in means", "CUPED"]


def test_no_control_group_is_refused_with_the_flag_that_makes_one() -> None:
    with pytest.raises(UsageError, match="--holdout"):
        estimate_lift(np.ones(5), np.ones(5, dtype=bool), np.zeros((5, 0)))


def test_pooled_weeks_are_weighted_by_precision() -> None:
    outcome, treated, _ = simulated(2)
    one = difference_in_means(outcome, treated)
    twice = pooled([one, one])
    assert twice.effect == pytest.approx(one.effect)
    assert twice.standard_error == pytest.approx(one.standard_error / np.sqrt(2))
    exact = LiftEstimate("x", 9.0, one.standard_error / 100, 8, 10, 0.95, 5, 5)
    assert pooled([one, exact]).effect == pytest.approx(9.0, abs=0.01)


def test_what_earlier_spend_leaves_unexplained() -> None:
    before = np.random.default_rng(0).normal(size=4000)
    noise = np.random.default_rng(1).normal(size=4000)
    assert residual_share(before, before) == pytest.approx(0.0, abs=1e-12)
    assert residual_share(before + noise, before) == pytest.approx(0.5, abs=0.03)
    assert residual_share(np.ones(4000), before) == 1.0
