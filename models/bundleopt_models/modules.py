"""Calls of torch modules with a type: `nn.Module.__call__` promises nothing about what it returns."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn


def output(module: nn.Module, inputs: Tensor) -> Tensor:
    """Return what a module of one tensor makes of it."""
    return cast("Tensor", module(inputs))


def sparse_product(matrix: Tensor, dense: Tensor) -> Tensor:
    """Sparse CSR times dense in float32, also where the passes around it run in bf16: torch has no such kernel."""
    with torch.autocast(matrix.device.type, enabled=False):
        found: Tensor = torch.sparse.mm(matrix, dense.float())
    return found
