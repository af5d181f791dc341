import subprocess
import sys

import pytest

import bundleopt
from bundleopt_data.errors import BundleoptError

PUBLIC = [
    "ApproveResult",
    "AssortResult",
    "BacktestResult",
    "BundleoptError",
    "CheckResult",
    "CompareResult",
    "DataRefusedError",
    "EvaluateResult",
    "ExportResult",
    "FeedbackResult",
    "InfeasiblePlanError",
    "MadeWorkspace",
    "MissingExtraError",
    "ModelArtefactError",
    "NoPlanInTimeError",
    "NotProvenError",
    "PriceResult",
    "ReviewResult",
    "ScoreResult",
    "SolveResult",
    "SolverCrashError",
    "StorageError",
    "TrainResult",
    "UsageError",
    "VerificationError",
    "WhatIfResult",
    "WorkspaceLockedError",
    "approve",
    "assort",
    "backtest",
    "check",
    "compare",
    "evaluate",
    "explain",
    "export",
    "feedback",
    "initialise",
    "predict",
    "price",
    "read_result",
    "review",
    "score",
    "solve",
    "train",
    "whatif",
    "write_report",
]


def test_the_public_names_are_these_and_all_exist() -> None:
    assert bundleopt.__all__ == PUBLIC == sorted(PUBLIC)
    assert dir(bundleopt) == PUBLIC
    for name in PUBLIC:
        assert getattr(bundleopt, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'slove'"):
        _ = bundleopt.slove


def test_every_error_of_the_product_is_public_and_has_its_own_code() -> None:
    leaves = {leaf.__name__: leaf.exit_code for leaf in BundleoptError.__subclasses__()}
    assert set(leaves) <= set(PUBLIC)
    codes = [code for name, code in leaves.items() if name != "MissingExtraError"]
    assert sorted(codes) == list(range(2, 12))


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import bundleopt, sys; print([n for n in ('torch', 'pandas', 'numpy', 'duckdb') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
