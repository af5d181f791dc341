"""The worker seen from the server: started once, asked many times, interrupted or killed when somebody cancels."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

WORKER_COMMAND = (sys.executable, "-m", "bundleopt.web.worker")
_LONGEST_LINE = 16 * 1024 * 1024
# A worker is replaced after so many plans: what libraries may leave behind in its memory goes with it.
_PLANS = 25


class WorkerDiedError(Exception):
    """The worker ended in the middle of a plan; `code` is its exit code, negative for a signal."""

    def __init__(self, code: int) -> None:
        """Keep the exit code."""
        super().__init__(f"the planner ended with code {code}")
        self.code = code


class WorkerProcess:
    """At most one child process; started at the first request, or before by `warm`."""

    def __init__(self, command: tuple[str, ...] = WORKER_COMMAND) -> None:
        """Start nothing yet."""
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._asked = 0
        self._is_unwanted = False

    async def warm(self) -> None:
        """Start the process now, so that the first plan need not wait for libraries."""
        if self._process is None or self._process.returncode is not None or self._asked >= _PLANS:
            await self.close()
            # A session of its own: Ctrl-C in the terminal reaches the server, which then decides.
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                limit=_LONGEST_LINE,
                start_new_session=True,
            )
            self._asked = 0

    async def ask(self, request: dict[str, Any], hear: Callable[[dict[str, Any]], None]) -> None:
        """Send a request, and pass every message on until the worker is done with it.

        Raises:
            WorkerDiedError: the worker crashed or was killed.
        """
        await self.warm()
        if self._is_unwanted:  # cancelled before there was a process to kill
            self._is_unwanted = False
            raise WorkerDiedError(-signal.SIGKILL)
        process = self._process
        assert process is not None and process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
        self._asked += 1
        with contextlib.suppress(ConnectionError):
            process.stdin.write(json.dumps(request).encode() + b"\n")
            await process.stdin.drain()
        while message := await _message(process.stdout):
            hear(message)
            if message.get("end"):
                return
        self._kill_process()
        raise WorkerDiedError(await process.wait())

    def interrupt(self) -> None:
        """Have the plan at hand finished with the best that was found."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        """End the worker and its solvers now; one that has yet to start gives the plan at hand up."""
        if self._process is None or self._process.returncode is not None:
            self._is_unwanted = True
        self._kill_process()

    def _kill_process(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def close(self, grace: float = 0.5) -> None:
        """End the worker: closing its pipe asks it to finish, and after `grace` seconds it is killed."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), grace)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _message(stream: asyncio.StreamReader) -> dict[str, Any] | None:
    """The next message of a worker; None where it closed the pipe, or writes what is no message."""
    try:
        message = json.loads(await stream.readline())
    except ValueError:  # an empty line at the end, something that is not JSON, or a line beyond all bounds
        return None
    return message if isinstance(message, dict) else None
