"""The what-if as a page: the frontier as a chart and one line per scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bundleopt.report import curves, formats
from bundleopt.report.page import environment

if TYPE_CHECKING:
    from bundleopt.scenarios.outcome import ScenarioOutcome
    from bundleopt.verbs.whatif import WhatIfResult

HEAD = ("revenue", "change", "margin", "change", "spend", "gap", "bundles", "customers", "1 of budget is worth")


def whatif_page(result: WhatIfResult, *, currency: str = "") -> str:
    """Return one self-contained HTML page."""
    rows = [row(one, result) for one in (result.base, *result.outcomes)]
    rows[0]["label"] = "base"
    return (
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
    )
    return {
        "label": one.scenario.label,
        "figures": figures,
        "binding": ", ".join(one.binding[:4]) + (", ..." if len(one.binding) > 4 else ""),
        "conflict": "" if one.is_feasible else ", ".join(one.conflict) or one.detail,
    }


def frontier(result: WhatIfResult) -> Any:
    """Draw revenue, its bound, margin and spend over the scenarios in their order; None below two plans."""
    plans = [one for one in result.outcomes if one.is_feasible]
    if len(plans) < 2:
        return None
    series = [
        curves.Line("incremental revenue", _points(plans, "incremental_revenue"), "gain"),
        curves.Line("incremental margin", _points(plans, "incremental_margin"), "total"),
        curves.Line("promo spend", _points(plans, "promo_spend"), "loss", dashed=True),
    ]
    labels = [_short(one.scenario.label) for one in plans]
    return curves.lines(series, title="Money over the scenarios", labels=labels, names=("", "money"))


def _points(plans: list[ScenarioOutcome], name: str) -> list[tuple[float, float]]:
    return [(float(place), float(getattr(one, name))) for place, one in enumerate(plans)]


def _short(label: str) -> str:
    """The values alone: the axis has no room for names."""
    parts = [part.rpartition(" ")[2] for part in label.split(", ")]
    return " / ".join(parts)[:14]


def _base(one: ScenarioOutcome) -> str:
    if not one.is_feasible:
        return "no plan keeps its rules"
    revenue, margin = formats.money(one.incremental_revenue), formats.money(one.incremental_margin)
    return f"{revenue} of incremental revenue, {margin} of margin"
