"""How long work tells its caller where it stands; library code never prints."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float], None]
"""Called with a short sentence and the share of the work done, in [0, 1]."""


def silent(_stage: str, _share: float) -> None:
    """Tell nobody."""
