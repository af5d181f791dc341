"""What a request gets that the page does not take: a status, one sentence, and nothing about the workspace."""

from __future__ import annotations

from markupsafe import Markup
from starlette.datastructures import Headers
from starlette.responses import HTMLResponse

_FRAGMENT = Markup('<p class="refusal" role="alert">{}</p>')
_DOCUMENT = Markup(
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>bundleopt</title>'
    '<meta name="viewport" content="width=device-width"></head><body><main>{}'
    '<p><a href="/">Back to the what-if page</a></p></main></body></html>'
)
# Where the page shows what went wrong.
TARGET = "#message"


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault of the server
    """A request that is not served.

    Attributes:
        status: HTTP status. sentence: what was wrong and what to do. headers: of the answer.
    """

    def __init__(self, status: int, sentence: str, **headers: str) -> None:
        """Keep what the answer says."""
        super().__init__(sentence)
        self.status, self.sentence = status, sentence
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def answer(refusal: Refusal, headers: Headers) -> HTMLResponse:
    """Return the response: a line for the open page where it asked, else a page of its own."""
    body = _FRAGMENT.format(refusal.sentence)
    extra = dict(refusal.headers)
    if headers.get("hx-request") == "true":
        extra |= {"HX-Retarget": TARGET, "HX-Reswap": "innerHTML"}
    else:
        body = _DOCUMENT.format(body)
    return HTMLResponse(str(body), refusal.status, extra)
