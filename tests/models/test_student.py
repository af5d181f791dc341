from __future__ import annotations

import math

import pytest

from bundleopt_models.student import t_quantile

# Two-sided tables of Student's t.
TABLE = [(0.975, 1, 12.7062), (0.975, 2, 4.30265), (0.975, 3, 3.18245), (0.95, 5, 2.01505), (0.975, 5, 2.57058),
         (0.995, 5, 4.03214), (0.975, 10, 2.22814), (0.95, 30, 1.69726), (0.975, 120, 1.97993)]  # fmt: skip


@pytest.mark.parametrize(("chance", "freedom", "value"), TABLE)
def test_quantiles_are_those_of_the_tables(chance: float, freedom: float, value: float) -> None:
    assert t_quantile(chance, freedom) == pytest.approx(value, rel=2e-4)
    assert t_quantile(1 - chance, freedom) == pytest.approx(-value, rel=2e-4)


def test_much_data_gives_the_normal() -> None:
    assert t_quantile(0.975, math.inf) == pytest.approx(1.959964, abs=1e-6)
    assert t_quantile(0.975, 1e7) == pytest.approx(1.959964, abs=1e-4)
    assert t_quantile(0.5, 7) == 0.0
