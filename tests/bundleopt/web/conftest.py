"""One shop with hostile names and one page on it for all tests of a module."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bundleopt.faults.hostile_names import write_hostile_market
from tests.bundleopt.web.page_server import PageServer


@pytest.fixture(scope="module")
def hostile_shop(market: Path, trained_workspace: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained workspace whose items have names that want to do harm; the model knows items by their ids."""
    folder = tmp_path_factory.mktemp("hostile")
    data = write_hostile_market(market, folder / "data")
    root = Path(shutil.copytree(trained_workspace, folder / "shop"))
    settings = root / "bundleopt.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace(str(market), str(data)), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def page(hostile_shop: Path) -> Iterator[PageServer]:
    """The page of that shop."""
    server = PageServer.start(hostile_shop)
    yield server
    server.stop()
