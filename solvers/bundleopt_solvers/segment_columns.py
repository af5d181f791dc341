"""Where the variables of the segment menu problem stand: z (options), y (bundles), x (segment and option).

Letters: `S` segments, `O` options of the model, `B` bundles of the model, `X` exposures kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.linear_model import Row

Indices = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SegmentColumns:
    """Columns in the order z, y, x.

    Attributes:
        options: (O,) option indices of the problem, ascending. bundles: (B,) bundle indices, ascending.
        bundle_at: (O,) position of each option's bundle in `bundles`.
        segment, option: (X,) segment and position in `options` of each exposure.
        labels: (O,) `<bundle>.<price>`. bundle_labels: (B,) bundle ids.
    """

    options: Indices
    bundles: Indices
    bundle_at: Indices
    segment: Indices
    option: Indices
    labels: tuple[str, ...]
    bundle_labels: tuple[str, ...]

    @property
    def first_y(self) -> int:
        """Column of the first bundle."""
        return len(self.options)

    @property
    def first_x(self) -> int:
        """Column of the first exposure."""
        return len(self.options) + len(self.bundles)

    @property
    def size(self) -> int:
        """Number of columns."""
        return self.first_x + len(self.segment)

    def x_of(self, exposures: Indices) -> Indices:
        """Columns of `exposures`, positions in 0..X-1."""
        return self.first_x + exposures

    def position_of(self, options: Indices) -> Indices:
        """Positions in `options` of option indices of the problem, which must all be in the model."""
        at = np.searchsorted(self.options, options)
        if (at >= len(self.options)).any() or (self.options[at] != options).any():
            raise ValueError("an option is not in the model")
        return at


def row(name: str, parts: Sequence[tuple[Indices, Numbers | float]], lower: float, upper: float) -> Row:
    """A row of (columns, coefficients) `parts`; a single number stands for equal coefficients."""
    columns = np.concatenate([np.asarray(part[0], np.int64) for part in parts])
    numbers = [np.broadcast_to(np.asarray(part[1], np.float64), np.shape(part[0])) for part in parts]
    return Row(name, columns, np.concatenate(numbers), lower, upper)


def at_most(name: str, parts: Sequence[tuple[Indices, Numbers | float]], limit: float) -> Row:
    """A row `sum <= limit`."""
    return row(name, parts, -np.inf, limit)
