"""Finds candidate bundles: all pairs screened by a proven bound, the best valued, then grown to three and four items.

Steps: bound all pairs (`candidate_screen`), value a pool of the best (`candidate_value`), extend the best bundles by
one item at a time along valued pairs, and keep the best of each size under a cap per item (`candidate_choice`).
Deterministic; ties go to the lower item codes. CANDIDATES.md says what is proven and what is not.

Letters: `I` items, `B` candidates, `K` items of a bundle, `n` bundles at hand.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.candidate_choice import beam_rows, choose_best, choose_pool, pool_cap, spread
from bundleopt_solvers.candidate_filters import pair_filters
from bundleopt_solvers.candidate_inputs import CandidateInputs, Candidates, CandidateSettings, CategoryRule
from bundleopt_solvers.candidate_money import ItemMoney, item_money
from bundleopt_solvers.candidate_screen import screen_pairs
from bundleopt_solvers.candidate_value import BundleScores, BundleValuer

__all__ = ["CandidateInputs", "CandidateSettings", "Candidates", "CategoryRule", "find_candidates"]

Progress = Callable[[str, float], None]
Rows = npt.NDArray[np.int64]

# Extensions that are valued, as a multiple of the bundles that are extended.
EXTENSIONS_PER_BUNDLE = 12


def find_candidates(
    inputs: CandidateInputs, settings: CandidateSettings, *, progress: Progress | None = None
) -> Candidates:
    """Search the catalogue for bundles worth offering.

    Args:
        inputs: demand and money of the week.
        settings: sizes, numbers, filters.
        progress: called with a step's name and the share of it that is done.

    Returns:
        About `settings.total` candidates; fewer where the rules leave fewer with a positive value.
    """
    start = time.monotonic()
    search = _Search(inputs, settings, progress or (lambda _step, _share: None))
    layers = [layer for layer in search.layers() if layer.items.shape[1] >= settings.min_size]
    kept = [choose_best(layer, settings, search.items) for layer in layers]
    bundles, score, ratio = search.with_included(kept)
    return Candidates(
        bundles=bundles,
        score=score,
        best_ratio=ratio,
        family=_family(bundles, search.screened, settings),
        screened=search.screened,
        valued=search.valued,
        excluded_bound=search.excluded_bound,
        seconds=time.monotonic() - start,
        removed=pair_filters(inputs, settings) | search.removed,
    )


class _Search:
    """Screens, values and grows bundles; drops what the rules ban."""

    def __init__(self, inputs: CandidateInputs, settings: CandidateSettings, tell: Progress) -> None:
        self._inputs, self._settings, self._tell = inputs, settings, tell
        self._money: ItemMoney = item_money(inputs, settings)
        self._valuer = BundleValuer(inputs, settings, self._money)
        self._apart = {(min(pair), max(pair)) for pair in inputs.substitutes.tolist()}
        self.items = int(inputs.eligible.sum())
        self.screened, self.valued, self.excluded_bound = 0, 0, 0.0
        self.removed: dict[str, int] = {}

    def layers(self) -> list[BundleScores]:
        """Bundles with a value, by size from the smallest: single items if asked, pairs, then as grown by beam."""
        found = []
        if self._settings.min_size == 1:
            single = np.flatnonzero(self._inputs.eligible).astype(np.int64)
            found.append(self._admitted(self._valuer.scores(single[:, None])))
        if self._settings.max_size >= 2:
            found.append(self._pairs())
            links = _links(found[-1])
            for size in range(3, self._settings.max_size + 1):
                self._tell(f"growing bundles of {size}", 0.0)
                grown = self._valuer.scores(self._extensions(found[-1], links, size))
                found.append(self._admitted(grown))
        return found

    def _pairs(self) -> BundleScores:
        """Value the pool of pairs that the bounds leave."""
        bounds = screen_pairs(
            self._inputs, self._settings, self._money, lambda share: self._tell("screening pairs", share)
        )
        pool, self.excluded_bound = choose_pool(bounds, self._settings, self.items)
        self.screened, self.valued = bounds.screened, len(pool)
        self._tell("valuing pairs", 0.0)
        return self._admitted(self._valuer.scores(pool))

    def _admitted(self, scores: BundleScores) -> BundleScores:
        """Drop bundles without value or support, and those that are excluded."""
        kept = scores.score.max(0, initial=0.0) > 0
        allowed = np.array([frozenset(row) not in self._inputs.excluded for row in scores.items.tolist()], dtype=bool)
        bought = scores.support >= self._settings.min_support
        self._count("forbidden by name", kept & ~allowed)
        if self._settings.min_support > 0:
            least = f"valued, but with fewer than {self._settings.min_support:g} buyers of the whole bundle a week"
            self._count(least, kept & allowed & ~bought)
        return scores.where(kept & allowed & bought)

    def _count(self, why: str, dropped: npt.NDArray[np.bool_]) -> None:
        if self._settings.min_support > 0 or dropped.any():
            self.removed[why] = self.removed.get(why, 0) + int(dropped.sum())

    def _extensions(self, layer: BundleScores, links: dict[int, dict[int, float]], size: int) -> Rows:
        """(n, size) extensions of the best bundles of `layer` by an item linked to one of theirs, best first.

        What an extension promises is the sum of its pairs' scores.
        """
        promise: dict[tuple[int, ...], float] = {}
        for row in beam_rows(layer, self._settings, self.items):
            bundle = tuple(layer.items[row].tolist())
            for item in sorted({other for one in bundle for other in links.get(one, ())} - set(bundle)):
                grown = tuple(sorted((*bundle, item)))
                if grown not in promise and self._fits(bundle, item):
                    promise[grown] = sum(links[one].get(other, 0.0) for one in grown for other in grown if one < other)
        best = sorted(promise, key=lambda bundle: (-promise[bundle], bundle))
        rows = np.array(best, dtype=np.int64).reshape(-1, size)
        return rows[spread(rows, EXTENSIONS_PER_BUNDLE * self._settings.beam, pool_cap(self._settings, self.items))]

    def _fits(self, bundle: tuple[int, ...], item: int) -> bool:
        """Whether the rules let `item` join: no substitutes together, categories as asked."""
        if any((min(one, item), max(one, item)) in self._apart for one in bundle):
            return False
        same = [bool(self._inputs.category[one] == self._inputs.category[item]) for one in bundle]
        rule = self._settings.category_rule
        return rule is CategoryRule.ANY or (all(same) if rule is CategoryRule.SAME else not any(same))

    def with_included(
        self, kept: list[BundleScores]
    ) -> tuple[tuple[tuple[int, ...], ...], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Bundles, scores and best ratios: the included bundles first, then by descending score."""
        included = sorted({tuple(sorted(bundle)) for bundle in self._inputs.included})
        rows = [self._line(self._valuer.scores(np.array([bundle], dtype=np.int64)), 0) for bundle in included]
        others = [self._line(layer, n) for layer in kept for n in range(len(layer.items))]
        wanted = frozenset(included)
        rows += sorted((line for line in others if line[0] not in wanted), key=lambda line: (-line[1], line[0]))
        score, ratio = (np.array([row[column] for row in rows], dtype=np.float64) for column in (1, 2))
        return tuple(row[0] for row in rows), score, ratio

    def _line(self, scores: BundleScores, n: int) -> tuple[tuple[int, ...], float, float]:
        step = int(scores.best_step[n])
        bundle = tuple(int(item) for item in scores.items[n])
        if step < 0:
            return bundle, float("nan"), float("nan")
        return bundle, float(scores.score[0, n]), self._money.ratios[step]


def _links(pairs: BundleScores) -> dict[int, dict[int, float]]:
    """Item -> neighbour -> score of the valued pair."""
    links: dict[int, dict[int, float]] = {}
    for (one, other), score in zip(pairs.items.tolist(), pairs.score[0].tolist(), strict=True):
        links.setdefault(one, {})[other] = score
        links.setdefault(other, {})[one] = score
    return links


def _family(bundles: tuple[tuple[int, ...], ...], screened: int, settings: CandidateSettings) -> str:
    """What the certificate says of the family that was searched."""
    parts = []
    if settings.min_size == 1:
        parts.append("single items: all")
    if settings.max_size >= 2:
        parts.append(f"pairs screened from {screened:,}")
    if settings.max_size >= 3:
        grown = "triples and quadruples" if settings.max_size == 4 else "triples"
        parts.append(f"{grown} as far as searched by beam")
    return f"{len(bundles):,} bundles: " + "; ".join(parts)
