"""What is charged where borrowed sales are not measured: the configuration of today, not that of the training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bundleopt.plan.valued_plan import Stock
from bundleopt.session import open_session
from bundleopt.stages.facts import pull_forward_sentences, shelf_sentence
from bundleopt.stages.model import ensure_model
from bundleopt.stages.week import PlannedWeek, plan_week
from bundleopt_models.synthetic_week import synthetic_week


def test_a_changed_assumption_reaches_the_next_plan(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shares = []
    for assumed in ("0.2", "0.35", "0.35"):  # the last from the cache
        monkeypatch.setenv("BUNDLEOPT_ASSUMPTIONS_PULL_FORWARD", assumed)
        session = open_session(workspace)
        shares.append(plan_week(session, ensure_model(session)).forecast.pull_forward.assumed_share)
    assert shares == [0.2, 0.35, 0.35]


def test_measured_categories_are_named_and_the_others_counted() -> None:
    forecast, campaign = synthetic_week(2, 40)
    share = np.where(np.arange(40) < 20, 0.25, np.nan).astype(np.float32)  # the first of two categories
    forecast = replace(forecast, pull_forward=replace(forecast.pull_forward, share=share))
    nothing = np.zeros(40)
    week = PlannedWeek(campaign, forecast, Stock(nothing, nothing, nothing, nothing))
    said = pull_forward_sentences(week, 0.2)
    assert "not identified for 20 items; 20% of" in said[0]
    assert said[1].endswith("measured in 1 category: category 0 25%.")


def test_what_offers_take_from_the_shelf_is_said() -> None:
    forecast, campaign = synthetic_week(2, 40)
    nothing = np.zeros(40)

    def said(need: np.ndarray | None) -> str:
        week = replace(forecast, need=need)
        return shelf_sentence(PlannedWeek(campaign, week, Stock(nothing, nothing, nothing, nothing)))

    assert "train it again" in said(None)
    assert "not seen to take sales" in said(np.zeros(40, np.float32))
    some = np.where(np.arange(40) < 20, 0.6, 0.0).astype(np.float32)
    assert "In 1 of 2 categories" in said(some)
    assert said(some).endswith("category 0 60%.")
