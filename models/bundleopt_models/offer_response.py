"""How customers answered the offers they were shown, against the forecast: learned from redemptions, with shrinkage.

The forecast says that showing an offer lifts the log odds of buying the full set from logit B by a gain G, which is the
sum of its items' price gains. What is learned is how true that was:

    logit P(redeem) = logit B + level + bundle + shown x (contact + sum_c exp(slope + slope_c) G_c)

    level     the week's demand; held-out customers show it too, who tell it apart from what showing does
    bundle    what the bundle's demand did by itself: its offers share it, so that they count less than as many draws
    contact   what being shown does at any price: above 0 it is `salience` (an odds factor), below 0 a loss of `reach`
    slope     log factor of all price sensitivities, and slope_c that of a category beside it

All have normal priors: contact and slopes the posterior of the campaign before, level and bundle start anew. The answer
is the mode, with the curvature there as its spread (Laplace). G_c is the part of G that category c's items have.
Letters: `F` rows, `C` categories, `B` bundles.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

CONTACT_SPREAD, SLOPE_SPREAD, CATEGORY_SPREAD = 0.3, 0.5, 0.25
"""Before any campaign: mere sight moves the odds by a third, slopes are off by half, categories by a quarter."""

LEVEL_SPREAD, BUNDLE_SPREAD = 0.15, 0.3
"""Of one week's demand, as measured on Complete Journey (0.06 to 0.07) and doubled; and of one bundle's."""

WEEKLY_DRIFT = 0.05
"""Standard deviation by which contact and slopes may move from one campaign to the next: old evidence fades."""

_STEPS, _TOLERANCE, _LARGEST_STEP = 60, 1e-9, 1.0


@dataclass(frozen=True)
class Belief:
    """A normal belief about one number."""

    mean: float
    spread: float

    def later(self) -> Belief:
        """The same a campaign later."""
        return Belief(self.mean, math.hypot(self.spread, WEEKLY_DRIFT))


@dataclass(frozen=True)
class OfferResponse:
    """What is believed of the answer to offers; logs, 0 where the forecast is right.

    Attributes:
        contact, slope: see the module. category: name -> belief about its own part of the slope.
    """

    contact: Belief = Belief(0.0, CONTACT_SPREAD)
    slope: Belief = Belief(0.0, SLOPE_SPREAD)
    category: dict[str, Belief] = field(default_factory=dict)

    def of_category(self, name: str) -> Belief:
        """The belief about a category's own part."""
        return self.category.get(name, Belief(0.0, CATEGORY_SPREAD))

    def slope_factor(self, name: str) -> float:
        """What the price sensitivities of a category are multiplied by."""
        return math.exp(self.slope.mean + self.of_category(name).mean)

    @property
    def salience(self) -> float:
        """Factor >= 1 on the odds, for being shown at all."""
        return math.exp(max(self.contact.mean, 0.0))

    @property
    def reach(self) -> float:
        """Share in (0, 1] of those who were thought to see an offer that does."""
        return math.exp(min(self.contact.mean, 0.0))

    def later(self) -> OfferResponse:
        """The same a campaign later."""
        return OfferResponse(
            self.contact.later(), self.slope.later(), {name: one.later() for name, one in self.category.items()}
        )


@dataclass(frozen=True)
class OfferEvidence:
    """Offers of one campaign and what came of them. F rows.

    Attributes:
        redeemed: (F,) of shown offers; of held-out customers whether they bought the full set at shelf prices.
        shown: (F,). baseline: (F,) forecast chance of buying the full set without the offer, in (0, 1).
        gain: (F, C) forecast rise of the log odds by category, at slopes no campaign has corrected.
        categories: (C,) names. bundle: (F,) codes.
    """

    redeemed: npt.NDArray[np.bool_]
    shown: npt.NDArray[np.bool_]
    baseline: Values
    gain: Values
    categories: tuple[str, ...]
    bundle: npt.NDArray[np.int64]


@dataclass(frozen=True)
class ResponseFit:
    """What a campaign taught: the belief after it, and the week's own level (log odds) with its spread."""

    response: OfferResponse
    level: Belief


