"""The joint law of a week's purchases inside a bundle: which of its items a customer buys, given a visit.

P(T | visit) over the subsets T of a bundle is the multivariate logit of Russell & Petersen (2000,
doi:10.1016/S0022-4359(00)00030-0) with given marginals and given pair log odds ratios, and no term of third order:

    P(T | visit)  is proportional to  exp(sum_{i in T} a_i + sum_{i<j in T} gamma_ij),     P(i | visit) = q_i / P(visit)

The a_i are not parameters: they are whatever makes the marginals right. Pairs have a closed form (Plackett 1965,
doi:10.1080/01621459.1965.10480807); three and four items are fitted by iterative proportional fitting (Deming & Stephan
1940, doi:10.1214/aoms/1177731829), which keeps the interaction terms and moves the marginals.

gamma_ij is the log odds ratio of i and j *given the other items of the bundle*. In a pair there are none, so it is the
log odds ratio of the 2x2 table; in a triple it holds inside both layers of the third item, and the table summed over
that item has another log odds ratio (`collapsed_log_odds` measures it; figures in VALUATION.md).

Letters: `K` items of a bundle. Subsets are bit masks: bit k of the index is set where item k is in T, so 0 is the empty
set and 2**K - 1 the full one. The axes of items and subsets come first, any others follow.
"""

from __future__ import annotations

from itertools import combinations

import torch

# Below, a marginal is a rounding error; above, odds explode. q is preserved to this tolerance where q = P(visit).
MIN_CONDITIONAL = 1e-12
MAX_CONDITIONAL = 1.0 - 1e-6

# Fitting stops where a whole sweep moves no marginal's odds by more than this (relative); 64-bit input assumed.
FIT_TOLERANCE = 1e-9
# Checked every few sweeps; rows that have converged are set aside.
SWEEPS_PER_CHECK = 3
MAX_SWEEPS = 3000
# Subsets x rows fitted together: half a MiB, so that the sweeps stay in the second-level cache.
CELLS_PER_BLOCK = 1 << 16


def conditional_marginals(probability: torch.Tensor, visit: torch.Tensor) -> torch.Tensor:
    """Marginals given a visit, q / P(visit), clamped inside (0, 1); shapes broadcast."""
    return (probability / visit.clamp_min(MIN_CONDITIONAL)).clamp(MIN_CONDITIONAL, MAX_CONDITIONAL)


def both_probability(first: torch.Tensor, second: torch.Tensor, gamma: torch.Tensor) -> torch.Tensor:
    """P(i and j) of the 2x2 table with the given marginals and log odds ratio (Plackett's closed form).

    The smaller root of (psi - 1) c^2 - S c + psi x y = 0, S = 1 + (psi - 1)(x + y), written so that nothing cancels:
    the discriminant as a sum of like signs, the root by the conjugate where S > 0.

    Args:
        first: marginal x in (0, 1); any shapes that broadcast.
        second: marginal y in (0, 1).
        gamma: log odds ratio, psi = exp(gamma).
    """
    excess = torch.expm1(gamma)
    linear = 1.0 + excess * (first + second)
    either = first * (1.0 - second) + second * (1.0 - first)
    root = (1.0 + 2.0 * excess * either + (excess * (first - second)).square()).clamp_min(0.0).sqrt()
    conjugate = 2.0 * (1.0 + excess) * first * second / (linear + root)
    if not bool((excess < 0).any()):  # then S > 0 everywhere
        return conjugate
    return torch.where(linear > 0, conjugate, (linear - root) / (2.0 * excess))


def bundle_law(marginals: torch.Tensor, gammas: torch.Tensor) -> torch.Tensor:
    """P(T | visit) for every subset T.

    Args:
        marginals: (K, ...) P(i | visit) in (0, 1); K is 1 to 4 for a bundle.
        gammas: (K (K - 1) / 2, ...) log odds ratios in the order of `itertools.combinations(range(K), 2)`; broadcasts.

    Returns:
        (2**K, ...) probabilities that sum to 1 over the first axis.
    """
    size = marginals.shape[0]
    if size == 1:
        return torch.stack([1.0 - marginals[0], marginals[0]])
    if size == 2:
        both = both_probability(marginals[0], marginals[1], gammas[0])
        only_first, only_second = marginals[0] - both, marginals[1] - both
        return torch.stack([1.0 - marginals[0] - only_second, only_first, only_second, both])
    return _fitted_law(marginals, gammas)


