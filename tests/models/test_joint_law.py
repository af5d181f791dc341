"""The joint law against closed forms, enumeration and its own definition."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bundleopt_models.joint_law import (
    MAX_CONDITIONAL,
    both_probability,
    bundle_law,
    collapsed_log_odds,
    conditional_marginals,
    week_law,
)

MARGINAL = st.floats(1e-9, 0.98)
GAMMA = st.floats(-4.0, 4.0)


def column(values: list[float]) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


def marginals_of(law: torch.Tensor, size: int) -> torch.Tensor:
    masks = torch.arange(len(law))
    return torch.stack([law[((masks >> k) & 1).bool()].sum(0) for k in range(size)])


def log_linear(law: torch.Tensor, subset: tuple[int, ...]) -> float:
    """Interaction term of a subset: the alternating sum of log P over its own subsets (Moebius inversion)."""
    total = 0.0
    for size in range(len(subset) + 1):
        for part in combinations(subset, size):
            mask = sum(1 << k for k in part)
            total += (-1) ** (len(subset) - size) * float(law[mask, 0].log())
    return total


@given(MARGINAL, MARGINAL, GAMMA)
def test_plackett_has_its_marginals_and_its_log_odds_ratio(x: float, y: float, gamma: float) -> None:
    law = bundle_law(column([x, y]), column([gamma]))
    assert float(law.sum()) == pytest.approx(1.0, abs=1e-12)
    assert marginals_of(law, 2)[:, 0].numpy() == pytest.approx([x, y], rel=1e-12)
    assert float(law.min()) > 0.0
    if min(x, y) > 1e-6:  # below, log P(neither) + log P(both) resolves gamma less well than the law holds it
        assert log_linear(law, (0, 1)) == pytest.approx(gamma, abs=1e-8)


def test_plackett_solves_its_quadratic() -> None:
    x, y, psi = 0.3, 0.6, 5.0
    roots = np.roots([psi - 1.0, -(1.0 + (psi - 1.0) * (x + y)), psi * x * y])
    both = both_probability(*column([x, y]), column([np.log(psi)])[0])
    assert float(both[0]) == pytest.approx(min(roots), rel=1e-12)


def test_independence_where_gamma_is_zero() -> None:
    x = column([0.2, 0.01, 0.7, 0.4])
    law = bundle_law(x, torch.zeros(6, 1, dtype=torch.float64))
    assert float(law[-1, 0]) == pytest.approx(float(x.prod()), rel=1e-9)


@settings(max_examples=60)
@given(st.lists(MARGINAL, min_size=3, max_size=4), st.lists(GAMMA, min_size=6, max_size=6))
def test_fitting_keeps_marginals_and_interactions(marginals: list[float], gammas: list[float]) -> None:
    size = len(marginals)
    pairs = list(combinations(range(size), 2))
    law = bundle_law(column(marginals), column(gammas[: len(pairs)]))
    assert float(law.sum()) == pytest.approx(1.0, abs=1e-12)
    assert marginals_of(law, size)[:, 0].numpy() == pytest.approx(marginals, rel=1e-7)
    for gamma, pair in zip(gammas, pairs, strict=False):
        assert log_linear(law, pair) == pytest.approx(gamma, abs=1e-5)
    for triple in combinations(range(size), 3):
        assert log_linear(law, triple) == pytest.approx(0.0, abs=1e-5)


def test_fitting_finds_the_law_that_made_the_marginals() -> None:
    """Start from weights a_i and gammas, enumerate, hand over marginals and gammas only, get the law back."""
    rng = np.random.default_rng(4)
    for size in (3, 4):
        pairs = list(combinations(range(size), 2))
        weight, gammas = rng.normal(-2.0, 1.5, size), rng.uniform(-4.0, 4.0, len(pairs))
        inside = [[mask >> k & 1 for k in range(size)] for mask in range(1 << size)]
        score = [
            sum(w for w, has in zip(weight, row, strict=True) if has)
            + sum(g for g, (i, j) in zip(gammas, pairs, strict=True) if row[i] and row[j])
            for row in inside
        ]
        truth = np.exp(score) / np.exp(score).sum()
        marginals = np.array(inside).T @ truth
        law = bundle_law(column(list(marginals)), column(list(gammas)))
        assert law[:, 0].numpy() == pytest.approx(truth, rel=1e-6)


def test_rows_do_not_disturb_each_other_and_shapes_broadcast() -> None:
    rng = np.random.default_rng(5)
    x = torch.as_tensor(np.exp(rng.uniform(-20.0, -0.02, (4, 30, 50))))
    gammas = torch.as_tensor(rng.uniform(-4.0, 4.0, (6, 30, 1)))
    law = bundle_law(x, gammas)
    assert law.shape == (16, 30, 50)
    alone = bundle_law(x[:, 7:8, 11], gammas[:, 7:8, 0])
    assert law[:, 7, 11].numpy() == pytest.approx(alone[:, 0].numpy(), rel=1e-6)


def test_twelve_items_of_three_offers() -> None:
    rng = np.random.default_rng(6)
    x = torch.as_tensor(rng.uniform(0.01, 0.3, (12, 2)))
    law = bundle_law(x, torch.as_tensor(rng.normal(0.3, 0.3, (66, 1))))
    assert marginals_of(law, 12).numpy() == pytest.approx(x.numpy(), rel=1e-7)


def test_the_week_adds_the_chance_of_no_visit() -> None:
    q, visit = column([0.2, 0.3]), torch.tensor([0.5], dtype=torch.float64)
    law = week_law(q, visit, column([1.0]))
    assert float(law.sum()) == pytest.approx(1.0)
    assert marginals_of(law, 2)[:, 0].numpy() == pytest.approx([0.2, 0.3])
    assert float(law[0, 0]) > 0.5
    assert float(law[3, 0]) > 0.2 * 0.3 / 0.5  # a visit in common ties items together even before gamma does


def test_certain_given_a_visit_is_kept_below_one() -> None:
    chance = conditional_marginals(torch.tensor([0.4, 0.0]), torch.tensor([0.4, 0.4]))
    assert float(chance[0]) == pytest.approx(MAX_CONDITIONAL)
    assert float(chance[1]) > 0.0


def test_gamma_of_a_triple_is_conditional_on_the_third_item() -> None:
    """In a layer of the third item the log odds ratio is gamma; summed over that item it is not."""
    law = bundle_law(column([0.3, 0.3, 0.3]), column([0.0, 2.0, 2.0]))
    for third in (0, 4):
        layer = law[third : third + 4, 0].log()
        assert float(layer[0] + layer[3] - layer[1] - layer[2]) == pytest.approx(0.0, abs=1e-7)
    assert float(collapsed_log_odds(law, 0, 1)[0]) > 0.5
    assert float(collapsed_log_odds(bundle_law(column([0.3, 0.3]), column([2.0])), 0, 1)[0]) == pytest.approx(2.0)
