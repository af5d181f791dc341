"""Gamma-Poisson shrinkage of many pair ratios at once (DuMouchel 1999, doi:10.1080/00031305.1999.10474456).

A pair's count is Poisson with mean ratio x told; over pairs the ratio follows a mixture of Gamma laws of mean 1, whose
strengths (shapes, in co-purchases) are fixed and whose weights are fitted by EM. Most pairs are then pulled close to
their prior mean, the few that truly stray are left where the data put them, and the winner's curse is paid for.

Letters: `P` pairs, `M` strengths.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

STRENGTHS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
EM_ROUNDS = 25


@dataclass(frozen=True)
class Shrinkage:
    """Posterior of P pairs, float64.

    Attributes:
        ratio: (P,) posterior mean of count / told.
        strength: (P,) the strength of the one Gamma prior that would have given that ratio.
        weights: (M,) fitted weights of STRENGTHS.
    """

    ratio: torch.Tensor
    strength: torch.Tensor
    weights: torch.Tensor


def shrink(seen: torch.Tensor, told: torch.Tensor) -> Shrinkage:
    """Fit the mixture and return every pair's posterior.

    Args:
        seen: (P,) counts >= 0, may be fractional.
        told: (P,) their prior means > 0.
    """
    strength = torch.tensor(STRENGTHS, dtype=torch.float64)
    density = _log_negative_binomial(seen[:, None], told[:, None], strength)
    weights = strength / strength.sum()
    likelihood = (density - density.amax(1, keepdim=True)).exp() if len(seen) else density
    for _ in range(EM_ROUNDS if len(seen) else 0):
        weights = weights * (likelihood.T @ (likelihood @ weights).reciprocal()) / len(seen)
    belief = torch.softmax(density + weights.log(), 1)
    ratio = (belief * (seen[:, None] + strength) / (told[:, None] + strength)).sum(1)
    away = ratio - 1.0
    far = away.abs() > 1e-6
    single = torch.where(far, (seen - ratio * told) / torch.where(far, away, 1.0), STRENGTHS[-1])
    return Shrinkage(ratio, single.clamp(STRENGTHS[0], STRENGTHS[-1]), weights)


def _log_negative_binomial(seen: torch.Tensor, told: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """(P, M) log likelihood of a count whose mean is told x Gamma(strength, mean 1), up to a term in `seen` alone."""
    share = told / (told + strength)
    return torch.lgamma(seen + strength) - torch.lgamma(strength) + strength * (-share).log1p() + seen * share.log()
