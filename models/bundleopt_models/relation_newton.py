"""Newton steps for gamma in the exact pair law.

A customer-week's odds ratio is that of the pair times the one its own week shares (`PairCounts.shift`).
With c = P(i and j) of the Plackett law, d c / d gamma = V = 1 / (sum of the inverse cells of the 2x2 table). A
customer-week whose outcome has probability P adds +-V / P to the score (+ where both or neither were bought) and V to
the information.

Letters: `A` items, `N` customer-weeks, `P` pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from bundleopt_models.joint_law import both_probability
from bundleopt_models.relation_counts import PairCounts

# 32-bit cells worked on together: a dozen such tensors stay in the second-level cache.
CELLS_PER_CHUNK = 1 << 17
MAX_STEP = 0.7
# Newton squares an error: what is left after a step of this size is a hundredth of a standard error.
SETTLED = 0.05
MAX_GAMMA = 4.0


@dataclass(frozen=True)
class PairEstimates:
    """Estimates of P pairs, float64.

    Attributes:
        first, second: (P,) rows in `PairCounts.items`. gamma: (P,). information: (P,) of data and prior together.
    """

    first: torch.Tensor
    second: torch.Tensor
    gamma: torch.Tensor
    information: torch.Tensor


def refine(
    counts: PairCounts, start: PairEstimates, mean: torch.Tensor, strength: torch.Tensor, steps: int
) -> PairEstimates:
    """Take Newton steps towards the posterior mode of each pair.

    Args:
        counts: chances and purchases.
        start: pairs and where to start.
        mean: (P,) prior mean m.
        strength: (P,) a of the prior log density a (gamma - m) - a exp(gamma - m).
        steps: at most so many; who moved less than SETTLED takes no further one.
    """
    gamma, information = start.gamma.clone(), start.information.clone()
    size = max(1, CELLS_PER_CHUNK // max(1, counts.chance.shape[1]))
    moving = torch.arange(len(gamma))
    for _ in range(steps):
        still = []
        for rows in torch.split(moving, size):
            one, other = counts.chance[start.first[rows]], counts.chance[start.second[rows]]
            bought = counts.bought[start.first[rows]], counts.bought[start.second[rows]]
            score, fisher = derivatives(one, other, bought, gamma[rows].float()[:, None] + counts.shift)
            pull = strength[rows] * (gamma[rows] - mean[rows]).exp()
            information[rows] = fisher + pull
            step = ((score + strength[rows] - pull) / information[rows]).clamp(-MAX_STEP, MAX_STEP)
            gamma[rows] = (gamma[rows] + step).clamp(-MAX_GAMMA, MAX_GAMMA)
            still.append(rows[step.abs() > SETTLED])
        moving = torch.cat(still) if still else moving
    return PairEstimates(start.first, start.second, gamma, information)


def derivatives(
    one: torch.Tensor, other: torch.Tensor, bought: tuple[torch.Tensor, torch.Tensor], gamma: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Score and Fisher information of each pair's gamma.

    Args:
        one: (P, N) chances of the first item.
        other: (P, N) chances of the second.
        bought: (P, N) bools for both.
        gamma: (P, 1) or (P, N).

    Returns:
        Two (P,) float64 tensors.
    """
    both = both_probability(one, other, gamma)
    left, right = one - both, other - both
    none = 1.0 - one - right
    spread = 1.0 / (both.reciprocal() + left.reciprocal() + right.reciprocal() + none.reciprocal())
    outcome = torch.where(bought[0], torch.where(bought[1], both, -left), torch.where(bought[1], -right, none))
    return (spread / outcome).sum(1).double(), spread.sum(1).double()
