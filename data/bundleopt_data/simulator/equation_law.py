"""The multivariate logit over small groups of items, enumerated (Russell & Petersen 2000, S0022-4359(00)00030-0).

Items are laid into groups of `WIDTH`; pair interactions exist inside groups only, so that a week's basket, given a
visit, is an independent draw from 2^WIDTH states in every group.

Letters: `U` customers, `I` items, `G` groups, `S` states.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bundleopt_data.simulator.truth import PlantedRelations, Values

WIDTH = 4
STATES = (np.arange(1 << WIDTH)[:, None] >> np.arange(WIDTH)[None, :]) & 1 == 1
"""(S, WIDTH) which items of a group a state holds; bit k of the state's number is slot k."""

ABSENT = -200.0
"""Utility of an empty slot."""


def group_items(n_items: int, planted: PlantedRelations) -> npt.NDArray[np.int64]:
    """(G, WIDTH) item codes, -1 in empty slots; items of a chain of planted pairs share a group."""
    chain = np.arange(n_items)
    for first, second in zip(planted.first, planted.second, strict=True):
        chain[chain == chain[second]] = chain[first]
    members = [np.flatnonzero(chain == code) for code in np.unique(chain)]
    if max(len(part) for part in members) > WIDTH:
        raise ValueError(f"a chain of planted pairs holds more than {WIDTH} items")
    single = [int(part[0]) for part in members if len(part) == 1]
    groups = [list(map(int, part)) for part in members if len(part) > 1]
    for group in groups:
        while len(group) < WIDTH and single:
            group.append(single.pop())
    groups += [single[start : start + WIDTH] for start in range(0, len(single), WIDTH)]
    table = np.full((len(groups), WIDTH), -1, dtype=np.int64)
    for row, group in enumerate(groups):
        table[row, : len(group)] = sorted(group)
    return table


def interaction(groups: npt.NDArray[np.int64], planted: PlantedRelations) -> Values:
    """(G, S) sum of the planted effects of the pairs that a state holds."""
    bonus = np.zeros((len(groups), len(STATES)))
    for first, second, effect in zip(planted.first, planted.second, planted.effect, strict=True):
        row, one = np.argwhere(groups == first)[0]
        other = int(np.flatnonzero(groups[row] == second)[0])
        bonus[row] += effect * (STATES[:, one] & STATES[:, other])
    return bonus


def state_chances(utility: Values, groups: npt.NDArray[np.int64], bonus: Values) -> Values:
    """(U, G, S) chances of every state given a visit, from (U, I) log odds of each item bought alone."""
    padded = np.concatenate([utility, np.full((len(utility), 1), ABSENT)], axis=1)
    weight = padded[:, groups] @ STATES.T.astype(np.float64) + bonus
    weight = np.exp(weight - weight.max(axis=2, keepdims=True))
    return np.asarray(weight / weight.sum(axis=2, keepdims=True), dtype=np.float64)


def marginals(chances: Values, groups: npt.NDArray[np.int64], n_items: int) -> Values:
    """(U, I) chance of each item given a visit."""
    inside = chances @ STATES.astype(np.float64)
    out = np.zeros((len(chances), n_items))
    slot = groups >= 0
    out[:, groups[slot]] = inside[:, slot]
    return out


def draw_states(chances: Values, uniform: Values) -> npt.NDArray[np.int64]:
    """(...) numbers of the states at `uniform` (...) in the cumulated chances (..., S)."""
    above = np.cumsum(chances, axis=-1) <= uniform[..., None] * chances.sum(axis=-1, keepdims=True)
    return np.asarray(np.minimum(above.sum(axis=-1), len(STATES) - 1), dtype=np.int64)


def holds(mask: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """(..., S) which states hold every slot of a (...) bit mask."""
    numbers = np.arange(len(STATES))
    return np.asarray((numbers & mask[..., None]) == mask[..., None], dtype=np.bool_)
