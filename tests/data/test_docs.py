"""Examples in docstrings run, and the README names every module of the room."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from pathlib import Path

import pytest

import bundleopt_data

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(bundleopt_data.__path__, "bundleopt_data.") if not module.ispkg
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_readme_names_every_module() -> None:
    readme = Path(bundleopt_data.__file__).parent.parent / "README.md"
    text = readme.read_text(encoding="utf-8")
    missing = [name for name in MODULES if f"{name.rpartition('.')[2]}.py" not in text]
    assert missing == []