def fit_response(evidence: OfferEvidence, prior: OfferResponse) -> ResponseFit:
    """Return the belief after a campaign; without rows it is the prior.

    Args:
        evidence: of one campaign.
        prior: the belief before it.
    """
    if not len(evidence.redeemed):
        return ResponseFit(prior, Belief(0.0, LEVEL_SPREAD))
    beliefs = _beliefs(evidence, prior)
    mean = np.array([one.mean for one in beliefs])
    precision = np.array([one.spread**-2 for one in beliefs])
    mode, covariance = _mode(evidence, mean, precision)
    spread = np.sqrt(np.diag(covariance))
    found = [Belief(float(m), float(s)) for m, s in zip(mode, spread, strict=True)]
    names = evidence.categories
    category = prior.category | dict(zip(names, found[3 : 3 + len(names)], strict=True))
    return ResponseFit(replace(prior, contact=found[1], slope=found[2], category=category), found[0])


def _beliefs(evidence: OfferEvidence, prior: OfferResponse) -> list[Belief]:
    """Priors in the order of the parameters: level, contact, slope, categories, bundles."""
    bundles = int(evidence.bundle.max()) + 1
    return [
        Belief(0.0, LEVEL_SPREAD),
        prior.contact,
        prior.slope,
        *(prior.of_category(name) for name in evidence.categories),
        *[Belief(0.0, BUNDLE_SPREAD)] * bundles,
    ]


def _mode(evidence: OfferEvidence, mean: Values, precision: Values) -> tuple[Values, Values]:
    """Fisher scoring with steps that are halved until the posterior rises; mode and inverse curvature."""
    at = mean.copy()
    worth = _log_posterior(evidence, at, mean, precision)
    for _ in range(_STEPS):
        odds, design = _log_odds(evidence, at)
        chance = 1.0 / (1.0 + np.exp(-odds))
        score = design.T @ (evidence.redeemed - chance) - precision * (at - mean)
        information = (design * (chance * (1.0 - chance))[:, None]).T @ design + np.diag(precision)
        step = np.linalg.solve(information, score)
        step *= min(1.0, _LARGEST_STEP / max(float(np.abs(step).max()), 1e-300))
        while True:
            found = _log_posterior(evidence, at + step, mean, precision)
            if found >= worth or float(np.abs(step).max()) < _TOLERANCE:
                break
            step /= 2.0
        at, worth = at + step, max(found, worth)
        if float(np.abs(step).max()) < _TOLERANCE:
            break
    odds, design = _log_odds(evidence, at)
    chance = 1.0 / (1.0 + np.exp(-odds))
    information = (design * (chance * (1.0 - chance))[:, None]).T @ design + np.diag(precision)
    return at, np.asarray(np.linalg.inv(information), dtype=np.float64)


def _log_odds(evidence: OfferEvidence, at: Values) -> tuple[Values, Values]:
    """(F,) log odds at the parameters, and (F, parameters) their derivative."""
    categories = len(evidence.categories)
    factor = np.exp(at[2] + at[3 : 3 + categories])
    shown = evidence.shown.astype(np.float64)
    lifted = evidence.gain * factor * shown[:, None]
    design = np.zeros((len(shown), len(at)))
    design[:, 0], design[:, 1], design[:, 2] = 1.0, shown, lifted.sum(axis=1)
    design[:, 3 : 3 + categories] = lifted
    design[np.arange(len(shown)), 3 + categories + evidence.bundle] = 1.0
    base = np.clip(evidence.baseline, 1e-9, 1.0 - 1e-9)
    odds = np.log(base / (1.0 - base)) + at[0] + at[1] * shown + lifted.sum(axis=1)
    return odds + at[3 + categories + evidence.bundle], design


def _log_posterior(evidence: OfferEvidence, at: Values, mean: Values, precision: Values) -> float:
    odds, _ = _log_odds(evidence, at)
    sign = np.where(evidence.redeemed, 1.0, -1.0)
    return -float(np.logaddexp(0.0, -sign * odds).sum()) - 0.5 * float((precision * (at - mean) ** 2).sum())
