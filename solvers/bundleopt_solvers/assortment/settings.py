"""Parameters of one search for an assortment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AssortmentSettings:
    """How far and how long to search.

    Attributes:
        gap: certified relative gap at which the search stops. time_limit: seconds of wall clock.
        solver: backend of the linear forms, "auto" picks. work: its deterministic limit, None for none.
        starts: assortments from which the local search begins. kicks: perturbations of each of the best ones.
        seed: of the starts drawn at random and of the kicks.
        enumerate_cells: assortments x items x segments up to which all assortments that can be best are valued.
        enumerate_rest: the same for what is left when reduced values have decided the other items.
    """

    gap: float = 1e-4
    time_limit: float = 60.0
    solver: str = "auto"
    work: int | None = None
    starts: int = 24
    kicks: int = 30
    seed: int = 0
    enumerate_cells: int = 200_000_000
    enumerate_rest: int = 200_000_000

    def __post_init__(self) -> None:
        """Refuse settings that can't be meant."""
        if not 0 <= self.gap < 1:
            raise ValueError(f"gap is a share in [0, 1), got {self.gap!r}")
        if not self.time_limit > 0:
            raise ValueError(f"time_limit is a positive number of seconds, got {self.time_limit!r}")
        if self.starts < 1 or self.kicks < 0:
            raise ValueError("starts must be >= 1 and kicks >= 0")
