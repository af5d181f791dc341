from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bundleopt_models.substitution import BEFORE, check_substitution

WEEKS, CUSTOMERS = 40, 600


def _market(seed: int, *, is_logit: bool, gaps: tuple[tuple[int, int, int], ...]) -> Any:
    """A panel in which each customer chooses at most one item a week by a logit; `gaps` are (item, first, last + 1).

    Every third customer is fond of item 0, 1 or 2, and hardly sees the other two. Where `is_logit` is False the
    customers of a missing item buy nothing instead.
    """
    rng = np.random.default_rng(seed)
    liking = np.where(np.arange(CUSTOMERS)[:, None] % 3 == np.arange(3), 1.0, 0.1)
    usual = np.column_stack([liking, np.ones(CUSTOMERS)])
    customer, item, week = [], [], []
    for t in range(WEEKS):
        missing = [i for i, first, last in gaps if first <= t < last]
        weight = usual.copy()
        if is_logit:
            weight[:, missing] = 0.0
        share = np.cumsum(weight / weight.sum(1, keepdims=True), axis=1)
        chosen = (rng.random((CUSTOMERS, 1)) > share).sum(1)
        bought = (chosen < 3) & ~np.isin(chosen, missing)
        customer += np.flatnonzero(bought).tolist()
        item += chosen[bought].tolist()
        week += [t] * int(bought.sum())
    return SimpleNamespace(
        purchase_customer=np.array(customer, np.int32),
        purchase_item=np.array(item, np.int32),
        purchase_week=np.array(week, np.int32),
        weeks=np.arange(WEEKS),
        n_items=4,
        n_customers=CUSTOMERS,
        items=SimpleNamespace(category=np.array([0, 0, 0, 1], np.int32)),
    )


GAPS = ((0, 18, 24), (1, 28, 36))


def test_a_logit_market_keeps_what_the_logit_says() -> None:
    """Without its favourite at 1.0, two items at 0.1 each keep 1/6 instead of 2/2.2 of the rest: by the logit, 17 %."""
    found = [check_substitution(_market(seed, is_logit=True, gaps=GAPS)) for seed in range(5)]
    assert all(one.gaps == 2 for one in found)
    # customers of several kinds are one segment of the check, which expects a little more switching
    truth = 1 - (1.2 / 2.2 - 0.2 / 1.2) / (1.0 / 2.2)
    assert np.mean([one.observed for one in found]) == pytest.approx(truth, abs=0.08)
    assert np.mean([one.predicted for one in found]) == pytest.approx(truth, abs=0.2)
    assert f"{found[0].predicted:.0%}" in found[0].sentence()


def test_a_market_without_switching_keeps_nothing() -> None:
    found = [check_substitution(_market(seed, is_logit=False, gaps=GAPS)) for seed in range(5)]
    assert np.mean([one.observed for one in found]) == pytest.approx(0.0, abs=0.08)
    assert all(one.predicted > 0.1 for one in found)


def test_season_is_not_taken_for_switching() -> None:
    """From week 18 on everybody chooses half as often: the share that is kept stays what it was."""
    panel = _market(7, is_logit=True, gaps=((0, 18, 24), (1, 18, 24)))
    rng = np.random.default_rng(0)
    stays = (panel.purchase_week < 18) | (rng.random(len(panel.purchase_week)) < 0.5)
    fewer = SimpleNamespace(**vars(panel))
    for name in ("purchase_customer", "purchase_item", "purchase_week"):
        setattr(fewer, name, getattr(panel, name)[stays])
    assert check_substitution(fewer).observed == pytest.approx(check_substitution(panel).observed, abs=0.15)


@pytest.mark.parametrize("gaps", [(), ((0, 18, 24),), ((0, 18, 20), (1, 30, 32)), ((0, 3, 9), (1, 4, 10))])
def test_too_few_or_too_short_gaps_say_nothing(gaps: tuple[tuple[int, int, int], ...]) -> None:
    found = check_substitution(_market(3, is_logit=True, gaps=gaps))
    assert found.gaps < 2
    assert "could not be checked" in found.sentence()


def test_an_exit_counts_and_categories_can_be_chosen() -> None:
    panel = _market(4, is_logit=True, gaps=((0, 20, WEEKS), (2, 24, WEEKS)))
    assert check_substitution(panel).gaps == 2
    assert check_substitution(panel, np.array([1])).gaps == 0
    assert BEFORE * 2 <= 20
