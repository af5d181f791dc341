from __future__ import annotations

import numpy as np
import pytest
import torch

from bundleopt_models.forecast import PairRelations
from bundleopt_models.joint_law import bundle_law
from bundleopt_models.outside import conditional_shift, outside_effect


def relations(pairs: dict[tuple[int, int], float], background: float = 0.0) -> PairRelations:
    keys = np.array(sorted(pairs), np.int32).reshape(-1, 2)
    gamma = np.array([pairs[tuple(key)] for key in keys], np.float32)
    return PairRelations(keys[:, 0], keys[:, 1], gamma, np.full(len(keys), 0.1, np.float32), background)


def test_shift_is_the_difference_of_conditionals() -> None:
    x, y, gamma = (torch.tensor([value], dtype=torch.float64) for value in (0.2, 0.5, 1.3))
    law = bundle_law(torch.stack([x, y]), gamma[None])
    forth, back = conditional_shift(x, y, gamma)
    assert float(forth) == pytest.approx(float(law[3] / x - law[2] / (1 - x)), rel=1e-12)
    assert float(back) == pytest.approx(float(law[3] / y - law[1] / (1 - y)), rel=1e-12)


def test_rare_items_reach_the_limit() -> None:
    x = torch.tensor([1e-7], dtype=torch.float64)
    forth, _ = conditional_shift(x, x, torch.tensor([1.5], dtype=torch.float64))
    assert float(forth) == pytest.approx(1e-7 * np.expm1(1.5), rel=1e-5)


def test_sums_over_all_neighbours_in_both_directions() -> None:
    conditional = torch.full((4, 2), 0.1, dtype=torch.float64)
    money = torch.tensor([[1.0, 2.0, 4.0, 8.0], [0.5, 1.0, 2.0, 4.0]], dtype=torch.float64)
    effect = outside_effect(conditional, np.array([1, 3]), relations({(0, 1): 1.0, (1, 2): -1.0}), money)
    one = torch.tensor([0.1], dtype=torch.float64)
    up = float(conditional_shift(one, one, torch.tensor([1.0], dtype=torch.float64))[0])
    down = float(conditional_shift(one, one, torch.tensor([-1.0], dtype=torch.float64))[0])
    assert effect.revenue[0].numpy() == pytest.approx([up * 1.0 + down * 4.0] * 2)
    assert effect.margin[0].numpy() == pytest.approx([up * 0.5 + down * 2.0] * 2)
    assert effect.revenue[1].numpy() == pytest.approx([0.0, 0.0])


def test_the_background_moves_nothing() -> None:
    conditional = torch.full((2, 1), 0.1, dtype=torch.float64)
    effect = outside_effect(
        conditional, np.array([0]), relations({(0, 1): 0.5}, background=0.5), torch.ones(2, 2, dtype=torch.float64)
    )
    assert effect.revenue.abs().max() == pytest.approx(0.0, abs=1e-12)


def test_a_unit_moves_at_most_one_unit_each_way() -> None:
    conditional = torch.full((30, 1), 0.5, dtype=torch.float64)
    pairs = {(0, k): 3.0 for k in range(1, 15)} | {(0, k): -3.0 for k in range(15, 30)}
    effect = outside_effect(conditional, np.array([0]), relations(pairs), torch.ones(2, 30, dtype=torch.float64))
    assert float(effect.scale_up[0, 0]) < 1.0
    assert float(effect.scale_down[0, 0]) < 1.0
    assert float(effect.revenue[0, 0]) == pytest.approx(0.0, abs=1e-9)  # one up, one down, at the same price
