"""The words that a parent and its solver child exchange, as frames."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from bundleopt_solvers.backends.backend import Answer, Basis, Effort, SolveStatus
from bundleopt_solvers.frames import Frame
from bundleopt_solvers.linear_model import LinearModel, Reals

MODEL_ARRAYS = ("objective", "lower", "upper", "integer", "indptr", "indices", "coefficients", "row_lower", "row_upper")


def solve_frame(
    model: LinearModel, solver: str, effort: Effort, start: Reals | None, basis: Basis | None = None
) -> Frame:
    """Ask for a solve. Names stay at home: no solver needs them."""
    kinds = {"integer": np.bool_, "indptr": np.int64, "indices": np.int64}
    arrays: dict[str, npt.NDArray[Any]] = {
        name: np.asarray(getattr(model, name), kinds.get(name, np.float64)) for name in MODEL_ARRAYS
    }
    if start is not None:
        arrays["start"] = np.asarray(start, np.float64)
    if basis is not None:
        arrays["basis"] = np.asarray(basis, np.uint8)
    return Frame("solve", {"solver": solver, "offset": model.offset, "effort": asdict(effort)}, arrays)


def read_solve(frame: Frame) -> tuple[LinearModel, str, Effort, Reals | None, Basis | None]:
    """The model, solver name, effort, start and basis of a solve frame."""
    fields: dict[str, Any] = {name: frame.arrays[name] for name in MODEL_ARRAYS}
    model = LinearModel(**fields, offset=float(frame.fields["offset"]))
    start, basis = frame.arrays.get("start"), frame.arrays.get("basis")
    return model, str(frame.fields["solver"]), Effort(**frame.fields["effort"]), start, basis


def answer_frame(answer: Answer) -> Frame:
    """Send an answer home."""
    arrays = {"values": answer.values, "row_duals": answer.row_duals, "basis": answer.basis}
    fields = {"status": answer.status.value, "message": answer.message}
    numbers = {"numbers": np.array([answer.claimed, answer.bound], np.float64)}
    return Frame("answer", fields, numbers | {name: array for name, array in arrays.items() if array is not None})


def read_answer(frame: Frame) -> Answer:
    """The answer of an answer frame."""
    claimed, bound = frame.arrays["numbers"].tolist()
    status, message = SolveStatus(frame.fields["status"]), str(frame.fields["message"])
    parts = frame.arrays
    return Answer(status, parts.get("values"), claimed, bound, parts.get("row_duals"), message, parts.get("basis"))
