"""Which bundles together make up which: the combinations that a price must not exceed."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np

from bundleopt_solvers.max_surplus.choice import NOT_OFFERED
from bundleopt_solvers.max_surplus.problem import Cents

Bundle = tuple[int, ...]


@functools.lru_cache(maxsize=64)
def covers(bundles: tuple[Bundle, ...]) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """All (bundle, parts): parts are bundles whose union is the bundle, and none of them can be left out.

    A combination in which some parts make up a bundle of the list is left out: its row follows from two others.
    """
    sets = [frozenset(one) for one in bundles]
    at_hand = set(sets)
    found = []
    for whole, target in enumerate(sets):
        inside = [part for part, one in enumerate(sets) if one < target]
        found += [(whole, parts) for parts in _combinations(sets, inside, target, at_hand)]
    return tuple(found)


def _combinations(
    sets: Sequence[frozenset[int]], inside: list[int], target: frozenset[int], at_hand: set[frozenset[int]]
) -> Iterator[tuple[int, ...]]:
    """Irredundant unions of `inside` that give `target`, each once, in ascending order of parts."""

    def grow(parts: tuple[int, ...], union: frozenset[int], start: int) -> Iterator[tuple[int, ...]]:
        if union == target:
            if _is_irredundant([sets[part] for part in parts], target):
                yield parts
            return
        if len(parts) >= 2 and union in at_hand:
            return
        for place in range(start, len(inside)):
            part = inside[place]
            if not sets[part] <= union:
                yield from grow((*parts, part), union | sets[part], place + 1)

    yield from grow((), frozenset(), 0)


def _is_irredundant(parts: list[frozenset[int]], target: frozenset[int]) -> bool:
    return all(frozenset().union(*parts[:at], *parts[at + 1 :]) != target for at in range(len(parts)))


def arbitrage(bundles: tuple[Bundle, ...], price: Cents) -> list[tuple[int, tuple[int, ...]]]:
    """Every (bundle, parts) where the offered parts cost less than the offered bundle."""
    return [
        (whole, parts)
        for whole, parts in covers(bundles)
        if price[whole] != NOT_OFFERED
        and all(price[part] != NOT_OFFERED for part in parts)
        and int(price[whole]) > sum(int(price[part]) for part in parts)
    ]


def capped(bundles: tuple[Bundle, ...], price: Cents) -> Cents:
    """The same prices (B,), each lowered to the cheapest combination of offered parts."""
    lowered = price.copy()
    order = sorted(covers(bundles), key=lambda cover: len(bundles[cover[0]]))
    for whole, parts in order:
        if lowered[whole] != NOT_OFFERED and all(lowered[part] != NOT_OFFERED for part in parts):
            lowered[whole] = min(int(lowered[whole]), int(np.sum(lowered[list(parts)])))
    return lowered
