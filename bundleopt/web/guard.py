"""The door of the page: every request passes here before anything of the workspace is touched.

In order: Host (400), Origin and what the browser says of the sender (403), cookie (403), size of the body (413),
number of changes (429). The answers of the page get the headers that keep a browser from doing more than show them.
"""

from __future__ import annotations

import time
from http.cookies import CookieError, SimpleCookie

from markupsafe import Markup
from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bundleopt.report import formats
from bundleopt.web import limits
from bundleopt.web.access import Access
from bundleopt.web.refusal import Refusal, answer

SAFE_METHODS = frozenset({"GET", "HEAD"})
# No script but our own files, no style but our own file, nothing from anywhere else, and no page around this one.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# A report holds its style sheet inside; it has no script, and may not send or load anything.
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
_HEADERS = {
    "content-security-policy": POLICY,
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
# The browser goes on from inside this page: a cookie that is SameSite=Strict is not sent along a foreign redirect.
_LANDING = Markup(
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>bundleopt</title>'
    '<meta http-equiv="refresh" content="0; url=/"><link rel="icon" href="/static/icon.svg"></head>'
    '<body><main><p><a href="/">Open the what-if page</a></p></main></body></html>'
)


class Allowance:
    """A bucket of changes that fills up again at a constant rate."""

    def __init__(self, burst: int = limits.BURST, per_second: float = limits.CHANGES_PER_SECOND) -> None:
        """Begin with a full bucket."""
        self._burst, self._per_second = float(burst), per_second
        self._left, self._at = self._burst, time.monotonic()

    def take(self) -> bool:
        """Take one change out; False where there is none left."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Guard:
    """The ASGI application around the page."""

    def __init__(self, app: ASGIApp, access: Access, numbers: formats.NumberFormat) -> None:
        """Guard `app` for whom `access` knows; its answers write numbers as `numbers` says."""
        self._app, self._access, self._numbers, self._allowance = app, access, numbers, Allowance()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            landing = self._check(scope, headers)
            if landing is not None:
                await landing(scope, receive, _with_headers(send))
                return
            body = await _whole_body(receive) if scope["method"] not in SAFE_METHODS else receive
            with formats.written_as(self._numbers):
                await self._app(scope, body, _with_headers(send))
        except Refusal as refusal:
            await answer(refusal, headers)(scope, receive, _with_headers(send))

    def _check(self, scope: Scope, headers: Headers) -> Response | None:
        """Refuse what may not pass; the answer that lets a browser in where a token was shown."""
        if headers.get("host", "") not in self._access.hosts:
            raise Refusal(400, "This page answers to 127.0.0.1 and localhost alone.")
        is_change = scope["method"] not in SAFE_METHODS
        self._check_sender(headers, is_change=is_change)
        token = QueryParams(scope["query_string"]).get("token") if scope["path"] == "/" and not is_change else None
        if token is not None:
            return self._let_in(token)
        if headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
            raise Refusal(403, "Another page asked for this; open the address that bundleopt ui shows.")
        if not self._access.knows(_cookie(headers, self._access.cookie_name)):
            raise Refusal(403, "Open the address that bundleopt ui shows in the terminal: it lets this browser in.")
        if _length(headers) > limits.LARGEST_BODY_BYTES:
            raise _too_large()
        if is_change and not self._allowance.take():
            raise Refusal(429, "Too many changes at once; wait a few seconds.", Retry_After="5")
        return None

    def _check_sender(self, headers: Headers, *, is_change: bool) -> None:
        origin = headers.get("origin")
        if origin not in self._access.origins and (is_change or origin is not None):
            raise Refusal(403, "Another page asked for this; changes come from the what-if page alone.")

    def _let_in(self, token: str) -> Response:
        if not self._access.admits(token):
            raise Refusal(403, "This address has been used or is not of this page; take the one in the terminal.")
        response = HTMLResponse(str(_LANDING))
        name, value = self._access.cookie_name, self._access.cookie
        response.set_cookie(name, value, path="/", httponly=True, samesite="strict")
        return response


async def _whole_body(receive: Receive) -> Receive:
    """Read the body, which ends where the limit is whatever length it claims, and return what hands it on."""
    parts: list[bytes] = []
    goes_on = True
    while goes_on:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        goes_on = message.get("more_body", False)
        if sum(map(len, parts)) > limits.LARGEST_BODY_BYTES:
            raise _too_large()
    held: list[Message] = [{"type": "http.request", "body": b"".join(parts), "more_body": False}]

    async def handing_on() -> Message:
        return held.pop() if held else await receive()

    return handing_on


def _too_large() -> Refusal:
    return Refusal(
        413, f"More than {limits.LARGEST_BODY_BYTES // 1024} KiB is no form of this page.", Connection="close"
    )


def _length(headers: Headers) -> int:
    text = headers.get("content-length", "0")
    if not text.isascii() or not text.isdigit():
        raise Refusal(400, "The length of the request makes no sense.")
    return int(text) if len(text) < 19 else limits.LARGEST_BODY_BYTES + 1


def _cookie(headers: Headers, name: str) -> str:
    try:
        held = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return held.value if held is not None else ""


def _with_headers(send: Send) -> Send:
    """Add what every answer says; an answer that has its own policy keeps it."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
