from __future__ import annotations

import numpy as np
import pytest

from bundleopt.experiment.holdout import Holdout, draw_holdout, strata

CUSTOMERS = 487


def population(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    ids = np.array([f"c{number}" for number in range(CUSTOMERS)], dtype=object)
    activity = random.beta(2, 2, CUSTOMERS)
    return ids, activity, activity * random.gamma(2, 10, CUSTOMERS)


def drawn(share: float, seed: int) -> Holdout:
    return draw_holdout(*population(), share, seed)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2, 0.5])
def test_the_group_has_the_asked_size_in_every_stratum(share: float) -> None:
    found = drawn(share, 0)
    assert abs(found.held.sum() - share * CUSTOMERS) < 1
    for code in np.unique(found.stratum):
        members = found.stratum == code
        assert abs(found.held[members].sum() - share * members.sum()) <= 1


def test_every_customer_is_held_out_with_the_asked_chance() -> None:
    share, draws = 0.1, 1500
    held = np.mean([drawn(share, seed).held for seed in range(draws)], axis=0)
    error = np.sqrt(share * (1 - share) / draws)
    assert abs(held.mean() - share) < 0.002
    assert np.abs(held - share).max() < 4.5 * error


def test_groups_are_alike_in_activity_and_value() -> None:
    _, activity, value = population()
    for facts in (activity, value):
        gaps = []
        for seed in range(200):
            held = drawn(0.1, seed).held
            gaps.append(facts[held].mean() - facts[~held].mean())
        assert abs(np.mean(gaps)) < 4 * np.std(gaps) / np.sqrt(len(gaps))
        random = facts.std() * np.sqrt(1 / (0.1 * CUSTOMERS) + 1 / (0.9 * CUSTOMERS))
        assert np.std(gaps) < 0.6 * random


def test_the_same_seed_holds_out_the_same_customers_in_any_order() -> None:
    ids, activity, value = population()
    one = draw_holdout(ids, activity, value, 0.1, 4)
    order = np.random.default_rng(1).permutation(CUSTOMERS)
    other = draw_holdout(ids[order], activity[order], value[order], 0.1, 4)
    assert set(ids[one.held]) == set(ids[order][other.held])
    assert not np.array_equal(one.held, draw_holdout(ids, activity, value, 0.1, 5).held)


def test_a_larger_group_of_the_same_seed_holds_the_smaller_one_but_for_rounding() -> None:
    small, large = drawn(0.05, 2).held, drawn(0.1, 2).held
    assert (small & ~large).sum() <= 2


def test_a_week_later_nearly_everybody_stays() -> None:
    ids, activity, value = population()
    later = value * np.random.default_rng(8).uniform(0.95, 1.05, CUSTOMERS)
    one, other = (draw_holdout(ids, activity, worth, 0.1, 3).held for worth in (value, later))
    assert (one & other).sum() > 0.8 * one.sum()


def test_strata_are_even() -> None:
    sizes = np.bincount(strata(*population()[1:]))
    assert len(sizes) == 12
    assert sizes.max() - sizes.min() <= 2


def test_few_customers_make_few_strata_and_no_error() -> None:
    ids = np.array(["a", "b"], dtype=object)
    held = draw_holdout(ids, np.array([0.1, 0.5]), np.array([1.0, 2.0]), 0.5, 0).held
    assert held.sum() in (0, 1, 2)
