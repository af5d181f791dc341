"""Monotone price response: the logit falls strictly in price for every customer and item, by construction.

contribution = -slope_ui * m(x),  x = log(price / reference price),
slope_ui = k_i (softplus(s0 + s_category + s_item + g_u . k_i + history) + floor) > 0,  m(0) = 0, m strictly increasing.
The k_i > 0 are not learned by gradients: `price_step` sets them after the fit.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bundleopt_models.modules import output

KNOTS = (-1.0, -0.6, -0.4, -0.25, -0.12, 0.0, 0.12, 0.3, 0.8)
"""Log relative prices where m may bend: dense where promotions live (5 to 50 % off)."""

SLOPE_FLOOR = 1e-2
"""Least price sensitivity: at 10 % off the odds rise by at least 0.1 %, so that the sign is strict in float32."""

STEEPNESS_FLOOR = 0.1
"""Least slope of m between two knots, where 1 is the identity."""

FIRST_SLOPE = 1.0
"""Sensitivity before learning: the median controlled log-log elasticity of grocery items."""


MEASURED = ("log_scale", "shift", "stocking", "usual_depth")
"""Buffers that the price step fills after the fit."""


class MonotoneMap(nn.Module):
    """A strictly increasing piecewise linear map through the origin, extended with its end slopes."""

    knots: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("knots", torch.tensor(KNOTS))
        start = torch.log(torch.expm1(torch.tensor(1.0 - STEEPNESS_FLOOR)))
        self.steepness = nn.Parameter(start.repeat(len(KNOTS) - 1))

    def heights(self) -> Tensor:
        """(Q,) value at every knot; 0 at the knot x = 0, mean steepness 1, so that slope_ui carries the scale."""
        steepness = functional.softplus(self.steepness)
        steepness = steepness / steepness.mean().clamp_min(1e-3) + STEEPNESS_FLOOR
        rise = torch.cumsum(steepness * torch.diff(self.knots), dim=0)
        heights = torch.cat([rise.new_zeros(1), rise])
        return heights - heights[KNOTS.index(0.0)]

    def forward(self, x: Tensor) -> Tensor:
        """Map log relative prices of any shape."""
        heights = self.heights()
        place = torch.bucketize(x.detach(), self.knots).clamp(1, len(KNOTS) - 1)
        left, right = self.knots[place - 1], self.knots[place]
        low, high = heights[place - 1], heights[place]
        return low + (x - left) * (high - low) / (right - left)


class PriceResponse(nn.Module):
    """Slopes per customer and item, low rank, and the shared map.

    Attributes:
        log_scale: (items + 1,) logs of the corrections of `price_step`, 0 before it; row 0 is for unknown items.
        shift: (items + 1,) log odds that keep demand at the prices of the log what it was under other slopes.
        stocking, usual_depth: (items + 1,) how units per purchase answer to a price cut, see `price_step`.
    """

    log_scale: Tensor
    shift: Tensor
    stocking: Tensor
    usual_depth: Tensor

    def __init__(self, n_customers: int, n_items: int, n_categories: int, rank: int = 4) -> None:
        super().__init__()
        self.map = MonotoneMap()
        self.base = nn.Parameter(torch.log(torch.expm1(torch.tensor(FIRST_SLOPE))))
        self.category = nn.Embedding(n_categories + 1, 1)
        self.item = nn.Embedding(n_items + 1, 1)
        self.customer_factor = nn.Embedding(n_customers + 1, rank)
        self.item_factor = nn.Embedding(n_items + 1, rank)
        self.has_history = nn.Parameter(torch.zeros(()))
        self.deal_share = nn.Parameter(torch.zeros(()))
        for name in MEASURED:
            self.register_buffer(name, torch.zeros(n_items + 1))
        for table in (self.category, self.item, self.customer_factor):
            nn.init.zeros_(table.weight)
        nn.init.normal_(self.item_factor.weight, std=0.3)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Read states that were written before there was a price step, too."""
        for name in MEASURED:
            state_dict.setdefault(prefix + name, torch.zeros_like(self.log_scale))
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def slope(self, item_part: Tensor, customer_part: Tensor, cross: Tensor, has_history: Tensor) -> Tensor:
        """Combine the additive parts into slopes > 0, before the items' scale; all arguments broadcast."""
        return functional.softplus(item_part + customer_part + cross + self.has_history * has_history) + SLOPE_FLOOR

    def scale(self, item: Tensor) -> Tensor:
        """Corrections > 0 of the slopes, shape of the item codes."""
        return self.log_scale[item].exp()

    def units_factor(self, item: Tensor, position: Tensor) -> Tensor:
        """Units per purchase over their mean in the log, at log relative prices; shape of the item codes."""
        return (1 + self.stocking[item] * ((-position).clamp_min(0) - self.usual_depth[item])).clamp_min(0.1)

    def item_part(self, item: Tensor, category: Tensor) -> Tensor:
        """Part of the slope that items have for themselves, shape of the codes."""
        return self.base + output(self.category, category).squeeze(-1) + output(self.item, item).squeeze(-1)

    def customer_part(self, deal_share: Tensor) -> Tensor:
        """Part of the slope that comes with the (standardised) share of lines bought on a deal."""
        return self.deal_share * deal_share

    def penalty(self) -> Tensor:
        """Negative log prior: Gaussian, tight for items (sd 0.5) and customers (0.25), wide for categories (1)."""
        total = (self.category.weight**2).sum() / 2 + (self.item.weight**2).sum() / (2 * 0.5**2)
        total = total + (self.customer_factor.weight**2).sum() / (2 * 0.25**2)
        return total + (self.item_factor.weight**2).sum() / 2 + self.deal_share**2 + self.has_history**2
