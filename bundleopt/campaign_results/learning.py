"""From the redemptions of a campaign to the belief about how customers answer to offers.

The plan's own files say what was expected: with reach and salience taken out, the rise of the log odds from
`baseline_probability` to `redemption_probability` is the gain of the price cut. It was computed with the factors that
earlier campaigns had taught, which `plan.json` names; they are taken out as well, so that evidence adds up.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bundleopt.campaign_results.campaign import RunCampaign
from bundleopt.campaign_results.learned import Lesson, document_of, response_of
from bundleopt_models.offer_response import Belief, OfferEvidence, OfferResponse, ResponseFit, fit_response

if TYPE_CHECKING:
    import pandas as pd

    from bundleopt.session import Session

Values = npt.NDArray[np.float64]
_CENT = 0.005
_SURE = 1e-6


def learn(campaign: RunCampaign, before: dict[str, Any] | None, session: Session) -> tuple[Lesson, ResponseFit]:
    """Return what the campaign teaches, beginning with the belief `before` it.

    Args:
        campaign: plan and results.
        before: as `document_of` writes it; None for the belief before any campaign.
        session: its data name the categories.
    """
    prior = response_of(before).later() if before else _first_belief(campaign)
    fit = fit_response(evidence_of(campaign, session), prior)
    run = campaign.run
    lesson = Lesson(run.folder.name, run.document["week"], before or {}, document_of(fit.response))
    return lesson, fit


def evidence_of(campaign: RunCampaign, session: Session) -> OfferEvidence:
    """Return the offers that were shown at their planned price, and the would-be offers of the control group."""
    joined = campaign.joined
    as_planned = (joined["shown"] > 0) & ((joined["price_charged"] - joined["price"]).abs() <= _CENT)
    shown, held = joined[as_planned], campaign.would_be
    offers = _stack(shown, held)
    category = _categories(session)
    names = sorted({category.get(item, "") for items in offers["item_ids"] for item in items})
    shares = _shares(offers, names, category)
    bundle = np.unique(offers["bundle_id"].astype(str), return_inverse=True)[1].reshape(-1)
    return OfferEvidence(
        redeemed=offers["answer"].to_numpy(dtype=bool),
        shown=np.arange(len(offers)) < len(shown),
        baseline=np.clip(offers["baseline_probability"].to_numpy(dtype=np.float64), _SURE, 1 - _SURE),
        gain=_gain(campaign, offers)[:, None] * shares / _factors_used(campaign, shares, names),
        categories=tuple(names),
        bundle=bundle.astype(np.int64),
    )


def _first_belief(campaign: RunCampaign) -> OfferResponse:
    """Before any campaign the forecast's slopes are believed, and the reach and salience that it was planned with."""
    reach, salience = _planned_sight(campaign)
    prior = OfferResponse()
    return OfferResponse(contact=Belief(math.log(reach * salience), prior.contact.spread), slope=prior.slope)


def _planned_sight(campaign: RunCampaign) -> tuple[float, float]:
    config = campaign.run.document["config"]
    return float(config.get("solve.reach", 1.0)), float(config.get("solve.salience", 1.0))


def _stack(shown: pd.DataFrame, held: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    columns = ["bundle_id", "item_ids", "redemption_probability", "baseline_probability"]
    one = shown[columns].assign(answer=shown["redeemed"])
    other = held[columns].assign(answer=held["bought"])
    return pd.concat([one, other], ignore_index=True) if len(other) else one.reset_index(drop=True)


def _categories(session: Session) -> dict[str, str]:
    with session.dataset.connect() as connection:
        return {
            str(item): str(name) for item, name in connection.execute("SELECT item_id, category FROM items").fetchall()
        }


def _shares(offers: pd.DataFrame, names: list[str], category: dict[str, str]) -> Values:
    """(F, C) part of each category in a bundle's items: each item's own gain is not in the files."""
    place = {name: code for code, name in enumerate(names)}
    shares = np.zeros((len(offers), len(names)))
    for row, items in enumerate(offers["item_ids"]):
        for item in items:
            shares[row, place[category.get(item, "")]] += 1.0 / len(items)
    return shares


def _gain(campaign: RunCampaign, offers: pd.DataFrame) -> Values:
    """(F,) forecast rise of the log odds by the price alone."""
    reach, salience = _planned_sight(campaign)
    seen = np.clip(offers["redemption_probability"].to_numpy(dtype=np.float64) / reach, _SURE, 1 - _SURE)
    base = np.clip(offers["baseline_probability"].to_numpy(dtype=np.float64), _SURE, 1 - _SURE)
    rise = np.log(seen / (1 - seen)) - np.log(base / (1 - base)) - math.log(salience)
    return np.asarray(np.maximum(rise, 0.0), dtype=np.float64)


def _factors_used(campaign: RunCampaign, shares: Values, names: list[str]) -> Values:
    """(F, 1) factor on the slopes that the plan was made with, the mean over a bundle's items."""
    used = campaign.run.document.get("offer_response") or {}
    if not used:
        return np.ones((len(shares), 1))
    response = response_of(used)
    factor = np.array([response.slope_factor(name) for name in names])
    return np.asarray((shares @ factor)[:, None], dtype=np.float64)


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what plans will use from now on, before and after: price sensitivities, reach, salience."""
    old = response_of(before) if before else OfferResponse()
    new = response_of(after)
    rows = [
        _change("price sensitivity, all categories", math.exp(old.slope.mean), math.exp(new.slope.mean), new.slope),
        _sight("reach", old, new),
        _sight("salience", old, new),
    ]
    names = sorted(new.category, key=lambda name: (-abs(new.category[name].mean), name))
    rows += [
        _change(f"price sensitivity, {name}", old.slope_factor(name), new.slope_factor(name), new.category[name])
        for name in names
    ]
    return rows


def _sight(name: str, old: OfferResponse, new: OfferResponse) -> dict[str, Any]:
    """Reach is at most 1 and salience at least 1, whatever the belief about being shown."""
    ends = [
        OfferResponse(contact=Belief(new.contact.mean + side * new.contact.spread, new.contact.spread))
        for side in (-1, 1)
    ]
    low, high = (round(float(getattr(end, name)), 4) for end in ends)
    before, after = (round(float(getattr(one, name)), 4) for one in (old, new))
    return {"name": name, "before": before, "after": after, "low": low, "high": high}


def _change(name: str, before: float, after: float, belief: Belief) -> dict[str, Any]:
    """A factor with the range that two thirds of the belief lie in."""
    return {
        "name": name,
        "before": round(before, 4),
        "after": round(after, 4),
        "low": round(after * math.exp(-belief.spread), 4),
        "high": round(after * math.exp(belief.spread), 4),
    }
