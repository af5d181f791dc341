"""The what-if as a page: the frontier as a chart and one line per scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bundleopt import quantities
from bundleopt.report import curves, formats
from bundleopt.report.page import environment

_WORTH = ("1 more of the budget is worth", "1 more slot is worth", "1 more of stock is worth")

if TYPE_CHECKING:
    from bundleopt.scenarios.outcome import ScenarioOutcome
    from bundleopt.verbs.whatif import WhatIfResult

HEAD = ("revenue", "change", "margin", "change", "spend", "gap", "bundles", "customers", *_WORTH)


def whatif_page(result: WhatIfResult, *, currency: str = "") -> str:
    """Return one self-contained HTML page."""
    rows = [row(one, result) for one in (result.base, *result.outcomes)]
    rows[0]["label"] = "base"
    return str(
        environment()
        .get_template("whatif.html.j2")
        .render(
            week=result.week,
            objective=result.objective,
            currency=currency,
            head=HEAD,
            rows=rows,
            base=_base(result.base),
            chart=frontier(result),
            worth=worth_of_budget(result),
        )
    )


def row(one: ScenarioOutcome, result: WhatIfResult) -> dict[str, Any]:
    """Return one scenario as texts: label, figures in the order of HEAD, binding rules, conflict."""
    change = result.change(one) or {}
    figures = (
        formats.money(one.incremental_revenue),
        formats.signed_money(change.get("incremental_revenue")),
        formats.money(one.incremental_margin),
        formats.signed_money(change.get("incremental_margin")),
        formats.money(one.promo_spend),
        formats.fine_share(one.gap),
        formats.count(one.bundles),
        formats.count(one.customers),
        formats.money(one.shadow_prices.get("budget")),
        formats.money(one.shadow_prices.get("slots")),
        _stock_worth(one),
    )
    return {
        "label": one.scenario.label,
        "figures": figures,
        "binding": ", ".join(one.binding[:4]) + (", ..." if len(one.binding) > 4 else ""),
        "conflict": "" if one.is_feasible else ", ".join(one.conflict) or one.detail,
    }


def frontier(result: WhatIfResult) -> Any:
    """Draw revenue, margin and spend over a swept budget, else over the scenarios in their order.

    None below two plans.
    """
    plans = [one for one in result.outcomes if one.is_feasible]
    if len(plans) < 2:
        return None
    places = _budgets(plans) or [float(place) for place in range(len(plans))]
    series = [
        curves.Line("revenue", _points(plans, places, "incremental_revenue"), "gain"),
        curves.Line("margin", _points(plans, places, "incremental_margin"), "total"),
        curves.Line("promo spend", _points(plans, places, "promo_spend"), "loss", dashed=True),
    ]
    if _budgets(plans):
        return curves.xy_lines(series, title="Money over the budget", names=("budget", "incremental money"))
    labels = [_short(one.scenario.label) for one in plans]
    return curves.lines(series, title="Money over the scenarios", labels=labels, names=("", "incremental money"))


def worth_of_budget(result: WhatIfResult) -> Any:
    """Draw what one more unit of a swept budget is worth; None where no budget is swept."""
    plans = [one for one in result.outcomes if one.is_feasible]
    budgets = _budgets(plans) if len(plans) > 1 else None
    if not budgets:
        return None
    points = [(x, one.shadow_prices.get("budget", 0.0)) for x, one in zip(budgets, plans, strict=True)]
    line = curves.Line("worth of one more", points)
    return curves.xy_lines([line], title="What one more of the budget is worth", names=("budget", "money"))


def _budgets(plans: list[ScenarioOutcome]) -> list[float] | None:
    """The budgets, ascending, where the plans differ in nothing else."""
    if any(set(dict(one.scenario.settings)) != {"budget"} or one.scenario.shocks for one in plans):
        return None
    budgets = [quantities.parse_money(dict(one.scenario.settings)["budget"]) for one in plans]
    return budgets if budgets == sorted(set(budgets)) else None


def _stock_worth(one: ScenarioOutcome) -> str:
    """The item of which one more unit is worth most."""
    priced = {name: price for name, price in one.shadow_prices.items() if name.startswith("stock")}
    if not priced:
        return formats.money(None)
    name = max(priced, key=lambda stock: (priced[stock], stock))
    return f"{formats.money(priced[name])} ({name.partition(':')[2] or name})"


def _points(plans: list[ScenarioOutcome], places: list[float], name: str) -> list[tuple[float, float]]:
    return [(place, float(getattr(one, name))) for place, one in zip(places, plans, strict=True)]


def _short(label: str) -> str:
    """The values alone: the axis has no room for names."""
    parts = [part.rpartition(" ")[2] for part in label.split(", ")]
    return " / ".join(parts)[:14]


def _base(one: ScenarioOutcome) -> str:
    if not one.is_feasible:
        return "no plan keeps its rules"
    revenue, margin = formats.money(one.incremental_revenue), formats.money(one.incremental_margin)
    return f"{revenue} of incremental revenue, {margin} of margin"
