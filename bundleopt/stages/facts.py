"""Everything that a plan says about itself beside its arrays."""

from __future__ import annotations

import platform
from importlib import metadata
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from bundleopt.campaign_results.learned import learned_digest, learned_sentence
from bundleopt.plan import totals
from bundleopt.plan.customers import segment_rows
from bundleopt.plan.document import MarginNeutralPlan, PlanFacts
from bundleopt.plan.price_response import price_responses
from bundleopt.plan.relations import strongest_pairs
from bundleopt.plan.valued_plan import ValuedPlan
from bundleopt.session import Session
from bundleopt.stages import draws, findings, model_quality, public, verify
from bundleopt.stages.break_even import break_even_rows
from bundleopt.stages.cold_start import cold_start_sentences
from bundleopt.stages.decomposition import additivity, waterfall
from bundleopt.stages.problem import needs_draws
from bundleopt.stages.recent_weeks import recent_weeks
from bundleopt.stages.stopwatch import Stopwatch
from bundleopt.stages.week import PlannedWeek

if TYPE_CHECKING:
    from bundleopt.prepared import Prepared
    from bundleopt_models.decomposition import Decomposition
    from bundleopt_models.uncertainty import Uncertainty

_LIBRARIES = ("bundleopt", "torch", "ortools", "pulp", "numpy", "pandas", "pyarrow", "duckdb")

RISK_NEUTRAL = (
    "The segment model (certificates.menu, --write-model) is risk-neutral: it knows mean demand and expected spend; "
    "risk and budget confidence are in the plan and in its own bound."
)


def gather_facts(
    session: Session,
    prepared: Prepared,
    valued: ValuedPlan,
    *,
    parts: Decomposition,
    neutral: MarginNeutralPlan | None,
    seconds: Stopwatch,
) -> PlanFacts:
    """Collect totals, decomposition, assumptions, settings, inputs and versions."""
    settings = session.config.solve
    # Doing nothing is a finding only where it is the best plan, not where time ran out.
    is_empty = not len(valued.plan.offer_customer) and valued.plan.headline.gap <= settings.gap
    rows = session.resolved.rows()
    return PlanFacts(
        totals=totals.all_totals(
            valued, level=settings.interval_level, draws=draws.plan_draws(prepared, valued, settings)
        ),
        decomposition=waterfall(parts.revenue, valued.incremental_revenue),
        margin_decomposition=waterfall(parts.margin, valued.incremental_margin),
        objective=settings.objective.value,
        gap_asked=settings.gap,
        margin_neutral=neutral,
        assumptions=assumptions(session, prepared),
        warnings=(*warnings(session, prepared), *cold_start_sentences(valued)),
        excluded=prepared.choice.excluded,
        included=included(prepared, valued),
        targets=prepared.targets,
        config=config_values(session),
        config_sources={key: source for key, _, source in rows},
        inputs=inputs(session, prepared, valued),
        versions=versions(),
        seeds={"solve": settings.seed, "training": session.config.model.seed},
        seconds=seconds.all_seconds(),
        model=model_facts(prepared),
        break_even=break_even_rows(prepared.week, prepared.choice, prepared.found, settings) if is_empty else [],
        additivity=additivity(prepared, valued, settings),
        selection=draws.selection_facts(prepared, valued, settings),
        segments=segment_rows(valued, prepared.week.groups) if prepared.week.groups is not None else [],
        data_findings=data_findings(session),
        model_quality=model_quality.read(session.workspace, session.dataset.input_hashes),
        related_pairs=strongest_pairs(prepared.week.forecast.relations, prepared.week.campaign),
        price_response=price_responses(valued, prepared.week.forecast.slope),
        recent_weeks=recent_weeks(prepared.trained.panel, valued),
        offer_response=prepared.week.learned,
    )


