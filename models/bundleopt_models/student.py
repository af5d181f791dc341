"""Quantiles of Student's t: intervals of means over few customers are wider than a normal says."""

from __future__ import annotations

import math
from statistics import NormalDist


def t_quantile(chance: float, freedom: float) -> float:
    """Return the quantile of Student's t; 1 and 2 degrees are exact, others Hill's expansion (error below 1e-4).

    Hill (1970), Algorithm 396, Communications of the ACM 13:619, doi:10.1145/355598.355600, in the asymptotic form.

    Args:
        chance: in (0, 1).
        freedom: degrees of freedom, at least 1; infinity gives the normal quantile.

    >>> round(t_quantile(0.975, 10), 3), round(t_quantile(0.975, math.inf), 3)
    (2.228, 1.96)
    """
    if chance == 0.5:
        return 0.0
    if chance < 0.5:
        return -t_quantile(1.0 - chance, freedom)
    if not math.isfinite(freedom):
        return NormalDist().inv_cdf(chance)
    if freedom < 3:
        return _few(chance, freedom)
    a = 1.0 / (freedom - 0.5)
    b = 48.0 / a**2
    c = ((20700.0 * a / b - 98.0) * a - 16.0) * a + 96.36
    d = ((94.5 / (b + c) - 3.0) / b + 1.0) * math.sqrt(a * math.pi / 2) * freedom
    x = d * 2.0 * (1.0 - chance)
    y = x ** (2.0 / freedom)
    if y > 0.05 + a:
        x = NormalDist().inv_cdf(chance)
        y = x * x
        c += 0.3 * (freedom - 4.5) * (-x + 0.6) if freedom < 5 else 0.0
        c = (((0.05 * d * x - 5.0) * x - 7.0) * x - 2.0) * x + b + c
        y = (((((0.4 * y + 6.3) * y + 36.0) * y + 94.5) / c - y - 3.0) / b + 1.0) * x
        y = math.expm1(a * y * y)
    else:
        y = _far(y, d, freedom)
    return math.sqrt(freedom * y)


def _far(y: float, d: float, freedom: float) -> float:
    """The branch of the far tail."""
    first = (1.0 / ((freedom + 6.0) / (freedom * y) - 0.089 * d - 0.822) / (freedom + 2.0) / 3.0 + 0.5) / (
        freedom + 4.0
    )
    return (first * y - 1.0) * (freedom + 1.0) / (freedom + 2.0) + 1.0 / y


def _few(chance: float, freedom: float) -> float:
    """One and two degrees in closed form, what lies between by the smaller one: the wider interval."""
    if freedom < 2:
        return math.tan(math.pi * (chance - 0.5))
    odds = 4.0 * chance * (1.0 - chance)
    return 2.0 * (chance - 0.5) * math.sqrt(2.0 / odds)
