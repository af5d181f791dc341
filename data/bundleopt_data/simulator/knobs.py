"""What a simulated market may choose."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from bundleopt_data.errors import UsageError

MOST_CELLS = 20_000_000
"""Customers x items: above it the arrays of one week no longer fit beside a training."""


class MarketKind(StrEnum):
    """How shoppers come to what they buy."""

    EQUATION = "equation"
    """A multivariate logit: every week's basket is one draw of a law with tastes, prices and pair interactions."""
    AGENT = "agent"
    """Shoppers with needs that deplete and refill, who go through categories, substitute, remember and have budgets."""


@dataclass(frozen=True)
class MarketKnobs:
    """Settings of a simulated market.

    Attributes:
        customers, items, weeks, categories: sizes; `weeks` is the length of the log, the campaign week comes after it.
        confounded: promotions coincide with demand peaks and with display; the unconfounded twin promotes the same
            items equally often and deep, at times that have nothing to do with either.
        promotion_share: share of item-weeks on promotion. deepest: largest discount of the shop's own promotions.
        price_sensitivity: typical slope of log odds in log price.
        sensitivity_spread: standard deviation of the log sensitivity, each over categories, items and customers.
        season: size of the demand peaks, in log odds. display, mailer: what they add to the log odds.
        complements, substitutes: planted pairs. relation: size of their effect, in log odds.
        brings_visits: whether an offer may bring a visit (equation-based markets; agents never come for one).
        stock_weeks: stock of the campaign week, in weeks of expected sales. funding: supplier's share of a discount.
    """

    customers: int = 600
    items: int = 96
    weeks: int = 60
    categories: int = 12
    confounded: bool = True
    promotion_share: float = 0.2
    deepest: float = 0.4
    price_sensitivity: float = 2.0
    sensitivity_spread: float = 0.25
    season: float = 0.5
    display: float = 0.5
    mailer: float = 0.3
    complements: int = 10
    substitutes: int = 6
    relation: float = 1.5
    brings_visits: bool = False
    stock_weeks: float = 2.0
    funding: float = 0.0

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            UsageError: a size is too small or too large for a market.
        """
        for name, least in (("customers", 1), ("items", 2), ("weeks", 2), ("categories", 1)):
            if getattr(self, name) < least:
                raise UsageError(f"a market needs {name} of {least} or more, not {getattr(self, name)}")
        if self.customers * self.items > MOST_CELLS:
            raise UsageError(
                f"{self.customers:,} customers x {self.items:,} items is more than {MOST_CELLS:,} cells; take fewer"
            )
        for name in ("promotion_share", "deepest", "funding"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise UsageError(f"{name} must lie in [0, 1), not {getattr(self, name)!r}")

    @property
    def n_categories(self) -> int:
        """Categories that hold at least two items each, where there are so many."""
        return max(1, min(self.categories, self.items // 2))

    def as_record(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> MarketKnobs:
        """Read what `as_record` wrote."""
        return cls(**record)
