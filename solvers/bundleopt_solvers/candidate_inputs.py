"""What the search for candidate bundles reads, how it may be steered, and what it returns.

Letters: `U` customers, `I` items, `D` price ratios of the discount ladder, `P` related pairs, `B` candidate bundles.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import numpy.typing as npt

from bundleopt_data.errors import UsageError

Floats = npt.NDArray[np.float32]
Money = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]
MAX_ITEMS = 4


class CategoryRule(Enum):
    """Which categories a bundle may mix."""

    ANY = "any"  # no rule
    CROSS = "cross"  # no two items of one category: a combination
    SAME = "same"  # all items of one category: a variety pack


@dataclass(frozen=True)
class CandidateInputs:
    """Demand, money and bans of one campaign week; all arrays are aligned with the item codes 0..I-1.

    Attributes:
        probability: (U, I) weekly purchase probability at shelf price. visit: (U,) chance of any purchase.
        slope: (U, I) price sensitivity; at ratio r the log odds rise by `slope * price_lift`.
        ratios: (D,) price ratios in (0, 1], those of the price ladder. price_lift: (I, D) >= 0, at these ratios.
        shelf_price, unit_cost: (I,) money. tax_rate, funding_share: (I,) shares.
        funding_per_unit: (I,) money that a supplier pays for each redeemed unit beside that, None where none does.
        eligible: (I,) promotable and in stock.
        category: (I,) codes.
        related_first, related_second, gamma: (P,) pairs and their log odds ratio; all others have `background`.
        pair_shift: (U,) what a customer adds to the log odds ratios of all pairs; None adds nothing.
        substitutes: (Q, 2) item pairs that may not meet in a bundle.
        outside: (U, I) money that an induced unit moves elsewhere in the objective's terms (halo less diversion and
            pull-forward), or None where that is not known.
        excluded: item code sets that may not be a candidate. included: sets that always are.
        reach, salience: as in the valuation of offers.
    """

    probability: Floats
    visit: Floats
    slope: Floats
    ratios: Money
    price_lift: Money
    shelf_price: Money
    unit_cost: Money
    tax_rate: Money
    funding_share: Money
    eligible: npt.NDArray[np.bool_]
    category: Codes
    related_first: Codes = field(default_factory=lambda: np.zeros(0, np.int32))
    related_second: Codes = field(default_factory=lambda: np.zeros(0, np.int32))
    gamma: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    background: float = 0.0
    substitutes: Codes = field(default_factory=lambda: np.zeros((0, 2), np.int32))
    outside: Floats | None = None
    excluded: frozenset[frozenset[int]] = frozenset()
    included: tuple[tuple[int, ...], ...] = ()
    reach: float = 1.0
    salience: float = 1.0
    funding_per_unit: Money | None = None
    pair_shift: Floats | None = None

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit together."""
        customers, items = self.probability.shape
        shapes = {
            "visit": (self.visit.shape, (customers,)),
            "slope": (self.slope.shape, (customers, items)),
            "price_lift": (self.price_lift.shape, (items, len(self.ratios))),
            "gamma": (self.gamma.shape, self.related_first.shape),
            "related_second": (self.related_second.shape, self.related_first.shape),
        }
        for name in ("shelf_price", "unit_cost", "tax_rate", "funding_share", "eligible", "category"):
            shapes[name] = (getattr(self, name).shape, (items,))
        if self.pair_shift is not None:
            shapes["pair_shift"] = (self.pair_shift.shape, (customers,))
        for name, (shape, wanted) in shapes.items():
            if shape != wanted:
                raise UsageError(f"{name} has shape {shape}, expected {wanted}")
        if not len(self.ratios) or self.ratios.min() <= 0 or self.ratios.max() > 1:
            raise UsageError(f"price ratios must be in (0, 1], got {self.ratios!r}")


@dataclass(frozen=True)
class CandidateSettings:
    """How the search is steered; every filter is a rule that the analyst can see and change.

    Attributes:
        objective_revenue: weight of incremental revenue in the score; the rest is margin (1 revenue, 0 margin).
        min_size, max_size: items of a bundle, 1 to 4.
        total: candidate bundles to return, about; included ones come on top.
        per_item: most candidates that hold one item; None asks for variety as far as the catalogue allows.
        min_support: least expected customers a week who buy the whole bundle at shelf prices.
        category_rule: see CategoryRule.
        allow_below_cost: whether prices below cost count.
        budget_prices: the score is value - price * promo spend for each of these prices of budget money, and each gets
            an equal share of the candidates: at 0 the most valuable bundles win, above it the most thrifty ones.
        pool: pairs that are valued exactly after screening.
        beam: bundles of one size that are extended by one more item.
    """

    objective_revenue: float = 1.0
    min_size: int = 2
    max_size: int = 4
    total: int = 600
    per_item: int | None = None
    min_support: float = 0.0
    category_rule: CategoryRule = CategoryRule.ANY
    allow_below_cost: bool = False
    budget_prices: tuple[float, ...] = (0.0, 1.0)
    pool: int = 8000
    beam: int = 400

    def __post_init__(self) -> None:
        """Refuse settings out of range."""
        if not 1 <= self.min_size <= self.max_size <= MAX_ITEMS:
            raise UsageError(f"bundle sizes must satisfy 1 <= min <= max <= 4, got {self.min_size}:{self.max_size}")
        if not 0 <= self.objective_revenue <= 1:
            raise UsageError(f"objective_revenue is a weight in [0, 1], got {self.objective_revenue!r}")
        if not self.budget_prices or min(self.budget_prices) < 0:
            raise UsageError(f"budget_prices needs at least one price >= 0, got {self.budget_prices!r}")
        for name in ("total", "per_item", "pool", "beam"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise UsageError(f"{name} must be at least 1, got {number!r}")
        if self.min_support < 0:
            raise UsageError(f"min_support must be at least 0, got {self.min_support!r}")


@dataclass(frozen=True)
class Candidates:
    """The candidate bundles and how they were found.

    Attributes:
        bundles: B tuples of ascending item codes: the included ones, then by descending score.
        score: (B,) money a week if every customer who gains were shown the bundle at its best ratio, alone; NaN where
            an included bundle has no admissible price. Pairs and single items exactly, larger ones approximately.
        best_ratio: (B,) price ratio of that score.
        family: what was searched, in words, for the certificate.
        screened: pairs whose bound was computed. valued: pairs valued exactly.
        excluded_bound: no pair that was not valued scores more than this at any of the ratios, money.
        seconds: wall time.
        removed: filter in words -> how many bundles it left out.
    """

    bundles: tuple[tuple[int, ...], ...]
    score: Money
    best_ratio: Money
    family: str
    screened: int
    valued: int
    excluded_bound: float
    seconds: float
    removed: dict[str, int] = field(default_factory=dict)
