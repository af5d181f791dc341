"""What a search for an assortment returns: the listed items, what they earn, and how far from the best they can be."""

from __future__ import annotations

from dataclasses import dataclass, field

from bundleopt_solvers.assortment.problem import Flags, Reals
from bundleopt_solvers.plan import Certificate, RuleReport


@dataclass(frozen=True, eq=False)
class AssortmentPlan:
    """The listed items with their certificate.

    Attributes:
        listed: (I,) which items are listed. sales: (I,) expected units sold, 0 where not listed.
        headline: expected money and the proven bound over all assortments that keep the rules.
        rules: every rule with limit, value and slack.
        method: in words, how bound and value were found. optimal: whether the gap is within what was asked.
        seconds: wall clock. work: assortments valued by the search.
        incidents: what went wrong in solvers on the way.
    """

    listed: Flags
    sales: Reals
    headline: Certificate
    rules: tuple[RuleReport, ...]
    method: str
    optimal: bool
    seconds: float
    work: int
    incidents: tuple[str, ...] = field(default=())
