"""Plan product bundles, prices and audiences from transaction logs, with a certificate of how good the plan is.

    import bundleopt

    result = bundleopt.solve(budget=2000, max_discount="25%")
    print(result.incremental_revenue, result.bound, result.folder)

Whatever the command line does, Python does in one call with a result object. Names are loaded on first use.
"""

from __future__ import annotations

import importlib
import logging
from typing import Any

logging.getLogger("bundleopt").addHandler(logging.NullHandler())

_HOMES = {
    "ApproveResult": "bundleopt.verbs.approve",
    "AssortResult": "bundleopt.assortment.result",
    "BacktestResult": "bundleopt.verbs.backtest",
    "BundleoptError": "bundleopt_data.errors",
    "CheckResult": "bundleopt.verbs.check",
    "CompareResult": "bundleopt.verbs.compare",
    "DataRefusedError": "bundleopt_data.errors",
    "EvaluateResult": "bundleopt.verbs.evaluate",
    "ExportResult": "bundleopt.verbs.export",
    "FeedbackResult": "bundleopt.verbs.feedback",
    "InfeasiblePlanError": "bundleopt_data.errors",
    "MadeWorkspace": "bundleopt.verbs.initialise",
    "MissingExtraError": "bundleopt_data.errors",
    "ModelArtefactError": "bundleopt_data.errors",
    "NoPlanInTimeError": "bundleopt_data.errors",
    "NotProvenError": "bundleopt_data.errors",
    "ReviewResult": "bundleopt.verbs.review",
    "ScoreResult": "bundleopt.verbs.score",
    "PriceResult": "bundleopt.verbs.price",
    "SolveResult": "bundleopt.verbs.solve",
    "SolverCrashError": "bundleopt_data.errors",
    "StorageError": "bundleopt_data.errors",
    "TrainResult": "bundleopt.verbs.train",
    "UsageError": "bundleopt_data.errors",
    "VerificationError": "bundleopt_data.errors",
    "WhatIfResult": "bundleopt.verbs.whatif",
    "WorkspaceLockedError": "bundleopt_data.errors",
    "approve": "bundleopt.verbs.approve",
    "assort": "bundleopt.verbs.assort",
    "backtest": "bundleopt.verbs.backtest",
    "check": "bundleopt.verbs.check",
    "compare": "bundleopt.verbs.compare",
    "evaluate": "bundleopt.verbs.evaluate",
    "explain": "bundleopt.verbs.explain",
    "export": "bundleopt.verbs.export",
    "feedback": "bundleopt.verbs.feedback",
    "initialise": "bundleopt.verbs.initialise",
    "predict": "bundleopt.verbs.predict",
    "price": "bundleopt.verbs.price",
    "read_result": "bundleopt.verbs.report",
    "review": "bundleopt.verbs.review",
    "score": "bundleopt.verbs.score",
    "solve": "bundleopt.verbs.solve",
    "train": "bundleopt.verbs.train",
    "whatif": "bundleopt.verbs.whatif",
    "write_report": "bundleopt.verbs.report",
}

__all__ = [  # noqa: PLE0604 - the names are those of the table above, and a test pins them
    *sorted(_HOMES)
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'bundleopt' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(_HOMES)
