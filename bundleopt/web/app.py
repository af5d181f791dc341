"""The application: its routes, its files, and what it answers where something is wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from bundleopt.cli.failures import classify
from bundleopt.report.formats import NumberFormat
from bundleopt.web import plan_routes, scenario_routes
from bundleopt.web.access import Access
from bundleopt.web.desk import Desk
from bundleopt.web.forms import for_the_page
from bundleopt.web.guard import Guard
from bundleopt.web.refusal import Refusal, answer
from bundleopt.web.rendering import STATIC
from bundleopt.workspace import Workspace
from bundleopt_data.errors import BundleoptError

PLAIN = NumberFormat()
_MISSING, _NOT_ALLOWED = 404, 405


def create_app(workspace: Workspace, *, named: str | None, access: Access, numbers: NumberFormat = PLAIN) -> Guard:
    """Return the page of a workspace behind its guard.

    Args:
        workspace: its folders.
        named: the workspace as it was named; None means the one that is found from here.
        access: who may come in.
        numbers: how they are written, and the currency.
    """
    desk = Desk(workspace, named, access)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await desk.open()
        yield
        await desk.close()

    # The usual pages about the interface load scripts from elsewhere.
    app = FastAPI(title="bundleopt", docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.desk = desk
    app.include_router(plan_routes.router)
    app.include_router(scenario_routes.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    _add_answers(app)
    return Guard(app, access, numbers)


def _add_answers(app: FastAPI) -> None:
    """Every error becomes one sentence; none shows a traceback or a path that was asked for."""

    @app.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> Response:
        return answer(error, request.headers)

    @app.exception_handler(BundleoptError)
    async def failed(request: Request, error: BundleoptError) -> Response:
        return answer(Refusal(422, for_the_page(classify(error)[1])), request.headers)

    @app.exception_handler(RequestValidationError)
    async def misread(request: Request, error: RequestValidationError) -> Response:
        found = error.errors()[0]
        place = str(found["loc"][-1]).replace("_", " ")
        return answer(Refusal(422, f"{place}: {found['msg']}"), request.headers)

    @app.exception_handler(HTTPException)
    async def not_served(request: Request, error: HTTPException) -> Response:
        sentences = {_MISSING: "There is nothing here.", _NOT_ALLOWED: "That cannot be done here."}
        sentence = sentences.get(error.status_code, "The request makes no sense.")
        return answer(Refusal(error.status_code, sentence), request.headers)

    @app.exception_handler(OSError)
    async def disk(request: Request, error: OSError) -> Response:
        return answer(Refusal(500, classify(error)[1]), request.headers)

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> Response:
        return answer(Refusal(500, classify(error)[1]), request.headers)
