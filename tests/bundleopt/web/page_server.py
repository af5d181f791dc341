"""The real `bundleopt ui` in a process of its own, and requests to it as a browser, or a hostile neighbour, sends."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

# A plan in a second or two; the gap is reached, so that the clock decides nothing.
QUICK = {
    "BUNDLEOPT_GAP": "8%",
    "BUNDLEOPT_TIME_LIMIT": "20",
    "BUNDLEOPT_CANDIDATES": "30",
    "BUNDLEOPT_MAX_BUNDLES": "6",
    "OMP_NUM_THREADS": "1",
}
_START = "import sys; from bundleopt.cli.main import run; run(sys.argv[1:])"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass
class PageServer:
    """A running page."""

    root: Path
    process: subprocess.Popen[str]
    address: str
    port: int
    cookie: str = ""
    csrf: str = ""
    extra: dict[str, str] = field(default_factory=dict)

    @classmethod
    def start(cls, root: Path, **environment: str) -> PageServer:
        process = subprocess.Popen(
            [sys.executable, "-c", _START, "ui", "-w", str(root), "--port", "0", "--no-browser", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | QUICK | environment,
            start_new_session=True,
        )
        assert process.stdout is not None
        lines = []
        while not lines or lines[-1] != "}\n":
            lines.append(process.stdout.readline())
            assert lines[-1], process.communicate()
        document = json.loads("".join(lines))
        server = cls(root, process, document["address"], document["port"])
        landing = server.ask("GET", server.token_path, cookie="")
        server.cookie = landing.headers["set-cookie"].partition(";")[0]
        found = re.search(r'name="csrf" value="([^"]+)"', server.ask("GET", "/").text)
        assert found is not None
        server.csrf = found[1]
        return server

    @property
    def token_path(self) -> str:
        parts = urlsplit(self.address)
        return f"{parts.path}?{parts.query}"

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self) -> int:
        self.process.terminate()
        self.process.communicate(timeout=30)
        return self.process.returncode

    def ask(
        self, method: str, path: str, body: bytes | str = b"", *, cookie: str | None = None, **headers: str | None
    ) -> Answer:
        """Send one request; headers are given with underscores, None leaves a usual one out."""
        usual = {"Host": f"127.0.0.1:{self.port}", "Cookie": self.cookie if cookie is None else cookie}
        if method != "GET":
            usual |= {"Origin": self.origin, "Content-Type": "application/x-www-form-urlencoded"}
        usual |= {name.replace("_", "-"): value for name, value in headers.items()}  # type: ignore[misc]
        content = body.encode() if isinstance(body, str) else body
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in ({"Content-Length": str(len(content))} | usual).items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(content)
            response = connection.getresponse()
            held = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, held, response.read())
        finally:
            connection.close()

    def change(self, path: str, **values: object) -> Answer:
        """Send a form as the open page does."""
        return self.ask("POST", path, urlencode(values | {"csrf": self.csrf}, doseq=True), HX_Request="true")

    def plan(self, **values: object) -> Answer:
        """Ask for a plan with the inputs of the page, some changed."""
        return self.change("/plans", **(FORM | values))

    def wait_for_job(self, *, seconds: float = 120.0) -> str:
        """Wait until no job goes on, and return the list of jobs."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            shown = self.ask("GET", "/jobs").text
            if 'hx-trigger="every' not in shown:
                return shown
            time.sleep(0.2)
        raise AssertionError(f"still at work after {seconds} s")

    def cancel_all(self) -> None:
        """Stop every job, asking twice, and wait until nothing goes on."""
        for _ in range(2):
            for job in re.findall(r'hx-post="/jobs/(\w+)/cancel"', self.ask("GET", "/jobs").text):
                self.patiently(f"/jobs/{job}/cancel")
        self.wait_for_job()

    def patiently(self, path: str, **values: object) -> Answer:
        """Send a form, again where there were too many changes at once."""
        while (answer := self.change(path, **values)).status == 429:
            time.sleep(0.3)
        return answer

    def latest_draft(self) -> str:
        found = re.findall(r"run=(draft-[\d-]+)", self.ask("GET", "/jobs").text)
        return str(found[0])


FORM: dict[str, object] = {
    "objective": "revenue",
    "budget": "20",
    "min_margin": "",
    "max_bundles": "6",
    "min_discount": "0",
    "max_discount": "30",
    "slots": "3",
    "min_incremental_margin": "",
    "gap": "8",
    "time_limit": "20",
    "week": "",
    "bundle_size": "2:3",
    "price_ending": "",
    "shocks": "",
}
