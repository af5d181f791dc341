"""One warm child process that solves models: started in its own process group, killed with everything it started."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import bundleopt_data
import bundleopt_solvers
from bundleopt_solvers.frames import Frame, read_frame

START_SECONDS = 120.0  # a cold import of a solver library on a busy machine
DYING_SECONDS = 2.0  # a process that closed its pipe is on its way out
BROKEN_PIPE = 1
POLL_SECONDS = 0.05  # how soon a stop is noticed


class WorkerDiedError(Exception):
    """The child ended by itself; `code` is its exit status, negative where a signal killed it."""

    def __init__(self, code: int) -> None:
        self.code = code
        signals = {-11: "a segmentation fault", -6: "an abort", -9: "a kill, most often for memory"}
        super().__init__(f"its process ended with {code} ({signals.get(code, 'no answer given')})")


class WorkerHungError(Exception):
    """The child gave no answer in time, or the caller asked to stop; it still has to be killed."""


class WorkerProcess:
    """A child that serves one family of solvers.

    Attributes:
        family: the solver family it imported, or may import.
    """

    def __init__(self, family: str, table_file: Path | None = None) -> None:
        """Start the child and wait until it is ready; `table_file` names another table of backends."""
        self.family = family
        command = [sys.executable, "-P", "-m", "bundleopt_solvers.worker"]
        command += [str(table_file)] if table_file else []
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=_environment(),
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise OSError("the solver's child has no pipes")
        self._orders, self._answers = self._process.stdin, self._process.stdout
        self._frames: queue.Queue[Frame | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self.receive(monotonic() + START_SECONDS)
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """Process id of the child; also the id of its process group."""
        return self._process.pid

    def send(self, frame: Frame) -> None:
        """Send one frame.

        Raises:
            WorkerDiedError: the child is gone.
        """
        try:
            self._orders.write(frame.encode())
            self._orders.flush()
        except OSError:
            raise self._death() from None

    def receive(self, deadline: float, stopped: Callable[[], bool] | None = None) -> Frame:
        """Wait for the next frame until `deadline` on the monotonic clock, or until `stopped()`.

        Raises:
            WorkerDiedError: the child ended.
            WorkerHungError: the deadline passed, or the caller stopped waiting.
        """
        while True:
            left = deadline - monotonic()
            if left <= 0 or (stopped is not None and stopped()):
                raise WorkerHungError
            try:
                frame = self._frames.get(timeout=left if stopped is None else min(left, POLL_SECONDS))
            except queue.Empty:
                continue
            if frame is None:
                raise self._death()
            return frame

    def _death(self) -> WorkerDiedError:
        """What ended the child; one that lives on with a broken pipe is ended here."""
        try:
            return WorkerDiedError(self._process.wait(DYING_SECONDS))
        except subprocess.TimeoutExpired:
            self.kill()
            return WorkerDiedError(BROKEN_PIPE)

    def kill(self) -> None:
        """End the child and all it started, and collect it, so that no zombie stays."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._orders, self._answers):
            with contextlib.suppress(OSError):
                stream.close()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while (frame := read_frame(self._answers.read)) is not None:
                self._frames.put(frame)
        self._frames.put(None)


def _environment() -> dict[str, str]:
    """The parent's environment, one thread a library, and our packages on the path."""
    roots = [str(Path(package.__path__[0]).parent) for package in (bundleopt_solvers, bundleopt_data)]
    inherited = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([*dict.fromkeys(roots), *([inherited] if inherited else [])])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
