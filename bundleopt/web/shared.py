"""What routes ask for before they begin: the desk, and proof that a change comes from inside the page."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query, Request

from bundleopt.web.access import CSRF_FIELD, CSRF_HEADER
from bundleopt.web.desk import Desk
from bundleopt.web.refusal import Refusal

Reference = Annotated[str, Query(max_length=60)]


def desk_of(request: Request) -> Desk:
    """Return the desk of this server."""
    desk: Desk = request.app.state.desk
    return desk


async def from_the_page(request: Request) -> None:
    """Refuse a change that does not carry the secret which only this page's own HTML holds.

    Raises:
        Refusal: 403.
    """
    held = request.headers.get(CSRF_HEADER)
    if held is None:
        value = (await request.form()).get(CSRF_FIELD)
        held = value if isinstance(value, str) else ""
    if not desk_of(request).access.is_from_the_page(held):
        raise Refusal(403, "This page is of an earlier start of the server; open its address again.")
