"""Warm solver children, one family each, leased for a solve and kept for the next."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from bundleopt_solvers.backends.backend import Answer, Backend, Basis, Effort, SolveStatus
from bundleopt_solvers.backends.table import BACKENDS
from bundleopt_solvers.frames import Frame
from bundleopt_solvers.linear_model import LinearModel, Reals
from bundleopt_solvers.messages import read_answer, solve_frame
from bundleopt_solvers.worker_process import WorkerDiedError, WorkerHungError, WorkerProcess

# A solver looks at its clock between steps, and reading a large model takes it seconds: past this it is hung.
GRACE_SECONDS = 5.0
GRACE_SHARE = 0.1
PROBE_SECONDS = 60.0


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of one order: the unchecked answer, the last values published, seconds of wall clock."""

    answer: Answer
    published: Reals | None
    seconds: float


class WorkerPool:
    """Solver children of all families. Safe to use from several threads: each solve has a child of its own.

    Attributes:
        table: the backends it can run. owner: id of the process whose children these are.
    """

    def __init__(
        self,
        table: Mapping[str, Backend] = BACKENDS,
        *,
        table_file: Path | None = None,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        """Keep `table`; where it is not the standard one, `table_file` is the Python file that defines it."""
        self.table = table
        self._table_file, self._grace = table_file, grace_seconds
        self._idle: list[WorkerProcess] = []
        self._busy: set[WorkerProcess] = set()
        self._lock = threading.Lock()
        self._missing: dict[str, str] = {}
        self.owner = os.getpid()
        atexit.register(self.close)

    def missing(self, solver: str) -> str:
        """Why `solver` cannot be used here, or ""; asked once, in a child."""
        if solver not in self._missing:
            worker = self._lease(self.table[solver].family)
            try:
                worker.send(Frame("missing", {"solver": solver}))
                self._missing[solver] = str(worker.receive(monotonic() + PROBE_SECONDS).fields["reason"])
            except (WorkerDiedError, WorkerHungError) as error:
                self._missing[solver] = f"its library fails on import: {error}"
                self._discard(worker)
            except BaseException:
                self._discard(worker)
                raise
            else:
                self._return(worker)
        return self._missing[solver]

    def run(
        self,
        solver: str,
        model: LinearModel,
        effort: Effort,
        *,
        start: Reals | None = None,
        basis: Basis | None = None,
        stopped: Callable[[], bool] | None = None,
    ) -> Outcome:
        """Give `model` to `solver` in a child and wait for its answer, or for its end.

        A child that crashes, oversteps its limit by more than the grace, or is stopped is killed with its process
        group; the values it published until then come back.
        """
        worker, begun = self._lease(self.table[solver].family), monotonic()
        deadline = begun + effort.time_limit * (1 + GRACE_SHARE) + self._grace
        published: list[Reals] = []
        try:
            worker.send(solve_frame(model, solver, effort, start, basis))
            answer = _wait(worker, deadline, published, stopped)
        except BaseException:  # Ctrl-C among others: no child outlives its order
            self._discard(worker)
            raise
        if answer.status in (SolveStatus.CRASHED, SolveStatus.HUNG):
            self._discard(worker)
        else:
            self._return(worker)
        return Outcome(answer, published[-1] if published else None, monotonic() - begun)

    def close(self) -> None:
        """Kill every child; the pool can still be used, it then starts new ones."""
        if os.getpid() != self.owner:
            return  # a fork holds copies of our handles, not our children
        with self._lock:
            workers, self._idle, self._busy = [*self._idle, *self._busy], [], set()
        for worker in workers:
            worker.kill()

    def _lease(self, family: str) -> WorkerProcess:
        with self._lock:
            for worker in self._idle:
                if worker.family == family:
                    self._idle.remove(worker)
                    self._busy.add(worker)
                    return worker
        worker = WorkerProcess(family, self._table_file)
        with self._lock:
            self._busy.add(worker)
        return worker

    def _return(self, worker: WorkerProcess) -> None:
        with self._lock:
            if worker in self._busy:
                self._busy.remove(worker)
                self._idle.append(worker)

    def _discard(self, worker: WorkerProcess) -> None:
        with self._lock:
            self._busy.discard(worker)
        worker.kill()


def _wait(worker: WorkerProcess, deadline: float, published: list[Reals], stopped: Callable[[], bool] | None) -> Answer:
    """Collect published values until the answer comes; a dead or silent child answers with what became of it."""
    begun = monotonic()
    try:
        while True:
            frame = worker.receive(deadline, stopped)
            if frame.kind != "better":
                return read_answer(frame)
            published.append(frame.arrays["values"])
    except WorkerDiedError as error:
        return Answer(SolveStatus.CRASHED, message=str(error))
    except WorkerHungError:
        if stopped is not None and stopped():
            return Answer(SolveStatus.HUNG, message=STOPPED)
        return Answer(SolveStatus.HUNG, message=f"no answer after {monotonic() - begun:.1f} s, killed")
    except (KeyError, ValueError) as error:
        return Answer(SolveStatus.CRASHED, message=f"its answer cannot be read: {error}")


STOPPED = "stopped by the caller"

_shared: list[WorkerPool] = []
_shared_lock = threading.Lock()


def shared_pool() -> WorkerPool:
    """The pool that all solves of this process share; a fork starts its own."""
    with _shared_lock:
        if not _shared or _shared[-1].owner != os.getpid():
            _shared.append(WorkerPool())
        return _shared[-1]