def week_law(probability: torch.Tensor, visit: torch.Tensor, gammas: torch.Tensor) -> torch.Tensor:
    """P(T) of the week: P(visit) P(T | visit) for T not empty, the rest is P(empty).

    Args:
        probability: (K, ...) weekly purchase probabilities q.
        visit: (...) P(visit).
        gammas: as in `bundle_law`.

    Returns:
        (2**K, ...), sums to 1 over the first axis.
    """
    law = bundle_law(conditional_marginals(probability, visit), gammas) * visit
    law[0] += 1.0 - visit
    return law


def collapsed_log_odds(law: torch.Tensor, first: int, second: int) -> torch.Tensor:
    """Log odds ratio of items `first` and `second` in a (2**K, ...) law summed over all other items."""
    masks = torch.arange(law.shape[0])
    has_first, has_second = (masks >> first) & 1, (masks >> second) & 1
    cells = [law[(has_first == a) & (has_second == b)].sum(0).log() for a in (0, 1) for b in (0, 1)]
    return cells[0] + cells[3] - cells[1] - cells[2]


def _fitted_law(marginals: torch.Tensor, gammas: torch.Tensor) -> torch.Tensor:
    """Iterative proportional fitting of the K marginals, starting from the interaction terms."""
    size, shape = marginals.shape[0], marginals.shape[1:]
    flat = marginals.reshape(size, -1)
    terms = gammas.expand(gammas.shape[0], *shape).reshape(gammas.shape[0], -1)
    law = flat.new_empty((1 << size, flat.shape[1]))
    step = max(1, CELLS_PER_BLOCK >> size)
    for start in range(0, flat.shape[1], step):
        rows = slice(start, start + step)
        law[:, rows] = _fit_block(flat[:, rows], terms[:, rows])
    return law.reshape(-1, *shape)


def _fit_block(marginals: torch.Tensor, gammas: torch.Tensor) -> torch.Tensor:
    """Fit (K, N) marginals; rows that have converged are set aside while the others go on."""
    odds = marginals / (1.0 - marginals)
    weights = _start_weights(marginals, gammas)
    open_rows = torch.arange(odds.shape[1], device=odds.device)
    block, target = weights.clone(), odds
    for _ in range(0, MAX_SWEEPS, SWEEPS_PER_CHECK):
        for _ in range(SWEEPS_PER_CHECK - 1):
            _sweep(block, target)
        still = _sweep(block, target) > FIT_TOLERANCE
        if bool(still.all()):
            continue
        weights[:, open_rows] = block
        open_rows = open_rows[still]
        if not len(open_rows):
            break
        block, target = weights[:, open_rows], odds[:, open_rows]
    else:
        weights[:, open_rows] = block
    return weights / _total(weights[None])


def _start_weights(marginals: torch.Tensor, gammas: torch.Tensor) -> torch.Tensor:
    """(2**K, N) weights with the right interactions, and the a_i right to first order in the marginals."""
    size = marginals.shape[0]
    pairs = list(combinations(range(size), 2))
    excess = torch.expm1(gammas)
    lone = marginals / (1.0 - marginals)
    for index, (i, j) in enumerate(pairs):
        lone[i] /= 1.0 + excess[index] * marginals[j]
        lone[j] /= 1.0 + excess[index] * marginals[i]
    weights = marginals.new_ones((1 << size, marginals.shape[1]))
    for k in range(size):  # subsets with highest item k, from those without it
        low = 1 << k
        torch.mul(weights[:low], lone[k], out=weights[low : 2 * low])
        for index, (i, j) in enumerate(pairs):
            if j == k:
                halves = weights[low : 2 * low].view(low >> (i + 1), 2, 1 << i, -1)
                halves[:, 1] *= 1.0 + excess[index]
    return weights


def _sweep(weights: torch.Tensor, odds: torch.Tensor) -> torch.Tensor:
    """Set every item's odds in turn, in place; returns (N,) the largest relative change of odds."""
    size, rows = odds.shape
    moved = odds.new_zeros(rows)
    for k in range(size):
        halves = weights.view(1 << (size - 1 - k), 2, 1 << k, rows)
        factor = odds[k] * _total(halves[:, 0]) / _total(halves[:, 1])
        halves[:, 1] *= factor
        moved = torch.maximum(moved, (factor - 1.0).abs())
    return moved


def _total(cells: torch.Tensor) -> torch.Tensor:
    """(A, B, N) summed over A and B, both powers of two, by halving: four times as fast as `sum` over short axes."""
    while cells.shape[0] > 1:
        cells = cells[0::2] + cells[1::2]
    while cells.shape[1] > 1:
        cells = cells[:, 0::2] + cells[:, 1::2]
    return cells[0, 0]