def assumptions(session: Session, prepared: Prepared) -> tuple[str, ...]:
    """Return what the figures rest on, each in a sentence."""
    assumed = session.config.assumptions
    campaign = prepared.week.campaign
    # What moves money most comes first: the terminal shows the first few.
    shocks = session.config.solve.shocks
    sentences = [f"This plan is a what-if: {', '.join(shocks)}."] if shocks else []
    sentences.extend(campaign.assumptions)
    if prepared.built.problem.shelf:
        sentences.extend(public.sentences(session.config.solve))
    else:
        sentences.append(interval_sentence(prepared.week.forecast.uncertainty))
    sentences.extend(pull_forward_sentences(prepared.week, assumed.pull_forward))
    sentences.append(shelf_sentence(prepared.week))
    if np.isfinite(prepared.week.stock.on_hand).any():
        sentences.append(safety_sentence(prepared.week.forecast.uncertainty, assumed.safety_deviations))
    if needs_draws(session.config.solve):
        sentences.append(RISK_NEUTRAL)
    if prepared.week.stores is not None:
        sentences.append(prepared.week.stores.sentence())
    settings = session.config.solve
    sentences.extend(prepared.inputs.eligibility.sentences())
    if settings.prior_price_days is not None:
        days = settings.prior_price_days
        sentences.append(f"Every bundle costs less than its items at their lowest weekly prices of {days} days before.")
    if prepared.inputs.base_name:
        sentences.append(f"Locks and churn speak of the earlier run {prepared.inputs.base_name}.")
    if prepared.found.sentence():
        sentences.append(prepared.found.sentence())
    if prepared.week.learned:
        sentences.append(learned_sentence(prepared.week.learned))
    if settings.reach == 1.0 and not prepared.built.problem.shelf:
        sentences.append("Every offer is seen (reach 1).")
    sentences.extend(session.dataset.assumptions)
    return tuple(dict.fromkeys(sentences))


def safety_sentence(uncertainty: Uncertainty | None, deviations: float) -> str:
    """Say what safety stock covers."""
    if uncertainty is None:
        return f"Safety stock is {deviations:g} standard deviations of Poisson demand."
    share = NormalDist().cdf(deviations)
    return f"Safety stock covers the week's demand with a chance of {share:.0%}, the forecast's uncertainty included."


def interval_sentence(uncertainty: Uncertainty | None) -> str:
    """Say what the intervals of the totals cover."""
    if uncertainty is None:
        return "Intervals cover the sampling of redemptions only, not the uncertainty of the demand model."
    return (
        "Intervals of expectations cover the demand model's parameters; intervals of outcomes also a shock that all "
        f"sales of a week share ({uncertainty.week:.0%}), shocks of single items "
        f"({float(np.median(uncertainty.item_week)):.0%}), and who happens to redeem."
    )


def pull_forward_sentences(week: PlannedWeek, assumed: float) -> list[str]:
    """Say which categories' borrowed sales the log shows, and what is charged for the others."""
    share, category = week.forecast.pull_forward.share, week.campaign.category
    unknown = np.isnan(share)
    measured = {str(name): float(share[place]) for place, name in enumerate(category) if not unknown[place]}
    sentences = []
    if unknown.any():
        sentences.append(
            f"Sales borrowed from later weeks are not identified for {int(unknown.sum()):,} items; "
            f"{assumed:.0%} of their induced sales is charged."
        )
    if measured:
        named = ", ".join(f"{name} {measured[name]:.0%}" for name in sorted(measured))
        count = f"{len(measured)} categor{'y' if len(measured) == 1 else 'ies'}"
        sentences.append(f"Sales borrowed from later weeks are measured in {count}: {named}.")
    return sentences


