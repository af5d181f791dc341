"""One small shop, trained once for all tests of the application; every test works on its own copy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from bundleopt.verbs.initialise import initialise
from bundleopt.verbs.train import train
from tests.bundleopt.command_line import CommandLine
from tests.bundleopt.small_market import write_small_market


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The six CSV files."""
    return write_small_market(tmp_path_factory.mktemp("market") / "data")


@pytest.fixture(scope="session")
def trained_workspace(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace on the six files with its quick model; tests take copies."""
    root = tmp_path_factory.mktemp("workspace") / "shop"
    initialise(root, data=str(market))
    train(root, fast=True)
    return root


@pytest.fixture
def workspace(trained_workspace: Path, tmp_path: Path) -> Path:
    """A copy of the trained workspace that the test may change."""
    return Path(shutil.copytree(trained_workspace, tmp_path / "shop"))


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the user's cache, waits for hundreds of candidates, or compares colour codes."""
    monkeypatch.setenv("BUNDLEOPT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_COLOR", "1")
    # Sixty bundles of twelve items are as good a test as four hundred, and are proven in a fraction of the time.
    monkeypatch.setenv("BUNDLEOPT_CANDIDATES", "60")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line."""
    return CommandLine(capsys)
