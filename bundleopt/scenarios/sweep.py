"""Plans all scenarios: each world is prepared once, its scenarios are solved side by side."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from bundleopt import pipeline
from bundleopt.replan import with_settings
from bundleopt.scenarios.outcome import ScenarioOutcome, planned, refused, unsolved
from bundleopt.session import silent
from bundleopt.stages import optimise, preflight
from bundleopt.stages.problem import build_problem
from bundleopt.stages.stopwatch import Stopwatch
from bundleopt_data.errors import InfeasiblePlanError, NoPlanInTimeError

if TYPE_CHECKING:
    from bundleopt.prepared import Prepared
    from bundleopt.scenarios.grid import Scenario
    from bundleopt.session import Session
    from bundleopt_solvers.plan import CampaignPlan


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
    # The others begin with the first one's plan: where it keeps their rules, they only have to do better.
    outcome, start = _plan(session, prepared, members[0], None)
    told.one_more()
    outcomes = {members[0]: outcome}
    with ThreadPoolExecutor(workers) as pool:
        others = pool.map(lambda point: _plan(session, prepared, point, start)[0], members[1:])
        for point, outcome in zip(members[1:], others, strict=True):
            told.one_more()
            outcomes[point] = outcome
    return outcomes


def _plan(
    session: Session, prepared: Prepared, point: Scenario, start: CampaignPlan | None
) -> tuple[ScenarioOutcome, CampaignPlan | None]:
    """Plan one scenario over the candidates of its world."""
    settings = with_settings(session, point.changes()).config.solve
    valued = (prepared.table, prepared.values)
    try:
        built = build_problem(valued, prepared.week, prepared.choice, settings, prepared.inputs)
        preflight.refuse_contradictions(built.problem)
        plan = optimise.optimise(built.problem, settings, prepared.found.family, silent, start, gap_only=True)
    except InfeasiblePlanError as error:
        return refused(point, error), None
    except NoPlanInTimeError as error:
        return unsolved(point, str(error)), None
    return planned(point, pipeline.value_plan(replace(prepared, built=built), plan)), plan
