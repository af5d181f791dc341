"""From a session to a published plan: prepare, train if need be, forecast, search, value, solve, verify, publish."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bundleopt import run_registry
from bundleopt.experiment.design import Experiment
from bundleopt.experiment.run import run_experiment
from bundleopt.plan.document import MarginNeutralPlan, PlanFacts, plan_document
from bundleopt.plan.valued_plan import ValuedPlan
from bundleopt.prepared import Prepared
from bundleopt.session import Session
from bundleopt.stages import (
    candidates,
    crowd,
    findings,
    item_choice,
    multi_buy,
    optimise,
    pair_pricing,
    pair_seeds,
    preflight,
    stock,
    verify,
)
from bundleopt.stages.cache import ArrayCache
from bundleopt.stages.decomposition import cannibalised, decompose_plan
from bundleopt.stages.facts import gather_facts
from bundleopt.stages.model import TrainedModel, ensure_model
from bundleopt.stages.price_limits import price_limits
from bundleopt.stages.problem import build_problem, named_rules
from bundleopt.stages.rule_inputs import load_rule_inputs
from bundleopt.stages.stopwatch import Stopwatch
from bundleopt.stages.valuation import value_candidates
from bundleopt.stages.week import plan_week
from bundleopt_solvers.plan import CampaignPlan, StopReason

if TYPE_CHECKING:
    from bundleopt.rundir.writer import RunContent
    from bundleopt_models.decomposition import Decomposition


@dataclass(frozen=True)
class Solved:
    """A plan with all its figures, not yet written; `parts` are those of every offer's incremental revenue."""

    prepared: Prepared
    valued: ValuedPlan
    parts: Decomposition
    facts: PlanFacts

    def content(self) -> RunContent:
        """Return everything that stands in the run folder."""
        from bundleopt.rundir.content import run_content

        document = plan_document(self.valued, self.facts)
        return run_content(self.valued, document, self.prepared, cannibalised=cannibalised(self.parts))


def prepare(session: Session, watch: Stopwatch, *, in_chunks: bool = False) -> Prepared:
    """Run all stages before the optimisation.

    Args:
        session: the workspace and its settings.
        watch: gets the time of each stage.
        in_chunks: whether so many customers that they cannot be planned as a whole may be prepared as a sample, see
            `bundleopt.stages.crowd`; `solve` then plans them all.
    """
    with watch.stage("read data"):
        findings.refuse_failed(session)
    with watch.stage("model"):
        trained = ensure_model(session)
    return prepare_with(session, trained, watch, in_chunks=in_chunks)


def prepare_with(session: Session, trained: TrainedModel, watch: Stopwatch, *, in_chunks: bool = False) -> Prepared:
    """Run all stages between a trained model and the optimisation; see `prepare`."""
    settings = session.config.solve
    with watch.stage("forecast"):
        week = plan_week(session, trained)
    with watch.stage("candidates"):
        inputs = load_rule_inputs(session, week)
        many = crowd.crowd_of(week, inputs, settings, in_chunks=in_chunks)
        if many is not None:
            settings = many.sampled_settings(settings)
            week, inputs = many.sampled_week(), many.sampled_inputs()
        choice = item_choice.choose_items(
            week.campaign,
            week.stock,
            include=settings.include,
            exclude=settings.exclude,
            only=settings.only_items,
        )
        choice = choice.with_earlier_plan(inputs.locked, inputs.base, week.campaign)
        choice = replace(choice, limits=price_limits(week.campaign, trained.panel, settings))
        found = candidates.find_priced_candidates(
            week.forecast,
            week.campaign,
            choice,
            settings,
            cache=ArrayCache(session.workspace.cache),
            progress=session.progress,
        )
        found = multi_buy.with_multi_buys(found, week.forecast, week.campaign, choice, settings)
    with watch.stage("pairs by prices"):
        stages = pair_seeds.FirstStages(trained, week, choice, inputs)
        cache = ArrayCache(session.workspace.cache)
        found = pair_seeds.with_priced_pairs(found, stages, settings, cache, session.progress)
    with watch.stage("valuation"):
        session.progress("valuing offers", 0.0)
        table, values = value_candidates(week.forecast, week.campaign, found, settings)
        built = build_problem((table, values), week, choice, settings, inputs)
    return Prepared(trained, week, choice, found, table, values, built, inputs, crowd=many)


