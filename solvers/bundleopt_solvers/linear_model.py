"""A mixed-integer linear model as plain arrays: what every solver backend and model file is given.

Letters: `V` variables, `R` rows, `N` non-zero coefficients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# Solvers keep rows to about 1e-6 of their limit, so a re-check cannot ask for more; the published plan is judged by
# the exact checker, not by this tolerance.
ROW_TOLERANCE = 2e-6
ROUNDING_TOLERANCE = 1e-9  # of the sum of absolute terms of a row: what float64 sums and solver scaling lose


@dataclass(frozen=True, eq=False)
class LinearModel:
    """Maximise objective . x + offset over row_lower <= A x <= row_upper, lower <= x <= upper.

    Attributes:
        objective: (V,) value of one unit of each variable. lower, upper: (V,) bounds, infinite where there are none.
        integer: (V,) which variables are whole numbers.
        indptr: (R + 1,), indices, coefficients: (N,) the rows of A, compressed; a row names a variable once.
        row_lower, row_upper: (R,) limits, infinite where there are none.
        names: (V,) and row_names: (R,) texts; empty tuples where nobody reads them.
        offset: constant part of the objective.

    Raises:
        ValueError: shapes disagree, something is not a number, or limits cross.
    """

    objective: Reals
    lower: Reals
    upper: Reals
    integer: Flags
    indptr: Indices
    indices: Indices
    coefficients: Reals
    row_lower: Reals
    row_upper: Reals
    names: tuple[str, ...] = ()
    row_names: tuple[str, ...] = ()
    offset: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no solver could read the same way as another."""
        _check_shapes(self)
        _check_rows(self)
        _check_limits("variable", self.lower, self.upper)
        _check_limits("row", self.row_lower, self.row_upper)
        if not (np.isfinite(self.objective).all() and np.isfinite(self.offset)):
            raise ValueError("the objective holds a value that is not finite")

    @property
    def variables(self) -> int:
        """V, the number of variables."""
        return len(self.objective)

    @property
    def rows(self) -> int:
        """R, the number of rows."""
        return len(self.row_lower)

    @property
    def row_of(self) -> Indices:
        """(N,) row of every coefficient."""
        return np.repeat(np.arange(self.rows), np.diff(self.indptr))

    @property
    def is_continuous(self) -> bool:
        """Whether no variable has to be a whole number."""
        return not self.integer.any()

    def activity(self, values: Reals) -> Reals:
        """A x: (R,) for `values` (V,)."""
        return _sums(self.row_of, self.coefficients * values[self.indices], self.rows)

    def objective_of(self, values: Reals) -> float:
        """Objective . x + offset, the only objective value anybody reports."""
        return float(self.objective @ values + self.offset)

    def objective_scale(self, values: Reals) -> float:
        """Size of the objective's terms at `values`, at least 1: what a relative tolerance is relative to."""
        return max(1.0, float(np.abs(self.objective) @ np.abs(values)) + abs(self.offset))

    def row_tolerance(self, values: Reals, share: float = ROUNDING_TOLERANCE) -> Reals:
        """(R,) how far `values` may overstep each row: a little of its limit, and a `share` of its absolute terms."""
        limit = np.maximum(_finite(self.row_lower), _finite(self.row_upper))
        terms = np.abs(self.coefficients * values[self.indices])
        return ROW_TOLERANCE * np.maximum(1.0, limit) + share * _sums(self.row_of, terms, self.rows)

    def violation(self, values: Reals, share: float = ROUNDING_TOLERANCE) -> str:
        """Name the first broken bound or row of `values` (V,), or "" where all hold; `share` as in `row_tolerance`."""
        slack = ROW_TOLERANCE * np.maximum(1.0, np.abs(values))
        bad = np.flatnonzero((values < self.lower - slack) | (values > self.upper + slack))
        if len(bad):
            return f"variable {self.name(bad[0])} = {values[bad[0]]:.9g} is outside its bounds"
        activity, slack = self.activity(values), self.row_tolerance(values, share)
        bad = np.flatnonzero((activity < self.row_lower - slack) | (activity > self.row_upper + slack))
        if not len(bad):
            return ""
        row = bad[0]
        limits = f"[{self.row_lower[row]:.9g}, {self.row_upper[row]:.9g}]"
        return f"row {self.row_name(row)} = {activity[row]:.9g} is outside {limits}"

    def name(self, variable: int) -> str:
        """Name of one variable."""
        return self.names[variable] if self.names else f"x{variable}"

    def row_name(self, row: int) -> str:
        """Name of one row."""
        return self.row_names[row] if self.row_names else f"r{row}"

    def relaxed(self) -> LinearModel:
        """The same model without whole numbers; its optimum bounds this one's."""
        return replace(self, integer=np.zeros(self.variables, np.bool_))

    def with_bounds(self, lower: Reals, upper: Reals) -> LinearModel:
        """The same model over other bounds (V,)."""
        return replace(self, lower=lower, upper=upper)

    def with_rows(self, rows: Sequence[Row]) -> LinearModel:
        """The same model with further `rows` below the present ones."""
        if not rows:
            return self
        width = [len(row.indices) for row in rows]
        names = (*self._row_names(), *(row.name for row in rows))
        return replace(
            self,
            indptr=np.concatenate([self.indptr, self.indptr[-1] + np.cumsum(width)]),
            indices=np.concatenate([self.indices, *(row.indices for row in rows)]),
            coefficients=np.concatenate([self.coefficients, *(row.coefficients for row in rows)]),
            row_lower=np.append(self.row_lower, [row.lower for row in rows]),
            row_upper=np.append(self.row_upper, [row.upper for row in rows]),
            row_names=names,
        )

    def _row_names(self) -> tuple[str, ...]:
        return self.row_names or tuple(f"r{row}" for row in range(self.rows))

    def reduced_values(self, duals: Reals) -> Reals:
        """(V,) objective less what each variable uses at row prices (R,), as `bound_from_duals` counts them.

        Moving a variable with finite bounds to x changes that bound by reduced * x - max(reduced * l, reduced * u).
        """
        pull = self.coefficients * self._possible_prices(duals)[self.row_of]
        return np.asarray(self.objective - _sums(self.indices, pull, self.variables))

    def _possible_prices(self, duals: Reals) -> Reals:
        """(R,) the prices without those of a sign that their row can't have."""
        prices = np.where(np.isinf(self.row_upper), np.minimum(duals, 0.0), duals)
        prices = np.where(np.isinf(self.row_lower), np.maximum(prices, 0.0), prices)
        return np.asarray(np.where(np.isfinite(prices), prices, 0.0))

    def bound_from_duals(self, duals: Reals) -> float:
        """Upper bound on the objective from any row prices, right or wrong (weak duality).

        For every y: max c.x <= sum_i max(y_i lo_i, y_i up_i) + sum_j max(d_j l_j, d_j u_j), d = c - A'y. Prices of the
        wrong sign on a one-sided row are cut to 0 first, which keeps the bound finite and costs nothing in validity.

        Args:
            duals: (R,) money per unit of each row.

        Returns:
            The bound, offset included; infinite where a variable without bound has a reduced value.
        """
        prices = self._possible_prices(duals)
        pull = self.coefficients * prices[self.row_of]
        reduced = self.objective - _sums(self.indices, pull, self.variables)
        size = np.abs(self.objective) + _sums(self.indices, np.abs(pull), self.variables)
        free = np.isinf(self.lower) | np.isinf(self.upper)
        # without a bound a rounding error of d_j would cost infinity; below it the variable counts as priced out
        reduced = np.where(free & (np.abs(reduced) <= 1e-9 * np.maximum(1.0, size)), 0.0, reduced)
        rows = _best_product(prices, self.row_lower, self.row_upper)
        columns = _best_product(reduced, self.lower, self.upper)
        return float(rows.sum() + columns.sum() + self.offset)


