"""Calls of torch modules with a type: `nn.Module.__call__` promises nothing about what it returns."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn


def output(module: nn.Module, inputs: Tensor) -> Tensor:
    """Return what a module of one tensor makes of it."""
    return cast("Tensor", module(inputs))


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
