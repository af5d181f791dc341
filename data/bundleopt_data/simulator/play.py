"""Playing a campaign: the week with its offers beside the same week without, on common random numbers.

Letters: `R` draws of the week, `F` offers, `I` items.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from bundleopt_data.simulator.till import WeekSales

Values = npt.NDArray[np.float64]

FIGURES = (
    "revenue", "margin", "promo_spend", "redemptions", "units", "stock_outs", "lost_units",
    "plain_revenue", "plain_margin", "plain_units", "plain_stock_outs", "plain_lost_units",
)  # fmt: skip


@dataclass(frozen=True)
class PlayedCampaign:
    """A campaign played R times. Money in currency units.

    Attributes:
        figures: (R, len(FIGURES)); `plain_` figures are of the same week without a campaign.
        redemption_rate: (F,) share of the draws in which the offer was redeemed.
        offers: F, shown offers.
    """

    figures: Values
    redemption_rate: Values
    offers: int

    def draws_of(self, name: str) -> Values:
        """(R,) one figure."""
        return np.asarray(self.figures[:, FIGURES.index(name)], dtype=np.float64)

    @property
    def incremental_revenue(self) -> Values:
        """(R,) revenue with less without the campaign."""
        return self.draws_of("revenue") - self.draws_of("plain_revenue")

    @property
    def incremental_margin(self) -> Values:
        """(R,) margin with less without the campaign."""
        return self.draws_of("margin") - self.draws_of("plain_margin")

    def document(self) -> dict[str, Any]:
        """Mean and standard error of every figure."""
        named = {name: self.draws_of(name) for name in FIGURES}
        named |= {"incremental_revenue": self.incremental_revenue, "incremental_margin": self.incremental_margin}
        return {
            "offers": self.offers,
            "draws": len(self.figures),
            "figures": {name: _mean_and_error(values) for name, values in named.items()},
        }


def _mean_and_error(values: Values) -> dict[str, float]:
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0
    return {"mean": round(float(values.mean()), 4), "standard_error": round(error, 4)}


def summarise(weeks: Sequence[tuple[WeekSales, WeekSales]], offers: int) -> PlayedCampaign:
    """Put (with, without) pairs of draws together."""
    rows = []
    for sales, plain in weeks:
        rows.append(
            [
                sales.revenue_cents / 100, sales.margin_cents / 100, sales.promo_spend_cents / 100,
                int(sales.redeemed.sum()), int(sales.sold.sum()), sales.stock_outs, int(sales.lost.sum()),
                plain.revenue_cents / 100, plain.margin_cents / 100, int(plain.sold.sum()), plain.stock_outs,
                int(plain.lost.sum()),
            ]
        )  # fmt: skip
    redeemed = np.mean([sales.redeemed for sales, _ in weeks], axis=0) if offers else np.zeros(0)
    return PlayedCampaign(np.array(rows, dtype=np.float64), np.asarray(redeemed, dtype=np.float64), offers)
