"""Sums of offers against their joint value: exact where nothing joins them, the law's own figure where it does."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from bundleopt_models.additivity import HeldOffer, held_offer, law_of_all, measure_additivity, values_together
from bundleopt_models.decomposition import Offers, decompose
from bundleopt_models.forecast import PairRelations
from bundleopt_models.option_table import option_table
from bundleopt_models.relations import no_relations
from bundleopt_models.synthetic_week import synthetic_week
from bundleopt_models.valuation import option_money


@pytest.fixture(scope="module", name="case")
def _case():
    forecast, campaign = synthetic_week(30, 12, pairs=30, popularity=-2.5)
    shelf = campaign.shelf_price_cents
    bundles = [(0, 1), (2, 3), (4, 5, 6, 7), (8,)]
    table = option_table(bundles, [[int(shelf[list(bundle)].sum() * 0.75)] for bundle in bundles], campaign)
    return forecast, campaign, table


def single(item: int, chance: float, *, price: float = 2.0, given: float = 0.5, multiplier: float = 3.0) -> HeldOffer:
    """An offer of one item, worth `price` at the shelf."""
    return HeldOffer(
        items=np.array([item], np.int32),
        law=np.array([1 - chance, chance]),
        shelf=np.array([[0.0, price], [0.0, price / 4]]),
        given=np.array([given, given]),
        multiplier=multiplier,
    )


def related(gamma: float, background: float = 0.0) -> PairRelations:
    """Items 0 and 1 joined by gamma."""
    zero, one = np.zeros(1, np.int32), np.ones(1, np.int32)
    return PairRelations(zero, one, np.array([gamma], np.float32), np.array([0.1], np.float32), background)


def test_one_offer_is_its_own_joint_value(case) -> None:
    forecast, campaign, table = case
    money = option_money(forecast, campaign, table)
    for option in range(4):
        rows = decompose(*case, Offers(np.array([3]), np.array([option])), salience=1.5)
        held = held_offer(forecast, campaign, table, money, (3, option, 1.5))
        alone, together = values_together([held], float(forecast.visit_probability[3]), forecast.relations)
        assert together == pytest.approx([rows.revenue[0, :4].sum(), rows.margin[0, :4].sum()], rel=1e-6)
        assert alone[0] == pytest.approx(together)


def test_every_offer_keeps_the_law_that_valued_it(case) -> None:
    forecast, campaign, table = case
    money = option_money(forecast, campaign, table)
    held = [held_offer(forecast, campaign, table, money, (3, option, 1.0)) for option in range(4)]
    law = law_of_all(held, forecast.relations.known())
    assert law.sum() == pytest.approx(1.0)
    for place, offer in enumerate(held):
        others = tuple(axis for axis in range(4) if axis != place)
        assert law.sum(axis=others) == pytest.approx(offer.law, rel=1e-8)


def test_offers_of_independent_items_add_up_exactly(case) -> None:
    forecast, campaign, table = case
    calm = replace(forecast, relations=no_relations())
    offers = Offers(np.repeat(np.arange(30), 3), np.tile([0, 1, 3], 30))
    result = measure_additivity(calm, campaign, table, offers)
    assert result.customers == 30
    assert np.abs(result.relative_error).max() < 1e-9
    rows = decompose(calm, campaign, table, offers)
    assert result.joint == pytest.approx([rows.revenue[:, :4].sum(), rows.margin[:, :4].sum()], rel=1e-6)


def test_full_baskets_are_no_cause(case) -> None:
    """The background is in every unlisted pair's law, but joins no offers."""
    forecast, campaign, table = case
    always = replace(forecast, visit_probability=np.ones(30, np.float32))
    full = replace(always, relations=replace(no_relations(), background=0.6))
    result = measure_additivity(full, campaign, table, Offers(np.repeat(np.arange(30), 2), np.tile([0, 1], 30)))
    assert np.abs(result.relative_error).max() < 1e-9


