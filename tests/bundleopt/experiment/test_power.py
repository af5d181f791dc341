from __future__ import annotations

import numpy as np
import pytest

from bundleopt.experiment.power import (
    SpendNoise,
    detectable_lift,
    measure_noise,
    power_document,
    share_needed,
    weeks_needed,
)
from bundleopt_models.lift import cuped

LASTING, PASSING = 9.0, 25.0
CUSTOMERS, SHARE = 800, 0.2


def spend(seed: int, weeks: int, customers: int = CUSTOMERS) -> tuple[np.ndarray, np.ndarray]:
    """(W, U) weekly spend with a part that spend before explains, one that lasts, and one that passes."""
    random = np.random.default_rng([17, seed])
    taste = random.normal(50.0, 20.0, customers)
    own = random.normal(0.0, np.sqrt(LASTING), customers)
    return taste + own + random.normal(0.0, np.sqrt(PASSING), (weeks, customers)), taste


def test_noise_is_taken_apart() -> None:
    noise = measure_noise(*spend(0, 12, customers=20_000))
    assert noise.variance == pytest.approx(LASTING + PASSING, rel=0.03)
    assert noise.lasting == pytest.approx(LASTING, rel=0.06)
    assert noise.raw_variance == pytest.approx(400 + LASTING + PASSING, rel=0.03)
    assert noise.of_mean(4) == pytest.approx(LASTING + PASSING / 4, rel=0.05)


@pytest.mark.parametrize("weeks", [1, 4])
def test_the_detectable_lift_is_found_in_eighty_of_a_hundred_campaigns(weeks: int) -> None:
    noise = SpendNoise(CUSTOMERS, 50.0, 434.0, LASTING + PASSING, LASTING)
    lift = detectable_lift(noise, SHARE, weeks)
    found, campaigns = 0, 1000
    for seed in range(campaigns):
        outcome, before = spend(seed, weeks)
        treated = np.ones(CUSTOMERS, dtype=bool)
        treated[np.random.default_rng([18, seed]).permutation(CUSTOMERS)[: int(SHARE * CUSTOMERS)]] = False
        estimate = cuped(outcome.mean(axis=0) + lift * treated, treated, before)
        found += estimate.low > 0
    assert found / campaigns == pytest.approx(0.80, abs=0.045)


def test_the_share_needed_finds_the_lift() -> None:
    noise = SpendNoise(CUSTOMERS, 50.0, 434.0, 34.0, 9.0)
    for weeks in (1, 3):
        share = share_needed(noise, 1.5, weeks)
        assert share is not None
        assert share <= 0.5
        assert detectable_lift(noise, share, weeks) == pytest.approx(1.5)
    assert share_needed(noise, 0.01) is None
    assert share_needed(noise, -1.0) is None


def test_the_weeks_needed_are_the_first_that_find_the_lift() -> None:
    noise = SpendNoise(CUSTOMERS, 50.0, 434.0, 34.0, 2.0)
    weeks = weeks_needed(noise, 0.1, 0.9)
    assert weeks is not None
    assert weeks > 1
    assert detectable_lift(noise, 0.1, weeks) <= 0.9 < detectable_lift(noise, 0.1, weeks - 1)
    assert weeks_needed(noise, 0.1, 0.01) is None


def test_more_customers_weeks_and_even_arms_find_smaller_lifts() -> None:
    noise = SpendNoise(1000, 50.0, 434.0, 34.0, 9.0)
    assert detectable_lift(noise, 0.1) > detectable_lift(noise, 0.2) > detectable_lift(noise, 0.5)
    assert detectable_lift(noise, 0.1, 1) > detectable_lift(noise, 0.1, 8)
    more = SpendNoise(4000, 50.0, 434.0, 34.0, 9.0)
    assert detectable_lift(more, 0.1) == pytest.approx(detectable_lift(noise, 0.1) / 2)


def test_the_document_holds_plain_values() -> None:
    noise = measure_noise(*spend(0, 6))
    document = power_document(noise, 0.05, 0.5)
    assert document["detectable_lift"]["1"] > document["detectable_lift"]["12"]
    assert 0 < document["variance_left"] < 0.2
