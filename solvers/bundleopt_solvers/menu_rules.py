"""Rules on the menu itself: how many bundles, caps by category and item, includes; and the best menu for given scores.

Letters: `O` options at hand, `B` bundles, `Q` capped rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.problem import CampaignProblem

Floats64 = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class MenuRules:
    """Caps that count bundles on the menu.

    Attributes:
        max_bundles: most bundles. include: bundles that must be on it with at least one offer.
        fixed_cost: money per bundle on the menu.
        names: (Q,) `category_cap:<category>` or `item_overlap:<item>`. cap: (Q,). member: (Q, B) 0/1.
    """

    max_bundles: int
    include: tuple[int, ...]
    fixed_cost: float
    names: tuple[str, ...]
    cap: Floats64
    member: Floats64

    def broken(self, bundles: Indices) -> list[str]:
        """Name the rules that a menu with these `bundles` breaks."""
        found = ["max_bundles"] if len(bundles) > self.max_bundles else []
        load = self.member[:, bundles].sum(1)
        return found + [name for name, over in zip(self.names, load > self.cap, strict=True) if over]


def build_menu_rules(problem: CampaignProblem) -> MenuRules:
    """Collect the menu rules of `problem`; caps that no menu can exceed are left out."""
    rules, items = problem.rules, problem.options.items
    has = np.zeros((len(problem.options.bundle_ids), max(len(problem.options.item_ids), 1)), dtype=bool)
    rows, places = np.nonzero(items >= 0)
    has[problem.options.bundle[rows], items[rows, places]] = True
    names: list[str] = []
    member: list[npt.NDArray[np.bool_]] = []
    caps: list[float] = []
    if rules.category_cap is not None and rules.item_category is not None:
        for category in np.unique(rules.item_category):
            inside = np.asarray(has[:, rules.item_category == category].any(1))
            if min(int(inside.sum()), rules.max_bundles) > rules.category_cap:
                names, caps = [*names, f"category_cap:{category}"], [*caps, float(rules.category_cap)]
                member.append(inside)
    if rules.item_overlap is not None:
        for item in np.flatnonzero(has.sum(0) > rules.item_overlap):
            names, caps = [*names, f"item_overlap:{problem.options.item_ids[item]}"], [*caps, float(rules.item_overlap)]
            member.append(has[:, item])
    return MenuRules(
        max_bundles=rules.max_bundles,
        include=tuple(sorted(set(rules.include))),
        fixed_cost=rules.fixed_cost_per_bundle,
        names=tuple(names),
        cap=np.array(caps, dtype=np.float64),
        member=np.array(member, dtype=np.float64).reshape(len(names), has.shape[0]),
    )


@dataclass(frozen=True)
class MenuChoice:
    """The best menu under scores, caps relaxed.

    Attributes:
        value: sum of the chosen scores. position: positions of the chosen options. threshold: score an option must
        beat to enter. best: (O,) score of the best option of the same bundle. chosen: (O,) whether that bundle is in.
    """

    value: float
    position: Indices
    threshold: float
    best: Floats64
    chosen: npt.NDArray[np.bool_]


def choose_menu(score: Floats64, bundle: Indices, limit: int, forced: frozenset[int]) -> MenuChoice:
    """Pick at most `limit` bundles with one option each and the largest positive scores; `forced` bundles always.

    Options of a bundle are adjacent. Ties go to the lower position.
    """
    if not len(score):
        return MenuChoice(0.0, np.zeros(0, np.int64), 0.0, np.zeros(0), np.zeros(0, dtype=bool))
    start = np.flatnonzero(np.diff(bundle, prepend=-1))
    peak = np.maximum.reduceat(score, start)
    run = np.repeat(np.arange(len(start)), np.diff(np.append(start, len(score))))
    hit = np.flatnonzero(score == peak[run])
    first = hit[np.searchsorted(run[hit], np.arange(len(start)))]
    must = np.isin(bundle[start], list(forced))
    free = np.flatnonzero(~must & (peak > 0))
    room = max(limit - int(must.sum()), 0)
    ranked = free[np.argsort(-peak[free], kind="stable")]
    threshold = float(peak[ranked[room - 1]]) if 0 < room <= len(ranked) else 0.0
    if room == 0:
        threshold = np.inf
    taken = must.copy()
    taken[ranked[:room]] = True
    return MenuChoice(float(peak[taken].sum()), np.sort(first[taken]), threshold, peak[run], taken[run])


def change_if_added(score: Floats64, choice: MenuChoice) -> Floats64:
    """How much the relaxed menu value changes, at most 0, when each option is forced onto the menu, (O,)."""
    return np.minimum(score - np.where(choice.chosen, choice.best, choice.threshold), 0.0)
