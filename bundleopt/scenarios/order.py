"""The order in which the points of a sweep are planned, so that each begins where a neighbour ended.

The middle of the sweep comes first, then the middles of both halves, and so on: every point but the first has been
boxed in by earlier ones, the last ones by their very neighbours, and all points of a wave can be planned side by side.
Which points one begins with depends on its place alone, so that the answer does not depend on how many cores there are.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Turn:
    """One point of a sweep: its place, and the places of the earlier points it begins with, the nearest first."""

    place: int
    earlier: tuple[int, ...]


def waves(count: int) -> list[list[Turn]]:
    """Return the points 0 to count - 1 in waves; a point begins with points of earlier waves only.

    >>> [[turn.place for turn in wave] for wave in waves(5)]
    [[2], [1, 4], [0, 3]]
    """
    found: list[list[Turn]] = []
    spans: list[tuple[int, int, tuple[int, ...]]] = [(0, count, ())] if count else []
    while spans:
        wave, inner = [], []
        for first, stop, above in spans:
            middle = (first + stop) // 2
            wave.append(Turn(middle, tuple(sorted(above, key=lambda place: (abs(place - middle), place)))))
            inner += [(a, b, (*above, middle)) for a, b in ((first, middle), (middle + 1, stop)) if a < b]
        found.append(wave)
        spans = inner
    return found
