"""Every line of the catalogue of faults is provoked by a test that exists, or said to be open."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.bundleopt.faults.catalogue import ELSEWHERE, LINES, OPEN

ROOT = Path(__file__).parents[3]


def _marked() -> set[int]:
    """Numbers in the `@fault(...)` and `@pytest.mark.fault(...)` decorators of all tests."""
    found: set[int] = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for decorator in getattr(node, "decorator_list", []):
                if isinstance(decorator, ast.Call) and "fault" in {
                    getattr(decorator.func, "id", ""),
                    getattr(decorator.func, "attr", ""),
                }:
                    found |= {ast.literal_eval(argument) for argument in decorator.args}
    return found


def test_every_fault_is_provoked_or_open() -> None:
    provoked = _marked() | set(ELSEWHERE)
    assert len(LINES) == 72
    assert provoked | set(OPEN) == set(LINES)
    assert not provoked & set(OPEN)


def test_tests_that_are_named_exist() -> None:
    for names in ELSEWHERE.values():
        for name in names:
            path, _, function = name.partition("::")
            tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
            assert function in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, name
