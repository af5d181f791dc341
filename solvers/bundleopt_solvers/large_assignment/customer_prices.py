"""Prices of each customer's slots and items that answer a mixture of menus: what makes the headline bound small.

For a menu whose options stand on it with the weights w, customer u's part of the headline bound is

    slots * slot_u + sum_g group_gu + sum_o w_o (worth_uo - slot_u - sum_(g of o) group_gu)^+

convex in the prices of u, and no customer's prices touch another's. So they are found for each customer alone, all at
once, by subgradient steps of falling length; any prices >= 0 are valid, better ones only lower the bound.

Letters: `n` customers at hand, `O` options, `G` exclusion groups.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

STEPS = 60
# The first step moves prices by half of what the dearest offer is worth; each later one by 7 % less, so the last one by
# less than 1 %.
FIRST_STEP, FALL = 0.5, 0.93


@dataclass(frozen=True)
class CustomerPrices:
    """Prices >= 0, float32: slot (n,), group (n, G)."""

    slot: torch.Tensor
    group: torch.Tensor


def customer_prices(
    worth: torch.Tensor, weight: torch.Tensor, incidence: torch.Tensor, slots: int, *, steps: int = STEPS
) -> CustomerPrices:
    """Find prices of slots and groups that nearly minimise every customer's part of the bound.

    Args:
        worth: (n, O) float32 value of each offer after the prices of rules.
        weight: (O,) of each option on the menu, in [0, 1].
        incidence: (O, G) 1 where an option belongs to a group.
        slots: offers a customer.
        steps: how many subgradient steps.
    """
    held = torch.nonzero(weight > 0).ravel()
    at_hand, shares = worth[:, held], weight[held]
    used = torch.nonzero(incidence[held].sum(0) > 0).ravel()
    member = incidence[held][:, used]
    found = _descend(at_hand, shares, member, slots, steps)
    group = worth.new_zeros((len(worth), incidence.shape[1]))
    group[:, used] = found.group
    return CustomerPrices(found.slot, group)


def _descend(worth: torch.Tensor, shares: torch.Tensor, member: torch.Tensor, slots: int, steps: int) -> CustomerPrices:
    """The same over the options at hand; keeps the best prices of each customer."""
    customers, options = worth.shape
    slot, group = worth.new_zeros(customers), worth.new_zeros((customers, member.shape[1]))
    if options > slots:
        slot = torch.topk(worth, slots + 1, 1).values[:, -1].clamp_min(0)
    dearest = worth.amax(1).clamp_min(0) if options else slot
    least, best = torch.full_like(slot, float("inf")), CustomerPrices(slot.clone(), group.clone())
    length = FIRST_STEP
    for _ in range(steps):
        net = worth - slot[:, None] - group @ member.T
        part = slots * slot + group.sum(1) + net.clamp_min(0) @ shares
        better = part < least
        least = torch.where(better, part, least)
        best.slot[better], best.group[better] = slot[better], group[better]
        taken = (net > 0) * shares
        pull, pulls = slots - taken.sum(1), 1 - taken @ member
        pull = torch.where((slot <= 0) & (pull > 0), 0.0, pull)
        pulls = torch.where((group <= 0) & (pulls > 0), 0.0, pulls)
        norm = (pull.square() + pulls.square().sum(1)).sqrt().clamp_min(1e-9)
        move = length * dearest / norm
        slot = (slot - move * pull).clamp_min_(0)
        group = (group - move[:, None] * pulls).clamp_min_(0)
        length *= FALL
    return best
