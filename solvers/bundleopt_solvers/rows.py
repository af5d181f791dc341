"""The coupling rows of a campaign: every rule that adds up over customers, as `sum a_uo x_uo <= limit`.

Letters: `U` customers, `O` options, `R` rows of the kind `a = redemption * coefficient`, `J` stock rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.problem import CampaignProblem

Floats64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CouplingRows:
    """The rows in the order redemption rows, incremental margin (if any), stock rows.

    Attributes:
        names: aligned with `limit`. limit: (R [+ 1] + J,) money or units; a plan keeps `activity <= limit`.
        redemption: (R, O) coefficient of the redemption probability, money per redemption.
        has_margin: whether the incremental margin row is present; its coefficient is `-incremental_margin`.
        stock: (J,) item codes; the coefficient is the incremental units of that item.
    """

    names: tuple[str, ...]
    limit: Floats64
    redemption: Floats64
    has_margin: bool
    stock: npt.NDArray[np.int32]

    @property
    def first_stock(self) -> int:
        """Position of the first stock row."""
        return len(self.redemption) + int(self.has_margin)


def category_share(problem: CampaignProblem, category: int) -> Floats64:
    """Share of each option's shelf value that lies in `category`, (O,)."""
    rules, options = problem.rules, problem.options
    if rules.item_category is None or rules.shelf_price_cents is None:
        raise ValueError("a margin floor by category needs item_category and shelf_price_cents")
    present = options.items >= 0
    shelf = np.where(present, rules.shelf_price_cents[options.items], 0).astype(np.float64)
    inside = present & (rules.item_category[options.items] == category)
    return np.asarray((shelf * inside).sum(1) / np.maximum(shelf.sum(1), 1.0), dtype=np.float64)


def exact_category_share(problem: CampaignProblem, option: int, category: int) -> Fraction:
    """Share of one option's shelf value that lies in `category`, as a fraction."""
    rules = problem.rules
    if rules.item_category is None or rules.shelf_price_cents is None:
        raise ValueError("a margin floor by category needs item_category and shelf_price_cents")
    items = [item for item in problem.options.items[option].tolist() if item >= 0]
    inside = sum(int(rules.shelf_price_cents[item]) for item in items if rules.item_category[item] == category)
    return Fraction(inside, max(sum(int(rules.shelf_price_cents[item]) for item in items), 1))


def _stock_rows(problem: CampaignProblem) -> npt.NDArray[np.int32]:
    """Items whose stock could run out: the largest possible use exceeds what is left.

    A customer holds at most one offer with an item, so the largest use is the sum over customers of the largest units.
    """
    slack = problem.rules.stock_slack
    if slack is None:
        return np.zeros(0, dtype=np.int32)
    use = np.zeros(len(slack))
    items = problem.options.items
    for item in np.unique(items[items >= 0]):
        option, place = np.nonzero(items == item)
        use[item] = problem.units[:, option, place].max(axis=1).sum(dtype=np.float64)
    return np.flatnonzero(use * (1 + 1e-9) > slack).astype(np.int32)


def build_rows(problem: CampaignProblem) -> CouplingRows:
    """Collect the coupling rows of `problem`; stock rows that can never bind are left out."""
    rules, options = problem.rules, problem.options
    price = options.price_cents / 100.0
    names: list[str] = []
    limits: list[float] = []
    redemption: list[Floats64] = []
    if rules.budget is not None:
        names, limits = [*names, "budget"], [*limits, rules.budget]
        redemption.append(options.unit_spend.astype(np.float64))
    if rules.min_margin is not None:
        names, limits = [*names, "min_margin"], [*limits, 0.0]
        redemption.append(rules.min_margin * price - options.unit_margin)
    for category, share in sorted(rules.category_min_margin.items()):
        names, limits = [*names, f"min_margin:{category}"], [*limits, 0.0]
        redemption.append(category_share(problem, category) * (share * price - options.unit_margin))
    if rules.min_incremental_margin is not None:
        names, limits = [*names, "min_incremental_margin"], [*limits, -rules.min_incremental_margin]
    stock = _stock_rows(problem)
    slack = rules.stock_slack if rules.stock_slack is not None else np.zeros(0)
    return CouplingRows(
        names=(*names, *(f"stock:{options.item_ids[item]}" for item in stock)),
        limit=np.array([*limits, *slack[stock]], dtype=np.float64),
        redemption=np.array(redemption, dtype=np.float64).reshape(len(redemption), len(price)),
        has_margin=rules.min_incremental_margin is not None,
        stock=stock,
    )
