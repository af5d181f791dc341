"""Where the simplex ended on one linear model of the segment problem, told to the next one over other columns and rows.

Columns and rows keep their names from model to model: options, segments, bundles, items. What is new begins at zero, a
new row slack. Between nodes of a search that is a few dozen steps from the optimum instead of thousands from nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.backends.backend import AT_LOWER, BASIC, Basis
from bundleopt_solvers.segment_model import Indices
from bundleopt_solvers.segment_program import SegmentProgram

KIND = 2**40  # row names of one kind stay below it


@dataclass(frozen=True, eq=False)
class KnownBasis:
    """Names of columns and rows, ascending, and the status of each."""

    column: Indices
    column_status: Basis
    row: Indices
    row_status: Basis

    def of(self, program: SegmentProgram) -> Basis:
        """(V + R,) statuses for another model."""
        columns = _told(self.column, self.column_status, _column_names(program), AT_LOWER)
        rows = _told(self.row, self.row_status, _row_names(program), BASIC)
        return _filled(np.concatenate([columns, rows]), len(columns))


def known_basis(program: SegmentProgram, basis: Basis | None) -> KnownBasis | None:
    """The statuses (V + R,) of `program` under their names."""
    if basis is None:
        return None
    column, row = _column_names(program), _row_names(program)
    first, second = np.argsort(column, kind="stable"), np.argsort(row, kind="stable")
    statuses = basis[: len(column)], basis[len(column) :]
    return KnownBasis(column[first], statuses[0][first], row[second], statuses[1][second])


def _column_names(program: SegmentProgram) -> Indices:
    option, width = program.core.option, program.core.segments + 1
    return np.concatenate([option * width, option[program.option] * width + 1 + program.segment])


def _row_names(program: SegmentProgram) -> Indices:
    return np.concatenate([kind * KIND + key for kind, (_, _, key) in enumerate(program.blocks)])


def _filled(basis: Basis, columns: int) -> Basis:
    """The same with as many basic places as there are rows: slacks come in for what is gone."""
    lacking = len(basis) - columns - int((basis == BASIC).sum())
    if lacking > 0:
        idle = np.flatnonzero(basis[columns:] != BASIC)
        basis[columns + idle[len(idle) - lacking :]] = BASIC
    elif lacking < 0:
        busy = np.flatnonzero(basis == BASIC)
        basis[busy[:-lacking]] = AT_LOWER
    return basis


def _told(names: Indices, status: Basis, asked: Indices, new: int) -> npt.NDArray[np.uint8]:
    at = np.minimum(np.searchsorted(names, asked), max(len(names) - 1, 0))
    if not len(names):
        return np.full(len(asked), new, np.uint8)
    return np.where(names[at] == asked, status[at], np.uint8(new))
