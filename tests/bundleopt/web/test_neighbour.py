"""What a hostile neighbour sends, on the same machine or from another page of the same browser, and what it gets."""

from __future__ import annotations

import concurrent.futures
import socket
from collections import Counter

import pytest

from bundleopt.web.limits import LARGEST_BODY_BYTES
from bundleopt.workspace import Workspace
from bundleopt.workspace_lock import hold
from tests.bundleopt.web.page_server import FORM, PageServer

PATHS = ("/", "/jobs", "/plan", "/scenarios", "/static/page.css", "/static/htmx.min.js", "/openapi.json", "/nothing")


@pytest.mark.fault(72)
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:80", "", "[::1]"])
def test_a_name_that_was_rebound_to_loopback_is_refused(page: PageServer, host: str) -> None:
    for path in ("/", page.token_path, "/static/page.css"):
        assert page.ask("GET", path, Host=host).status == 400


def test_localhost_is_the_same_page(page: PageServer) -> None:
    assert page.ask("GET", "/", Host=f"localhost:{page.port}").status == 200


@pytest.mark.fault(72)
@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_told_without_the_cookie(page: PageServer, path: str) -> None:
    name = page.cookie.partition("=")[0]
    for cookie in (
        "",
        f"{name}=",
        f"{name}=guessed",
        f"other={page.cookie.partition('=')[2]}",
        "\x7f;;==,",
        page.cookie[:-1],
    ):
        answer = page.ask("GET", path, cookie=cookie)
        assert answer.status == 403
        assert page.root.name not in answer.text
        assert "set-cookie" not in answer.headers


@pytest.mark.fault(72)
def test_the_address_lets_in_once_it_is_right_and_the_cookie_stays_with_the_browser(page: PageServer) -> None:
    landing = page.ask("GET", page.token_path, cookie="")
    assert landing.status == 200
    cookie = landing.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert page.address.partition("token=")[2] not in landing.text + cookie
    for token in ("", "x", page.address.partition("token=")[2][:-1], "%00", "é"):
        assert (
            page.ask("GET", f"/?token={token.encode().hex() if not token.isascii() else token}", cookie="").status
            == 403
        )


@pytest.mark.fault(72)
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1", "https://127.0.0.1:{port}", None]
)
def test_changes_from_another_page_are_refused(page: PageServer, origin: str | None) -> None:
    told = origin.format(port=page.port) if origin else None
    answer = page.ask("POST", "/plans", f"csrf={page.csrf}", Origin=told)
    assert answer.status == 403
    assert 'class="job' not in page.ask("GET", "/jobs").text


@pytest.mark.fault(72)
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_browser_that_says_another_page_asked_is_believed(page: PageServer, site: str) -> None:
    assert page.ask("GET", "/", Sec_Fetch_Site=site).status == 403
    assert page.ask("GET", "/", Origin="http://evil.example").status == 403


@pytest.mark.fault(72)
@pytest.mark.parametrize("path", ["/plans", "/frontiers", "/jobs/x/cancel", "/scenarios/0001-2024-10-07/remove"])
def test_changes_carry_the_secret_of_the_page(page: PageServer, path: str) -> None:
    for body in ("", "csrf=", "csrf=guessed", "budget=5"):
        assert page.ask("POST", path, body).status == 403
    assert page.ask("POST", path, **{"X-CSRF-Token": "guessed"}).status == 403
    assert page.ask("POST", path, b"\xff\xfe{", Content_Type="application/json").status == 403
    assert page.ask("POST", path, b"--x", Content_Type="multipart/form-data").status in {400, 403}


@pytest.mark.fault(72)
def test_a_gigabyte_is_refused_before_it_is_read(page: PageServer) -> None:
    head = (
        f"POST /plans HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\nOrigin: {page.origin}\r\nCookie: {page.cookie}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
    )
    with socket.create_connection(("127.0.0.1", page.port), timeout=30) as wire:
        wire.sendall(f"{head}Content-Length: 1000000000\r\n\r\n".encode())
        assert wire.recv(100).startswith(b"HTTP/1.1 413")
    chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", page.port), timeout=30) as wire:
        wire.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(LARGEST_BODY_BYTES // 0x10000 + 1):
            wire.sendall(chunk)
        assert wire.recv(100).startswith(b"HTTP/1.1 413")


@pytest.mark.fault(72)
@pytest.mark.parametrize(
    "path",
    [
        "/scenarios/..%2f..%2fbundleopt.toml/report",
        "/scenarios/%2e%2e/export/csv",
        "/scenarios/../../etc/passwd",
        "/scenarios/0001-2024-10-07%00/report",
        "/scenarios/draft-..%2f0001-2024-10-07/report",
        "/scenarios/%D9%A0%D9%A0%D9%A0%D9%A1-2024-10-07/report",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%5capp.py",
        "/static//etc/passwd",
        "/plan?run=../../etc",
        "/?run=/etc/passwd",
        "/frontiers/../export/csv",
    ],
)
def test_no_path_leads_out_of_the_page(page: PageServer, path: str) -> None:
    answer = page.ask("GET", path)
    assert answer.status == 404
    assert b"root:" not in answer.body


@pytest.mark.fault(72)
def test_two_hundred_plans_at_once_are_told_to_wait(page: PageServer) -> None:
    # Another run holds the workspace, so that no plan costs anything: what is tested is the door, not the engine.
    with hold(Workspace(page.root)):
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(lambda _: page.plan(), range(200)))
        page.cancel_all()
    statuses = Counter(answer.status for answer in answers)
    assert set(statuses) <= {202, 429, 503}
    assert 1 <= statuses[202] <= 9
    refused = next(answer for answer in answers if answer.status == 429)
    assert int(refused.headers["retry-after"]) > 0
    assert refused.headers["hx-retarget"] == "#message"
    assert page.ask("GET", "/").status == 200


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_forbids_scripts_frames_and_foreign_places(page: PageServer, path: str) -> None:
    for answer in (page.ask("GET", path), page.ask("GET", path, cookie=""), page.ask("DELETE", path)):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in answer.headers


def test_nonsense_in_forms_is_said(page: PageServer) -> None:
    for values in (
        {"budget": "nan"},
        {"max_discount": "<script>alert(1)</script>"},
        {"slots": ""},
        {"decision": "burn A+B"},
    ):
        answer = page.patiently("/plans", **(FORM | values))
        assert answer.status == 422, answer.text
        assert "<script>" not in answer.text
        assert answer.headers["hx-retarget"] == "#message"
    assert page.patiently("/plans", **(FORM | {"budget": "x" * 101})).status == 422
    assert page.patiently("/plans", **(FORM | {"start": "draft-0001-1999-01-04"})).status == 404
    assert page.patiently("/frontiers", **FORM, budget_from="9", budget_to="3", points="3").status == 422
