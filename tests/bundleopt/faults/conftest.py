"""A shop of its own for every test that spoils one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.bundleopt.command_line import CommandLine
from tests.bundleopt.faults.shop import Shop


@pytest.fixture
def shop(market: Path, tmp_path: Path, run: CommandLine) -> Shop:
    return Shop(Path(shutil.copytree(market, tmp_path / "data")), tmp_path / "shop", run)
