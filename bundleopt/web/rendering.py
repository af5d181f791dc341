"""Templates of the page: every text of the data is escaped, and a name that nobody gave is an error."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bundleopt.report.page import environment
from bundleopt.web import fields
from bundleopt.web.access import CSRF_FIELD

if TYPE_CHECKING:
    import jinja2

STATIC = Path(__file__).parent / "static"


@cache
def templates() -> jinja2.Environment:
    """Return the template engine of the page, with the filters of the report."""
    import jinja2

    made = environment()
    made.loader = jinja2.PackageLoader("bundleopt.web")
    made.globals |= {"fields": fields, "csrf_field": CSRF_FIELD}
    made.trim_blocks = made.lstrip_blocks = True
    return made


def render(name: str, *, status: int = 200, headers: dict[str, str] | None = None, **values: Any) -> HTMLResponse:
    """Return a template as a response."""
    return HTMLResponse(templates().get_template(name).render(**values), status, headers)


def is_partial(request: Request) -> bool:
    """Whether the open page asks for a part of itself; without scripts a browser asks for a whole page."""
    return request.headers.get("hx-request") == "true"


def back_to(path: str) -> Response:
    """Send a browser without scripts on to a page after a change."""
    return RedirectResponse(path, 303)
