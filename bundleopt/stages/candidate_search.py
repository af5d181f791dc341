"""The search for candidate bundles, kept for the next plan that asks the same of the same week."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bundleopt.stages.cache import ArrayCache, Arrays, code_digest, key_of
from bundleopt_solvers.candidate_inputs import MAX_ITEMS, CandidateInputs, CandidateSettings


@dataclass(frozen=True)
class FoundBundles:
    """Candidate bundles as tuples of item codes, what was searched in words, and how many pairs were looked at.

    `removed` says how many bundles each filter left out.
    """

    bundles: tuple[tuple[int, ...], ...]
    family: str
    screened: int
    removed: dict[str, int] = field(default_factory=dict)


def search(
    inputs: CandidateInputs,
    settings: CandidateSettings,
    *,
    cache: ArrayCache | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> FoundBundles:
    """Search the catalogue, or return what the same search found before."""
    from bundleopt_solvers.candidates import find_candidates

    key = search_key(inputs, settings) if cache else ""
    stored = cache.read("candidates", key) if cache else None
    if stored is not None:
        return _from_arrays(stored)
    found = find_candidates(inputs, settings, progress=progress)
    bundles = FoundBundles(found.bundles, found.family, found.screened, found.removed)
    if cache:
        cache.write("candidates", key, _as_arrays(bundles))
    return bundles


def search_key(inputs: CandidateInputs, settings: CandidateSettings) -> str:
    """Return a hash of everything that the search reads, its code included."""
    parts = [getattr(inputs, field.name) for field in dataclasses.fields(inputs)]
    excluded = sorted(sorted(items) for items in inputs.excluded)
    parts = [excluded if isinstance(part, frozenset) else part for part in parts]
    return key_of(code_digest("bundleopt_solvers"), settings, *parts)


def _as_arrays(found: FoundBundles) -> Arrays:
    padded = [[*bundle, *[-1] * (MAX_ITEMS - len(bundle))] for bundle in found.bundles]
    return {
        "bundles": np.array(padded, dtype=np.int32).reshape(-1, MAX_ITEMS),
        "family": np.array(found.family),
        "screened": np.array(found.screened),
        "filters": np.array(list(found.removed), dtype=str),
        "removed": np.array(list(found.removed.values()), dtype=np.int64),
    }


def _from_arrays(arrays: Arrays) -> FoundBundles:
    bundles = tuple(tuple(int(item) for item in row if item >= 0) for row in arrays["bundles"])
    removed = {str(why): int(count) for why, count in zip(arrays["filters"], arrays["removed"], strict=True)}
    return FoundBundles(bundles, str(arrays["family"]), int(arrays["screened"]), removed)
