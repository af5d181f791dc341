"""Rules on the menu itself: how many bundles, caps and floors, includes; and the best menu for given scores.

Letters: `O` options at hand, `B` bundles, `Q` rows that count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.problem import CampaignProblem, Rules

Floats64 = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class MenuRules:
    """Caps and floors that count bundles on the menu, all as `member . z <= cap`.

    Attributes:
        max_bundles: most bundles. include: bundles that must be on it with at least one offer.
        fixed_cost: money per bundle on the menu.
        rules, names: (Q,) the rule (`cap:brand`) and what it counts here (`cap:brand=Acme`).
        cap: (Q,). member: (Q, options of the problem) 1 for caps, -1 for floors, whose cap is minus the floor.
    """

    max_bundles: int
    include: tuple[int, ...]
    fixed_cost: float
    rules: tuple[str, ...]
    names: tuple[str, ...]
    cap: Floats64
    member: Floats64

    @property
    def is_floor(self) -> npt.NDArray[np.bool_]:
        """Which rows ask for bundles, (Q,)."""
        return self.cap < 0

    def broken(self, options: Indices) -> list[str]:
        """Name the caps that a menu with these `options` breaks; one option a bundle."""
        found = ["max_bundles"] if len(options) > self.max_bundles else []
        over = (self.member[:, options].sum(1) > self.cap) & ~self.is_floor
        return found + [name for name, broken in zip(self.names, over, strict=True) if broken]

    def short_of(self, options: Indices) -> Floats64:
        """How many bundles a menu with these `options` lacks of each floor, (Q,); 0 for caps."""
        return np.where(self.is_floor, np.maximum(self.member[:, options].sum(1) - self.cap, 0.0), 0.0)

    def misses(self, options: Indices) -> bool:
        """Whether a menu with these `options` is short of a floor."""
        return bool(self.short_of(options).any())


@dataclass(frozen=True)
class _Count:
    """One row before it is stacked: `sign` 1 for a cap, -1 for a floor."""

    rule: str
    name: str
    sign: int
    limit: int
    inside: npt.NDArray[np.bool_]


def build_menu_rules(problem: CampaignProblem) -> MenuRules:
    """Collect the menu rules of `problem`; caps that no menu can exceed are left out."""
    rules, options = problem.rules, problem.options
    counts = [count for count in _all_counts(problem) if count.sign < 0 or _can_exceed(problem, count)]
    return MenuRules(
        max_bundles=rules.max_bundles,
        include=asked_bundles(problem),
        fixed_cost=rules.fixed_cost_per_bundle,
        rules=tuple(count.rule for count in counts),
        names=tuple(count.name for count in counts),
        cap=np.array([count.sign * count.limit for count in counts], dtype=np.float64),
        member=np.array([count.sign * count.inside for count in counts], dtype=np.float64).reshape(
            len(counts), len(options.bundle)
        ),
    )


def _can_exceed(problem: CampaignProblem, count: _Count) -> bool:
    bundles = len(np.unique(problem.options.bundle[count.inside]))
    return min(bundles, problem.rules.max_bundles) > count.limit


def _all_counts(problem: CampaignProblem) -> list[_Count]:
    rules, options = problem.rules, problem.options
    items, found = options.items, []
    if rules.category_cap is not None and rules.item_category is not None:
        category = np.where(items >= 0, rules.item_category[items], -1)
        for code in np.unique(rules.item_category).tolist():
            inside = np.asarray((category == code).any(1))
            found.append(_Count("category_cap", f"category_cap:{code}", 1, rules.category_cap, inside))
    if rules.item_overlap is not None:
        for item in np.unique(items[items >= 0]).tolist():
            name = f"item_overlap:{options.item_ids[item]}"
            found.append(_Count("item_overlap", name, 1, rules.item_overlap, np.asarray((items == item).any(1))))
    for asked in rules.menu_counts:
        name = f"{asked.name}:{asked.label}" if asked.label else asked.name
        if asked.most is not None:
            found.append(_Count(asked.name, name, 1, asked.most, asked.member))
        if asked.least is not None and asked.least > 0:
            found.append(_Count(asked.name, name, -1, asked.least, asked.member))
    return found


def asked_bundles(problem: CampaignProblem) -> tuple[int, ...]:
    """Bundles that must be on the menu: includes and those of locks, ascending."""
    return tuple(sorted({*problem.rules.include, *problem.options.bundle[list(problem.rules.lock)].tolist()}))


def needs_useless_offers(rules: Rules) -> bool:
    """Whether a rule of the menu may ask for offers that are worth nothing."""
    return (rules.min_exposure or 1) > 1 or any((count.least or 0) > 0 for count in rules.menu_counts)


def fixed_prices(problem: CampaignProblem) -> npt.NDArray[np.bool_]:
    """Options that a lock forbids, (O,): other prices of a locked bundle."""
    options, lock = problem.options, list(problem.rules.lock)
    out = np.isin(options.bundle, options.bundle[lock])
    out[lock] = False
    return np.asarray(out)


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
