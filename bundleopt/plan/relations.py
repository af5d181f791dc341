"""The strongest pairs of items that the demand model knows of, for a person who knows the shop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from bundleopt_data.campaign import CampaignWeek
    from bundleopt_models.forecast import PairRelations

SHOWN = 10
"""Pairs of each kind."""

KINDS = ("complements", "variety pack", "substitutes")
"""Bought together across categories; bought together within one (flavours, sizes); bought instead of each other."""


def strongest_pairs(relations: PairRelations, campaign: CampaignWeek, *, most: int = SHOWN) -> list[dict[str, Any]]:
    """Return the strongest significant pairs of each kind of KINDS, strongest first.

    Strength is how far the log odds ratio is from that of unrelated items, less one standard error: a rare pair must be
    surer to come first. `times` says how often both are in one week's baskets, over what tastes and prices explain.

    Args:
        relations: in the item codes of `campaign`.
        campaign: names and categories.
        most: pairs of each kind.
    """
    known = relations.known()
    above = known.gamma.astype(np.float64) - known.background
    strength = np.abs(above) - known.standard_error
    same = campaign.category[known.first] == campaign.category[known.second]
    members = (~same & (above > 0), same & (above > 0), above < 0)
    rows = []
    for kind, mine in zip(KINDS, members, strict=True):
        order = np.lexsort((known.second, known.first, -strength))
        for place in order[mine[order]][:most]:
            items = [int(known.first[place]), int(known.second[place])]
            rows.append(
                {
                    "kind": kind,
                    "item_ids": [str(campaign.item_ids[item]) for item in items],
                    "item_names": [str(campaign.names[item]) for item in items],
                    "times": round(float(np.exp(above[place])), 2),
                    "pairs_of_kind": int(mine.sum()),
                }
            )
    return rows