def test_offers_act_on_who_comes_and_bring_nobody() -> None:
    """Two single items, independent given a visit: the weights of the four subsets by hand."""
    visit, x, y = 0.6, 0.2, 0.1
    held = [single(0, x), single(1, y, price=3.0, given=0.9, multiplier=2.0)]
    alone, together = values_together(held, visit, no_relations())
    neither, first, second, both = (1 - x) * (1 - y), x * (1 - y), y * (1 - x), x * y

    def revenue(m: float, n: float, paid: float, paid_other: float) -> float:
        total = neither + m * first + n * second + m * n * both
        return visit * (m * first * paid + n * second * paid_other + m * n * both * (paid + paid_other)) / total

    before = visit * (2.0 * x + 3.0 * y)
    assert together[0] == pytest.approx(revenue(3.0, 2.0, 1.5, 2.1) - before)
    assert alone[0, 0] == pytest.approx(revenue(3.0, 1.0, 1.5, 3.0) - before)
    assert alone[1, 0] == pytest.approx(revenue(1.0, 2.0, 2.0, 2.1) - before)


def test_known_complements_across_offers_agree_with_a_simulation() -> None:
    """Draw weeks from the pair law and weigh each by the M of the offers it redeems."""
    visit, x, y, gamma = 0.7, 0.3, 0.25, 1.2
    held = [single(0, x), single(1, y, price=3.0, given=0.9, multiplier=2.0)]
    law = law_of_all(held, related(gamma + 0.4, background=0.4))
    assert np.log(law[0, 0] * law[1, 1] / law[0, 1] / law[1, 0]) == pytest.approx(gamma, abs=1e-6)
    _, together = values_together(held, visit, related(gamma + 0.4, background=0.4))
    rng = np.random.default_rng(0)
    came = rng.random(400_000) < visit
    drawn = rng.choice(4, size=len(came), p=law.ravel())
    first, second = came & (drawn // 2 == 1), came & (drawn % 2 == 1)
    weight = np.where(first, 3.0, 1.0) * np.where(second, 2.0, 1.0) * came
    simulated = visit * np.average(1.5 * first + 2.1 * second, weights=weight) - (2.0 * first + 3.0 * second).mean()
    assert together[0] == pytest.approx(simulated, abs=0.01)


def test_three_offers_agree_with_a_walk_through_all_subsets(case) -> None:
    forecast, campaign, table = case
    money = option_money(forecast, campaign, table)
    held = [held_offer(forecast, campaign, table, money, (5, option, 1.0)) for option in (0, 1, 3)]
    visit = float(forecast.visit_probability[5])
    _, together = values_together(held, visit, no_relations())
    total, after, before = 0.0, 0.0, 0.0
    for subsets in product(*(range(len(offer.law)) for offer in held)):
        chance = np.prod([offer.law[t] for offer, t in zip(held, subsets, strict=True)])
        redeemed = [t == len(offer.law) - 1 for offer, t in zip(held, subsets, strict=True)]
        shelf = sum(offer.shelf[0, t] for offer, t in zip(held, subsets, strict=True))
        weight = chance * np.prod([offer.multiplier for offer, r in zip(held, redeemed, strict=True) if r])
        total, before = total + weight, before + chance * shelf
        after += weight * (shelf - sum(offer.given[0] for offer, r in zip(held, redeemed, strict=True) if r))
    assert together[0] == pytest.approx(visit * (after / total - before))


def test_the_sum_is_too_low_for_complements_across_offers_and_too_high_for_substitutes() -> None:
    held = [single(0, 0.2), single(1, 0.2)]
    excess = []
    for gamma in (-1.5, -0.5, 0.0, 0.5, 1.5):
        alone, together = values_together(held, 1.0, related(gamma))
        excess.append(alone[:, 0].sum() - together[0])
    assert excess[0] > excess[1] > 0.005
    assert excess[2] == pytest.approx(0.0, abs=1e-12)
    assert -0.005 > excess[3] > excess[4]


def test_too_many_items_and_single_offers_are_left_out(case) -> None:
    result = measure_additivity(*case, Offers(np.arange(5), np.zeros(5, np.int64)))
    assert result.customers == 0
    assert result.relative_error == pytest.approx([0.0, 0.0])
