"""Plans all scenarios: each world is prepared once, its scenarios are solved side by side.

A scenario begins with the plans and the dual prices of its neighbours (`order.py`), so that most of a sweep costs a
fraction of a solve a point. The answer is a full plan with its own bound all the same. Nobody asks a point to be proven
further than the base was: where the base stopped short of the asked gap, so may the others.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from bundleopt import pipeline
from bundleopt.replan import with_settings
from bundleopt.scenarios.order import waves
from bundleopt.scenarios.outcome import ScenarioOutcome, planned, refused, unsolved
from bundleopt.session import silent
from bundleopt.stages import findings, optimise, preflight
from bundleopt.stages.problem import build_problem
from bundleopt.stages.stopwatch import Stopwatch
from bundleopt_data.errors import InfeasiblePlanError, NoPlanInTimeError

# So many scenarios may take the full time limit each; of more, every one gets its part, unless --time-limit is given.
# Beginning with a neighbour, a fifth of the time leaves about the gap that a solve from nothing leaves.
_FULL_TIME = 4
# Of the gap that the base reached; prices are handed on in float32, which moves a bound by a little.
_AS_GOOD_AS_BASE = 1.05
# A base that time left far open says nothing of what can be proven.
_LARGEST_GAP = 0.02

if TYPE_CHECKING:
    from bundleopt.prepared import Prepared
    from bundleopt.scenarios.grid import Scenario
    from bundleopt.scenarios.order import Turn
    from bundleopt.session import Session
    from bundleopt_solvers.plan import CampaignPlan


def sweep(session: Session, points: Sequence[Scenario], *, workers: int | None = None) -> list[ScenarioOutcome]:
    """Plan every scenario and return their outcomes in order.

    Args:
        session: the workspace with the settings of the base plan.
        points: the scenarios.
        workers: plans solved side by side; None means one a core. The result does not depend on it.
    """
    workers = workers or os.cpu_count() or 1
    worlds = list(dict.fromkeys(point.world for point in points))
    members = [[point for point in points if point.world == world] for world in worlds]
    work = Sweep(session, len(points), time_each(session, len(points)))
    outcomes: dict[Scenario, ScenarioOutcome] = {}
    if len(worlds) <= workers:  # few worlds with many points: side by side within each
        for mine in members:
            outcomes |= work.solve_world(mine, workers)
        return [outcomes[point] for point in points]
    findings.refuse_failed(session)  # reads the data, once for all
    with ThreadPoolExecutor(workers) as pool:
        for found in pool.map(lambda mine: work.solve_world(mine, 1), members):
            outcomes |= found
    return [outcomes[point] for point in points]


def time_each(session: Session, count: int) -> float:
    """Seconds for each scenario after the first of its world."""
    limit = session.config.solve.time_limit
    is_given = ("solve", "time_limit") in session.resolved.sources
    return limit if is_given else limit * min(1.0, _FULL_TIME / max(count, 1))


class Sweep:
    """What all scenarios of a sweep share: the session, the seconds for each, and the count of those that are done."""

    def __init__(self, session: Session, count: int, seconds: float) -> None:
        """Set up a sweep of `count` scenarios with `seconds` for each after the first of its world."""
        self.session, self.seconds = session, seconds
        self._count, self._done, self._lock = count, 0, threading.Lock()

    def _one_more(self) -> None:
        with self._lock:
            self._done += 1
            self.session.progress("planning scenarios", min(self._done / max(self._count, 1), 1.0))

    def solve_world(self, members: list[Scenario], workers: int) -> dict[Scenario, ScenarioOutcome]:
        """Prepare one world, and plan its scenarios."""
        first = with_settings(self.session, members[0].changes())
        try:
            prepared = pipeline.prepare(replace(first, progress=silent), Stopwatch())
        except InfeasiblePlanError as error:
            for _ in members:
                self._one_more()
            return {point: refused(point, error) for point in members}
        outcome, base = self._plan(prepared, members[0], (), {})
        return {members[0]: outcome} | self.plan_members(prepared, members[1:], base, workers)

    def plan_members(
        self, prepared: Prepared, members: list[Scenario], base: CampaignPlan | None, workers: int
    ) -> dict[Scenario, ScenarioOutcome]:
        """Plan scenarios over the candidates of their world, each beginning with its neighbours and `base`."""
        outcomes: dict[Scenario, ScenarioOutcome] = {}
        plans: dict[int, CampaignPlan | None] = {}
        asked = self.session.config.solve.gap
        reached = asked if base is None else min(base.headline.gap * _AS_GOOD_AS_BASE, _LARGEST_GAP)
        effort = {"time_limit": self.seconds, "gap": max(asked, reached)}

        def plan(turn: Turn) -> tuple[ScenarioOutcome, CampaignPlan | None]:
            near = [plans.get(place) for place in turn.earlier]
            starts = tuple(one for one in (*near, base) if one is not None)
            return self._plan(prepared, members[turn.place], starts, effort)

        with ThreadPoolExecutor(workers) as pool:
            for wave in waves(len(members)):
                for turn, (found, plans[turn.place]) in zip(wave, pool.map(plan, wave), strict=True):
                    outcomes[members[turn.place]] = found
        return outcomes

    def _plan(
        self, prepared: Prepared, point: Scenario, starts: Sequence[CampaignPlan], effort: dict[str, float]
    ) -> tuple[ScenarioOutcome, CampaignPlan | None]:
        """Plan one scenario over the candidates of its world; what it sets itself goes before `effort`."""
        changes = point.changes()
        settings = with_settings(self.session, changes).config.solve
        settings = settings.model_copy(update={name: value for name, value in effort.items() if name not in changes})
        valued = (prepared.table, prepared.values)
        try:
            built = build_problem(valued, prepared.week, prepared.choice, settings, prepared.inputs)
            preflight.refuse_contradictions(built.problem)
            plan = optimise.optimise(built.problem, settings, prepared.found.family, silent, starts, gap_only=True)
        except InfeasiblePlanError as error:
            return refused(point, error), None
        except NoPlanInTimeError as error:
            return unsolved(point, str(error)), None
        finally:
            self._one_more()
        return planned(point, pipeline.value_plan(replace(prepared, built=built), plan)), plan
