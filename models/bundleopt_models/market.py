"""One week's forecast as tensors, cut to the items that some option touches: what valuation computes with.

Letters: `U` customers, `N` items that are in some option, `K` items of a bundle, `P` pairs of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_data.campaign import CampaignWeek
from bundleopt_data.errors import UsageError
from bundleopt_models.bundle_terms import BundleCells
from bundleopt_models.forecast import DemandForecast, PairRelations
from bundleopt_models.joint_law import conditional_marginals
from bundleopt_models.multi_buy import UnitLaw, unit_law
from bundleopt_models.option_table import CENTS, shelf_margin
from bundleopt_models.outside import CategoryDemand, OutsideEffect, causal_relations, outside_effect
from bundleopt_models.uncertainty import ParameterDraw, drawn_relations


@dataclass(frozen=True)
class Market:
    """Tensors are float64 on one device.

    Attributes:
        place: (I,) row of an item in the arrays below, -1 where no option holds it.
        conditional, slope: (N, U) P(i | visit) and price sensitivity. visit: (U,).
        money: (2, N) shelf price and shelf margin. pull: (N,) share of induced units borrowed from later weeks.
        outside: effect of an induced unit on other items.
        relations: of the forecast, in item codes. causal: those whose items change each other's sales.
        category: (I,) codes. kappa: (N,) expected units given bought.
        shift: (U,) what each customer's week adds to the log odds ratios of all pairs.
    """

    place: npt.NDArray[np.int64]
    conditional: torch.Tensor
    slope: torch.Tensor
    visit: torch.Tensor
    money: torch.Tensor
    pull: torch.Tensor
    outside: OutsideEffect
    relations: PairRelations
    causal: PairRelations
    category: npt.NDArray[np.int32]
    kappa: torch.Tensor
    shift: torch.Tensor

    def all_customers(self, items: npt.NDArray[np.int32], quantity: npt.NDArray[np.int32]) -> BundleCells:
        """Cells of (n, K) bundles of (n,) units of each item for every customer, shaped (n, U)."""
        rows = self._rows(items)
        gammas, excess, same = self._pairs(items)
        return BundleCells(
            conditional=self.conditional[rows],
            visit=self.visit,
            gammas=gammas[..., None] + self.shift,
            excess=excess[..., None],
            money=self.money[:, rows][..., None],
            pull=self.pull[rows][..., None],
            outside=torch.stack([self.outside.revenue[rows], self.outside.margin[rows]]),
            scales=torch.stack([self.outside.scale_down[rows], self.outside.scale_up[rows]]),
            rival=self.outside.rival[rows],
            same=same[..., None],
            units=self._units(rows, quantity, across=True),
        )

    def one_customer_each(
        self, items: npt.NDArray[np.int32], quantity: npt.NDArray[np.int32], customers: npt.NDArray[np.int64]
    ) -> BundleCells:
        """Cells of (n, K) bundles of (n,) units of each item, each for one customer, shaped (n,)."""
        rows, who = self._rows(items), torch.as_tensor(customers, device=self.visit.device)
        gammas, excess, same = self._pairs(items)
        return BundleCells(
            conditional=self.conditional[rows, who],
            visit=self.visit[who],
            gammas=gammas + self.shift[who],
            excess=excess,
            money=self.money[:, rows],
            pull=self.pull[rows],
            outside=torch.stack([self.outside.revenue[rows, who], self.outside.margin[rows, who]]),
            scales=torch.stack([self.outside.scale_down[rows, who], self.outside.scale_up[rows, who]]),
            rival=self.outside.rival[rows, who],
            same=same,
            units=self._units(rows, quantity, across=False),
        )

    def slopes(self, items: npt.NDArray[np.int32]) -> torch.Tensor:
        """(K, n, U) price sensitivities of (n, K) bundles."""
        return self.slope[self._rows(items)]

    def slope_of(self, items: npt.NDArray[np.int32], customers: npt.NDArray[np.int64]) -> torch.Tensor:
        """(K, n) price sensitivities of (n, K) bundles, each for one customer."""
        return self.slope[self._rows(items), torch.as_tensor(customers, device=self.visit.device)]

    def _units(self, rows: torch.Tensor, quantity: npt.NDArray[np.int32], *, across: bool) -> UnitLaw | None:
        """Law of the units where any bundle asks for several; `across` adds a dimension of customers."""
        if not bool((quantity > 1).any()):
            return None
        law = unit_law(self.kappa[rows[0]], quantity)
        return UnitLaw(law.quantity[:, None], law.at_least[:, None], law.held[:, None]) if across else law

    def _rows(self, items: npt.NDArray[np.int32]) -> torch.Tensor:
        return torch.as_tensor(self.place[items.T], device=self.visit.device)

    def _pairs(self, items: npt.NDArray[np.int32]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(P, n) of the pairs of (n, K) bundles: log odds ratios, those of causal pairs less the background, same."""
        pairs = np.array(list(combinations(range(items.shape[1]), 2)), dtype=np.int64).reshape(-1, 2)
        one, other = items[:, pairs[:, 0]].T, items[:, pairs[:, 1]].T
        gammas = self.relations.log_odds(one, other)
        excess = self.causal.log_odds(one, other) - self.causal.background
        same = (self.category[one] == self.category[other]).astype(np.float64)
        gamma, above, alike = (torch.as_tensor(part, device=self.visit.device) for part in (gammas, excess, same))
        return gamma, above, alike