@dataclass(frozen=True, eq=False)
class Row:
    """One more row: lower <= coefficients . x[indices] <= upper."""

    name: str
    indices: Indices
    coefficients: Reals
    lower: float
    upper: float


def _sums(group: Indices, terms: Reals, groups: int) -> Reals:
    """(groups,) sums of `terms` by `group`; float also where there are no terms at all."""
    return np.bincount(group, terms, minlength=groups).astype(np.float64)


def _best_product(price: Reals, lower: Reals, upper: Reals) -> Reals:
    """Max of price * x over lower <= x <= upper, 0 where the price is 0 (also at infinite limits)."""
    with np.errstate(invalid="ignore"):
        best = np.where(price > 0, price * upper, price * lower)
    return np.where(price == 0, 0.0, best)


def _finite(limit: Reals) -> Reals:
    return np.where(np.isfinite(limit), np.abs(limit), 0.0)


def _check_shapes(model: LinearModel) -> None:
    per_variable = {len(model.objective), len(model.lower), len(model.upper), len(model.integer)}
    if len(per_variable) != 1:
        raise ValueError(f"objective, lower, upper and integer have different lengths: {sorted(per_variable)}")
    if len({len(model.row_lower), len(model.row_upper), len(model.indptr) - 1}) != 1:
        raise ValueError("row_lower, row_upper and indptr disagree about the number of rows")
    if len(model.indices) != len(model.coefficients):
        raise ValueError("indices and coefficients have different lengths")
    if model.names and len(model.names) != model.variables:
        raise ValueError(f"{len(model.names)} names for {model.variables} variables")
    if model.row_names and len(model.row_names) != model.rows:
        raise ValueError(f"{len(model.row_names)} row names for {model.rows} rows")


def _check_rows(model: LinearModel) -> None:
    if model.indptr[0] != 0 or model.indptr[-1] != len(model.indices) or (np.diff(model.indptr) < 0).any():
        raise ValueError("indptr must climb from 0 to the number of coefficients")
    if not np.isfinite(model.coefficients).all():
        raise ValueError("a row holds a coefficient that is not finite")
    if not len(model.indices):
        return
    if model.indices.min() < 0 or model.indices.max() >= model.variables:
        raise ValueError("a row names a variable that does not exist")
    cell = np.sort(model.row_of * model.variables + model.indices)
    if (cell[1:] == cell[:-1]).any():
        raise ValueError("a row names a variable twice")


def _check_limits(what: str, lower: Reals, upper: Reals) -> None:
    if np.isnan(lower).any() or np.isnan(upper).any():
        raise ValueError(f"a {what} limit is not a number")
    if (lower == np.inf).any() or (upper == -np.inf).any() or (lower > upper).any():
        raise ValueError(f"a {what} has a lower limit above its upper limit")
