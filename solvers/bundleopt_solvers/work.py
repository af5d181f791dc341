"""How inner loops count their work and hear that it is enough."""

from __future__ import annotations

from collections.abc import Callable

Tick = Callable[[], bool]  # counts one unit of work; True where the loop must end


def never() -> bool:
    """Count nothing and let the loop go on."""
    return False
