"""The rules of a fixed menu, in the form that streams: sums over customers, offers that clash, slots.

Letters: `U` customers, `O` options, `C` channels (things that an offer uses), `R` rules that add up over customers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats64 = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class OfferRules:
    """Rules `sum_uo sum_c coefficient[r, c, o] * channel[c, u, o] * x_uo <= limit[r]`, and who excludes whom.

    Attributes:
        names: (R,) texts. limit: (R,) money or units. coefficient: (R, C, O).
        conflict: (O, O) whether two options exclude each other for one customer; symmetric, the diagonal is ignored.
        slots: most offers a customer.
    """

    names: tuple[str, ...]
    limit: Floats64
    coefficient: Floats64
    conflict: Flags
    slots: int

    def __post_init__(self) -> None:
        """Refuse shapes that don't belong together and limits that aren't numbers."""
        rows, _, options = self.coefficient.shape
        if len(self.names) != rows or self.limit.shape != (rows,):
            raise ValueError(
                f"{rows} rules need as many names and limits, got {len(self.names)} and {self.limit.shape}"
            )
        if self.conflict.shape != (options, options) or not np.array_equal(self.conflict, self.conflict.T):
            raise ValueError(f"conflict is a symmetric ({options}, {options}) table, got shape {self.conflict.shape}")
        if self.slots < 1:
            raise ValueError(f"slots is at least 1, got {self.slots!r}")
        if not (np.isfinite(self.limit).all() and np.isfinite(self.coefficient).all()):
            raise ValueError("limits and coefficients are finite numbers; leave out a rule that is off")

    @property
    def longest_list(self) -> int:
        """How many of a customer's dearest offers are enough to find the best set.

        Let an offer outside that list be in a best set. Each of the other `slots - 1` offers blocks itself and what it
        clashes with, so one of the list is free to take its place, and is worth as much or more.
        """
        off_diagonal = self.conflict & ~np.eye(len(self.conflict), dtype=bool)
        blocked = 1 + (int(off_diagonal.sum(1).max()) if len(self.conflict) else 0)
        return (self.slots - 1) * blocked + 1


def clashes(contains: npt.NDArray[np.generic]) -> Flags:
    """(O, O) pairs of options that share an item, from the (O, I) table of contents."""
    present = (np.asarray(contains) != 0).astype(np.float32)
    shared = np.asarray(present @ present.T > 0, dtype=np.bool_)
    np.fill_diagonal(shared, val=False)
    return shared
