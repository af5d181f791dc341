"""The totals of a plan with their intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bundleopt.plan import intervals
from bundleopt.plan.intervals import Array, Interval
from bundleopt.plan.valued_plan import ValuedPlan
from bundleopt_data import money

MONEY_TOTALS = ("revenue", "incremental_revenue", "incremental_margin", "promo_spend")


@dataclass(frozen=True)
class Total:
    """One expected total and the interval of its outcome. Money is rounded to the cent, once."""

    name: str
    value: float
    interval: Interval

    def document(self) -> dict[str, object]:
        """Return the entry of `plan.json`."""
        is_fixed = self.interval.low == self.interval.high
        return {
            "value": self.value,
            "low": self.interval.low,
            "high": self.interval.high,
            "level": self.interval.level,
            "interval_of": "outcome",
            "covers": "nothing random: a count of the plan" if is_fixed else intervals.COVERS,
            "expectation": {"low": None, "high": None, "why_none": "the demand model gives no draws yet"},
        }


def all_totals(valued: ValuedPlan, *, level: float) -> dict[str, Total]:
    """Return revenue, incremental revenue and margin, redemptions, promo spend and customers reached, by name."""
    gain = valued.incremental_revenue
    totals = {
        "revenue": _random(valued, gain, level, offset=valued.baseline_revenue),
        "incremental_revenue": _random(valued, gain, level),
        "incremental_margin": _random(valued, valued.incremental_margin, level),
        "redemptions": _random(valued, valued.redemption, level),
        "promo_spend": _random(valued, valued.promo_spend, level),
    }
    reached = float(len(np.unique(valued.customer)))
    named = {name: _published(name, *pair) for name, pair in totals.items()}
    return named | {"customers_reached": Total("customers_reached", reached, Interval(reached, reached, level))}


def _random(valued: ValuedPlan, expected: Array, level: float, *, offset: float = 0.0) -> tuple[float, Interval]:
    amount = intervals.amount_per_redemption(expected, valued.redemption)
    interval = intervals.outcome_interval(valued.redemption, amount, level=level, offset=offset)
    return math.fsum([*expected, offset]), interval


def _published(name: str, value: float, interval: Interval) -> Total:
    if name not in MONEY_TOTALS:
        return Total(name, value, interval)
    low, high = (money.to_cents(bound) / 100 for bound in (interval.low, interval.high))
    return Total(name, money.to_cents(value) / 100, Interval(low, high, interval.level))
