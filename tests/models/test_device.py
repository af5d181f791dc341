"""Devices by name, and moving nested records."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from bundleopt_data.errors import UsageError
from bundleopt_models.device import DEVICES, moved, resolve_device


@dataclass(frozen=True)
class Leaf:
    values: torch.Tensor
    name: str


def test_auto_and_cpu_always_work():
    assert resolve_device("cpu").type == "cpu"
    assert resolve_device("auto").type in DEVICES


def test_unknown_and_absent_devices_are_refused(monkeypatch):
    with pytest.raises(UsageError, match="'tpu' is not one of auto, cpu, cuda, mps"):
        resolve_device("tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UsageError, match="'cuda' is not available"):
        resolve_device("cuda")
    assert resolve_device("auto").type == "cpu"


def test_nested_tensors_move_and_the_rest_stays():
    leaf = Leaf(torch.ones(2), "a")
    there = moved({1: [leaf], 2: leaf.values}, torch.device("meta"))
    assert there[1][0].values.device.type == "meta"
    assert there[1][0].name == "a"
    assert there[2].device.type == "meta"
    assert moved(leaf, torch.device("cpu")).values is leaf.values
