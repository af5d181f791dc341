"""What all routes of one server share: the workspace, who may come in, the plans, the jobs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from bundleopt.web import limits
from bundleopt.web.access import Access
from bundleopt.web.board import Board
from bundleopt.web.forms import FrontierForm, PlanForm
from bundleopt.web.job import Job, JobKind
from bundleopt.web.scenarios import Scenario, Scenarios, folder_of_frontier
from bundleopt.web.worker import session_of
from bundleopt.workspace import Workspace
from bundleopt_data import atomic
from bundleopt_data.errors import BundleoptError, UsageError


@dataclass
class Desk:
    """One server's work.

    Attributes:
        workspace: the folders. named: the workspace as it was named on the command line, None for the usual one.
        access: who may come in.
    """

    workspace: Workspace
    named: str | None
    access: Access
    board: Board = field(init=False)
    scenarios: Scenarios = field(init=False)

    def __post_init__(self) -> None:
        """Open the list of plans and the board of jobs."""
        self.scenarios = Scenarios(self.workspace)
        self.board = Board(done=self._tidy)

    def plan_job(self, form: PlanForm) -> Job:
        """Return the job that a form asks for.

        Raises:
            UsageError: a setting makes no sense. Refusal: the plan it starts from is gone.
        """
        request = self._request(form) | {"kind": "plan"}
        return Job(JobKind.PLAN, title=f"Plan with {self._summary(request)}", request=request)

    def frontier_job(self, form: FrontierForm) -> Job:
        """Return the job that plans at several budgets; raises as `plan_job`."""
        request = self._request(form) | {"kind": "frontier"}
        budgets = budgets_of(form)
        job = Job(JobKind.FRONTIER, title=f"Frontier from {budgets[0]} to {budgets[-1]}", request=request)
        request |= {"sweeps": {"budget": ",".join(budgets)}, "folder": str(folder_of_frontier(self.workspace, job.id))}
        return job

    def save(self, scenario: Scenario, name: str) -> Scenario:
        """Save or name a plan; see `Scenarios.save`."""
        saved = self.scenarios.save(scenario, name)
        self._moved(scenario.reference, saved.reference)
        return saved

    def remove(self, scenario: Scenario) -> None:
        """Remove a plan; see `Scenarios.remove`."""
        self.scenarios.remove(scenario)
        self._moved(scenario.reference, "")

    def _moved(self, before: str, after: str) -> None:
        """Have the job that made a plan lead to where it is now."""
        for job in self.board.jobs():
            if job.plan == before:
                job.result["plan"] = after

    def _request(self, form: PlanForm) -> dict[str, Any]:
        """What the worker gets; tried here, so that a typing error is said at once."""
        start = self.scenarios.find(form.start).run.folder if form.start else None
        settings = form.settings()
        request = {"workspace": self.named, "start": str(start) if start else None, "settings": settings}
        session_of(request, lambda _step, _share: None)
        return request

    def _summary(self, request: dict[str, Any]) -> str:
        settings = request["settings"]
        parts = [f"budget {settings['budget']}" if settings["budget"] is not None else "no budget limit"]
        parts += [f"margin floor {settings['min_margin']}"] if settings["min_margin"] else []
        parts += [
            f"up to {settings['max_bundles']} bundles",
            f"{settings['min_discount']} to {settings['max_discount']} off",
        ]
        parts += [
            f"{len(settings[key])} {word}" for key, word in (("lock", "kept"), ("exclude", "banned")) if settings[key]
        ]
        return ", ".join([*parts, *settings["shocks"]])[:160]

    def _tidy(self, job: Job) -> None:
        """After a job: drafts beyond those that are kept go. A full disk is no reason to lose the plan."""
        with contextlib.suppress(BundleoptError, OSError):
            self.scenarios.forget_old_drafts(keep=frozenset({str(job.request.get("start"))}))

    async def open(self) -> None:
        """Clear away what a killed server left, and have a planner ready."""
        if self.scenarios.drafts.runs.is_dir():
            atomic.remove_stray_temporaries(self.scenarios.drafts.runs)
        await self.board.start()

    async def close(self) -> None:
        """End all work, and remove the files of the sweeps: their tables were for this sitting."""
        await self.board.close()
        for job in self.board.jobs():
            folder = folder_of_frontier(self.workspace, job.id)
            if folder.is_dir():
                with contextlib.suppress(BundleoptError, OSError):
                    atomic.remove(folder)


def budgets_of(form: FrontierForm) -> list[str]:
    """Return the budgets of a sweep as texts, the ends included, in whole cents.

    Raises:
        UsageError: the ends are no amounts, or there are too many points.
    """
    if form.points > limits.FRONTIER_POINTS:
        raise UsageError(f"Points: at most {limits.FRONTIER_POINTS} budgets in one go")
    try:
        low, high = Decimal(form.budget_from.strip()), Decimal(form.budget_to.strip())
    except InvalidOperation:
        raise UsageError("Budgets: write two amounts, like 500 and 2000") from None
    if not (low.is_finite() and high.is_finite() and 0 <= low < high <= Decimal("1e12")):
        raise UsageError("Budgets: the first must be smaller than the last, and none below 0")
    step = (high - low) / (form.points - 1)
    amounts = [(low + step * place).quantize(Decimal("0.01")) for place in range(form.points)]
    return list(dict.fromkeys(f"{amount.normalize():f}" for amount in amounts))
