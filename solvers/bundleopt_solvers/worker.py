"""The child process: imports one family of solvers once, then solves what its parent sends until the pipe closes.

Run as `python -P -m bundleopt_solvers.worker [FILE]`; FILE is a Python file whose `BACKENDS` replaces the table.
"""

from __future__ import annotations

import importlib.util
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from time import monotonic

from bundleopt_solvers.backends.backend import Answer, Backend, SolveRequest, SolveStatus
from bundleopt_solvers.backends.table import BACKENDS
from bundleopt_solvers.frames import Frame, read_frame
from bundleopt_solvers.linear_model import Reals
from bundleopt_solvers.messages import answer_frame, read_solve

LEAST_SECONDS = 0.01


def main() -> None:
    """Serve solves from standard input to the original standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent owns Ctrl-C
    table = _table_of(Path(sys.argv[1])) if len(sys.argv) > 1 else BACKENDS
    send = _own_output()
    orders: queue.Queue[Frame] = queue.Queue()
    threading.Thread(target=_listen, args=(orders,), daemon=True).start()
    send(Frame("ready"))
    while True:
        frame = orders.get()
        if frame.kind == "missing":
            reason = table[str(frame.fields["solver"])].missing()
            send(Frame("missing", {"reason": reason}))
        else:
            send(answer_frame(_solve(table, frame, send)))


def _own_output() -> Callable[[Frame], None]:
    """Keep the pipe for frames, and send what solvers print to the error stream."""
    pipe = os.dup(1)
    os.dup2(2, 1)
    stream = os.fdopen(pipe, "wb", buffering=0)
    lock = threading.Lock()

    def send(frame: Frame) -> None:
        with lock:
            data = memoryview(frame.encode())
            while data:
                data = data[stream.write(data) :]

    return send


def _listen(orders: queue.Queue[Frame]) -> None:
    """Queue orders; when the parent is gone, end this process and every process it started."""
    stream = os.fdopen(0, "rb")
    while (frame := read_frame(stream.read)) is not None:
        orders.put(frame)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _solve(table: Mapping[str, Backend], frame: Frame, send: Callable[[Frame], None]) -> Answer:
    model, name, effort, start, basis = read_solve(frame)
    begun = monotonic()

    def publish(values: Reals) -> None:
        send(Frame("better", {}, {"values": values}))

    backend = table[name]
    left = max(LEAST_SECONDS, effort.time_limit - (monotonic() - begun))
    request = SolveRequest(replace(effort, time_limit=left), publish, start, basis)
    try:
        with _limited_memory(effort.memory_bytes):
            return backend.solve(model, request)
    except Exception as error:  # noqa: BLE001 - whatever a solver raises is a crash of that solver, told to the parent
        return Answer(SolveStatus.CRASHED, message=f"{type(error).__name__}: {error}"[:500])


@contextmanager
def _limited_memory(more: int | None) -> Iterator[None]:
    """Let this process and its children grow by `more` bytes of address space at most, where the system can."""
    status = Path("/proc/self/statm")
    if more is None or not status.exists():
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(status.read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _table_of(path: Path) -> Mapping[str, Backend]:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    table: Mapping[str, Backend] = module.BACKENDS
    return table


if __name__ == "__main__":
    main()
