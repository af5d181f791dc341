"""Calls of torch modules with a type: `nn.Module.__call__` promises nothing about what it returns."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn


def output(module: nn.Module, inputs: Tensor) -> Tensor:
    """Return what a module of one tensor makes of it."""
    return cast("Tensor", module(inputs))
