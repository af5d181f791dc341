"""The coupling rows of a campaign: every rule that adds up over customers, as `sum a_uo x_uo <= limit`.

Letters: `U` customers, `O` options, `R` rows of the kind `a = redemption * coefficient`, `F` floors on sums of money,
`C` rows that count offers, `J` stock rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.problem import CampaignProblem, Floats, Parity

Floats64 = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
MARGIN, REVENUE = "min_incremental_margin", "min_incremental_revenue"


@dataclass(frozen=True)
class CouplingRows:
    """The rows in the order redemption rows, floors, counts, stock rows.

    Attributes:
        names: aligned with `limit`. limit: (R + F + C + J,) money or units; a plan keeps `activity <= limit`.
        redemption: (R, O) coefficient of the redemption probability, money per redemption.
        floors: (F,) names of floors on a sum of money; the coefficient is minus `floor_values` of that name.
        count_option: (C, O). count_customer: (C, U); the coefficient of a cell is the product of the two.
        stock: (J,) item codes; the coefficient is the incremental units of that item.
        shelf: whether the last customer is the shelf, which no row counts.
    """

    names: tuple[str, ...]
    limit: Floats64
    redemption: Floats64
    floors: tuple[str, ...]
    count_option: Floats64
    count_customer: Floats64
    stock: npt.NDArray[np.int32]
    shelf: bool = False

    @property
    def first_count(self) -> int:
        """Position of the first row that counts offers."""
        return len(self.redemption) + len(self.floors)

    @property
    def first_stock(self) -> int:
        """Position of the first stock row."""
        return self.first_count + len(self.count_option)

    @property
    def can_relieve(self) -> bool:
        """Whether an offer worth nothing may still help to keep a rule: floors, and counts that ask for offers."""
        return bool(self.floors) or bool(len(self.count_option))

    def of_sample(self, who: Indices, share: float) -> CouplingRows:
        """The rows of the customers `who`, with the limits in proportion."""
        return replace(self, limit=self.limit * share, count_customer=self.count_customer[:, who])

    def with_exposure(self, option: Indices, *, least: int, most: int | None) -> CouplingRows:
        """The rows of a fixed menu `option`, each with at least `least` and at most `most` offers."""
        options, customers = self.redemption.shape[1], self.count_customer.shape[1]
        one = np.zeros((len(option), options))
        one[np.arange(len(option)), option] = 1.0
        parts = [] if most is None else [("max_exposure", one, float(most))]
        parts += [] if least <= 1 - int(self.shelf) else [("min_exposure", -one, -float(least))]
        if not parts:
            return self
        at = self.first_stock
        names = [f"{name}:{o}" for name, _, _ in parts for o in option.tolist()]
        limits = np.concatenate([np.full(len(option), limit) for _, _, limit in parts])
        return replace(
            self,
            names=(*self.names[:at], *names, *self.names[at:]),
            limit=np.concatenate([self.limit[:at], limits, self.limit[at:]]),
            count_option=np.concatenate([self.count_option, *(rows for _, rows, _ in parts)]),
            count_customer=np.concatenate([self.count_customer, self._one_each(len(names), customers)]),
        )

    def _one_each(self, rows: int, customers: int) -> Floats64:
        """Coefficients of rows that count every offer, (rows, customers)."""
        ones = np.ones((rows, customers))
        ones[:, customers - int(self.shelf) :] = 0.0
        return ones


def floor_values(problem: CampaignProblem, name: str) -> Floats:
    """Money of every offer, (U, O), whose sum the floor `name` asks for."""
    if name == MARGIN:
        return problem.incremental_margin
    if problem.incremental_revenue is None:
        raise ValueError(f"the rule {name} needs the incremental revenue of every offer")
    return problem.incremental_revenue


def parity_rows(parity: Parity) -> list[tuple[str, Floats64]]:
    """Names and coefficients (U,) of the rows that keep every group's offers per customer near those of all.

    With n customers, n_g of them in the group: offers of g <= (1 + tolerance) n_g / n x all offers, and likewise from
    below; in units of offers, limit 0.
    """
    customers = len(parity.group)
    rows = []
    for code, label in enumerate(parity.labels):
        inside = (parity.group == code).astype(np.float64)
        part = inside.sum() / max(customers, 1)
        if part > 0:
            name = f"parity:{parity.name}={label}"
            rows.append((f"{name}:most", inside - (1 + parity.tolerance) * part))
            rows.append((f"{name}:least", (1 - parity.tolerance) * part - inside))
    return rows


def exact_parity_excess(problem: CampaignProblem, name: str, customer: Indices) -> Fraction:
    """Activity of one parity row over offers to `customer`, as a fraction."""
    for parity in problem.rules.parity:
        for code, label in enumerate(parity.labels):
            stem = f"parity:{parity.name}={label}"
            if name in (f"{stem}:most", f"{stem}:least"):
                shown = customer[customer < len(parity.group)]
                offers = int((parity.group[shown] == code).sum())
                part = Fraction(int((parity.group == code).sum()), len(parity.group)) * len(shown)
                tolerance = Fraction(str(parity.tolerance))
                return offers - (1 + tolerance) * part if name == f"{stem}:most" else (1 - tolerance) * part - offers
    raise KeyError(name)


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

    A customer holds at most one offer with an item, so the largest use is the sum over customers of the largest units;
    the shelf may hold several.
    """
    slack = problem.rules.stock_slack
    if slack is None:
        return np.zeros(0, dtype=np.int32)
    use = np.zeros(len(slack))
    items = problem.options.items
    for item in np.unique(items[items >= 0]):
        option, place = np.nonzero(items == item)
        units = problem.units[:, option, place]
        use[item] = units[: problem.customers].max(axis=1).sum(dtype=np.float64)
        use[item] += units[problem.customers :].sum(dtype=np.float64)
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
    floors = [(n, least) for n in (MARGIN, REVENUE) if (least := getattr(rules, n)) is not None]
    names, limits = [*names, *(name for name, _ in floors)], [*limits, *(-least for _, least in floors)]
    counts = [row for parity in rules.parity for row in parity_rows(parity)]
    names, limits = [*names, *(name for name, _ in counts)], [*limits, *(0.0 for _ in counts)]
    stock = _stock_rows(problem)
    slack = rules.stock_slack if rules.stock_slack is not None else np.zeros(0)
    return CouplingRows(
        names=(*names, *(f"stock:{options.item_ids[item]}" for item in stock)),
        limit=np.array([*limits, *slack[stock]], dtype=np.float64),
        redemption=np.array(redemption, dtype=np.float64).reshape(len(redemption), len(price)),
        floors=tuple(name for name, _ in floors),
        count_option=np.ones((len(counts), len(price))),
        count_customer=np.pad(
            np.array([row for _, row in counts]).reshape(len(counts), problem.customers), ((0, 0), (0, problem.shelf))
        ),
        stock=stock,
        shelf=problem.shelf,
    )
