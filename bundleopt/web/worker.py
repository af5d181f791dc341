"""The child process that plans: requests come in as lines of JSON, progress and results go out as lines of JSON.

It lives through many plans, so that libraries are loaded once. An interrupt ends the plan at hand as Ctrl-C ends a
command: the best plan so far is finished and kept. When the server is gone, its end of the pipe closes, and this ends.
"""

from __future__ import annotations

import json
import math
import os
import queue
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from bundleopt.session import Session

Tell = Callable[[dict[str, Any]], None]
Request = dict[str, Any]

# Between two reports of a search: what a person can follow.
_EVERY_SECONDS, _EVERY_POINT_SECONDS = 0.2, 0.05
# After the server is gone, the plan at hand may be finished in this time.
_GRACE_SECONDS = 10.0


class Reporter:
    """Sends progress on: (what is being done, share done), and how plan and bound come together."""

    def __init__(self, tell: Tell) -> None:
        """Report to `tell`."""
        self._tell, self._step, self._told, self._converged = tell, "", 0.0, 0.0
        self._pending: dict[str, Any] | None = None

    def __call__(self, step: str, share: float, /) -> None:
        """Report a step, every new one at once."""
        now = time.monotonic()
        if step != self._step:
            self._converge(now)
        if step != self._step or now - self._told >= _EVERY_SECONDS:
            self._step, self._told = step, now
            self._tell({"step": step, "share": share})

    def converging(self, value: float, bound: float, seconds: float) -> None:
        """Report the objective of the best plan and the bound; None where there is none yet."""
        finite = [float(number) if math.isfinite(number) else None for number in (value, bound)]
        self._pending = {"seconds": seconds, "value": finite[0], "bound": finite[1]}
        now = time.monotonic()
        if now - self._converged >= _EVERY_POINT_SECONDS:
            self._converge(now)

    def _converge(self, now: float) -> None:
        """Tell where the search stands; the last word of a step is never held back."""
        if self._pending is not None:
            self._tell(self._pending)
        self._pending, self._converged = None, now


def main() -> None:
    """Serve requests until the server closes the pipe."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    warnings.simplefilter("ignore")
    # As on the command line: beside other work, threads that wait by spinning are slower than one thread alone.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    channel = _own_channel()

    lock = threading.Lock()

    def tell(message: dict[str, Any]) -> None:
        with lock:  # scenarios of a sweep report from several threads
            channel.write(json.dumps(message, ensure_ascii=False) + "\n")
            channel.flush()

    requests: queue.Queue[Request | None] = queue.Queue()
    threading.Thread(target=_read, args=(requests,), daemon=True).start()
    import bundleopt.pipeline  # noqa: F401 - loaded before the first plan is asked for

    while (request := requests.get()) is not None:
        tell(answer(request, tell) | {"end": True})


class _AtWork:
    """Whether a request is being worked on: an interrupt that comes too late for it is forgotten."""

    now = False


def _interrupt(*_: object) -> None:
    if _AtWork.now:
        raise KeyboardInterrupt


def answer(request: Request, tell: Tell) -> dict[str, Any]:
    """Do what a request asks, and return its result, or why there is none."""
    from bundleopt.cli.failures import classify
    from bundleopt.web.forms import for_the_page

    try:
        _AtWork.now = True
        return {"result": WORK[request["kind"]](request, Reporter(tell))}
    except KeyboardInterrupt:
        return {}
    except Exception as error:  # noqa: BLE001 - whatever it is, the page says it and goes on
        return {"failure": for_the_page(classify(error)[1])}
    finally:
        _AtWork.now = False


def _plan(request: Request, reporter: Reporter) -> dict[str, Any]:
    """Plan, and publish the plan as a draft."""
    from bundleopt.run_registry import next_folder
    from bundleopt.verbs.solve import solve_session
    from bundleopt.web.scenarios import draft_workspace, reference_of_draft
    from bundleopt.workspace_lock import hold
    from bundleopt_data import atomic

    session = session_of(request, reporter)
    drafts = draft_workspace(session.workspace)

    def work(*, wait: bool) -> dict[str, Any]:
        with hold(session.workspace, wait=wait):
            week = session.config.solve.week or session.dataset.default_week()
            atomic.make_folder(drafts.runs)
            result = solve_session(session, out=next_folder(drafts, week))
        return {"plan": reference_of_draft(result.folder.name)}

    return _in_turn(work, reporter)


def _frontier(request: Request, reporter: Reporter) -> dict[str, Any]:
    """Plan at several budgets, and keep the files of the sweep."""
    from bundleopt.report import formats
    from bundleopt.scenarios.files import write_files
    from bundleopt.scenarios.page import HEAD, frontier, row
    from bundleopt.session import open_session
    from bundleopt.verbs.whatif import whatif

    session = session_of(request, reporter)
    settings = {name: value for name, value in session.config.solve.model_dump(mode="json").items() if value != []}
    if settings["time_limit"] == open_session(request["workspace"]).config.solve.time_limit:
        del settings["time_limit"]  # nobody asked for it: a sweep then shares the time of a few plans

    def work(*, wait: bool) -> dict[str, Any]:
        result = whatif(
            request["workspace"],
            sweeps=request["sweeps"],
            wait=wait,
            progress=reporter,
            **settings,
        )
        write_files(result, Path(request["folder"]), currency=session.config.data.currency)
        data = session.config.data
        with formats.written_as(formats.number_format(data.number_format, data.currency)):
            rows = [row(one, result) for one in (result.base, *result.outcomes)]
            chart = frontier(result)
        rows[0]["label"] = "as set"
        return {"head": HEAD, "rows": rows, "chart": str(chart) if chart is not None else "", "week": result.week}

    return _in_turn(work, reporter)


WORK: dict[str, Callable[[Request, Reporter], dict[str, Any]]] = {"plan": _plan, "frontier": _frontier}


def session_of(request: Request, reporter: Callable[[str, float], None]) -> Session:
    """Open the workspace with the settings of a request: those of an earlier plan, and what was changed on the page.

    Raises:
        UsageError: a setting makes no sense, or the earlier plan is gone.
    """
    from bundleopt.replan import as_planned, with_settings
    from bundleopt.session import open_session
    from bundleopt.verbs.report import read_result

    session = open_session(request["workspace"], progress=reporter)
    if request["start"] is not None:
        session = as_planned(session, read_result(request["start"], workspace=request["workspace"]))
    return with_settings(session, request["settings"])


def _in_turn(work: Callable[..., dict[str, Any]], reporter: Reporter) -> dict[str, Any]:
    """Work in the workspace; where another process holds it, say who, and wait."""
    from bundleopt_data.errors import WorkspaceLockedError

    try:
        return work(wait=False)
    except WorkspaceLockedError as error:
        reporter(str(error).removesuffix("; wait for it with --wait"), 0.0)
        return work(wait=True)


def _own_channel() -> TextIO:
    """The pipe to the server; whatever libraries print goes to standard error instead."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return channel


def _read(requests: queue.Queue[Request | None]) -> None:
    for line in sys.stdin:
        requests.put(json.loads(line))
    requests.put(None)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(_GRACE_SECONDS)
    os._exit(1)


if __name__ == "__main__":
    main()
