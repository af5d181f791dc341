"""Recomputes what rests on draws of demand: the mean of the worst draws, the chance that spend stays in the budget."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pandas as pd

from bundleopt_solvers.checker_counts import Line, least
from bundleopt_solvers.checker_exact import decimal
from bundleopt_solvers.checker_findings import Findings
from bundleopt_solvers.checker_inputs import CheckLimits
from bundleopt_solvers.checker_menu import MenuBundle

DRAW_COLUMNS = ("bundle_id", "draw", "value", "redemption")
CLOSE = 1e-12  # of a chance, which is a sum of error functions and no fraction


def worst_mean(gain: dict[str, Fraction], draws: pd.DataFrame, share: float) -> Fraction:
    """Mean of the worst `share` of draws, exactly: the last of them counts in part.

    Args:
        gain: bundle id -> expected gain of its offers.
        draws: columns of DRAW_COLUMNS; a bundle's gain in a draw is its mean times `value`.
        share: of the draws, in (0, 1].
    """
    totals: dict[object, Fraction] = dict.fromkeys(draws["draw"].unique().tolist(), Fraction(0))
    for name, draw, factor in zip(draws["bundle_id"], draws["draw"], draws["value"], strict=True):
        if name in gain:
            totals[draw] += gain[name] * Fraction(float(factor))
    if not totals:
        return Fraction(0)
    left = whole = decimal(share) * len(totals)
    total = Fraction(0)
    for value in sorted(totals.values()):
        part = min(Fraction(1), left)
        total, left = total + part * value, left - part
    return total / whole


def chance_line(
    offers: pd.DataFrame, menu: dict[str, MenuBundle], draws: pd.DataFrame | None, limits: CheckLimits
) -> dict[str, Line]:
    """The chance that promo spend stays within the budget: in every draw a normal law of the redemptions."""
    if limits.budget_confidence is None or limits.budget is None or draws is None or not len(draws):
        return {}
    shown = offers[~offers["holdout"]]
    unit = np.array([float(menu[name].value.unit_spend) for name in shown["bundle_id"]])
    sold, names = shown["redemption_probability"].to_numpy(dtype=np.float64), shown["bundle_id"]
    total, count = 0.0, 0
    for _, part in draws.groupby("draw", sort=True):
        factor = names.map(dict(zip(part["bundle_id"], part["redemption"], strict=True))).to_numpy(dtype=np.float64)
        chance = np.minimum(sold * factor, 1.0)
        mean, spread = math.fsum(unit * chance), math.sqrt(math.fsum(unit * unit * chance * (1.0 - chance)))
        z = (
            (limits.budget - mean) / (spread * math.sqrt(2.0))
            if spread > 0
            else math.copysign(9.0, limits.budget - mean)
        )
        total, count = total + 0.5 * math.erfc(-z), count + 1
    return {"budget_confidence": least(decimal(limits.budget_confidence), Fraction(total / max(count, 1)))}


def check_draws(lines: dict[str, Line], draws: pd.DataFrame | None, limits: CheckLimits, findings: Findings) -> None:
    """Draws are there where a rule needs them, and the chance is as asked."""
    needed = limits.risk_share is not None or limits.budget_confidence is not None
    columns = set() if draws is None else set(draws.columns)
    if needed and not set(DRAW_COLUMNS) <= columns:
        findings.add("draws", limit=", ".join(DRAW_COLUMNS), value="missing")
    for name, line in lines.items():
        findings.require(float(line.slack) >= -CLOSE, name, limit=float(line.limit), value=float(line.value))
