"""The assortment problem as plain arrays: preference weights of segments, money per sale, and rules.

Letters: `S` segments, `I` items, `N` assortments looked at together.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Coverage:
    """At least `least` of the `members` (I,) are listed, for example two items of one brand."""

    name: str
    members: Flags
    least: int


@dataclass(frozen=True, eq=False)
class AssortmentRules:
    """What a team allows. None means the rule is off.

    Attributes:
        max_items: most items listed. max_space: most shelf or page space, in the unit of `space` (I,).
        keep, drop: item codes that must, and must not, be listed.
        coverage: least numbers of listed items by group.
        stock: (I,) most units of each item that can be sold, infinite where unlimited; demand beyond it is lost.
    """

    max_items: int | None = None
    max_space: float | None = None
    space: Reals | None = None
    keep: tuple[int, ...] = ()
    drop: tuple[int, ...] = ()
    coverage: tuple[Coverage, ...] = field(default=())
    stock: Reals | None = None


@dataclass(frozen=True, eq=False)
class AssortmentProblem:
    """Maximise the expected money of the listed items under the mixed multinomial logit.

    Segment s buys listed item i with chance weight_si / (outside_s + sum of the weights of all listed items).

    Attributes:
        item_ids: (I,) and segment_ids: (S,) texts.
        weight: (S, I) >= 0 preference weights. outside: (S,) > 0 weight of buying nothing here.
        occasions: (S,) >= 0 choices that each segment makes in the period; shares where money is per choice.
        value: (I,) money per sale, revenue or margin; may be negative.
        rules: what a team allows.

    Raises:
        ValueError: shapes disagree, or a number is not finite or has the wrong sign.
    """

    item_ids: npt.NDArray[np.object_]
    segment_ids: npt.NDArray[np.object_]
    weight: Reals
    outside: Reals
    occasions: Reals
    value: Reals
    rules: AssortmentRules = field(default_factory=AssortmentRules)

    def __post_init__(self) -> None:
        """Refuse arrays that disagree or mean nothing."""
        shape = (len(self.segment_ids), len(self.item_ids))
        if self.weight.shape != shape or self.outside.shape != shape[:1] or self.occasions.shape != shape[:1]:
            raise ValueError(f"weight, outside and occasions do not fit {shape[0]} segments x {shape[1]} items")
        if self.value.shape != shape[1:]:
            raise ValueError(f"value holds {len(self.value)} numbers for {shape[1]} items")
        numbers = (self.weight, self.outside, self.occasions, self.value)
        if not all(np.isfinite(one).all() for one in numbers):
            raise ValueError("weight, outside, occasions and value must be finite")
        if (self.weight < 0).any() or (self.occasions < 0).any() or not (self.outside > 0).all():
            raise ValueError("weight and occasions must be >= 0, outside must be > 0")
        _check_rules(self.rules, shape[1])

    @property
    def items(self) -> int:
        """I, the number of items."""
        return len(self.item_ids)

    @property
    def ratio(self) -> Reals:
        """(S, I) weights against an outside option of 1."""
        return self.weight / self.outside[:, None]

    @property
    def stock(self) -> Reals:
        """(I,) most units that can be sold, infinite where unlimited."""
        return np.full(self.items, np.inf) if self.rules.stock is None else self.rules.stock

    @property
    def has_stock(self) -> bool:
        """Whether any item's sales are limited by stock."""
        return self.rules.stock is not None and bool(np.isfinite(self.rules.stock).any())


def _check_rules(rules: AssortmentRules, items: int) -> None:
    for name in ("keep", "drop"):
        codes = getattr(rules, name)
        if any(not 0 <= code < items for code in codes):
            raise ValueError(f"{name} names an item that does not exist: {codes!r}")
    if rules.max_items is not None and rules.max_items < 0:
        raise ValueError(f"max_items must be >= 0, got {rules.max_items!r}")
    if rules.max_space is not None and (rules.space is None or not rules.max_space >= 0):
        raise ValueError("max_space needs the space of every item, and must be >= 0")
    if rules.space is not None and (rules.space.shape != (items,) or not (rules.space >= 0).all()):
        raise ValueError(f"space needs {items} numbers >= 0")
    if rules.stock is not None and (rules.stock.shape != (items,) or not (rules.stock >= 0).all()):
        raise ValueError(f"stock needs {items} numbers >= 0")
    if any(group.members.shape != (items,) for group in rules.coverage):
        raise ValueError(f"the members of a coverage rule need {items} flags")
