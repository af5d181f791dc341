"""A neighbourhood of the best menu that is solved beside the nodes of a round, in a thread where there are two.

It is laid out before the nodes and its menu is tried after them, so that the search sees the same with one thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from bundleopt_solvers.segment_model import Indices
from bundleopt_solvers.segment_neighbourhoods import WORK, Fractional, Neighbourhoods
from bundleopt_solvers.segment_state import SegmentState


class Beside:
    """Neighbourhoods of one search, one a round; leaving the context ends the one that is being solved."""

    def __init__(self, state: SegmentState) -> None:
        """Solve in a thread of its own where the settings grant two."""
        self._state = state
        self._sequence = Neighbourhoods(state.settings.seed)
        self._pool = ThreadPoolExecutor(1) if state.settings.threads > 1 else None
        self._left = threading.Event()
        self._open: Callable[[], Indices | None] | None = None

    def __enter__(self) -> Self:
        """Nothing is being solved yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the solver's child and wait for the thread."""
        self._left.set()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def begin(self, relaxed: Fractional) -> None:
        """Lay out the next neighbourhood, and solve it already where there is a thread for it.

        Raises:
            OutOfTime: a limit is reached.
        """
        self._open = None
        found = self._sequence.next(self._state, relaxed)
        if found is None:
            return
        self._state.tick(WORK)
        if self._pool is None:
            self._open = lambda: found.menu(self._is_over)
        else:
            running: Future[Indices | None] = self._pool.submit(found.menu, self._is_over)
            self._open = running.result

    def end(self) -> bool:
        """Wait for the menu of the round and try it; whether it is the best.

        Raises:
            OutOfTime: a limit is reached. SolverCrashError: no solver for whole numbers works.
        """
        if self._open is None:
            return False
        before, menu = self._state.floor, self._open()
        if menu is not None:
            self._state.try_menu(menu)
        gained = self._state.floor > before
        self._sequence.tell(gained=gained, menu=menu)
        return gained

    def _is_over(self) -> bool:
        return self._left.is_set() or self._state.is_over()
