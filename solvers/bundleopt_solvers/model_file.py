"""Write a linear model for any other solver: free MPS or LP, with readable names.

LP says that the objective is maximised. MPS has no agreed way to say so (CBC reads OBJSENSE and ignores it), so its
objective row is named `minus_value` and holds the negated objective, to be minimised: the optimum there is minus the
value here. The offset stands where each format has a place for it: MPS reads the right-hand side of the objective row
as minus the constant, LP has a constant term. `FREE` on the first line keeps CBC from guessing fixed columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from bundleopt_data.atomic import write_text
from bundleopt_data.errors import UsageError
from bundleopt_solvers.linear_model import LinearModel
from bundleopt_solvers.readable_names import readable_names

OBJECTIVE = "value"
MINUS_OBJECTIVE = "minus_value"
TERMS_PER_LINE = 4  # LP readers limit the length of a line


def write_model(model: LinearModel, path: Path) -> None:
    """Write `model` to `path`, whose ending, .mps or .lp, decides the format. Old or new file, never a torso.

    Numbers are written so that they read back as the same float64.

    Raises:
        UsageError: another ending.
    """
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise UsageError(f"a model is written to .mps or .lp, not to {path.name!r}")
    write_text(path, "\n".join(writer(_named(model))) + "\n")


def _named(model: LinearModel) -> LinearModel:
    """The model with a readable name for every variable and row; none clashes with an objective's."""
    variables = [model.name(variable) for variable in range(model.variables)]
    rows = [OBJECTIVE, MINUS_OBJECTIVE, *(model.row_name(row) for row in range(model.rows))]
    return replace(model, names=readable_names(variables), row_names=readable_names(rows)[2:])


def _number(value: float) -> str:
    """The shortest text that reads back as the same float64."""
    return repr(float(value))


def _mps(model: LinearModel) -> Iterator[str]:
    yield "NAME bundleopt FREE"
    yield "ROWS"
    yield f" N {MINUS_OBJECTIVE}"
    kinds = [_kind(model, row) for row in range(model.rows)]
    yield from (f" {kind} {name}" for kind, name in zip(kinds, model.row_names, strict=True))
    yield from _mps_columns(model)
    yield from _mps_sides(model, kinds)
    yield from _mps_bounds(model)
    yield "ENDATA"


def _kind(model: LinearModel, row: int) -> str:
    """E, L, G or N; a row with two limits is L with a range."""
    low, high = model.row_lower[row], model.row_upper[row]
    if low == high:
        return "E"
    if np.isfinite(high):
        return "L"
    return "G" if np.isfinite(low) else "N"


def _mps_columns(model: LinearModel) -> Iterator[str]:
    yield "COLUMNS"
    order = np.lexsort((model.row_of, model.indices))
    rows, coefficients = model.row_of[order], model.coefficients[order]
    start = np.searchsorted(model.indices[order], np.arange(model.variables + 1))
    whole = False
    for variable, name in enumerate(model.names):
        if bool(model.integer[variable]) != whole:
            whole = not whole
            yield f" MARKER{variable} 'MARKER' '{'INTORG' if whole else 'INTEND'}'"
        # a column that stands in no row still has to be named
        yield f" {name} {MINUS_OBJECTIVE} {_number(-model.objective[variable])}"
        for at in range(start[variable], start[variable + 1]):
            yield f" {name} {model.row_names[rows[at]]} {_number(coefficients[at])}"
    if whole:
        yield " MARKEREND 'MARKER' 'INTEND'"


def _mps_sides(model: LinearModel, kinds: list[str]) -> Iterator[str]:
    yield "RHS"
    if model.offset:
        yield f" RHS {MINUS_OBJECTIVE} {_number(model.offset)}"
    for row, kind in enumerate(kinds):
        limit = model.row_lower[row] if kind == "G" else model.row_upper[row]
        if kind != "N" and limit:
            yield f" RHS {model.row_names[row]} {_number(limit)}"
    yield "RANGES"
    for row, kind in enumerate(kinds):
        if kind == "L" and np.isfinite(model.row_lower[row]):
            yield f" RANGE {model.row_names[row]} {_number(model.row_upper[row] - model.row_lower[row])}"


def _mps_bounds(model: LinearModel) -> Iterator[str]:
    """Every bound is written: readers disagree about the default of a whole number."""
    yield "BOUNDS"
    for name, low, high in zip(model.names, model.lower, model.upper, strict=True):
        if low == high:
            yield f" FX BOUND {name} {_number(low)}"
            continue
        if np.isinf(low) and np.isinf(high):
            yield f" FR BOUND {name}"
            continue
        yield f" MI BOUND {name}" if np.isinf(low) else f" LO BOUND {name} {_number(low)}"
        yield f" PL BOUND {name}" if np.isinf(high) else f" UP BOUND {name} {_number(high)}"


def _lp(model: LinearModel) -> Iterator[str]:
    yield "Maximize"
    constant = [f"{_signed(model.offset)}"] if model.offset else []
    priced = np.flatnonzero(model.objective)
    terms = [f"{_signed(model.objective[v])} {model.names[v]}" for v in priced]
    yield from _lines(f" {OBJECTIVE}:", [*(terms or [f"+ 0 {model.names[0]}"] if model.variables else []), *constant])
    yield "Subject To"
    for row in range(model.rows):
        yield from _lp_row(model, row)
    yield "Bounds"
    for name, low, high in zip(model.names, model.lower, model.upper, strict=True):
        yield f" {_lp_number(low)} <= {name} <= {_lp_number(high)}"
    if model.integer.any():
        yield "General"
        yield from _lines("", [model.names[v] for v in np.flatnonzero(model.integer)])
    yield "End"


def _lp_row(model: LinearModel, row: int) -> Iterator[str]:
    """One line group per limit: not every reader knows rows with two."""
    part = slice(model.indptr[row], model.indptr[row + 1])
    pairs = zip(model.indices[part], model.coefficients[part], strict=True)
    terms = [f"{_signed(number)} {model.names[variable]}" for variable, number in pairs]
    terms = terms or ([f"+ 0 {model.names[0]}"] if model.variables else [])
    name, low, high = model.row_names[row], model.row_lower[row], model.row_upper[row]
    if low == high:
        yield from _lines(f" {name}:", [*terms, f"= {_number(low)}"])
        return
    two = np.isfinite(low) and np.isfinite(high)
    if np.isfinite(high):
        yield from _lines(f" {name}:", [*terms, f"<= {_number(high)}"])
    if np.isfinite(low):
        yield from _lines(f" {name}{'.low' if two else ''}:", [*terms, f">= {_number(low)}"])


def _signed(value: float) -> str:
    return f"{'-' if value < 0 else '+'} {_number(abs(value))}"


def _lp_number(value: float) -> str:
    return f"{'-' if value < 0 else '+'}inf" if np.isinf(value) else _number(value)


def _lines(head: str, terms: list[str]) -> Iterator[str]:
    """`head` and `terms`, a few to a line."""
    for at in range(0, max(len(terms), 1), TERMS_PER_LINE):
        yield f"{head if at == 0 else ' '} {' '.join(terms[at : at + TERMS_PER_LINE])}"


WRITERS: dict[str, Callable[[LinearModel], Iterator[str]]] = {".mps": _mps, ".lp": _lp}
