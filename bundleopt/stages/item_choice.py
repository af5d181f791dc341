"""Which items may be in a bundle, and why the others may not: names that the report repeats."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from bundleopt.plan.valued_plan import Stock
from bundleopt.stages.price_limits import PriceLimits
from bundleopt_data.campaign import CampaignWeek
from bundleopt_data.errors import InfeasiblePlanError, UsageError

BUNDLE_SEPARATOR = "+"
STOCK_OUT = "expected to sell out without any campaign"
NOT_LISTED = "not on the list of items to use"


@dataclass(frozen=True)
class ItemChoice:
    """The items that may be bundled, and what was asked for by name.

    Attributes:
        allowed: (I,) items that may be in a bundle.
        excluded: reason -> item ids, in words.
        must_items: item codes that must be on the menu. must_bundles: sets of item codes that must be on the menu.
        banned_bundles: sets of item codes that must not be on the menu.
        locked: bundles that must be on the menu at a price in cents. known: bundles of an earlier plan at theirs.
        limits: prices that items' own rules allow, None where they allow all.
    """

    allowed: npt.NDArray[np.bool_]
    excluded: dict[str, list[str]]
    must_items: tuple[int, ...]
    must_bundles: tuple[tuple[int, ...], ...]
    banned_bundles: frozenset[tuple[int, ...]]
    locked: dict[tuple[int, ...], int] = field(default_factory=dict)
    known: dict[tuple[int, ...], int] = field(default_factory=dict)
    limits: PriceLimits | None = None

    def with_earlier_plan(
        self, locked: dict[tuple[int, ...], int], base: dict[tuple[int, ...], int], campaign: CampaignWeek
    ) -> ItemChoice:
        """Add the bundles of an earlier plan whose items may still be bundled, and those that keep their price.

        Raises:
            InfeasiblePlanError: a locked bundle is forbidden, or an item of it may not be bundled any more.
        """
        for items in locked:
            name = BUNDLE_SEPARATOR.join(str(campaign.item_ids[item]) for item in items)
            if items in self.banned_bundles:
                raise InfeasiblePlanError([f"lock {name}", f"exclude {name}"], detail="It is locked and forbidden.")
            for item in items:
                if not self.allowed[item]:
                    one = str(campaign.item_ids[item])
                    why = next((why for why, ids in self.excluded.items() if one in ids), "excluded")
                    raise InfeasiblePlanError([f"lock {name}", f"items of {one}"], detail=f"{one} is {why}.")
        known = {
            items: cents
            for items, cents in base.items()
            if self.allowed[list(items)].all() and items not in self.banned_bundles
        }
        return replace(self, locked=locked, known=known)


def choose_items(
    campaign: CampaignWeek,
    stock: Stock,
    *,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    only: tuple[str, ...] = (),
) -> ItemChoice:
    """Read `include`, `exclude` and `only` (ids, none for all), and find the items that may be bundled.

    Raises:
        UsageError: an item is unknown, or both included and excluded.
        InfeasiblePlanError: an included item is not promotable, not listed, or has no stock left.
    """
    codes = {str(item): code for code, item in enumerate(campaign.item_ids)}
    must, banned = _read(include, codes, "--include"), _read(exclude, codes, "--exclude", may_repeat=True)
    banned_items = {items[0] for items in banned if len(items) == 1}
    _refuse_contradictions(must, banned, campaign)
    without_stock = stock.slack <= 0
    listed = _listed(only, codes)
    allowed = campaign.promotable & ~without_stock & ~np.isin(np.arange(len(codes)), list(banned_items)) & listed
    _refuse_impossible(must, campaign, without_stock)
    _refuse_unlisted(must, campaign, listed)
    excluded = {
        "not promotable": _ids(campaign, ~campaign.promotable),
        STOCK_OUT: _ids(campaign, stock.on_hand < stock.baseline),
        "without stock beyond expected sales and safety stock": _ids(
            campaign, without_stock & (stock.on_hand >= stock.baseline)
        ),
        "excluded by name": sorted(str(campaign.item_ids[item]) for item in banned_items),
        NOT_LISTED: _ids(campaign, ~listed),
    }
    return ItemChoice(
        allowed=allowed,
        excluded=excluded,
        must_items=tuple(items[0] for items in must if len(items) == 1),
        must_bundles=tuple(items for items in must if len(items) > 1),
        banned_bundles=frozenset(items for items in banned if len(items) > 1),
    )


def _listed(only: tuple[str, ...], codes: dict[str, int]) -> npt.NDArray[np.bool_]:
    """(I,) the items of a list; all of them where none are listed."""
    if not only:
        return np.ones(len(codes), np.bool_)
    listed = np.zeros(len(codes), np.bool_)
    for item in only:
        if item not in codes:
            near = difflib.get_close_matches(item, codes, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise UsageError(f"only_items: no item {item!r} among the {len(codes):,} modelled items{hint}")
        listed[codes[item]] = True
    return listed


def _refuse_unlisted(must: list[tuple[int, ...]], campaign: CampaignWeek, listed: npt.NDArray[np.bool_]) -> None:
    for items in must:
        if not listed[list(items)].all():
            name = BUNDLE_SEPARATOR.join(str(campaign.item_ids[item]) for item in items)
            raise InfeasiblePlanError([f"include {name}", "only_items"], detail="It is asked for, but not listed.")


def _read(
    texts: tuple[str, ...], codes: dict[str, int], flag: str, *, may_repeat: bool = False
) -> list[tuple[int, ...]]:
    """Item codes of each text; where they may repeat, `A+A` is two units of one item sold together."""
    found = []
    for text in texts:
        # An id may itself hold a plus sign: the whole text is tried as an item first.
        parts = [text] if text in codes else [part.strip() for part in text.split(BUNDLE_SEPARATOR)]
        for part in parts:
            if part not in codes:
                near = difflib.get_close_matches(part, codes, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                raise UsageError(f"{flag} {text}: no item {part!r} among the {len(codes):,} modelled items{hint}")
        several = may_repeat and len(parts) > 1 and len(set(parts)) == 1
        if not several and (len(set(parts)) != len(parts) or len(parts) > 4):
            raise UsageError(f"{flag} {text}: a bundle has 2 to 4 distinct items, written like A{BUNDLE_SEPARATOR}B")
        found.append(tuple(sorted(codes[part] for part in parts)))
    return list(dict.fromkeys(found))


def _refuse_contradictions(must: list[tuple[int, ...]], banned: list[tuple[int, ...]], campaign: CampaignWeek) -> None:
    banned_items = {items[0] for items in banned if len(items) == 1}
    for items in must:
        if items in banned or banned_items & set(items):
            name = BUNDLE_SEPARATOR.join(str(campaign.item_ids[item]) for item in items)
            raise InfeasiblePlanError([f"include {name}", f"exclude {name}"], detail="It is asked for and forbidden.")


def _refuse_impossible(
    must: list[tuple[int, ...]], campaign: CampaignWeek, without_stock: npt.NDArray[np.bool_]
) -> None:
    for items in must:
        name = BUNDLE_SEPARATOR.join(str(campaign.item_ids[item]) for item in items)
        for item in items:
            one = str(campaign.item_ids[item])
            if not campaign.promotable[item]:
                raise InfeasiblePlanError(
                    [f"include {name}", "promotable items only"], detail=f"{one} is not promotable."
                )
            if without_stock[item]:
                detail = f"{one} has no stock left after baseline sales and safety stock."
                raise InfeasiblePlanError([f"include {name}", f"stock of {one}"], detail=detail)


def _ids(campaign: CampaignWeek, flags: npt.NDArray[np.bool_]) -> list[str]:
    return [str(item) for item in campaign.item_ids[flags]]
