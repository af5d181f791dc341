from __future__ import annotations

import numpy as np
import pytest

from bundleopt_data.errors import UsageError
from bundleopt_models.off_policy import LoggedChoices, PolicyValue, cross_fitted_rates, policy_values

LOGS, ROWS, ACTIONS = 400, 600, 3


def logged(seed: int, *, model_is_right: bool, clusters: int = ROWS) -> tuple[LoggedChoices, float]:
    """A log of a drawn policy on two kinds of customers, and the true mean reward of another policy on them."""
    random = np.random.default_rng([9, seed])
    size = ROWS // clusters
    kind = np.repeat(random.integers(0, 2, clusters), size)
    rate = np.array([[0.1, 0.3, 0.5], [0.4, 0.2, 0.1]])
    drawn_by = np.array([[0.6, 0.3, 0.1], [0.2, 0.3, 0.5]])
    asked = np.array([[0.0, 0.2, 0.8], [1.0, 0.0, 0.0]])
    first = np.arange(clusters) * size
    action = np.array([random.choice(ACTIONS, p=drawn_by[kind[row]]) for row in first]).repeat(size)
    shared = np.repeat(random.normal(0, 0.05, clusters), size)
    reward = (random.random(ROWS) < np.clip(rate[kind, action] + shared, 0, 1)).astype(float)
    believed = rate if model_is_right else np.full((2, ACTIONS), 0.9)
    log = LoggedChoices(
        reward=reward,
        propensity=drawn_by[kind, action],
        target=asked[kind, action],
        cluster=np.repeat(np.arange(clusters), size),
        logged_model=believed[kind, action],
        target_model=(asked * believed).sum(1)[kind],
    )
    return log, float(((asked * rate).sum(1)[kind]).mean())


def many(*, model_is_right: bool, clusters: int = ROWS) -> tuple[dict[str, list[PolicyValue]], np.ndarray]:
    found: dict[str, list[PolicyValue]] = {}
    truth = []
    for seed in range(LOGS):
        log, value = logged(seed, model_is_right=model_is_right, clusters=clusters)
        truth.append(value)
        for one in policy_values(log):
            found.setdefault(one.name, []).append(one)
    return found, np.array(truth)


@pytest.mark.parametrize("model_is_right", [True, False])
@pytest.mark.parametrize("clusters", [ROWS, ROWS // 6])
def test_estimates_are_unbiased_and_their_intervals_hold(model_is_right: bool, clusters: int) -> None:
    found, truth = many(model_is_right=model_is_right, clusters=clusters)
    for name, values in found.items():
        error = np.array([one.value for one in values]) - truth
        # The self-normalised ratio is biased by the order of 1 / n: less than a tenth of its spread here.
        allowed = 4 * error.std() / np.sqrt(LOGS) + (0.1 * error.std() if name == "self-normalised" else 0.0)
        assert abs(error.mean()) < allowed, name
        covered = np.mean([one.low <= true <= one.high for one, true in zip(values, truth, strict=True)])
        assert 0.90 <= covered <= 0.995, name


def test_a_right_model_makes_the_estimate_surer() -> None:
    right, truth = many(model_is_right=True)
    spread = {name: np.std(np.array([one.value for one in values]) - truth) for name, values in right.items()}
    assert spread["doubly robust"] < 0.9 * spread["inverse propensity"]


def test_the_logged_policy_is_worth_what_was_earned() -> None:
    log, _ = logged(0, model_is_right=False)
    same = LoggedChoices(
        log.reward, log.propensity, log.propensity, log.cluster, np.zeros(ROWS), np.zeros(ROWS)
    )  # fmt: skip
    for one in policy_values(same):
        assert one.value == pytest.approx(log.reward.mean())
        assert one.effective == pytest.approx(ROWS)


def test_rows_of_one_draw_count_as_one() -> None:
    log, _ = logged(1, model_is_right=True)
    thrice = LoggedChoices(
        *(np.repeat(part, 3) for part in (log.reward, log.propensity, log.target, log.cluster)),
        np.repeat(log.logged_model, 3), np.repeat(log.target_model, 3),
    )  # fmt: skip
    for one, other in zip(policy_values(log), policy_values(thrice), strict=True):
        assert other.value == pytest.approx(one.value)
        assert other.standard_error == pytest.approx(one.standard_error)
        assert other.draws == ROWS


@pytest.mark.parametrize(("propensity", "target"), [(0.0, 0.5), (1.2, 0.5), (0.5, 1.5), (0.5, -0.1)])
def test_chances_out_of_range_are_refused(propensity: float, target: float) -> None:
    one = np.ones(1)
    with pytest.raises(UsageError):
        LoggedChoices(one, propensity * one, target * one, np.zeros(1, dtype=np.int64), one, one)


def test_no_row_shapes_its_own_model() -> None:
    random = np.random.default_rng(0)
    cell, cluster = random.integers(0, 4, 200), np.repeat(np.arange(40), 5)
    reward = random.random(200)
    before = cross_fitted_rates(reward, cell, cluster)
    mine = cluster == 7
    other = np.where(mine, 50.0, reward)
    after = cross_fitted_rates(other, cell, cluster)
    assert np.array_equal(before[mine], after[mine])
    assert not np.array_equal(before, after)
