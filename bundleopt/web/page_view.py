"""The whole page: inputs filled in, jobs, the plan shown, the list of scenarios."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from bundleopt.web import convergence, fields
from bundleopt.web.board import Board
from bundleopt.web.forms import FormValues, values_of
from bundleopt.web.job import Job, JobState
from bundleopt.web.refusal import Refusal
from bundleopt.web.scenarios import Scenario, Scenarios
from bundleopt.web.worker import session_of

# Where no plan and no setting says how much money moves here.
_BUDGET_REACH = 1000.0
_SILENT = lambda _step, _share: None  # noqa: E731


@dataclass(frozen=True)
class Selection:
    """What the address names: the plan shown, and the plan it is measured against; None where there is none."""

    shown: Scenario | None
    base: Scenario | None

    @property
    def query(self) -> dict[str, str]:
        """As it stands in addresses."""
        named = {"run": self.shown, "base": self.base}
        return {name: scenario.reference for name, scenario in named.items() if scenario is not None}


def select(scenarios: Scenarios, run: str, base: str) -> Selection:
    """Find what an address names; without a name the newest plan, beside the approved one or the oldest saved one.

    Raises:
        Refusal: a named plan is not there, 404.
    """
    known = scenarios.all()
    shown = scenarios.find(run) if run else _newest(known)
    chosen = _found(scenarios, base) if base else None
    return Selection(shown, chosen or _usual_base(known, shown))


def _found(scenarios: Scenarios, reference: str) -> Scenario | None:
    try:
        return scenarios.find(reference)
    except Refusal:  # a base that was removed in another window is no reason to show nothing
        return None


def _newest(known: list[Scenario]) -> Scenario | None:
    return max(known, key=lambda one: (one.run.folder / "plan.json").stat().st_mtime_ns, default=None)


def _usual_base(known: list[Scenario], shown: Scenario | None) -> Scenario | None:
    if shown is None:
        return None
    others = [
        one
        for one in known
        if one.reference != shown.reference and one.run.document["week"] == shown.run.document["week"]
    ]
    approved = [one for one in others if one.run.approved_by is not None]
    saved = [one for one in others if not one.is_draft]
    return next(iter([*approved, *reversed(saved), *reversed(others)]), None)


def open_inputs(workspace: str | None, shown: Scenario | None) -> FormValues:
    """Return the inputs as the plan shown was made, or as the workspace is set.

    Raises:
        UsageError: the plan was made with settings that this version does not know.
    """
    start = str(shown.run.folder) if shown is not None else None
    session = session_of({"workspace": workspace, "start": start, "settings": {}}, _SILENT)
    return values_of(session.config.solve)


def sliders(values: FormValues, known: list[Scenario]) -> dict[str, dict[str, Any]]:
    """Return the range of every slider: wide enough for what is set, and for the money that plans here have spent."""
    spends = [one.run.document["totals"]["promo_spend"]["value"] for one in known]
    found = {}
    for field in fields.NUMBERS:
        high = max(field.high, float(values.texts[field.key] or 0))
        if field is fields.BUDGET:
            budget = float(values.texts[field.key] or 0)
            high = _round_up(max(2 * budget, 4 * max(spends, default=0.0)) or _BUDGET_REACH)
        step = (
            max(field.step, 10.0 ** math.floor(math.log10(high)) / 100)
            if field.unit is fields.Unit.MONEY
            else field.step
        )
        found[field.key] = {"low": field.low, "high": high, "step": f"{step:g}"}
    return found


def _round_up(amount: float) -> float:
    power = 10.0 ** math.floor(math.log10(amount))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= amount)


@dataclass(frozen=True)
class JobView:
    """One job as the page shows it."""

    job: Job
    turn: int
    chart: Markup
    sentence: str

    @property
    def announcement(self) -> str:
        """What a screen reader says: coarse, so that it says it seldom."""
        job = self.job
        if job.state is JobState.WAITING:
            return f"{job.title}: waiting, turn {self.turn}"
        if job.is_ended:
            return f"{job.title}: {job.state}. {job.failure}".strip()
        quarter = math.floor(job.share * 4) * 25
        return f"{job.title}: {job.step}" + (f", {quarter} %" if job.share else "")


def job_view(board: Board, job: Job) -> JobView:
    """Return a job with its place in the queue and its chart."""
    waiting = board.waiting()
    turn = waiting.index(job) + 1 if job in waiting else 0
    return JobView(job, turn, convergence.chart(job.points, job.searched), convergence.sentence(job.points))
