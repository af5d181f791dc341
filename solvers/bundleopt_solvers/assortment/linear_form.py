"""The sales-based mixed-integer linear form of the assortment problem, for any solver.

p_s = chance that segment s buys nothing, z_si = p_s x_i, v = weight / outside:

    max   sum_si occasions_s value_i v_si z_si
    p_s + sum_i v_si z_si = 1                                       shares add up to one
    z_si <= high_in_si x_i,   z_si >= low_in_si x_i                 McCormick, with p_s bounded given that i is listed
    p_s - z_si <= high_out_si (1 - x_i),   p_s - z_si >= low_out_si (1 - x_i)              and given that it is not
    p_s >= 2 a - a^2 (1 + sum_i v_si x_i)  for several a > 0        tangents of p (1 + W) >= 1
    sum_i z_si <= n p_s,  sum_i (high_s x_i - z_si) <= n (high_s - p_s)                    n = max_items, times p
    sold_i <= sum_s occasions_s v_si z_si,   sold_i <= stock_i x_i                         items with stock

At 0/1 x the McCormick rows leave z_si = p_s x_i alone, so the form is exact; every other row holds for such points and
only cuts fractional ones. (Mendez-Diaz, Miranda-Bront, Vulcano & Zabala 2014, doi:10.1016/j.dam.2012.03.003; Sen,
Atamturk & Kaminsky 2018, doi:10.1287/opre.2017.1703, whose conic rows the tangents approximate from outside.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bundleopt_solvers.assortment.problem import AssortmentProblem, Flags, Reals
from bundleopt_solvers.assortment.revenue import expected_sales
from bundleopt_solvers.assortment.rules import rule_rows
from bundleopt_solvers.assortment.single_segment import over_value
from bundleopt_solvers.assortment.twins import find_twins, precedence
from bundleopt_solvers.assortment.weight_bounds import NothingBounds, loose_bounds, nothing_bounds
from bundleopt_solvers.linear_model import LinearModel, Row

TANGENTS = 6


@dataclass(frozen=True, eq=False)
class LinearForm:
    """The linear model and where its variables are: x (I), then p (S), then z (S x I), then sold (I)."""

    model: LinearModel
    problem: AssortmentProblem

    def start(self, listed: Flags) -> Reals:
        """(V,) values of all variables for one assortment (I,)."""
        chosen = listed.astype(np.float64)
        nothing = 1.0 / (1.0 + self.problem.ratio @ chosen)
        parts = [chosen, nothing, (nothing[:, None] * chosen).ravel()]
        if self.problem.has_stock:
            parts.append(expected_sales(self.problem, listed[None])[0])
        return np.concatenate(parts)


def linear_form(problem: AssortmentProblem, *, is_tight: bool = True) -> LinearForm:
    """Build the form; `is_tight=False` gives the textbook's: bounds that know no rules, no further cuts."""
    bounds = nothing_bounds(problem) if is_tight else loose_bounds(problem)
    rows = rule_rows(problem) + _sums(problem) + _mccormick(problem, bounds)
    if is_tight:
        rows += _tangents(problem, bounds) + _capacity(problem, bounds) + _twin_rows(problem)
    if problem.has_stock:
        rows += _stock(problem)
    return LinearForm(_variables(problem, bounds).with_rows(rows), problem)


def _variables(problem: AssortmentProblem, bounds: NothingBounds) -> LinearModel:
    items, segments = problem.items, len(problem.segment_ids)
    demand = problem.occasions[:, None] * problem.ratio
    value = over_value(problem)
    lower, upper = np.zeros(items), np.ones(items)
    lower[list(problem.rules.keep)] = 1.0
    upper[list(problem.rules.drop)] = 0.0
    objective = [np.zeros(items + segments)]
    low, high = [lower, bounds.low], [upper, bounds.high]
    # with stock the money of items of positive value comes from what is sold, not from demand
    by_demand = np.where(_is_limited(problem), 0.0, value)
    objective.append((demand * by_demand).ravel())
    low.append(np.zeros(segments * items))
    high.append(bounds.high_in.ravel())
    names = [f"x_{item}" for item in problem.item_ids] + [f"p_{name}" for name in problem.segment_ids]
    names += [f"z_{name}_{item}" for name in problem.segment_ids for item in problem.item_ids]
    if problem.has_stock:
        objective.append(np.where(_is_limited(problem), problem.value, 0.0))
        low.append(np.zeros(items))
        high.append(np.minimum(problem.stock, demand.sum(0)))
        names += [f"sold_{item}" for item in problem.item_ids]
    size = sum(len(part) for part in objective)
    return LinearModel(
        objective=np.concatenate(objective),
        lower=np.concatenate(low),
        upper=np.concatenate(high),
        integer=np.arange(size) < items,
        indptr=np.zeros(1, np.int64),
        indices=np.zeros(0, np.int64),
        coefficients=np.zeros(0),
        row_lower=np.zeros(0),
        row_upper=np.zeros(0),
        names=tuple(names),
    )


