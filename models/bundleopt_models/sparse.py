"""Sparse matrices of constants in compressed rows (CSR), and their products with dense ones."""

from __future__ import annotations

import warnings
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def csr(starts: Ints, columns: Ints, values: Floats, shape: tuple[int, int]) -> Tensor:
    """A torch CSR matrix from compressed rows; indices are int64, values float32."""
    parts = (torch.from_numpy(starts), torch.from_numpy(columns), torch.from_numpy(values))
    with warnings.catch_warnings():
        # torch calls the layout "beta"; the two products used here are compared with dense ones in the tests.
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support")
        return torch.sparse_csr_tensor(*parts, size=shape, check_invariants=False)


def transposed(matrix: Tensor) -> Tensor:
    """The transpose of a CSR matrix, as CSR."""
    starts, columns, values = (part.numpy() for part in (matrix.crow_indices(), matrix.col_indices(), matrix.values()))
    n_rows, n_columns = matrix.shape
    row = np.repeat(np.arange(n_rows), np.diff(starts))
    order = np.argsort(columns, kind="stable")
    new_starts = np.searchsorted(columns[order], np.arange(n_columns + 1)).astype(np.int64)
    return csr(new_starts, row[order].astype(np.int64), values[order], (n_columns, n_rows))


class _SparseProduct(torch.autograd.Function):
    """Sparse CSR times dense, whose backward pass multiplies by a transpose that was made once.

    Torch's own backward pass sorts the matrix into its transpose at every step: half the time of a training.
    """

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, transposed: Tensor, dense: Tensor) -> Tensor:
        """(n, R) = (n, m) matrix times (m, R) dense."""
        ctx.transposed = transposed
        product: Tensor = torch.sparse.mm(matrix, dense)
        return product

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor]:
        """The gradient of `dense`; matrices are constants."""
        return None, None, torch.sparse.mm(ctx.transposed, gradients[0])


def sparse_product(matrix: Tensor, dense: Tensor, transposed: Tensor | None = None) -> Tensor:
    """Sparse CSR times dense in float32, also where the passes around it run in bf16: torch has no such kernel.

    Args:
        matrix: (n, m) constants.
        dense: (m, R).
        transposed: (m, n) the same constants, which make backward passes fast; scoring goes without.
    """
    with torch.autocast(matrix.device.type, enabled=False):
        if transposed is None:
            found: Tensor = torch.sparse.mm(matrix, dense.float())
            return found
        return cast("Tensor", _SparseProduct.apply(matrix, transposed, dense.float()))  # type: ignore[no-untyped-call]
