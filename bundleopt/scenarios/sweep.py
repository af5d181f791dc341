"""Plans all scenarios: each world is prepared once, its scenarios are solved side by side."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from bundleopt import pipeline
from bundleopt.replan import with_settings
from bundleopt.scenarios.outcome import ScenarioOutcome, planned, refused, unsolved
from bundleopt.stages import optimise, preflight
from bundleopt.stages.problem import build_problem
from bundleopt.stages.stopwatch import Stopwatch
from bundleopt_data.errors import InfeasiblePlanError, NoPlanInTimeError

if TYPE_CHECKING:
    from bundleopt.config import SolveConfig
    from bundleopt.prepared import Prepared
    from bundleopt.scenarios.grid import Scenario
    from bundleopt.session import Session
    from bundleopt_solvers.plan import CampaignPlan
    from bundleopt_solvers.problem import CampaignProblem


def sweep(session: Session, points: Sequence[Scenario], *, workers: int | None = None) -> list[ScenarioOutcome]:
    """Plan every scenario and return their outcomes in order.

    Args:
        session: the workspace with the settings of the base plan.
        points: the scenarios.
        workers: plans solved side by side; None means one a core. The result does not depend on it.
    """
    outcomes: dict[Scenario, ScenarioOutcome] = {}
    told = _Told(session, len(points))
    for world in dict.fromkeys(point.world for point in points):
        members = [point for point in points if point.world == world]
        outcomes |= _solve_world(session, members, told, workers or os.cpu_count() or 1)
    return [outcomes[point] for point in points]


class _Told:
    """Counts the scenarios that are done."""

    def __init__(self, session: Session, total: int) -> None:
        self._session, self._total, self._done = session, total, 0

    def one_more(self) -> None:
        self._done += 1
        self._session.progress("planning scenarios", self._done / self._total)


def _solve_world(
    session: Session, members: list[Scenario], told: _Told, workers: int
) -> dict[Scenario, ScenarioOutcome]:
    """Prepare one world, and plan its scenarios."""
    first = with_settings(session, members[0].changes())
    try:
        prepared = pipeline.prepare(first, Stopwatch())
    except InfeasiblePlanError as error:
        return {point: refused(point, error) for point in members}
    with ThreadPoolExecutor(workers) as pool:
        return dict(_finished(pool.map(lambda point: _plan(session, prepared, point), members), told))


def _finished(
    found: Iterable[tuple[Scenario, ScenarioOutcome]], told: _Told
) -> Iterable[tuple[Scenario, ScenarioOutcome]]:
    for one in found:
        told.one_more()
        yield one


def _certified(problem: CampaignProblem, settings: SolveConfig, family: str) -> CampaignPlan:
    """Solve one scenario: the certified plan alone, without the segment model."""
    if not len(problem.options.bundle):
        return optimise.empty_plan(problem, family)
    from bundleopt_solvers.engine import solve_campaign

    return solve_campaign(problem, optimise.engine_settings(settings, gap_only=True))


def _plan(session: Session, prepared: Prepared, point: Scenario) -> tuple[Scenario, ScenarioOutcome]:
    """Plan one scenario over the candidates of its world."""
    settings = with_settings(session, point.changes()).config.solve
    try:
        built = build_problem(
            (prepared.table, prepared.values), prepared.week, prepared.choice, settings, prepared.inputs
        )
        preflight.refuse_contradictions(built.problem)
        plan = _certified(built.problem, settings, prepared.found.family)
    except InfeasiblePlanError as error:
        return point, refused(point, error)
    except NoPlanInTimeError as error:
        return point, unsolved(point, str(error))
    return point, planned(point, pipeline.value_plan(replace(prepared, built=built), plan))