def shelf_sentence(week: PlannedWeek) -> str:
    """Say what offers take from the shelf around them, and whom they act on."""
    came = "Offers act on who comes; that they bring a visit is not counted."
    need = week.forecast.need
    if need is None:
        return (
            f"{came} Known substitutes alone are charged with lost sales: this model knows no others; train it again."
        )
    rivals = need > 0
    if not rivals.any():
        return f"{came} Items of one category were not seen to take sales from each other, known substitutes aside."
    names, place = np.unique(week.campaign.category[rivals].astype(str), return_index=True)
    share = need[rivals][place]
    strongest = ", ".join(f"{names[code]} {share[code]:.0%}" for code in np.argsort(-share, kind="stable")[:3])
    return (
        f"{came} In {len(names):,} of {len(set(week.campaign.category.astype(str))):,} categories promotions were seen "
        f"to take sales from the rest of the shelf; needs that end in a purchase, at most: {strongest}."
    )


def warnings(session: Session, prepared: Prepared) -> tuple[str, ...]:
    """Return what the reader should act on, each in a sentence."""
    found = []
    record = prepared.trained.record
    if record.fast:
        found.append(
            "The demand model is the quick one that solve trains by itself (train --fast); "
            "for the full one run: bundleopt train"
        )
    if record.inputs != session.dataset.input_hashes:
        found.append("The data changed since the model was trained; train it again with: bundleopt train")
    return tuple(found)


def included(prepared: Prepared, valued: ValuedPlan) -> list[dict[str, Any]]:
    """Return the bundles that had to be on the menu; for an item that was asked for, the one that brings most."""
    options, campaign = prepared.built.problem.options, prepared.week.campaign
    found = [(bundle, why, False) for bundle, why in sorted(prepared.built.forced.items())]
    worth = np.bincount(valued.option, valued.incremental_revenue, minlength=len(options.bundle))
    for item in prepared.choice.must_items:
        holding = [option for option in valued.plan.menu.tolist() if item in options.items[option]]
        if holding:
            best = max(holding, key=lambda option: (worth[option], -option))
            why = f"the best bundle of the plan with {campaign.item_ids[item]}, which was asked for by name"
            found.append((int(options.bundle[best]), why, True))
    rows = []
    for bundle, why, stands_in in found:
        items = options.items[np.flatnonzero(options.bundle == bundle)[0]]
        held = items[items >= 0]
        rows.append(
            {
                "bundle_id": str(options.bundle_ids[bundle]),
                "item_ids": [str(campaign.item_ids[item]) for item in held],
                "item_names": [str(campaign.names[item]) for item in held],
                "why": why,
                "stands_in": stands_in,
            }
        )
    return rows


def config_values(session: Session) -> dict[str, Any]:
    """Return every setting that shapes the plan, by its dotted key."""
    dumped = session.config.model_dump(mode="json")
    return {f"{section}.{name}": value for section, table in dumped.items() for name, value in table.items()}


def inputs(session: Session, prepared: Prepared, valued: ValuedPlan) -> dict[str, str]:
    """Return the SHA-256 of the data, the model's files, what feedback taught, and the forecast."""
    model = {f"model/{name}": digest for name, digest in prepared.trained.file_digests().items()}
    learned = learned_digest(session.workspace)
    return session.dataset.input_hashes | model | learned | {"forecast": verify.forecast_digest(valued)}


def versions() -> dict[str, str]:
    """Return the versions of everything that could change a bit of the plan."""
    found = {name: metadata.version(name) for name in _LIBRARIES}
    return found | {"python": platform.python_version(), "machine": platform.machine()}


def model_facts(prepared: Prepared) -> dict[str, Any]:
    """Return what the forecast came from, for people."""
    record, forecast = prepared.trained.record, prepared.week.forecast
    return {
        "training": "quick (train --fast)" if record.fast else "full",
        "data seen": f"before {record.fit_until.isoformat()}",
        "customers": len(forecast.customer_ids),
        "items": len(forecast.item_ids),
        "related pairs": len(forecast.relations.first),
        "expected units of the week without the campaign": round(float(prepared.week.stock.baseline.sum()), 1),
    } | record.training


def data_findings(session: Session) -> list[dict[str, Any]]:
    """Return the findings of `check` that a reader of the plan should know: all but those that passed."""
    return [finding for finding in findings.cached_findings(session) if finding["level"] != "PASS"]
