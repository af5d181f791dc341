"""The content of `plan.json`: everything about a plan that is not a table."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from bundleopt.plan.totals import Total
from bundleopt.plan.valued_plan import ValuedPlan
from bundleopt_solvers.plan import CampaignPlan, Certificate, RuleReport, StopReason

FORMAT = 1


@dataclass(frozen=True)
class MarginNeutralPlan:
    """The best plan that does not lose margin, stated where the plan's own incremental margin falls. Money."""

    incremental_revenue: float
    incremental_margin: float
    promo_spend: float
    bundles: int
    offers: int
    bound: float

    def document(self) -> dict[str, Any]:
        """Return the entry of `plan.json`."""
        return dict(vars(self))


@dataclass(frozen=True)
class PlanFacts:
    """What the stages know of a plan beside its arrays.

    Attributes:
        totals, decomposition, margin_decomposition: by name, money where they are money.
        margin_neutral: see MarginNeutralPlan; None where the margin does not fall.
        assumptions: sentences. warnings: sentences. excluded: stock-outs and other items left out, by reason.
        included: bundles that had to be on the menu, with the reason; `stands_in` where an item was asked for.
        config: key -> value. config_sources: key -> where it came from. inputs: name -> sha256.
        versions, seeds, seconds: by name. model: what the forecast came from.
        break_even: rows for an empty plan, see `bundleopt.stages.break_even`.
        additivity: how far several offers to one customer are from adding up, measured on a sample.
        selection: what choosing the best of many uncertain candidates may have added, see `bundleopt.stages.draws`.
        segments: groups of customers, see `bundleopt.plan.customers`.
        model_quality: the last evaluation on this data, None where there is none.
        related_pairs: the strongest complements and substitutes, see `bundleopt.plan.relations`.
        targets: what was found before planning: a least budget, the first of two objectives.
        offer_response: what earlier campaigns taught of the answer to offers, as this plan uses it.
        price_response: every bundle at its other prices, see `bundleopt.plan.price_response`.
        recent_weeks: sales before the campaign beside the forecast, see `bundleopt.stages.recent_weeks`.
        frontier: what other budgets would bring, see `bundleopt.scenarios.frontier`.
        pareto: plans of revenue against margin, see `bundleopt.scenarios.pareto`.
    """

    totals: dict[str, Total]
    decomposition: dict[str, float]
    margin_decomposition: dict[str, float]
    objective: str
    gap_asked: float
    margin_neutral: MarginNeutralPlan | None
    assumptions: tuple[str, ...]
    warnings: tuple[str, ...]
    excluded: dict[str, list[str]]
    included: list[dict[str, Any]]
    config: dict[str, Any]
    config_sources: dict[str, str]
    inputs: dict[str, str]
    versions: dict[str, str]
    seeds: dict[str, int]
    seconds: dict[str, float]
    model: dict[str, Any]
    break_even: list[dict[str, Any]]
    additivity: dict[str, Any]
    data_findings: list[dict[str, Any]]
    selection: dict[str, Any] = field(default_factory=dict)
    segments: list[dict[str, Any]] = field(default_factory=list)
    model_quality: dict[str, Any] | None = None
    related_pairs: list[dict[str, Any]] = field(default_factory=list)
    targets: dict[str, Any] = field(default_factory=dict)
    price_response: list[dict[str, Any]] = field(default_factory=list)
    recent_weeks: dict[str, Any] = field(default_factory=dict)
    frontier: list[dict[str, Any]] = field(default_factory=list)
    offer_response: dict[str, Any] = field(default_factory=dict)
    pareto: list[dict[str, Any]] = field(default_factory=list)


def plan_document(valued: ValuedPlan, facts: PlanFacts) -> dict[str, Any]:
    """Return the plan as a JSON document: plain values only, no NaN, no infinity."""
    plan = valued.plan
    headline = plan.headline
    document = {
        "format": FORMAT,
        "status": status_of(plan.reason, headline, facts.gap_asked),
        "stop_reason": plan.reason.value,
        "week": valued.campaign.week.isoformat(),
        "objective": {"name": facts.objective, "value": headline.value},
        "bound": headline.bound,
        "gap": headline.gap,
        "gap_asked": facts.gap_asked,
        "family": headline.family,
        "certificates": {name: certificate_document(one) for name, one in plan.certificates.items()},
        "totals": {name: total.document() for name, total in facts.totals.items()},
        "decomposition": facts.decomposition,
        "margin_decomposition": facts.margin_decomposition,
        "margin_neutral_plan": facts.margin_neutral.document() if facts.margin_neutral else None,
        "rules": [rule_document(rule) for rule in plan.rules],
        "menu": {"bundles": len(plan.menu), "offers": int(valued.is_shown.sum())},
        "assumptions": list(facts.assumptions),
        "warnings": list(facts.warnings),
        "excluded_items": facts.excluded,
        "included_bundles": facts.included,
        "targets": facts.targets,
        "experiment": valued.experiment.document,
        "offer_response": facts.offer_response,
        "additivity": facts.additivity,
        "selection": facts.selection,
        "segments": facts.segments,
        "break_even": facts.break_even,
        "data_findings": facts.data_findings,
        "model": facts.model,
        "model_quality": facts.model_quality,
        "related_pairs": facts.related_pairs,
        "price_response": facts.price_response,
        "recent_weeks": facts.recent_weeks,
        "frontier": facts.frontier,
        "pareto": facts.pareto,
        "config": facts.config,
        "config_sources": facts.config_sources,
        "inputs": facts.inputs,
        "versions": facts.versions,
        "seeds": facts.seeds,
        "solver": _solver(plan),
        "seconds": facts.seconds,
    }
    return dict(plain(document))


def _solver(plan: CampaignPlan) -> dict[str, Any]:
    return {"name": plan.solver, "work": plan.work, "menu_work": plan.menu_work, "incidents": list(plan.incidents)}


def status_of(reason: StopReason, headline: Certificate, gap_asked: float) -> str:
    """Return `optimal` (proven within the asked gap), `interrupted` or `feasible`."""
    if headline.gap <= gap_asked:
        return "optimal"
    return "interrupted" if reason is StopReason.INTERRUPTED else "feasible"


def certificate_document(certificate: Certificate) -> dict[str, Any]:
    """Return value, bound, gap and the family of plans that the bound speaks of."""
    return {
        "value": certificate.value,
        "bound": certificate.bound,
        "gap": certificate.gap,
        "family": certificate.family,
    }


def rule_document(rule: RuleReport) -> dict[str, Any]:
    """Return one rule as it stands in the plan."""
    return dict(vars(rule))


def plain(value: Any) -> Any:
    """Turn numpy values into Python's, and what JSON cannot hold (NaN, infinity) into None."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if hasattr(value, "item") and not isinstance(value, str):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
