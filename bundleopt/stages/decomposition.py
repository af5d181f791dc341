"""Where a plan's incremental money comes from, and whether several offers to one customer add up."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bundleopt.plan import cents
from bundleopt.plan.valued_plan import ValuedPlan
from bundleopt.report import formats
from bundleopt.stages import public
from bundleopt_models.offer_values import DECOMPOSITION

if TYPE_CHECKING:
    from bundleopt.config import SolveConfig
    from bundleopt.prepared import Prepared
    from bundleopt_models.decomposition import Decomposition

Array = npt.NDArray[np.float64]

# Customers whose offers are enumerated together: enough for a share with one digit, done in a second.
ADDITIVITY_SAMPLE = 100


def decompose_plan(prepared: Prepared, valued: ValuedPlan, settings: SolveConfig) -> Decomposition:
    """Split every offer's incremental revenue and margin into the rows of the waterfall."""
    from bundleopt_models.decomposition import Decomposition, Offers, decompose

    if valued.problem.shelf:
        return public.decompose_public(prepared, valued, settings)
    if not len(valued.option):
        nothing = np.zeros((0, len(DECOMPOSITION)))
        return Decomposition(nothing, nothing)
    return decompose(
        prepared.week.forecast,
        prepared.week.campaign,
        prepared.table,
        Offers(valued.customer.astype(np.int64), valued.option.astype(np.int64)),
        reach=settings.reach,
        salience=settings.salience,
    )


def waterfall(rows: Array, total: Array) -> dict[str, float]:
    """Return the (F, 6) rows of a plan summed, in cents that add up to the published total of (F,) `total`."""
    amounts = np.array([math.fsum(rows[:, number]) for number in range(len(DECOMPOSITION))])
    in_cents = cents.rows_in_cents(amounts, cents.total_in_cents(total))
    return {name: int(row) / 100 for name, row in zip(DECOMPOSITION, in_cents, strict=True)}


def cannibalised(parts: Decomposition) -> Array:
    """(F,) revenue at shelf price that each offer replaces, money, at least 0."""
    replaced: Array = np.maximum(-parts.revenue[:, DECOMPOSITION.index("cannibalised")], 0.0)
    return replaced


def additivity(prepared: Prepared, valued: ValuedPlan, settings: SolveConfig) -> dict[str, Any]:
    """Return the sum of offer values beside their joint value on a sample of customers; {} where none has several."""
    from bundleopt_models.additivity import measure_additivity
    from bundleopt_models.decomposition import Offers

    shown = valued.is_shown
    if not shown.any():
        return {}
    measured = measure_additivity(
        prepared.week.forecast,
        prepared.week.campaign,
        prepared.table,
        Offers(valued.customer[shown].astype(np.int64), valued.option[shown].astype(np.int64)),
        salience=settings.salience,
        sample=ADDITIVITY_SAMPLE,
    )
    if not measured.customers:
        return {}
    added, together = measured.additive.tolist(), measured.joint.tolist()
    return {
        "customers": measured.customers,
        "revenue_added_up": round(added[0], 4),
        "revenue_together": round(together[0], 4),
        "margin_added_up": round(added[1], 4),
        "margin_together": round(together[1], 4),
        "sentence": _additivity_sentence(measured.customers, added, together),
    }


def _additivity_sentence(customers: int, added: list[float], together: list[float]) -> str:
    share = f", {formats.share(added[0] / together[0])} of it" if together[0] > 0 else ""
    return (
        "The plan adds up what each offer to a customer would bring alone. "
        f"For a sample of {formats.count(customers)} customers with several offers, all valued together bring "
        f"{formats.money(together[0])} of incremental revenue and {formats.money(together[1])} of margin on the items "
        "offered; "
        f"the sum is {formats.money(added[0])} of revenue{share}, and {formats.money(added[1])} of margin."
    )
