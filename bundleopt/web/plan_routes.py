"""Routes of the page itself: the plan shown, asking for plans, watching and cancelling them."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, Response

from bundleopt.report import formats
from bundleopt.web import limits
from bundleopt.web.desk import Desk
from bundleopt.web.forms import FrontierForm, PlanForm
from bundleopt.web.job import Job
from bundleopt.web.page_view import Selection, job_view, open_inputs, select, sliders
from bundleopt.web.plan_view import PlanView, plan_view
from bundleopt.web.rendering import back_to, is_partial, render
from bundleopt.web.scenario_row import scenario_row
from bundleopt.web.shared import Reference, desk_of, from_the_page
from bundleopt_data.errors import UsageError

router = APIRouter(default_response_class=HTMLResponse)

TheDesk = Annotated[Desk, Depends(desk_of)]
_CHANGE = [Depends(from_the_page)]


@router.get("/")
def page(desk: TheDesk, run: Reference = "", base: Reference = "") -> Response:
    """The whole page."""
    selection = select(desk.scenarios, run, base)
    known = desk.scenarios.all()
    message = ""
    try:
        values = open_inputs(desk.named, selection.shown)
    except UsageError as error:  # its data moved, or an earlier version made it: the plan is shown all the same
        values = open_inputs(desk.named, None)
        message = f"The inputs show the settings of the workspace, not of this plan: {error}"
    return render(
        "page.html.j2",
        csrf=desk.access.csrf,
        workspace=desk.workspace.root.name if not desk.workspace.is_embedded else "Complete Journey sample",
        values=values,
        sliders=sliders(values, known),
        message=message,
        jobs=_jobs(desk),
        latest=None,
        limits=limits,
        rows=[scenario_row(one) for one in known],
        **plan_values(desk, selection),
    )


@router.get("/plan")
def plan(desk: TheDesk, run: Reference = "", base: Reference = "") -> Response:
    """The plan shown, beside its base."""
    selection = select(desk.scenarios, run, base)
    headers = {"HX-Push-Url": "/?" + urlencode(selection.query)}
    return render("plan.html.j2", csrf=desk.access.csrf, headers=headers, **plan_values(desk, selection))


@router.post("/plans", dependencies=_CHANGE)
async def ask_for_plan(desk: TheDesk, request: Request, form: Annotated[PlanForm, Form()]) -> Response:
    """Ask for a plan; 429 where too many wait already."""
    desk.board.refuse_when_full()
    job = await run_in_threadpool(desk.plan_job, form)
    return _taken(desk, request, job)


@router.post("/frontiers", dependencies=_CHANGE)
async def ask_for_frontier(desk: TheDesk, request: Request, form: Annotated[FrontierForm, Form()]) -> Response:
    """Ask for plans at several budgets; 429 where too many wait already."""
    desk.board.refuse_when_full()
    job = await run_in_threadpool(desk.frontier_job, form)
    return _taken(desk, request, job)


@router.get("/jobs")
async def jobs(desk: TheDesk) -> Response:
    """All jobs."""
    return render("jobs.html.j2", csrf=desk.access.csrf, jobs=_jobs(desk), latest=None, limits=limits)


@router.get("/jobs/{identity}")
async def job(desk: TheDesk, identity: str) -> Response:
    """How far a job is; when it has ended, its card takes the place of the running one."""
    found = desk.board.find(identity)
    view = job_view(desk.board, found)
    if not found.is_ended:
        return render("job_progress.html.j2", view=view)
    latest = found if desk.board.is_latest(found) else None
    headers = {"HX-Retarget": f"#job-{found.id}", "HX-Reswap": "outerHTML", "HX-Trigger": "scenarios-changed"}
    return render("job.html.j2", csrf=desk.access.csrf, view=view, latest=latest, headers=headers)


@router.post("/jobs/{identity}/cancel", dependencies=_CHANGE)
async def cancel(desk: TheDesk, request: Request, identity: str) -> Response:
    """Stop a job: the best plan so far is kept; asked again, at once."""
    desk.board.cancel(desk.board.find(identity))
    if not is_partial(request):
        return back_to("/")
    return render("jobs.html.j2", csrf=desk.access.csrf, jobs=_jobs(desk), latest=None, limits=limits)


@router.get("/frontiers/{identity}")
async def frontier(desk: TheDesk, identity: str) -> Response:
    """The chart and the table of a sweep."""
    found = desk.board.find(identity)
    return render("frontier.html.j2", job=found, found=found.result)


def plan_values(desk: Desk, selection: Selection) -> dict[str, Any]:
    """Return what the template of a plan shows."""
    view: PlanView | None = plan_view(selection.shown, selection.base) if selection.shown is not None else None
    return {"view": view, "options": desk.scenarios.all(), "currency": formats.currency()}


def _jobs(desk: Desk) -> list[Any]:
    return [job_view(desk.board, one) for one in desk.board.shown()]


def _taken(desk: Desk, request: Request, job: Job) -> Response:
    desk.board.submit(job)
    if not is_partial(request):
        return back_to("/")
    return render("jobs.html.j2", status=202, csrf=desk.access.csrf, jobs=_jobs(desk), latest=None, limits=limits)
