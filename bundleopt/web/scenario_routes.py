"""Routes of the scenarios: list, save, name, approve, remove, export, report."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, Response

from bundleopt.verbs.approve import approve as approve_run
from bundleopt.web.desk import Desk
from bundleopt.web.downloads import Download, plan_download, sweep_download
from bundleopt.web.guard import REPORT_POLICY
from bundleopt.web.page_view import select
from bundleopt.web.plan_routes import plan_values
from bundleopt.web.refusal import Refusal
from bundleopt.web.rendering import back_to, is_partial, render
from bundleopt.web.scenario_row import scenario_row
from bundleopt.web.scenarios import Scenario, folder_of_frontier
from bundleopt.web.shared import desk_of, from_the_page
from bundleopt_data.errors import UsageError

router = APIRouter(default_response_class=HTMLResponse)

TheDesk = Annotated[Desk, Depends(desk_of)]
Text = Annotated[str, Form(max_length=400)]
_CHANGE = [Depends(from_the_page)]


@router.get("/scenarios")
def scenarios(desk: TheDesk) -> Response:
    """The list."""
    return _list(desk)


@router.post("/scenarios/{reference}/save", dependencies=_CHANGE)
def save(desk: TheDesk, request: Request, reference: str, name: Text = "", base: Text = "") -> Response:
    """Make a draft a run of the workspace under a name; name a run anew."""
    saved = desk.save(desk.scenarios.find(reference), name)
    return _show(desk, request, saved, base)


@router.post("/scenarios/{reference}/approve", dependencies=_CHANGE)
def approve(
    desk: TheDesk, request: Request, reference: str, by: Text = "", note: Text = "", replace: Text = ""
) -> Response:
    """Freeze a saved plan under the name of a person."""
    scenario = desk.scenarios.find(reference)
    if scenario.is_draft:
        raise UsageError("Save the plan first: what is approved stands in the list of runs.")
    approve_run(scenario.run.name, by=by, note=note, replace=bool(replace), workspace=desk.named)
    return _show(desk, request, desk.scenarios.find(reference), "")


@router.post("/scenarios/{reference}/remove", dependencies=_CHANGE)
def remove(desk: TheDesk, request: Request, reference: str) -> Response:
    """Remove a plan that nobody approved."""
    desk.remove(desk.scenarios.find(reference))
    return _list(desk) if is_partial(request) else back_to("/")


@router.get("/scenarios/{reference}/export/{kind}")
def export(desk: TheDesk, reference: str, kind: str) -> Response:
    """Download a plan as xlsx, csv, parquet or prices."""
    return _file(plan_download(desk.scenarios.find(reference).run.folder, reference, kind))


@router.get("/scenarios/{reference}/report")
def report(desk: TheDesk, reference: str) -> Response:
    """The report of a plan, as its run folder holds it."""
    path = desk.scenarios.find(reference).run.folder / "report.html"
    if not path.is_file():
        raise Refusal(404, "This plan has no report; write one with: bundleopt report")
    headers = {"content-security-policy": REPORT_POLICY}
    return HTMLResponse(path.read_text(encoding="utf-8"), headers=headers)


@router.get("/frontiers/{identity}/export/{kind}")
async def export_frontier(desk: TheDesk, identity: str, kind: str) -> Response:
    """Download the table of a sweep as csv or xlsx."""
    return _file(sweep_download(folder_of_frontier(desk.workspace, desk.board.find(identity).id), kind))


def _file(download: Download) -> Response:
    return Response(download.content, media_type=download.media_type, headers=download.headers)


def _list(desk: Desk) -> Response:
    rows = [scenario_row(one) for one in desk.scenarios.all()]
    return render("scenarios.html.j2", csrf=desk.access.csrf, rows=rows)


def _show(desk: Desk, request: Request, scenario: Scenario, base: str) -> Response:
    """The plan after a change of its name or its approval."""
    selection = select(desk.scenarios, scenario.reference, base)
    address = "/?" + urlencode(selection.query)
    if not is_partial(request):
        return back_to(address)
    headers = {"HX-Push-Url": address, "HX-Trigger": "scenarios-changed"}
    return render("plan.html.j2", csrf=desk.access.csrf, headers=headers, **plan_values(desk, selection))
