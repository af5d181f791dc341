"""What an option is worth, sells and uses when it is shown to everybody in a segment: sums over the members.

Letters: `U` customers, `S` segments, `O` options at hand, `K` items of a bundle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.problem import CampaignProblem, Codes, Floats

Totals = npt.NDArray[np.float64]
CHUNK_CELLS = 2**23  # numbers copied at once: 64 MB in float64, however many options there are


@dataclass(frozen=True, eq=False)
class SegmentTotals:
    """Sums over the members of each segment, never the value of a mean customer.

    Attributes:
        members: (S,) customers. value: (S, O) money, contact cost taken off. redemption: (S, O).
        incremental_margin: (S, O) money. units: (S, O, K) aligned with the options' items.
    """

    members: Totals
    value: Totals
    redemption: Totals
    incremental_margin: Totals
    units: Totals


def segment_sums(array: Floats, segment: Codes, options: npt.NDArray[np.int64] | None = None) -> Totals:
    """Sum `array` (U, O, ...) over the members of each segment in float64.

    Args:
        array: one row per customer.
        segment: (U,) codes from 0.
        options: columns to keep, None for all.

    Returns:
        (S, O, ...) sums; S is the largest code plus one.
    """
    columns = array.shape[1] if options is None else len(options)
    total = np.zeros((int(segment.max(initial=-1)) + 1, columns, *array.shape[2:]))
    chunk = max(CHUNK_CELLS // max(total[0].size, 1), 1) if len(total) else 1
    for start in range(0, len(segment), chunk):
        part = array[start : start + chunk] if options is None else array[start : start + chunk][:, options]
        codes = segment[start : start + chunk]
        order = np.argsort(codes, kind="stable")
        first = np.flatnonzero(np.diff(codes[order], prepend=-1))
        total[codes[order][first]] += np.add.reduceat(part[order].astype(np.float64), first, axis=0)
    return total


def build_segment_totals(problem: CampaignProblem, options: npt.NDArray[np.int64]) -> SegmentTotals:
    """Sum `problem` over segments for `options` (O,); every offer bears the contact cost of its members."""
    segment = problem.segment
    members = np.bincount(segment).astype(np.float64)
    return SegmentTotals(
        members=members,
        value=segment_sums(problem.value, segment, options) - problem.rules.contact_cost * members[:, None],
        redemption=segment_sums(problem.redemption, segment, options),
        incremental_margin=segment_sums(problem.incremental_margin, segment, options),
        units=segment_sums(problem.units, segment, options),
    )
