"""What a question is about: a bundle id, items by id or by name, or a rule of the plan."""

from __future__ import annotations

import difflib
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bundleopt.stages.item_choice import BUNDLE_SEPARATOR
from bundleopt.stages.multi_buy import sold_items
from bundleopt_data.errors import UsageError

if TYPE_CHECKING:
    from bundleopt.stages.week import PlannedWeek
    from bundleopt.verbs.solve import SolveResult

# A name may mean many items; of those the best-selling ones are asked about, and so many of their combinations.
ITEMS_PER_NAME = 12
MOST_COMBINATIONS = 200


@dataclass(frozen=True)
class AskedBundles:
    """Bundles that a text may mean.

    Attributes:
        bundles: tuples of ascending item codes, the likeliest first. matches: items found for each part of the text.
    """

    bundles: tuple[tuple[int, ...], ...]
    matches: tuple[int, ...]


def rule_of(text: str, run: SolveResult) -> str | None:
    """Return the name of the rule that the text means; None where it means none."""
    names = [rule["name"] for rule in run.document["rules"]]
    wanted = text.strip().replace("-", "_").casefold()
    return next((name for name in names if name.casefold() == wanted or name == text), None)


def bundles_of(text: str, run: SolveResult, week: PlannedWeek) -> AskedBundles:
    """Return the bundles that a text may mean: an id of the plan, or items by id or name joined by a plus.

    Raises:
        UsageError: a part fits no item; the message names the nearest.
    """
    ids = {str(item): code for code, item in enumerate(week.campaign.item_ids)}
    listed = run.bundles[run.bundles["bundle_id"] == text]
    if len(listed):
        sold = sold_items(listed)[0]
        items = tuple(sorted(ids[item] for item in sold if item in ids))
        if len(items) == len(sold):
            return AskedBundles((items,), (1,) * len(items))
        raise UsageError(f"{text} holds items that the model no longer knows")
    parts = [text] if text in ids else [part.strip() for part in text.split(BUNDLE_SEPARATOR)]
    found = [_items(part, ids, week) for part in parts]
    sets = {tuple(sorted(set(chosen))): None for chosen in itertools.product(*found) if len(set(chosen)) == len(parts)}
    if not sets:
        raise UsageError(f"{text}: a bundle holds different items, written like A{BUNDLE_SEPARATOR}B")
    return AskedBundles(tuple(itertools.islice(sets, MOST_COMBINATIONS)), tuple(len(items) for items in found))


def _items(part: str, ids: dict[str, int], week: PlannedWeek) -> list[int]:
    """Item codes of one part: the id itself, or the best-selling items whose name holds every word of it."""
    if part in ids:
        return [ids[part]]
    names = [str(name).casefold() for name in week.campaign.names]
    words = part.casefold().split()
    found = [code for code, name in enumerate(names) if words and all(word in name for word in words)]
    if not found:
        near = difflib.get_close_matches(part.casefold(), [*ids, *names], n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"no item has the id {part!r} or it in its name{hint}")
    sold = np.asarray(week.stock.baseline)
    return sorted(found, key=lambda code: (-sold[code], code))[:ITEMS_PER_NAME]
