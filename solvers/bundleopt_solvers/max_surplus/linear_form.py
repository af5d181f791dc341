"""Bundle pricing as a mixed-integer linear model (Hanson & Martin 1990).

p_b price, s_k surplus, y_kb segment k buys b, P_kb = p_b y_kb its payment, R willingness, N size, c cost:

    max  sum_kb N_k (P_kb - c_b y_kb)
    sum_b y_kb <= 1                                         one bundle or nothing
    s_k >= R_kb - p_b,   s_k >= 0                           no bundle would leave the segment more
    s_k = sum_b (R_kb y_kb - P_kb)                          and this is what its bundle leaves it
    P_kb <= p_b,   P_kb <= R_kb y_kb,   P_kb >= p_b - D_b (1 - y_kb)        D_b = ceiling of p_b
    p_b <= sum of the p of any bundles that make up b                       nobody gains by buying several
    components only:  p_b = sum of the p of its items

D_b is the largest willingness for any bundle that holds b. A price above it can be lowered to D_b: nobody buys b for
less surplus than before, and a bundle that b helps to make up costs at most D_b itself, so its row stays kept. (The
largest willingness for b alone would be too low: where a whole is worth more than its parts, a part that nobody should
buy must cost more than anybody pays for it.) With components only, sums of items may exceed D_b, so there a price is
bounded by the number of items times the largest willingness of all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.linear_model import LinearModel, Row
from bundleopt_solvers.max_surplus.choice import NOT_OFFERED, choices
from bundleopt_solvers.max_surplus.covers import covers
from bundleopt_solvers.max_surplus.problem import Cents, Offering, WillingnessProblem

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PriceForm:
    """The model in money, and where its variables are: p (B), s (S), y (S x B), P (S x B)."""

    model: LinearModel
    problem: WillingnessProblem
    offered: npt.NDArray[np.bool_]

    def start(self, price: Cents) -> Reals:
        """(V,) values of all variables at `price` (B,) cents."""
        bought, surplus = choices(self.problem, price)
        taken = np.zeros(self.problem.willingness.shape)
        rows = np.flatnonzero(bought >= 0)
        taken[rows, bought[rows]] = 1.0
        money = np.where(price == NOT_OFFERED, 0, price) / 100.0
        return np.concatenate([money, surplus / 100.0, taken.ravel(), (taken * money).ravel()])

    def prices(self, values: Reals) -> Cents:
        """(B,) cents of a solution, -1 where the bundle is not offered."""
        cents = np.rint(values[: len(self.problem.bundles)] * 100).astype(np.int64)
        return np.asarray(np.where(self.offered, cents, NOT_OFFERED))


def price_form(problem: WillingnessProblem, offering: Offering) -> PriceForm:
    """Build the model of one way of selling."""
    offered = offered_bundles(problem, offering)
    rows = [*_segment_rows(problem, offered), *_payment_rows(problem, offered, _ceiling(problem, offering))]
    if offering is Offering.COMPONENTS:
        rows += _component_rows(problem)
    else:
        rows += _cover_rows(problem, offered)
    return PriceForm(_variables(problem, offering, offered).with_rows(rows), problem, offered)


def offered_bundles(problem: WillingnessProblem, offering: Offering) -> npt.NDArray[np.bool_]:
    """(B,) which bundles can be bought at all."""
    offered = np.ones(len(problem.bundles), np.bool_)
    if offering is Offering.PURE:
        if problem.whole < 0:
            raise ValueError("the bundle of all items is not among the bundles")
        offered = np.arange(len(problem.bundles)) == problem.whole
    return offered


def _ceiling(problem: WillingnessProblem, offering: Offering) -> Reals:
    ceiling = problem.ceiling / 100.0
    if offering is Offering.COMPONENTS:
        items = np.array([len(one) for one in problem.bundles])
        return np.asarray(items * ceiling.max(initial=0.0))
    return np.asarray(ceiling)


def _variables(problem: WillingnessProblem, offering: Offering, offered: npt.NDArray[np.bool_]) -> LinearModel:
    segments, bundles = problem.willingness.shape
    worth = problem.willingness / 100.0
    size = problem.size[:, None] * np.ones(bundles)
    count = bundles + segments + 2 * segments * bundles
    yes = np.where(offered, 1.0, 0.0) * np.ones((segments, 1))
    ceiling = np.where(offered, _ceiling(problem, offering), 0.0)
    names = [f"price_{b}" for b in range(bundles)] + [f"surplus_{k}" for k in range(segments)]
    for letter in ("buys", "pays"):
        names += [f"{letter}_{k}_{b}" for k in range(segments) for b in range(bundles)]
    taken = np.arange(count) >= bundles + segments
    return LinearModel(
        objective=np.concatenate([np.zeros(bundles + segments), (-size * problem.cost / 100.0).ravel(), size.ravel()]),
        lower=np.zeros(count),
        upper=np.concatenate([ceiling, worth.max(axis=1, initial=0.0), yes.ravel(), (worth * yes).ravel()]),
        integer=taken & (np.arange(count) < bundles + segments + segments * bundles),
        indptr=np.zeros(1, np.int64),
        indices=np.zeros(0, np.int64),
        coefficients=np.zeros(0),
        row_lower=np.zeros(0),
        row_upper=np.zeros(0),
        names=tuple(names),
    )


def _row(name: str, terms: list[tuple[int, float]], lower: float, upper: float) -> Row:
    indices, coefficients = zip(*terms, strict=True)
    return Row(name, np.array(indices, np.int64), np.array(coefficients, np.float64), lower, upper)


def _places(problem: WillingnessProblem, k: int) -> tuple[int, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where segment k's surplus, choices and payments are."""
    segments, bundles = problem.willingness.shape
    y = bundles + segments + k * bundles + np.arange(bundles)
    return bundles + k, y, y + segments * bundles


