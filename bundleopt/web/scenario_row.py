"""One line of the list of scenarios."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bundleopt.report import formats
from bundleopt.web.scenarios import Scenario


@dataclass(frozen=True)
class ScenarioRow:
    """A plan in figures, as texts."""

    scenario: Scenario
    week: str
    rules: str
    revenue: str
    margin: str
    spend: str
    gap: str
    bundles: str
    approved_by: str


def scenario_row(scenario: Scenario) -> ScenarioRow:
    """Return the line of one plan."""
    row = scenario.run.row()
    return ScenarioRow(
        scenario=scenario,
        week=row["week"],
        rules=_rules(scenario.run.document["config"]),
        revenue=formats.money(row["incremental_revenue"]),
        margin=formats.money(row["incremental_margin"]),
        spend=formats.money(row["promo_spend"]),
        gap=formats.fine_share(row["gap"]),
        bundles=formats.count(row["bundles"]),
        approved_by=row["approved_by"] or "",
    )


def _rules(config: dict[str, Any]) -> str:
    """The rules that people turn most, in one line."""
    budget, floor = config.get("solve.budget"), config.get("solve.min_margin")
    low, high = (formats.share(config.get(f"solve.{end}_discount", 0)) for end in ("min", "max"))
    parts = [
        f"budget {formats.number(budget)}" if budget is not None else "no budget limit",
        f"{config.get('solve.objective', 'revenue')}",
        f"{low} to {high} off",
    ]
    parts += [f"margin floor {formats.share(floor)}"] if floor is not None else []
    parts += [
        f"{len(config[key])} {word}"
        for key, word in (("solve.lock", "kept"), ("solve.exclude", "banned"))
        if config.get(key)
    ]
    parts += [str(shock) for shock in config.get("solve.shocks", ())]
    return ", ".join(parts)
