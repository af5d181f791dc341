"""What if: the week planned again at every point of a sweep, beside the base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bundleopt.replan import with_settings
from bundleopt.scenarios.grid import Scenario, scenarios, values_of
from bundleopt.session import Progress, open_session
from bundleopt.stages import optimise
from bundleopt.stages.model import ensure_model
from bundleopt.stages.week import refuse_unknown_shocks
from bundleopt.workspace_lock import hold

if TYPE_CHECKING:
    import pandas as pd

    from bundleopt.scenarios.outcome import ScenarioOutcome


@dataclass(frozen=True)
class WhatIfResult:
    """The base plan and every scenario, in the order of the sweep.

    Attributes:
        base: the plan with the workspace's settings, in the world as it is.
        outcomes: one a scenario. objective: what was maximised. week: the Monday.
    """

    base: ScenarioOutcome
    outcomes: tuple[ScenarioOutcome, ...]
    objective: str
    week: str

    def document(self) -> dict[str, Any]:
        """Return all lines as JSON."""
        return {
            "week": self.week,
            "objective": self.objective,
            "base": self.base.document(),
            "scenarios": [one.document() | {"change": self.change(one)} for one in self.outcomes],
        }

    def change(self, one: ScenarioOutcome) -> dict[str, float] | None:
        """Return a scenario's figures less the base's, money; None where either has no plan."""
        names = ("incremental_revenue", "incremental_margin", "promo_spend")
        if not one.is_feasible or not self.base.is_feasible:
            return None
        return {name: round(getattr(one, name) - getattr(self.base, name), 2) for name in names}

    def frame(self) -> pd.DataFrame:
        """Return the scenarios as a table, one row each."""
        import pandas as pd

        rows = []
        for one in self.outcomes:
            figures = {
                name: value
                for name, value in vars(one).items()
                if name not in {"scenario", "shadow_prices", "binding", "conflict"}
            }
            row = {
                "scenario": one.scenario.label,
                **dict(one.scenario.settings),
                "shocks": "; ".join(one.scenario.shocks),
            }
            row |= figures | {"binding": "; ".join(one.binding), "conflict": "; ".join(one.conflict)}
            row |= {
                "budget_shadow_price": one.shadow_prices.get("budget"),
                "slot_shadow_price": one.shadow_prices.get("slots"),
            }
            stock = {name: price for name, price in one.shadow_prices.items() if name.startswith("stock")}
            row["stock_shadow_prices"] = "; ".join(f"{name}={price:.4f}" for name, price in sorted(stock.items()))
            rows.append(row)
        return pd.DataFrame(rows)


def whatif(
    workspace: Path | str | None = None,
    *,
    sweeps: Mapping[str, str] | None = None,
    shocks: Sequence[str] = (),
    wait: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
    **settings: Any,
) -> WhatIfResult:
    """Plan the week at every combination of swept settings, with and without the shocks.

    Args:
        workspace: its folder; None finds it.
        sweeps: `[solve]` key -> `5000:50000:5000` or `0.2,0.25`; a single value is a setting of all, the base included.
        shocks: changes of the world that act together, for example `price:YOGURT=+5%`.
        wait: wait for another run in the workspace instead of raising.
        workers: plans solved side by side; None means one a core.
        progress: told (what is being done, share done).
        **settings: `[solve]` keys of every scenario, the base included.

    Raises:
        UsageError: a sweep or a shock makes no sense.
    """
    from bundleopt.scenarios.sweep import sweep

    swept, fixed = _swept_and_fixed(sweeps or {})
    session = open_session(workspace, flags=fixed | settings, progress=progress)
    optimise.refuse_unknown_solver(session.config.solve.solver)
    points = scenarios(swept, shocks)
    for point in points:  # refused before minutes go into the others
        with_settings(session, point.changes())
    with hold(session.workspace, wait=wait):
        if shocks:
            refuse_unknown_shocks(session, ensure_model(session), shocks)
        base = Scenario(())
        found = sweep(session, [base, *(point for point in points if point != base)], workers=workers)
    outcomes = found[1:] if base not in points or len(points) > 1 else found
    return WhatIfResult(
        base=found[0],
        outcomes=tuple(outcomes),
        objective=str(session.config.solve.objective.value),
        week=(session.config.solve.week or session.dataset.default_week()).isoformat(),
    )


def _swept_and_fixed(sweeps: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Tell keys with several values from those with one: a rule that never moves belongs to the base as well."""
    values = {name: values_of(name, text) for name, text in sweeps.items()}
    swept = {name: sweeps[name] for name, found in values.items() if len(found) > 1}
    return swept, {name: found[0] for name, found in values.items() if len(found) == 1}