def _segment_rows(problem: WillingnessProblem, offered: npt.NDArray[np.bool_]) -> list[Row]:
    rows = []
    for k in range(len(problem.segment_ids)):
        s, y, pay = _places(problem, k)
        worth = problem.willingness[k] / 100.0
        rows.append(Row(f"one_{k}", y, np.ones(len(y)), -np.inf, 1.0))
        indices = np.concatenate([[s], y, pay])
        rows.append(Row(f"achieved_{k}", indices, np.concatenate([[1.0], -worth, np.ones(len(y))]), 0.0, 0.0))
        wanted = np.flatnonzero(offered & (worth > 0)).tolist()
        rows += [_row(f"best_{k}_{b}", [(s, 1.0), (b, 1.0)], float(worth[b]), np.inf) for b in wanted]
    return rows


def _payment_rows(problem: WillingnessProblem, offered: npt.NDArray[np.bool_], ceiling: Reals) -> list[Row]:
    rows = []
    for k in range(len(problem.segment_ids)):
        _, y, pay = _places(problem, k)
        for b in np.flatnonzero(offered).tolist():
            worth, at, top = float(problem.willingness[k, b]) / 100.0, int(pay[b]), float(ceiling[b])
            rows.append(_row(f"pays_price_{k}_{b}", [(at, 1.0), (b, -1.0)], -np.inf, 0.0))
            rows.append(_row(f"pays_worth_{k}_{b}", [(at, 1.0), (int(y[b]), -worth)], -np.inf, 0.0))
            rows.append(_row(f"pays_all_{k}_{b}", [(at, 1.0), (b, -1.0), (int(y[b]), -top)], -top, np.inf))
    return rows


def _cover_rows(problem: WillingnessProblem, offered: npt.NDArray[np.bool_]) -> list[Row]:
    return [
        _row(
            f"cover_{whole}_{'_'.join(map(str, parts))}",
            [(whole, 1.0), *((part, -1.0) for part in parts)],
            -np.inf,
            0.0,
        )
        for whole, parts in covers(problem.bundles)
        if offered[whole] and all(offered[part] for part in parts)
    ]


def _component_rows(problem: WillingnessProblem) -> list[Row]:
    single = {one[0]: b for b, one in enumerate(problem.bundles) if len(one) == 1}
    missing = sorted({item for one in problem.bundles for item in one} - set(single))
    if missing:
        raise ValueError(f"item {problem.item_ids[missing[0]]} is not among the bundles by itself")
    return [
        _row(f"sum_{b}", [(b, 1.0), *((single[item], -1.0) for item in one)], 0.0, 0.0)
        for b, one in enumerate(problem.bundles)
        if len(one) > 1
    ]
