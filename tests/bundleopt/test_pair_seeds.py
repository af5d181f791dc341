"""Pairs that join the candidates by the prices of a rough plan, against all pairs of small catalogues."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from bundleopt.config import SolveConfig
from bundleopt.session import silent
from bundleopt.stages import optimise
from bundleopt.stages.cache import ArrayCache
from bundleopt.stages.pair_pricing import OfferScorer, PairSearch
from bundleopt.stages.pair_seeds import FirstStages, seeds_key, with_priced_pairs
from tests.bundleopt.test_pair_pricing import PAIRS, allowed_pairs, best_plan, prepared_with, small_week

SETTINGS = SolveConfig(max_bundles=2, slots=2, bundle_size=(2, 2), max_discount=0.3, price_step=0.1)


def _stages(prepared: Any) -> FirstStages:
    trained = cast("Any", SimpleNamespace())
    return FirstStages(trained, prepared.week, prepared.choice, prepared.inputs)


@pytest.mark.parametrize("seed", range(8))
def test_all_pairs_that_beat_the_last_bundle_join_and_no_other(seed: int, tmp_path: Path) -> None:
    week = small_week(seed)
    prepared = prepared_with(week, PAIRS[:2], SETTINGS)
    cache = ArrayCache(tmp_path)
    wider = with_priced_pairs(prepared.found, _stages(prepared), SETTINGS, cache, silent)
    assert wider.bundles[: len(prepared.found.bundles)] == prepared.found.bundles
    rough = SETTINGS.model_copy(update={"gap": 0.1})
    plan = optimise.optimise(prepared.built.problem, rough, "", silent, gap_only=True)
    entry, _, _ = PairSearch(prepared, plan, SETTINGS).screened(silent)
    others = np.array([pair for pair in allowed_pairs(week, SETTINGS) if pair not in prepared.found.bundles])
    score = OfferScorer(prepared, entry, SETTINGS).scores(others)
    expected = {tuple(pair) for pair in others[score > entry.restricted.threshold].tolist()}
    assert set(wider.bundles[len(prepared.found.bundles) :]) == expected
    again = with_priced_pairs(prepared.found, _stages(prepared), SETTINGS, cache, silent)
    assert again == wider
    assert best_plan(prepared_with(week, wider.bundles, SETTINGS)) >= best_plan(prepared) - 1e-9


def test_the_family_says_how_many_joined_and_the_flag_turns_it_off(tmp_path: Path) -> None:
    prepared = prepared_with(small_week(0), PAIRS[:2], SETTINGS)
    wider = with_priced_pairs(prepared.found, _stages(prepared), SETTINGS, ArrayCache(tmp_path), silent)
    joined = len(wider.bundles) - len(prepared.found.bundles)
    assert joined > 0
    assert wider.family.endswith(f"{joined} more pairs by the prices of a plan")
    off = SETTINGS.model_copy(update={"price_pairs": False})
    assert with_priced_pairs(prepared.found, _stages(prepared), off, ArrayCache(tmp_path), silent) is prepared.found


def test_a_kept_answer_belongs_to_its_question() -> None:
    prepared = prepared_with(small_week(0), PAIRS[:2], SETTINGS)
    stages = _stages(prepared)
    key = seeds_key(prepared.found, stages, SETTINGS)
    assert key == seeds_key(prepared.found, stages, SETTINGS.model_copy(update={"gap": 0.2, "time_limit": 3.0}))
    assert key != seeds_key(prepared.found, stages, SETTINGS.model_copy(update={"budget": 2.0}))
    other = _stages(prepared_with(small_week(1), PAIRS[:2], SETTINGS))
    assert key != seeds_key(prepared.found, other, SETTINGS)
