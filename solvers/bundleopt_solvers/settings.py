"""Parameters of one solve; None means that the engine decides."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EngineSettings:
    """How far and how long to search.

    Attributes:
        gap: certified relative gap at which the engine stops. time_limit: seconds of wall clock; also how patient the
            engine is where plan and bound come no closer, in counted work (see "When it stops" in the README).
        solver: backend for the segment master problem, "auto" picks by size.
        seed: recorded in the plan; the engine itself draws nothing at random.
        work: most deterministic work units (one unit = one dual step or one move), None for no limit; where
            given, exactly this work is done unless the gap or the time limit is reached before.
        menu_work: the same for the segment model, counted in linear models; None for its own small amount.
        threads: torch threads. One operation takes a few milliseconds, so that more threads mostly wait for each other
            on a busy machine; one also gives the same sums on every machine. In the segment model two mean that nodes
            and neighbourhoods are solved at the same time; the menu is the same.
        segment_master: whether to solve the segment model too, for `certificates["menu"]` and a warm start.
    """

    gap: float = 0.005
    time_limit: float = 60.0
    solver: str = "auto"
    seed: int = 0
    work: int | None = None
    menu_work: int | None = None
    threads: int = 1
    segment_master: bool = False

    def __post_init__(self) -> None:
        """Refuse settings that can't be meant."""
        if not 0 <= self.gap < 1:
            raise ValueError(f"gap is a share in [0, 1), got {self.gap!r}")
        if not self.time_limit > 0:
            raise ValueError(f"time_limit is a positive number of seconds, got {self.time_limit!r}")
