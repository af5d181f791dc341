"""How long each stage took, by a clock that never jumps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Collects the seconds of named stages."""

    def __init__(self) -> None:
        """Start the total."""
        self.seconds: dict[str, float] = {}
        self._start = time.monotonic()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of the block to a stage."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.monotonic() - start, 3)

    def all_seconds(self) -> dict[str, float]:
        """Return the stages and the total so far."""
        return self.seconds | {"total": round(time.monotonic() - self._start, 3)}
