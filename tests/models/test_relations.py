"""Planted complements and substitutes come back with their sign, and nothing else does."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bundleopt_data.errors import UsageError
from bundleopt_models.joint_law import bundle_law
from bundleopt_models.relation_counts import count_pairs
from bundleopt_models.relation_gate import measure_copurchases, measure_holding
from bundleopt_models.relation_newton import PairEstimates, derivatives, refine
from bundleopt_models.relation_shrinkage import shrink
from bundleopt_models.relations import RelationSettings, benjamini_hochberg, fit_relations, no_relations

CUSTOMERS, ITEMS, WEEKS = 700, 14, 10
PLANTED = {(0, 1): 1.3, (2, 3): -1.3, (4, 5): 2.5}


class Log:
    """Purchases drawn from the pair law: planted pairs are related, everything else is independent given a visit."""

    def __init__(self, order: np.ndarray | None = None) -> None:
        rng = np.random.default_rng(7)
        self.visit = rng.uniform(0.4, 0.95, CUSTOMERS)
        self.chance = rng.uniform(0.05, 0.35, (CUSTOMERS, ITEMS))
        came = rng.random((WEEKS, CUSTOMERS)) < self.visit
        bought = rng.random((WEEKS, CUSTOMERS, ITEMS)) < self.chance
        for (i, j), gamma in PLANTED.items():
            law = bundle_law(torch.as_tensor(self.chance.T[[i, j]]), torch.tensor([[gamma]])).numpy()
            draw = (rng.random((WEEKS, CUSTOMERS, 1)) > law.cumsum(0).T[None]).sum(2)
            bought[..., i], bought[..., j] = draw & 1, draw >> 1 & 1
        bought &= came[..., None]
        if order is not None:
            bought, self.chance = bought[..., order], self.chance[:, order]
        week, customer, item = bought.nonzero()
        self.panel = SimpleNamespace(
            n_customers=CUSTOMERS,
            n_items=ITEMS,
            n_weeks=WEEKS,
            trips=came.astype(np.float32),
            purchase_week=week.astype(np.int32),
            purchase_customer=customer.astype(np.int32),
            purchase_item=item.astype(np.int32),
            items=SimpleNamespace(category=(np.arange(ITEMS) // 4).astype(np.int32)),
        )

    def grid(self, week: int) -> tuple[np.ndarray, np.ndarray]:
        return (self.chance * self.visit[:, None]).astype(np.float32), self.visit.astype(np.float32)


@pytest.fixture(scope="module")
def log() -> Log:
    return Log()


@pytest.fixture(scope="module")
def fitted(log):
    return fit_relations(log.panel, range(WEEKS), log.grid)


def test_planted_relations_are_found_with_their_sign_and_size(fitted) -> None:
    known = fitted.known()
    found = {(int(i), int(j)): float(g) for i, j, g in zip(known.first, known.second, known.gamma, strict=True)}
    assert set(PLANTED) <= set(found)
    assert len(found) <= len(PLANTED) + 2
    for pair, gamma in PLANTED.items():
        assert np.sign(found[pair] - fitted.background) == np.sign(gamma)
        assert found[pair] == pytest.approx(gamma, abs=0.35)


def test_layout_of_the_list(fitted) -> None:
    assert (fitted.first < fitted.second).all()
    keys = fitted.first.astype(int) * ITEMS + fitted.second
    assert (np.diff(keys) > 0).all()
    assert (fitted.standard_error > 0).all()
    assert fitted.first.dtype == np.int32
    assert fitted.log_odds([1, 0], [0, 1]) == pytest.approx([float(fitted.log_odds(0, 1))] * 2)


def test_item_numbers_do_not_matter(fitted) -> None:
    order = np.random.default_rng(3).permutation(ITEMS)
    other = Log(order)
    other.panel.items.category = (order // 4).astype(np.int32)
    again = fit_relations(other.panel, range(WEEKS), other.grid)
    for i, j in PLANTED:
        place_i, place_j = int(np.flatnonzero(order == i)[0]), int(np.flatnonzero(order == j)[0])
        assert float(again.log_odds(place_i, place_j)) == pytest.approx(float(fitted.log_odds(i, j)), abs=1e-3)


def test_a_forecast_that_is_a_little_high_does_not_make_substitutes(log) -> None:
    def high(week: int) -> tuple[np.ndarray, np.ndarray]:
        probability, visit = log.grid(week)
        raised = probability.copy()
        raised[:, 8] *= 1.15
        return raised, visit

    known = fit_relations(log.panel, range(WEEKS), high).known()
    assert not ((known.first == 8) | (known.second == 8)).any()


def test_the_law_foresees_copurchases_in_every_group(log, fitted) -> None:
    gate = measure_copurchases(log.panel, range(WEEKS), log.grid, fitted, groups=5, items=ITEMS)
    assert gate.predicted.sum() / gate.observed.sum() == pytest.approx(1.0, abs=0.03)
    assert gate.ratio / gate.marginal_ratio**2 == pytest.approx(np.ones(5), abs=0.06)
    assert gate.marginal_ratio == pytest.approx(np.ones(5), abs=0.1)
    assert (np.diff(gate.visit_rate) > 0).all()
    assert (np.abs(gate.ratio - 1.0) < 4 * gate.standard_error).all()
    assert gate.standard_error.max() < 0.1
    independent = measure_copurchases(log.panel, range(WEEKS), log.grid, no_relations(), groups=5, items=ITEMS)
    assert independent.predicted.sum() < gate.predicted.sum()


def test_what_was_planted_holds_on_other_weeks_and_noise_does_not(log) -> None:
    first = fit_relations(log.panel, range(5), log.grid)
    held = measure_holding(log.panel, range(5, WEEKS), log.grid, first)
    assert len(held.told) >= len(PLANTED)
    planted = np.isin([i * ITEMS + j for i, j in zip(first.known().first, first.known().second, strict=True)],
                      [i * ITEMS + j for i, j in PLANTED])  # fmt: skip
    assert held.share_held(planted) == 1.0
    assert held.share_by_chance(planted) > 0.99
    everything = replace(first, significant=None)
    noise = measure_holding(log.panel, range(5, WEEKS), log.grid, everything)
    keys = zip(everything.first, everything.second, strict=True)
    others = np.array([(int(i), int(j)) not in PLANTED for i, j in keys])
    assert 0.25 < noise.share_held(others) < 0.75
    assert np.isnan(held.share_held(np.zeros(len(held.told), bool)))


def test_newton_reaches_the_mode_of_the_likelihood(log) -> None:
    counts = count_pairs(log.panel, range(WEEKS), log.grid, min_purchases=1, max_items=ITEMS)
    pairs = torch.tensor([0, 4]), torch.tensor([1, 5])
    start = PairEstimates(*pairs, torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64))
    free = refine(counts, start, torch.zeros(2, dtype=torch.float64), torch.full((2,), 1e-9, dtype=torch.float64), 8)
    chance, bought = (
        (counts.chance[pairs[0]].double(), counts.chance[pairs[1]].double()),
        (
            counts.bought[pairs[0]],
            counts.bought[pairs[1]],
        ),
    )

    def likelihood(gamma: torch.Tensor) -> torch.Tensor:
        law = bundle_law(torch.stack(chance), gamma[None, :, None])
        outcome = bought[0].long() + 2 * bought[1].long()
        return law.gather(0, outcome[None])[0].log().sum(1)

    for step in (-0.02, 0.02):
        assert (likelihood(free.gamma) > likelihood(free.gamma + step)).all()
    slope = (likelihood(free.gamma + 0.3 + 1e-4) - likelihood(free.gamma + 0.3 - 1e-4)) / 2e-4
    assert derivatives(*chance, bought, free.gamma[:, None] + 0.3)[0].numpy() == pytest.approx(slope.numpy(), rel=1e-4)


def test_shrinkage_spares_the_outlier_and_tames_the_noise() -> None:
    rng = np.random.default_rng(0)
    told = np.full(3000, 4.0)
    truth = np.ones(3000)
    truth[:30] = 5.0
    result = shrink(torch.as_tensor(rng.poisson(told * truth).astype(float)), torch.as_tensor(told))
    ratio = result.ratio.numpy()
    assert ratio[:30].mean() == pytest.approx(5.0, rel=0.2)
    assert np.abs(ratio[30:] - 1.0).mean() < 0.1
    assert float(result.weights.sum()) == pytest.approx(1.0)
    seen, strength = torch.tensor([20.0]), result.strength[:1]
    assert float((seen + strength) / (4.0 + strength)) > 1.0


def test_benjamini_hochberg_by_hand() -> None:
    p_value = np.array([0.01, 0.04, 0.03, 0.5])
    assert benjamini_hochberg(p_value, 0.05).tolist() == [True, False, False, False]
    assert benjamini_hochberg(p_value, 0.06).tolist() == [True, True, True, False]
    assert not benjamini_hochberg(np.array([0.9]), 0.05).any()
    assert benjamini_hochberg(np.zeros(0), 0.05).shape == (0,)


def test_nothing_to_count_gives_independence(log) -> None:
    relations = fit_relations(log.panel, [0], log.grid, RelationSettings(min_purchases=10**6))
    assert len(relations.first) == 0
    assert float(relations.log_odds(0, 1)) == 0.0


@pytest.mark.parametrize("weeks", [[], [WEEKS], [-1]])
def test_refuses_weeks_outside_the_panel(log, weeks) -> None:
    with pytest.raises(UsageError, match="weeks inside"):
        fit_relations(log.panel, weeks, log.grid)
