"""What the analyst asks of an assortment: texts read once, turned into rules over the items at hand."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bundleopt import quantities
from bundleopt.assortment.preference_table import PreferenceTable
from bundleopt_data.errors import UsageError
from bundleopt_solvers.assortment.problem import AssortmentProblem, AssortmentRules, Coverage
from bundleopt_solvers.assortment.settings import AssortmentSettings

OBJECTIVES = ("revenue", "margin")


@dataclass(frozen=True)
class AssortWishes:
    """The flags of `assort` as values.

    Attributes:
        objective: revenue or margin. max_items, space: capacity, None for no limit. keep, drop: item ids.
        cover: texts like `brand:1`, `tier:2` (at least n of every group) or `brand=Private:3` (of one).
        segments: groups of customers that the network's preferences are gathered in. settings: of the search.
    """

    objective: str = "revenue"
    max_items: int | None = None
    space: float | None = None
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    cover: tuple[str, ...] = ()
    segments: int = 20
    settings: AssortmentSettings = field(default_factory=AssortmentSettings)


_SEARCH: dict[str, Callable[[Any], Any]] = {
    "time_limit": quantities.parse_duration,
    "gap": quantities.parse_share,
    "solver": str,
    "seed": int,
}


def read_wishes(values: dict[str, Any]) -> AssortWishes:
    """Read texts, as flags give them, or values, as Python calls do; None means not given.

    Raises:
        UsageError: a value cannot be meant.
    """
    given = {name: value for name, value in values.items() if value is not None}
    unknown = set(given) - {*AssortWishes.__dataclass_fields__, *_SEARCH}
    if unknown:
        raise UsageError(f"assort has no setting {min(unknown)!r}")
    try:
        search = {name: _SEARCH[name](given.pop(name)) for name in list(_SEARCH) if name in given}
        given["settings"] = AssortmentSettings(**search)
        given |= {name: _count(given[name], name) for name in ("max_items", "segments") if name in given}
        if "space" in given:
            given["space"] = _amount(given["space"])
    except ValueError as error:
        raise UsageError(str(error)) from error
    for name in ("keep", "drop", "cover"):
        texts = given.get(name, ())
        given[name] = (texts,) if isinstance(texts, str) else tuple(str(text) for text in texts)
    wishes = AssortWishes(**given)
    if wishes.objective not in OBJECTIVES:
        raise UsageError(f"--objective {wishes.objective}: choose revenue or margin")
    if wishes.segments < 1:
        raise UsageError(f"--segments must be at least 1, got {wishes.segments}")
    return wishes


def build_problem(table: PreferenceTable, wishes: AssortWishes) -> AssortmentProblem:
    """Join items, segments and wishes.

    Raises:
        UsageError: an item or a group is unknown, or margin or space is asked for and not known.
    """
    value = table.price if wishes.objective == "revenue" else table.margin
    if np.isnan(value).any():
        raise UsageError("--objective margin needs a cost for every item: add a column cost to the preferences")
    if wishes.space is not None and table.space is None:
        raise UsageError("--space needs the space of every item: add a column space to the preferences")
    drop = _codes(table, wishes.drop, "--drop")
    rules = AssortmentRules(
        max_items=wishes.max_items,
        max_space=wishes.space,
        space=table.space,
        keep=_codes(table, wishes.keep, "--keep"),
        drop=drop,
        coverage=tuple(one for text in wishes.cover for one in _coverage(table, text, drop)),
        stock=table.stock / table.units if np.isfinite(table.stock).any() else None,
    )
    return AssortmentProblem(
        item_ids=table.item_ids,
        segment_ids=table.segment_ids,
        weight=table.weight,
        outside=table.outside,
        occasions=table.occasions,
        value=np.asarray(value * table.units, np.float64),
        rules=rules,
    )


def _count(value: object, name: str) -> int:
    flag = f"--{name.replace('_', '-')}"
    try:
        count = int(str(value).strip())
    except ValueError:
        raise UsageError(f"{flag} {value}: write a whole number like 20") from None
    if count < 0:
        raise UsageError(f"{flag} {value}: write a number of at least 0")
    return count


def _amount(value: object) -> float:
    try:
        amount = float(str(value).strip())
    except ValueError:
        amount = -1.0
    if not 0 <= amount < np.inf:
        raise UsageError(f"--space {value}: write the space at hand, like 40 or 12.5")
    return amount


def _codes(table: PreferenceTable, ids: Sequence[str], flag: str) -> tuple[int, ...]:
    known = {str(item): code for code, item in enumerate(table.item_ids)}
    for item in ids:
        if item not in known:
            near = difflib.get_close_matches(item, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise UsageError(f"{flag} {item}: not among the {len(known):,} items to choose from{hint}")
    return tuple(dict.fromkeys(known[item] for item in ids))


def _coverage(table: PreferenceTable, text: str, drop: tuple[int, ...]) -> list[Coverage]:
    kind, _, count = text.rpartition(":")
    kind, _, wanted = kind.partition("=")
    if kind not in ("brand", "tier") or not count.strip().isdigit():
        raise UsageError(f"--cover {text}: write brand:1 or tier:2 for every group, or brand=NAME:3 for one")
    labels = table.brands if kind == "brand" else table.tiers
    if kind == "brand" and not any(labels):
        raise UsageError(f"--cover {text}: no brands are known; add a column brand to the preferences")
    groups = sorted({str(label) for label in labels if label})
    if wanted and wanted not in groups:
        near = difflib.get_close_matches(wanted, groups, n=1, cutoff=0.4)
        raise UsageError(f"--cover {text}: no {kind} {wanted!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    at_hand = ~np.isin(np.arange(len(labels)), drop)
    found = []
    for group in [wanted] if wanted else groups:
        members = np.asarray(labels == group, np.bool_)
        # "n of every brand" asks no more of a brand than it has; "n of this brand" means it
        least = int(count) if wanted else min(int(count), int((members & at_hand).sum()))
        if least:
            found.append(Coverage(f"{kind} {group}", members, least))
    return found