def solve(
    session: Session,
    prepared: Prepared,
    watch: Stopwatch,
    *,
    write_model: Path | None = None,
    start: CampaignPlan | None = None,
) -> Solved:
    """Optimise, beginning with the plan `start` if there is one, and compute every figure of the plan."""
    settings = session.config.solve
    problem = prepared.built.problem
    preflight.refuse_contradictions(problem)
    with watch.stage("optimise"):
        family = prepared.built.family(prepared.found.family)
        if prepared.crowd is not None:
            prepared, plan = crowd.solve(prepared, settings, session.progress)
            problem = prepared.built.problem
        else:
            plan = optimise.optimise(problem, settings, family, session.progress, start)
    if settings.certify_pairs is not None:
        with watch.stage("all pairs"):
            prepared, plan = pair_pricing.certify_pairs(prepared, plan, settings, session.progress)
        problem = prepared.built.problem
    problem, plan, experiment = run_experiment(session, prepared, plan, watch)
    prepared = replace(prepared, built=replace(prepared.built, problem=problem))
    if write_model is not None:
        with watch.stage("write model"):
            plan = optimise.write_segment_model(problem, plan, settings, write_model)
    valued = value_plan(prepared, plan, experiment)
    with watch.stage("margin-neutral plan"):
        neutral = _margin_neutral(session, prepared, valued)
    with watch.stage("decomposition"):
        parts = decompose_plan(prepared, valued, settings)
    facts = gather_facts(session, prepared, valued, parts=parts, neutral=neutral, seconds=watch)
    return Solved(prepared, valued, parts, facts)


def value_plan(prepared: Prepared, plan: CampaignPlan, experiment: Experiment | None = None) -> ValuedPlan:
    """Join a plan with what its figures are computed from."""
    week = prepared.week
    return ValuedPlan(
        campaign=week.campaign,
        problem=prepared.built.problem,
        values=prepared.values,
        plan=replace(plan, rules=named_rules(plan.rules, week)),
        stock=week.stock,
        baseline_revenue=stock.baseline_revenue(week.campaign, week.stock),
        cold=week.cold,
        experiment=experiment or Experiment(),
    )


def publish(session: Session, solved: Solved, *, out: Path | None) -> tuple[Path, RunContent]:
    """Write the run folder, have the checker read it back, and rename it into place.

    Raises:
        VerificationError: the files break a rule or do not agree; nothing is published.
        StorageError: the disk is full, or the folder cannot be written. UsageError: `out` holds something else.
    """
    from bundleopt.rundir import writer

    session.progress("writing the run folder", 0.0)
    ready = solved.content()
    settings = session.config.solve
    with run_registry.numbering(session.workspace):
        folder = out or run_registry.next_folder(session.workspace, solved.valued.campaign.week)
        run_registry.refuse_foreign_folder(folder)
        writer.publish(
            ready, folder, verify=lambda written: verify.verify(written, solved.prepared, solved.valued, settings)
        )
    return folder, ready


def _margin_neutral(session: Session, prepared: Prepared, valued: ValuedPlan) -> MarginNeutralPlan | None:
    """Solve for the best plan that does not lose margin, where the plan loses some."""
    problem = prepared.built.problem
    if float(np.sum(valued.incremental_margin)) >= 0 or valued.plan.reason is StopReason.INTERRUPTED:
        return None
    if prepared.crowd is not None:
        plan = crowd.keep_margin(problem, valued.plan)
    else:
        plan = optimise.margin_neutral(problem, session.config.solve, session.progress)
    other = value_plan(prepared, plan)
    return MarginNeutralPlan(
        incremental_revenue=round(float(other.incremental_revenue.sum()), 2),
        incremental_margin=round(float(other.incremental_margin.sum()), 2),
        promo_spend=round(float(other.promo_spend.sum()), 2),
        bundles=len(plan.menu),
        offers=int(other.is_shown.sum()),
        bound=plan.headline.bound,
    )
