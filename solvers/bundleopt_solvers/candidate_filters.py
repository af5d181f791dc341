"""How many pairs of the catalogue each filter leaves out, counted without listing them.

Filters are rules that the analyst sets: which categories may meet, whether known substitutes ("twins") may, and how
many customers must buy a bundle anyway. What each of them leaves out is said beside the plan.

Letters: `I` items.
"""

from __future__ import annotations

import numpy as np

from bundleopt_solvers.candidate_inputs import CandidateInputs, CandidateSettings, CategoryRule

RULE_WORDS = {
    CategoryRule.CROSS: "pairs of one category",
    CategoryRule.SAME: "pairs of two categories",
}


def pair_filters(inputs: CandidateInputs, settings: CandidateSettings) -> dict[str, int]:
    """Return filter in words -> pairs of eligible items that it leaves out; filters that are off are not listed."""
    removed: dict[str, int] = {}
    if settings.max_size < 2:
        return removed
    _, sizes = np.unique(inputs.category[inputs.eligible], return_counts=True)
    total = int(sizes.sum())
    same = int((sizes.astype(np.int64) * (sizes - 1) // 2).sum())
    if settings.category_rule is not CategoryRule.ANY:
        crossing = settings.category_rule is CategoryRule.CROSS
        removed[RULE_WORDS[settings.category_rule]] = same if crossing else total * (total - 1) // 2 - same
    if len(inputs.substitutes):
        pairs = np.unique(np.sort(inputs.substitutes, axis=1), axis=0)
        apart = inputs.eligible[pairs].all(1) & (pairs[:, 0] != pairs[:, 1])
        if settings.category_rule is not CategoryRule.ANY:
            equal = inputs.category[pairs[:, 0]] == inputs.category[pairs[:, 1]]
            apart &= equal == (settings.category_rule is CategoryRule.SAME)
        removed["pairs of twins (known substitutes)"] = int(apart.sum())
    return removed
