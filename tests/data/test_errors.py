from __future__ import annotations

import inspect

import pytest

from bundleopt_data import errors
from bundleopt_data.errors import BundleoptError, DataProblem, DataRefusedError

_LEAVES = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, BundleoptError)]


@pytest.mark.parametrize("kind", _LEAVES)
def test_every_error_has_a_code_and_stands_in_the_tree(kind: type[BundleoptError]) -> None:
    assert 1 <= kind.exit_code <= 11
    assert kind.__name__ in (errors.__doc__ or "")


def test_a_problem_names_place_check_count_examples_and_fix() -> None:
    problem = DataProblem(
        "items", "price", "must be greater than 0", 7, tuple(f"row {n}" for n in range(9)), "correct it"
    )
    text = str(problem)
    assert text.startswith("items.price: must be greater than 0 (7 rows)")
    assert text.count("row ") == 5
    assert text.endswith("fix: correct it")
    assert "(" not in str(DataProblem("items", "", "the table is missing", 0))


def test_a_refusal_shows_twenty_problems_and_counts_the_rest() -> None:
    refusal = DataRefusedError([DataProblem("items", "", f"problem {n}", 1) for n in range(25)], rejects="rejects.csv")
    assert str(refusal).count("problem ") == 20
    assert "... and 5 more" in str(refusal)
    assert "rejects.csv" in str(refusal)
    assert len(refusal.problems) == 25
