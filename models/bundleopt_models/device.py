"""Where training runs: the processor, or an accelerator when one is there."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar, cast

import torch

from bundleopt_data.errors import UsageError

DEVICES = ("auto", "cpu", "cuda", "mps")
Record = TypeVar("Record")


def resolve_device(name: str) -> torch.device:
    """The device a name stands for; `auto` is CUDA where there is one, else the processor.

    Raises:
        UsageError: no such name, or no such device on this machine.
    """
    if name not in DEVICES:
        raise UsageError(f"device {name!r} is not one of {', '.join(DEVICES)}")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not available[name]:
        raise UsageError(f"device {name!r} is not available on this machine; use --device auto or cpu")
    return torch.device(name)


def moved(value: Record, device: torch.device) -> Record:
    """The tensors inside dataclasses, lists and dictionaries on `device`; what is there already is not copied."""
    return cast("Record", _moved(value, device))


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {key: _moved(inner, device) for key, inner in value.items()}
    if isinstance(value, list):
        return [_moved(inner, device) for inner in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return type(value)(**{name: _moved(getattr(value, name), device) for name in names})
    return value
