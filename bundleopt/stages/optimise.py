"""Runs the engine on a campaign problem; an empty problem has an empty plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bundleopt.config import SolveConfig
from bundleopt.session import Progress, Watcher
from bundleopt_data.errors import UsageError
from bundleopt_solvers.plan import CampaignPlan, Certificate, RuleReport, StopReason
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.settings import EngineSettings

# Rows against arbitrage by one option that a written model carries; with more of them it holds those that mattered.
_MOST_PAIRS = 50_000
# A solve that replays given work isn't ended by the clock, on however slow a machine.
_REPLAY_SECONDS = 86_400.0
# Of the time limit, what the plan that does not lose margin may take, and the gap at which it is good enough to compare
# with: about 4 s on the sample, so that the gap ends it and not the clock.
_NEUTRAL_SHARE, _NEUTRAL_GAP = 0.2, 0.02


def engine_settings(settings: SolveConfig, *, gap_only: bool = False) -> EngineSettings:
    """Return how far and how long to search; `gap_only` leaves the segment model out."""
    work = None if gap_only else settings.work
    return EngineSettings(
        gap=settings.gap,
        time_limit=settings.time_limit if work is None else _REPLAY_SECONDS,
        solver=settings.solver,
        seed=settings.seed,
        work=work,
        menu_work=settings.menu_work,
        segment_master=not gap_only,
    )


def optimise(
    problem: CampaignProblem,
    settings: SolveConfig,
    family: str,
    progress: Progress,
    start: CampaignPlan | Sequence[CampaignPlan] | None = None,
    *,
    gap_only: bool = False,
) -> CampaignPlan:
    """Solve the campaign problem and name the family of plans that its bound speaks of.

    Args:
        problem: what to solve.
        settings: how.
        progress: told the share of the time that has gone.
        family: what the candidates are, in words.
        start: plans of the same options to begin with, the nearest first; one that breaks a rule here is passed over.
        gap_only: leave the certificate of the segment model out.
    """
    if not len(problem.options.bundle):
        return empty_plan(problem, family)
    from bundleopt_solvers.engine import solve_campaign
    from bundleopt_solvers.robust import solve_robust

    how, tell = engine_settings(settings, gap_only=gap_only), told(progress, settings, is_shown=True)
    if problem.rules.risk is not None or problem.rules.budget_confidence is not None:
        plan = solve_robust(problem, how, progress=tell)
    else:
        plan = solve_campaign(problem, how, progress=tell, start=start)
    headline = replace(plan.headline, family=f"{plan.headline.family}; candidates: {family}")
    return replace(plan, headline=headline)


def told(
    progress: Progress, settings: SolveConfig, *, is_shown: bool = False
) -> Callable[[str, float, float, float], None]:
    """Report the engine's progress (stage, best value, bound, seconds) as a share of the time it may take.

    Value and bound of the plan that `is_shown` go to who watches them; those of a plan to compare with would confuse.
    """

    def tell(_stage: str, value: float, bound: float, seconds: float) -> None:
        progress("optimising", min(1.0, seconds / settings.time_limit))
        if is_shown and isinstance(progress, Watcher):
            progress.converging(value, bound, seconds)

    return tell


def margin_neutral(problem: CampaignProblem, settings: SolveConfig, progress: Progress) -> CampaignPlan:
    """Solve the same problem with incremental margin kept at 0 or above, in a share of the time.

    It is a figure to compare with, not the plan that is delivered: `solve --min-incremental-margin 0` is that.
    """
    from bundleopt_solvers.engine import solve_campaign

    rules = replace(problem.rules, min_incremental_margin=0.0)
    quick = replace(
        engine_settings(settings, gap_only=True),
        time_limit=max(1.0, _NEUTRAL_SHARE * settings.time_limit),
        gap=max(settings.gap, _NEUTRAL_GAP),
    )
    return solve_campaign(replace(problem, rules=rules), quick, progress=told(progress, settings))


def empty_plan(problem: CampaignProblem, family: str) -> CampaignPlan:
    """Return the plan of doing nothing, which is the best one where there is no candidate."""
    rules = problem.rules
    reports = [RuleReport("max_bundles", rules.max_bundles, 0.0, rules.max_bundles, binding=False, shadow_price=0.0)]
    if rules.budget is not None:
        reports.append(RuleReport("budget", rules.budget, 0.0, rules.budget, binding=False, shadow_price=0.0))
    nobody = np.zeros(0, dtype=np.int32)
    return CampaignPlan(
        menu=nobody,
        offer_customer=nobody,
        offer_option=nobody,
        headline=Certificate(0.0, 0.0, f"all menus over the candidates; candidates: {family}"),
        certificates={},
        rules=tuple(reports),
        item_shadow_price=np.zeros(len(problem.options.item_ids)),
        reduced_value=np.zeros(0),
        reason=StopReason.GAP_REACHED,
        seconds=0.0,
        work=0,
        solver="none needed",
    )


def write_segment_model(
    problem: CampaignProblem, plan: CampaignPlan, settings: SolveConfig, path: Path
) -> CampaignPlan:
    """Write the final segment menu problem as `.mps` or `.lp` for any other solver.

    Returns:
        The plan, its `certificates["menu"]` that of the written model.

    Raises:
        UsageError: another ending, or there is no candidate to write. StorageError: the file cannot be written.
    """
    from bundleopt_solvers.model_file import write_model
    from bundleopt_solvers.segment_certificate import segment_menu
    from bundleopt_solvers.segment_master import build_segment_master

    if not len(problem.options.bundle):
        raise UsageError("--write-model: there is no candidate bundle, so there is no model to write")
    if problem.shelf:
        raise UsageError("--write-model: there is no segment model of public redemption; leave out --redemption public")
    found = segment_menu(problem, plan.menu, engine_settings(settings))
    master = build_segment_master(problem, max_options=len(problem.options.bundle), most_pairs=_MOST_PAIRS)
    write_model(master.with_menu_cuts(found.cuts).model, path)
    if not (np.isfinite(found.value) and np.isfinite(found.bound)):
        return plan
    return replace(plan, certificates=plan.certificates | {"menu": found.certificate})


def refuse_unknown_solver(name: str) -> None:
    """Refuse a backend that is not in the table, before hours of work go by.

    Raises:
        UsageError: it names those that are.
    """
    from bundleopt_solvers.backends.table import BACKENDS

    if name not in {"auto", *BACKENDS}:
        raise UsageError(f"--solver {name!r} is none of auto, {', '.join(BACKENDS)}")


def refuse_unknown_ending(path: Path | None) -> None:
    """Refuse a model file whose ending names no format.

    Raises:
        UsageError: the ending is neither `.mps` nor `.lp`.
    """
    if path is not None and path.suffix.lower() not in {".mps", ".lp"}:
        raise UsageError(f"--write-model {path}: the file must end in .mps or .lp")
