"""The most that an induced unit of an item brings outside of any bundle: an upper bound for the screening of pairs.

The valuation of offers counts what a purchase of i does to the chances of its significant relations k outside the
bundle, scaled down so that a unit moves at most one (`bundleopt_models/outside.py`). Whatever the bundle, that is at
most the sum of its positive terms: shifts up of items that earn, shifts down of items that lose.

Letters: `U` customers, `I` items.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from bundleopt_data.campaign import CampaignWeek
from bundleopt_models.forecast import DemandForecast
from bundleopt_models.joint_law import conditional_marginals
from bundleopt_models.option_table import shelf_margin
from bundleopt_models.outside import conditional_shift

# float32 keeps seven digits; this much is added to stay above.
_ROUNDING = 1e-6


def outside_gain(forecast: DemandForecast, campaign: CampaignWeek, revenue_weight: float) -> npt.NDArray[np.float32]:
    """(U, I) money >= 0 per induced unit, in terms of the objective."""
    relations = forecast.relations.known()
    # Revenue and margin are each rounded apart by the valuation, so each counts where it is positive.
    money = revenue_weight * campaign.shelf_price_cents / 100.0 + (1 - revenue_weight) * shelf_margin(campaign)
    gain = np.zeros(forecast.probability.shape, dtype=np.float32)
    gain += _dearest_loss(forecast, money)
    if not len(relations.first):
        return gain
    visit = torch.as_tensor(forecast.visit_probability).double()
    for first, second, gamma in zip(relations.first, relations.second, relations.gamma, strict=True):
        both = torch.as_tensor(np.ascontiguousarray(forecast.probability[:, [first, second]].T)).double()
        x = conditional_marginals(both, visit)
        forth, back = conditional_shift(x[0], x[1], torch.tensor(float(gamma) - relations.background).double())
        gain[:, first] += np.maximum(forth.numpy() * money[second], 0.0).astype(np.float32)
        gain[:, second] += np.maximum(back.numpy() * money[first], 0.0).astype(np.float32)
    gain *= 1 + _ROUNDING
    return gain


def _dearest_loss(forecast: DemandForecast, money: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """(I,) the most that displacing at most one unit of the item's category spares, where units of it lose money."""
    if forecast.need is None:
        return np.zeros(len(money), dtype=np.float32)
    spared = np.zeros(int(forecast.category.max(initial=0)) + 1)
    np.maximum.at(spared, forecast.category, -money)
    return np.where(forecast.need > 0, spared[forecast.category], 0.0).astype(np.float32)