def build_market(
    forecast: DemandForecast,
    campaign: CampaignWeek,
    items: npt.NDArray[np.int32],
    customers: npt.NDArray[np.int64] | slice = slice(None),
    device: str | torch.device = "cpu",
    draw: ParameterDraw | None = None,
) -> Market:
    """Cut a forecast to the item codes in `items` (-1 ignored) and to some customers.

    Args:
        forecast: demand of the week.
        campaign: prices and costs of the same items.
        items: codes that options hold.
        customers: codes of those who are looked at.
        device: where the tensors live.
        draw: of the parameters; None for the forecast as it is.

    Raises:
        UsageError: forecast and campaign week do not speak of the same items.
    """
    if not np.array_equal(forecast.item_ids, campaign.item_ids):
        raise UsageError("forecast and campaign week list different items, or in a different order")
    wanted = np.unique(items[items >= 0]).astype(np.int64)
    everything = forecast.relations if draw is None else drawn_relations(forecast.relations, draw)
    relations = causal_relations(everything, forecast.category, forecast.need)
    near = np.isin(relations.first, wanted) | np.isin(relations.second, wanted)
    kept = np.unique(np.concatenate([wanted, relations.first[near], relations.second[near]])).astype(np.int64)
    visit = _tensor(forecast.visit_probability[customers], device)
    conditional = conditional_marginals(_tensor(forecast.probability[customers][:, kept].T, device), visit)
    slope = _tensor(forecast.slope[customers][:, wanted].T, device)
    if draw is not None:
        conditional = torch.sigmoid(torch.logit(conditional) + _tensor(draw.level[kept], device)[:, None])
        slope = slope * _tensor(draw.slope[wanted], device)[:, None]
    money = np.stack([campaign.shelf_price_cents / CENTS, shelf_margin(campaign)])
    local = _localised(relations, kept, near)
    place = np.searchsorted(kept, wanted)
    beside = _beside(forecast, campaign, (wanted, customers), conditional[place])
    effect = outside_effect(conditional, place, local, _tensor(money[:, kept], device), beside)
    share = forecast.pull_forward.share.astype(np.float64)
    pull = np.where(np.isnan(share), forecast.pull_forward.assumed_share, share)
    row = np.full(len(forecast.item_ids), -1, dtype=np.int64)
    row[wanted] = np.arange(len(wanted))
    return Market(
        place=row,
        conditional=conditional[place],
        slope=slope,
        visit=visit,
        money=_tensor(money[:, wanted], device),
        pull=_tensor(pull[wanted], device),
        outside=effect,
        relations=everything,
        causal=relations,
        category=forecast.category,
        kappa=_tensor(forecast.units[wanted], device),
        shift=_tensor(forecast.pair_shift(customers), device),
    )


def _beside(
    forecast: DemandForecast,
    campaign: CampaignWeek,
    part: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64] | slice],
    chance: torch.Tensor,
) -> CategoryDemand | None:
    """The categories of the wanted items for some customers, `part` being both; no draw moves the neighbours."""
    (wanted, customers), need = part, forecast.need
    if need is None or not bool((need[wanted] > 0).any()):
        return None
    codes, place = np.unique(forecast.category[wanted], return_inverse=True)
    member = np.flatnonzero(np.isin(forecast.category, codes))
    inside = (forecast.category[member][:, None] == codes[None, :]).astype(np.float32)
    chances = (
        forecast.probability[customers][:, member] / np.maximum(forecast.visit_probability[customers], 1e-12)[:, None]
    )
    money = np.stack([campaign.shelf_price_cents / CENTS, shelf_margin(campaign)])[:, member].astype(np.float32)
    sums = [chances @ inside, *(chances @ (inside * row[:, None]) for row in money)]
    total, price, margin = (_tensor(part.T, chance.device)[place.reshape(-1)] for part in sums)
    return CategoryDemand(
        share=_tensor(need[wanted], chance.device),
        chance=chance,
        total=torch.maximum(total, chance),
        money=torch.stack([price, margin]),
    )


def _tensor(array: npt.NDArray[np.floating], device: str | torch.device) -> torch.Tensor:
    return torch.as_tensor(np.ascontiguousarray(array, dtype=np.float64), device=device)


def _localised(relations: PairRelations, kept: npt.NDArray[np.int64], near: npt.NDArray[np.bool_]) -> PairRelations:
    """The pairs in `near`, with item codes replaced by their row in `kept`."""
    return PairRelations(
        first=np.searchsorted(kept, relations.first[near]).astype(np.int32),
        second=np.searchsorted(kept, relations.second[near]).astype(np.int32),
        gamma=relations.gamma[near],
        standard_error=relations.standard_error[near],
        background=relations.background,
    )
