from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts of the folder import their neighbours by name."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name in ("tables", "model_tables", "panel_subset", "coupon_campaigns"):
        sys.modules.pop(name, None)


def test_a_metric_table_has_a_column_for_every_model(scripts: None) -> None:
    import model_tables

    row = {name: 0.5 for name, *_ in model_tables.METRICS} | {"model": "bundleopt", "note": ""}
    absent = dict.fromkeys(row) | {"model": "LightGBM", "note": "pip install it"}
    table = model_tables.metric_table({"rows": [absent, row], "reference": "LightGBM"}, {"log_loss": "<= 1"})
    lines = table.splitlines()
    assert lines[0] == "| metric | LightGBM | **bundleopt** | gate |"
    assert lines[2] == "| log loss | \u2013 | 0.500000 | <= 1 |"
    assert "| log loss against LightGBM | \u2013 | +50.00% |  |" in lines
    assert lines[-1] == "LightGBM: pip install it"


def test_a_part_of_a_panel_keeps_what_its_customers_bought(scripts: None) -> None:
    from panel_subset import subset

    from tests.models.conftest import make_market

    panel = make_market(30, 12, 10).panel
    part = subset(panel, 8, 5)
    assert (part.n_customers, part.n_items) == (8, 5)
    kept = np.isin(panel.customer_ids[panel.purchase_customer], part.customer_ids)
    kept &= np.isin(panel.item_ids[panel.purchase_item], part.item_ids)
    assert len(part.purchase_item) == kept.sum()
    assert (part.customer_ids[part.purchase_customer] == panel.customer_ids[panel.purchase_customer[kept]]).all()
    assert (part.prices.log_price == panel.prices.log_price[:, np.isin(panel.item_ids, part.item_ids)]).all()
    assert subset(panel, None, None) is panel


def test_areas_agree_with_counting_pairs(scripts: None) -> None:
    from coupon_campaigns import area

    rng = np.random.default_rng(0)
    score, hit = rng.integers(0, 6, 40).astype(float), rng.random(40) < 0.3
    pairs = [(a > b) + 0.5 * (a == b) for a in score[hit] for b in score[~hit]]
    assert area(score, hit) == pytest.approx(np.mean(pairs))


def test_the_main_test_is_the_fourth_origin(scripts: None) -> None:
    import model_tables

    origin = {
        "fit_weeks": 32,
        "weeks": ["2017-08-07"],
        "predicted": [110.0],
        "observed": [100.0],
        "error": 0.1,
        "log_loss": 0.1,
    }
    ours = {"model": "bundleopt", "predicted_over_observed": 0.98, "log_loss": 0.2}
    main = {"rows": [ours], "cells": 1000.0, "base_rate": 0.5, "units": {"weeks": ["2017-11-27"]}}
    block = model_tables.origins_block({"origins": [origin], "main": main})
    assert "| the main table | 2017-11-27 | 490 | 500 | -2.0% | 0.200000 |" in block
    assert "over 2 origins 6.0%, largest 10.0%" in block
    assert "over 1 origins 10.0%" in model_tables.origins_block({"origins": [origin], "main": None})
