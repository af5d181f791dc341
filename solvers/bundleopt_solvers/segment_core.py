"""Which options a restricted menu model is given, when all of them would be too many.

Letters: `S` segments, `O` options of the problem.
"""

from __future__ import annotations

import numpy as np

from bundleopt_solvers.menu_rules import asked_bundles, needs_useless_offers
from bundleopt_solvers.problem import CampaignProblem
from bundleopt_solvers.rows import CouplingRows
from bundleopt_solvers.segment_columns import Indices, Numbers
from bundleopt_solvers.segment_totals import segment_sums


def useful_options(problem: CampaignProblem, rows: CouplingRows, possible: Indices) -> Indices:
    """Those of the `possible` options that a best plan may hold.

    An option worth nothing to any segment that relieves no margin floor and is not asked for can be left off any plan.
    """
    value = segment_sums(problem.value, problem.segment)[:, possible]
    value -= problem.rules.contact_cost * np.bincount(problem.segment)[:, None]
    relief = (
        np.asarray((rows.redemption[:, possible] < 0).any(0)) | rows.can_relieve | needs_useless_offers(problem.rules)
    )
    asked = np.isin(problem.options.bundle[possible], asked_bundles(problem))
    return possible[(value > 0).any(0) | relief | asked]


def choose_core(problem: CampaignProblem, rows: CouplingRows, useful: Indices, limit: int) -> Indices:
    """Pick about `limit` of the `useful` options, ascending: included bundles, then the best of every segment.

    Segments take turns; each ranks by value and, in every other round, by value for what it uses of the budget, so
    that both rich and frugal plans can be built. Ties go to the lower index.
    """
    if len(useful) <= limit:
        return useful
    value = segment_sums(problem.value, problem.segment)[:, useful]
    redemption = segment_sums(problem.redemption, problem.segment)[:, useful]
    asked = np.isin(problem.options.bundle[useful], asked_bundles(problem))
    order = _turns(value, value / _use(rows, useful, redemption))
    order = order[~asked[order]]
    room = max(limit - int(asked.sum()), 0)
    return np.sort(np.concatenate([useful[asked], useful[order[:room]]]))


def _use(rows: CouplingRows, options: Indices, redemption: Numbers) -> Numbers:
    """(S, O) share of the budget that an option takes when shown to a whole segment, at least a hundredth of it."""
    if "budget" not in rows.names:
        return np.ones(redemption.shape)
    at = rows.names.index("budget")
    spend = np.maximum(rows.redemption[at, options] * redemption, 0.0)
    share: Numbers = np.maximum(spend / max(float(rows.limit[at]), 1e-9), 0.01)
    return share


def _turns(value: Numbers, ratio: Numbers) -> Indices:
    """Options in the order in which segments, taking turns, would pick them by `value` and by `ratio` (S, O)."""
    ranks = [np.argsort(-score, axis=1, kind="stable") for score in (value, ratio)]
    picks = np.stack(ranks, axis=2).transpose(1, 2, 0).ravel()  # round by round, value before ratio, segment by segment
    _, first = np.unique(picks, return_index=True)
    return picks[np.sort(first)]
