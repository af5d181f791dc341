from __future__ import annotations

import math

import numpy as np
import pytest

from bundleopt_models.offer_response import (
    SLOPE_SPREAD,
    Belief,
    OfferEvidence,
    OfferResponse,
    fit_response,
)

CATEGORIES = ("dairy", "drinks")


def campaign(
    seed: int,
    *,
    slope: float,
    contact: float = 0.0,
    level: float = 0.0,
    own: tuple[float, float] = (0.0, 0.0),
    offers: int = 1500,
    held: int = 100,
) -> OfferEvidence:
    """Offers of one week in a market whose sensitivities are exp(slope + own) times the forecast's."""
    random = np.random.default_rng([3, seed])
    rows, bundles = offers + held, 12
    bundle = random.integers(0, bundles, rows)
    baseline = 1 / (1 + np.exp(-random.normal(-2.0, 0.8, rows)))
    discount = random.choice([0.1, 0.2, 0.3], bundles)[bundle]
    kind = bundle % 2
    gain = np.zeros((rows, 2))
    gain[np.arange(rows), kind] = 2.0 * -np.log(1 - discount) * random.uniform(0.7, 1.3, rows)
    shown = np.arange(rows) < offers
    factor = np.exp(slope + np.array(own))
    odds = np.log(baseline / (1 - baseline)) + level + random.normal(0, 0.1, bundles)[bundle]
    odds += shown * (contact + (gain * factor).sum(1))
    redeemed = random.random(rows) < 1 / (1 + np.exp(-odds))
    return OfferEvidence(redeemed, shown, baseline, gain, CATEGORIES, bundle)


def after(weeks: int, first: int = 0, **truth: float) -> OfferResponse:
    response = OfferResponse()
    for week in range(weeks):
        response = fit_response(campaign(first + week, **truth), response.later()).response
    return response


def log_slope(response: OfferResponse) -> float:
    """Mean log factor of the categories."""
    return float(np.mean([math.log(response.slope_factor(name)) for name in CATEGORIES]))


def test_sensitivities_misjudged_by_half_are_found() -> None:
    factors = [after(weeks, slope=math.log(2.0)).slope_factor("dairy") for weeks in (1, 4, 12)]
    assert factors[0] > 1.2
    assert abs(factors[2] - 2.0) < abs(factors[0] - 2.0)
    assert factors[2] == pytest.approx(2.0, rel=0.15)


def test_sensitivities_overrated_by_two_are_found() -> None:
    assert after(12, slope=-math.log(2.0)).slope_factor("drinks") == pytest.approx(0.5, rel=0.25)


def test_a_right_forecast_stays_right() -> None:
    found = [after(8, first, slope=0.0) for first in range(0, 8000, 1000)]
    slopes = np.array([log_slope(response) for response in found])
    assert abs(slopes.mean()) < 4 * slopes.std() / np.sqrt(len(found))
    # The spread that is claimed is that of the answers, not a wish.
    claimed = np.mean([response.slope.spread for response in found])
    assert 0.4 * claimed < slopes.std() < 1.6 * claimed
    assert np.mean([response.contact.mean for response in found]) == pytest.approx(0.0, abs=0.08)


def test_offers_that_half_the_customers_overlook_lose_reach_not_price_sensitivity() -> None:
    response = after(12, slope=0.0, contact=-math.log(2.0))
    assert response.reach == pytest.approx(0.5, rel=0.25)
    assert response.salience == 1.0
    assert abs(log_slope(response)) < 0.3


def test_a_good_week_is_told_apart_from_good_offers_by_the_held_out() -> None:
    week = campaign(1, slope=0.0, level=0.3, offers=1500, held=1500)
    with_control = fit_response(week, OfferResponse())
    shown = week.shown
    blind = OfferEvidence(
        week.redeemed[shown], shown[shown], week.baseline[shown], week.gain[shown], CATEGORIES, week.bundle[shown]
    )
    without = fit_response(blind, OfferResponse())
    assert with_control.level.mean > 0.15
    error = abs(with_control.response.contact.mean) + abs(with_control.response.slope.mean)
    assert error < abs(without.response.contact.mean) + abs(without.response.slope.mean)


def test_categories_differ_where_their_redemptions_do() -> None:
    response = OfferResponse()
    for week in range(12):
        response = fit_response(campaign(week, slope=0.0, own=(0.4, -0.4), offers=4000), response.later()).response
    assert response.slope_factor("dairy") / response.slope_factor("drinks") > 1.5
    assert response.slope_factor("cheese") == math.exp(response.slope.mean)


def test_little_evidence_moves_little_and_none_moves_nothing() -> None:
    few = fit_response(campaign(0, slope=math.log(2.0), offers=20, held=0), OfferResponse()).response
    assert abs(few.slope.mean) < 0.3
    assert few.slope.spread == pytest.approx(SLOPE_SPREAD, rel=0.2)
    nothing = OfferEvidence(
        np.zeros(0, bool), np.zeros(0, bool), np.zeros(0), np.zeros((0, 1)), ("x",), np.zeros(0, dtype=np.int64)
    )
    prior = OfferResponse(slope=Belief(0.2, 0.1))
    assert fit_response(nothing, prior).response == prior


def test_the_spread_shrinks_with_evidence_and_old_evidence_fades() -> None:
    one = fit_response(campaign(0, slope=0.0), OfferResponse()).response
    assert one.slope.spread < SLOPE_SPREAD
    assert one.later().slope.spread > one.slope.spread
    assert one.later().slope.mean == one.slope.mean


def test_the_mode_is_the_best_point_nearby() -> None:
    from bundleopt_models import offer_response

    week = campaign(2, slope=0.3, offers=300, held=20)
    beliefs = offer_response._beliefs(week, OfferResponse())
    mean, precision = np.array([b.mean for b in beliefs]), np.array([b.spread**-2 for b in beliefs])
    mode, _ = offer_response._mode(week, mean, precision)
    best = offer_response._log_posterior(week, mode, mean, precision)
    random = np.random.default_rng(0)
    for _ in range(200):
        near = mode + random.normal(0, 0.02, len(mode))
        assert offer_response._log_posterior(week, near, mean, precision) <= best
