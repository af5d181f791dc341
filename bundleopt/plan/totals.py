"""The totals of a plan with their intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bundleopt.plan import intervals, plan_draws
from bundleopt.plan.intervals import Array, Interval
from bundleopt.plan.plan_draws import PlanDraws, Spread
from bundleopt.plan.valued_plan import ValuedPlan
from bundleopt_data import money

_NO_DRAWS = (
    "the plan has no offers, or redemption is public, or the demand model was trained without measuring its uncertainty"
)

MONEY_TOTALS = ("revenue", "incremental_revenue", "incremental_margin", "promo_spend")


@dataclass(frozen=True)
class Total:
    """One expected total and the interval of its outcome. Money is rounded to the cent, once.

    Attributes:
        name, value: expected. interval: of the outcome.
        expectation: interval of the expectation itself; None where the model gives no draws.
        held_out: mean over draws that the optimisation did not see; None likewise.
    """

    name: str
    value: float
    interval: Interval
    expectation: Interval | None = None
    held_out: float | None = None

    def document(self) -> dict[str, object]:
        """Return the entry of `plan.json`."""
        is_fixed = self.interval.low == self.interval.high
        return {
            "value": self.value,
            "low": self.interval.low,
            "high": self.interval.high,
            "level": self.interval.level,
            "interval_of": "outcome",
            "covers": "nothing random: a count of the plan" if is_fixed else self._covers(),
            "expectation": self._expectation(),
            "held_out_draws": self.held_out,
        }

    def _covers(self) -> str:
        return intervals.COVERS if self.expectation is None else plan_draws.OUTCOME_COVERS

    def _expectation(self) -> dict[str, object]:
        if self.expectation is None:
            return {"low": None, "high": None, "why_none": _NO_DRAWS}
        covers = plan_draws.EXPECTATION_COVERS
        return {"low": self.expectation.low, "high": self.expectation.high, "level": self.expectation.level,
                "covers": covers}  # fmt: skip


def all_totals(valued: ValuedPlan, *, level: float, draws: PlanDraws | None = None) -> dict[str, Total]:
    """Return revenue, incremental revenue and margin, redemptions, promo spend and customers reached, by name.

    Args:
        valued: the plan.
        level: of the intervals.
        draws: the plan on draws; without them intervals cover the sampling of redemptions only.
    """
    gain = valued.incremental_revenue
    totals = {
        "revenue": _random(valued, gain, level, offset=valued.baseline_revenue),
        "incremental_revenue": _random(valued, gain, level),
        "incremental_margin": _random(valued, valued.incremental_margin, level),
        "redemptions": _random(valued, valued.redemption, level),
        "promo_spend": _random(valued, valued.promo_spend, level),
    }
    reached = float(len(np.unique(valued.customer[valued.is_shown])))
    drawn = plan_draws.spreads(valued, draws, level=level) if draws is not None else {}
    named = {name: _published(name, *pair, spread=drawn.get(name)) for name, pair in totals.items()}
    return named | {"customers_reached": Total("customers_reached", reached, Interval(reached, reached, level))}


def _random(valued: ValuedPlan, expected: Array, level: float, *, offset: float = 0.0) -> tuple[float, Interval]:
    amount = intervals.amount_per_redemption(expected, valued.redemption)
    chance, amount = _single_redemptions(valued, amount)
    interval = intervals.outcome_interval(chance, amount, level=level, offset=offset)
    return math.fsum([*expected, offset]), interval


def _single_redemptions(valued: ValuedPlan, amount: Array) -> tuple[Array, Array]:
    """Chances of single redemptions and what each adds; the shelf's expected number is spread over all customers.

    Customers who are alike vary most in number (Hoeffding 1956, doi:10.1214/aoms/1177728178), so that the interval is
    rather too wide.
    """
    shown, customers = valued.is_shown, max(valued.problem.customers, 1)
    if shown.all():
        return valued.redemption, amount
    alike = np.repeat(valued.redemption[~shown] / customers, customers)
    chance = np.concatenate([valued.redemption[shown], np.minimum(alike, 1.0)])
    return chance, np.concatenate([amount[shown], np.repeat(amount[~shown], customers)])


def _published(name: str, value: float, interval: Interval, *, spread: Spread | None) -> Total:
    if spread is None:
        return Total(name, _cents(name, value), _interval_cents(name, interval))
    return Total(
        name,
        _cents(name, value),
        _interval_cents(name, spread.outcome),
        expectation=_interval_cents(name, spread.expectation),
        held_out=_cents(name, spread.mean),
    )


def _cents(name: str, value: float) -> float:
    return money.to_cents(value) / 100 if name in MONEY_TOTALS else value


def _interval_cents(name: str, interval: Interval) -> Interval:
    return Interval(_cents(name, interval.low), _cents(name, interval.high), interval.level)
