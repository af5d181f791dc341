"""What one item adds to the money of a bundle at each price ratio: everything is a sum over the bundle's items.

At ratio r the price and the discount of a bundle fall on its items pro rata to shelf price, so item i carries r p_i of
the price and (1 - r) p_i of the discount. With weight a of revenue in the objective,

    shelf_i  = a p_i   + (1 - a) (p_i / (1 + tax_i) - cost_i)
    funded_i = min(funding_i (1 - r) p_i + funding per unit_i, (1 - r) p_i)
    earned_i = a r p_i + (1 - a) (r p_i / (1 + tax_i) - cost_i + funded_i)
    spend_i  = (1 - r) p_i - funded_i

Letters: `I` items, `D` price ratios.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from bundleopt_solvers.candidate_inputs import CandidateInputs, CandidateSettings

# A price is rounded to the cent, so a bundle may miss its ratio by half a cent.
HALF_CENT = 0.005


@dataclass(frozen=True)
class ItemMoney:
    """Tensors of money per item; float32.

    Attributes:
        price, shelf: (I,). earned, spend, margin: (D, I), margin being the unit margin whatever the objective.
        ratios: D numbers. allow_below_cost: as in the settings.
        slack: money by which a bundle's price may lie above its ratio.
    """

    price: torch.Tensor
    shelf: torch.Tensor
    earned: torch.Tensor
    spend: torch.Tensor
    margin: torch.Tensor
    ratios: tuple[float, ...]
    allow_below_cost: bool
    slack: float = HALF_CENT

    def admissible(self, step: int, items: torch.Tensor) -> torch.Tensor:
        """(n,) whether bundles (n, K) of item codes may have the price of ratio `step`."""
        price = self.price[items]
        total = price.sum(1)
        allowed = self.ratios[step] * total < total
        if items.shape[1] > 1:
            allowed &= price.amax(1) <= self.ratios[step] * total + self.slack
        if not self.allow_below_cost:
            allowed &= self.margin[step][items].sum(1) >= -HALF_CENT
        return allowed


def item_money(inputs: CandidateInputs, settings: CandidateSettings) -> ItemMoney:
    """Evaluate the formulas above for all items and ratios."""
    weight, ratio = settings.objective_revenue, inputs.ratios[:, None]
    price = inputs.shelf_price
    net = price / (1 + inputs.tax_rate)
    discount = (1 - ratio) * price
    per_unit = 0.0 if inputs.funding_per_unit is None else inputs.funding_per_unit
    funded = np.minimum(inputs.funding_share * discount + per_unit, discount)
    margin = ratio * net - inputs.unit_cost + funded
    return ItemMoney(
        price=_tensor(price),
        shelf=_tensor(weight * price + (1 - weight) * (net - inputs.unit_cost)),
        earned=_tensor(weight * ratio * price + (1 - weight) * margin),
        spend=_tensor(discount - funded),
        margin=_tensor(margin),
        ratios=tuple(float(r) for r in inputs.ratios),
        allow_below_cost=settings.allow_below_cost,
    )


def _tensor(array: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> torch.Tensor:
    return torch.as_tensor(np.ascontiguousarray(array, dtype=np.float32))
