from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bundleopt_data import panel_builder
from bundleopt_data.dataset import Dataset
from bundleopt_data.panel import Panel
from bundleopt_data.panel_cache import read_panel, write_panel

CUT = date(2024, 5, 20)


def _assert_equal(left: Any, right: Any) -> None:
    assert type(left) is type(right)
    if hasattr(left, "__dataclass_fields__"):
        for name in left.__dataclass_fields__:
            _assert_equal(getattr(left, name), getattr(right, name))
    elif isinstance(left, np.ndarray):
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)
    else:
        assert left == right


def test_a_panel_survives_the_disk_bit_by_bit(sample_like: Panel, tmp_path: Path) -> None:
    write_panel(sample_like, tmp_path / "panel.npz")
    again = read_panel(tmp_path / "panel.npz")
    assert again is not None
    _assert_equal(again, sample_like)


@pytest.fixture
def sample_like(shop: Any) -> Panel:
    """A panel with store groups, so that the packed flags are not empty."""
    header, *rows = shop.tables["transactions"].splitlines()
    shop.write("transactions", "\n".join([header + ",store_id", *(f"{row},s{n % 3}" for n, row in enumerate(rows))]))
    header, *rows = shop.tables["promotions"].splitlines()
    shop.write("promotions", "\n".join([header + ",store_id", *(f"{row},s{n % 2}" for n, row in enumerate(rows))]))
    panel: Panel = shop.prepare().panel(fit_until=CUT)
    assert panel.promotions.store_display.any()
    return panel


def test_the_second_call_reads_the_cache(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset: Dataset = shop.prepare()
    first = dataset.panel(fit_until=CUT)
    monkeypatch.setattr(panel_builder, "build", None)
    _assert_equal(dataset.panel(fit_until=CUT), first)


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty"])
def test_a_damaged_cache_is_built_anew(shop: Any, damage: str) -> None:
    dataset: Dataset = shop.prepare()
    first = dataset.panel(fit_until=CUT)
    (path,) = (dataset.folder / "panels").iterdir()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes({"flip": bytes(content), "truncate": bytes(content[:1000]), "empty": b""}[damage])
    assert read_panel(path) is None
    _assert_equal(dataset.panel(fit_until=CUT), first)
    assert read_panel(path) is not None