def _is_limited(problem: AssortmentProblem) -> Flags:
    return np.asarray(np.isfinite(problem.stock) & (problem.value > 0))


def _row(name: str, terms: list[tuple[int, float]], lower: float, upper: float) -> Row:
    indices, coefficients = zip(*terms, strict=True)
    return Row(name, np.array(indices, np.int64), np.array(coefficients, np.float64), lower, upper)


def _z(problem: AssortmentProblem, segment: int) -> np.ndarray:
    start = problem.items + len(problem.segment_ids) + segment * problem.items
    return start + np.arange(problem.items)


def _sums(problem: AssortmentProblem) -> list[Row]:
    rows = []
    for s, name in enumerate(problem.segment_ids):
        indices = np.append(problem.items + s, _z(problem, s))
        rows.append(Row(f"shares_{name}", indices, np.append(1.0, problem.ratio[s]), 1.0, 1.0))
    return rows


def _mccormick(problem: AssortmentProblem, bounds: NothingBounds) -> list[Row]:
    rows = []
    for s, segment in enumerate(problem.segment_ids):
        p, z = problem.items + s, _z(problem, s)
        for i in np.flatnonzero(problem.weight[s] > 0).tolist():
            label, at = f"{segment}_{problem.item_ids[i]}", int(z[i])
            high, low = float(bounds.high_in[s, i]), float(bounds.low_in[s, i])
            rows.append(_row(f"in_high_{label}", [(at, 1.0), (i, -high)], -np.inf, 0.0))
            rows.append(_row(f"in_low_{label}", [(at, 1.0), (i, -low)], 0.0, np.inf))
            high, low = float(bounds.high_out[s, i]), float(bounds.low_out[s, i])
            rows.append(_row(f"out_high_{label}", [(p, 1.0), (at, -1.0), (i, high)], -np.inf, high))
            rows.append(_row(f"out_low_{label}", [(p, 1.0), (at, -1.0), (i, low)], low, np.inf))
    return rows


def _tangents(problem: AssortmentProblem, bounds: NothingBounds) -> list[Row]:
    rows = []
    for s, segment in enumerate(problem.segment_ids):
        indices = np.append(np.arange(problem.items), problem.items + s)
        for number, a in enumerate(np.geomspace(bounds.low[s], bounds.high[s], TANGENTS)):
            coefficients = np.append(a * a * problem.ratio[s], 1.0)
            rows.append(Row(f"tangent_{segment}_{number}", indices, coefficients, 2 * a - a * a, np.inf))
    return rows


def _capacity(problem: AssortmentProblem, bounds: NothingBounds) -> list[Row]:
    if problem.rules.max_items is None:
        return []
    rows, most, items = [], float(problem.rules.max_items), problem.items
    for s, segment in enumerate(problem.segment_ids):
        used = np.flatnonzero(problem.weight[s] > 0)
        z, p = _z(problem, s)[used], items + s
        rows.append(Row(f"count_{segment}", np.append(z, p), np.append(np.ones(len(z)), -most), -np.inf, 0.0))
        high = float(bounds.high[s])
        indices = np.concatenate([used, z, [p]])
        parts = np.concatenate([np.full(len(z), high), -np.ones(len(z)), [most]])
        rows.append(Row(f"count_left_{segment}", indices, parts, -np.inf, most * high))
    return rows


def _twin_rows(problem: AssortmentProblem) -> list[Row]:
    pairs = precedence(find_twins(problem))
    names = problem.item_ids
    return [_row(f"twin_{names[j]}_{names[k]}", [(j, 1.0), (k, -1.0)], 0.0, np.inf) for j, k in pairs]


def _stock(problem: AssortmentProblem) -> list[Row]:
    rows, demand = [], problem.occasions[:, None] * problem.ratio
    first = problem.items + len(problem.segment_ids) * (1 + problem.items)
    for i in np.flatnonzero(_is_limited(problem)).tolist():
        name, sold = problem.item_ids[i], first + i
        terms = [(int(_z(problem, s)[i]), -float(demand[s, i])) for s in range(len(demand)) if demand[s, i] > 0]
        rows.append(_row(f"sold_{name}", [(sold, 1.0), *terms], -np.inf, 0.0))
        rows.append(_row(f"stock_{name}", [(sold, 1.0), (i, -float(problem.stock[i]))], -np.inf, 0.0))
    return rows
