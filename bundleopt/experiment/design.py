"""The experiment inside a plan: who is held out, what they would have been offered, which prices were drawn.

Letters: `U` customers, `H` would-be offers, `O` options.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

    from bundleopt.experiment.holdout import Holdout
    from bundleopt.plan.valued_plan import ValuedPlan

Codes = npt.NDArray[np.int32]

EXPERIMENT_COLUMNS = ("customer_id", "holdout", "stratum", "visit_probability", "expected_spend", "earlier_spend")


def _nobody() -> Codes:
    return np.zeros(0, dtype=np.int32)


@dataclass(frozen=True)
class Experiment:
    """What is random in a plan; nothing by default.

    Attributes:
        holdout: the control group, None where there is none.
        customer, option: (H,) the offers that held-out customers would have got.
        price_chance: option -> chance with which its price was drawn for its bundle; options that are not listed were
            chosen for sure.
        facts: (U,) columns of the table of customers that feedback reads: visit_probability, expected_spend,
            earlier_spend (mean weekly spend of the weeks before).
        document: what `plan.json` says.
    """

    holdout: Holdout | None = None
    customer: Codes = field(default_factory=_nobody)
    option: Codes = field(default_factory=_nobody)
    price_chance: dict[int, float] = field(default_factory=dict)
    facts: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)

    def propensity(self, option: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
        """(n,) chance, when the experiment was drawn, that offers of these options are shown at their prices."""
        shown = 1.0 if self.holdout is None else self.holdout.shown_chance
        return np.array([shown * self.price_chance.get(int(one), 1.0) for one in option], dtype=np.float64)


def all_offers(valued: ValuedPlan) -> tuple[Codes, Codes, npt.NDArray[np.bool_]]:
    """Customers, options and holdout flags of all rows of `offers`: by customer, then bundle; the shelf left out."""
    shown, experiment = valued.is_shown, valued.experiment
    customer = np.concatenate([valued.customer[shown], experiment.customer])
    option = np.concatenate([valued.option[shown], experiment.option])
    held = np.arange(len(customer)) >= int(shown.sum())
    order = np.lexsort((option, customer)) if held.any() else np.arange(len(customer))
    return customer[order], option[order], held[order]


def experiment_table(valued: ValuedPlan) -> pd.DataFrame | None:
    """Return one row per customer of the forecast: the arm and what was known before the draw; None without one."""
    import pandas as pd

    experiment = valued.experiment
    if experiment.holdout is None:
        return None
    columns = {
        "customer_id": valued.problem.customer_ids,
        "holdout": experiment.holdout.held,
        "stratum": experiment.holdout.stratum,
    }
    return pd.DataFrame(columns | experiment.facts, columns=list(EXPERIMENT_COLUMNS))
