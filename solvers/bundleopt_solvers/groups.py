"""Which options exclude each other for one customer, as groups of which at most one may be offered.

All options with one item form a group. Two items known as substitutes form a group of all options with either of them:
options with the first exclude each other, so do those with the second, and the rule excludes the rest.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.problem import CampaignProblem


def item_groups(problem: CampaignProblem) -> list[frozenset[int]]:
    """Return sets of item codes; at most one offer with any of them goes to a customer. No set lies inside another."""
    items = problem.options.items
    present = set(np.unique(items[items >= 0]).tolist())
    pairs = problem.rules.substitutes
    linked: set[int] = set()
    groups: set[frozenset[int]] = set()
    if pairs is not None:
        for left, right in pairs.tolist():
            if left in present and right in present and left != right:
                groups.add(frozenset((left, right)))
                linked |= {left, right}
    groups |= {frozenset((item,)) for item in present - linked}
    return sorted(groups, key=sorted)


def priced_groups(problem: CampaignProblem) -> list[tuple[frozenset[int], list[int]]]:
    """Return the groups of `option_groups` by their code: item codes, and the options with any of them."""
    items, bundle = problem.options.items, problem.options.bundle
    by_item: dict[int, set[int]] = {}
    for option, row in enumerate(items.tolist()):
        for item in row:
            if item >= 0:
                by_item.setdefault(item, set()).add(option)
    groups = [(group, sorted(set().union(*(by_item[item] for item in group)))) for group in item_groups(problem)]
    return [(group, options) for group, options in groups if len({int(bundle[o]) for o in options}) > 1]


def option_groups(problem: CampaignProblem) -> tuple[npt.NDArray[np.int64], int]:
    """Return (O, G) group codes of each option, padded with the number of groups, and that number.

    Groups whose options all belong to one bundle are left out: one price for a bundle already implies them.
    """
    items = problem.options.items
    membership: list[list[int]] = [[] for _ in range(len(items))]
    groups = priced_groups(problem)
    count = len(groups)
    for code, (_, options) in enumerate(groups):
        for option in options:
            membership[option].append(code)
    width = max((len(row) for row in membership), default=0)
    codes = np.full((len(items), max(width, 1)), count, dtype=np.int64)
    for option, row in enumerate(membership):
        codes[option, : len(row)] = row
    return codes, count


def conflict_matrix(problem: CampaignProblem, options: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """Return (n, n): whether two different options of `options` may not go to the same customer; diagonal True."""
    items = problem.options.items[options]
    total = int(problem.options.items.max(initial=0)) + 1
    has = np.zeros((len(options), total), dtype=bool)
    place = items >= 0
    has[np.nonzero(place)[0], items[place]] = True
    clash = has.astype(np.int32) @ has.T.astype(np.int32) > 0
    pairs = problem.rules.substitutes
    if pairs is not None:
        for left, right in pairs.tolist():
            if left < total and right < total:
                clash |= has[:, left][:, None] & has[:, right][None, :]
                clash |= has[:, right][:, None] & has[:, left][None, :]
    bundle = problem.options.bundle[options]
    clash |= bundle[:, None] == bundle[None, :]
    np.fill_diagonal(clash, val=True)
    return clash
