"""A small part of `make fuzz` over the backends: no false word passes the guards."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from bundleopt_solvers.backends.table import BACKENDS
from bundleopt_solvers.worker_pool import WorkerPool

FILE = Path(__file__).parents[2] / "benchmarks" / "fuzz_backends.py"


@pytest.fixture(scope="module")
def fuzz_backends():
    spec = importlib.util.spec_from_file_location("fuzz_backends", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["fuzz_backends"] = module
    spec.loader.exec_module(module)
    return module


def test_no_backend_says_a_false_word(fuzz_backends):
    counts = fuzz_backends.fuzz(40, 500_000, list(BACKENDS))
    assert {"highs", "scip", "cp_sat", "cbc", "glop", "pdlp"} <= set(counts)
    assert not [word for count in counts.values() for word in count if word.startswith("WRONG")]
    assert all(count.total() - count["refused"] == 40 for count in counts.values())


def test_a_plan_within_the_tolerance_of_its_rows_is_no_lie(fuzz_backends):
    # PDLP keeps these rows to 2e-6, as the guards grant, and so stands 1e-5 above the optimum
    pool = WorkerPool()
    try:
        for seed in (1_000_243, 1_001_086, 1_001_481):
            assert not fuzz_backends.verdict(pool, "pdlp", *fuzz_backends.instance(seed, linear=True)).startswith(
                "WRONG"
            )
    finally:
        pool.close()


def test_a_false_optimum_would_be_named(fuzz_backends):
    pool = WorkerPool()
    model, best = fuzz_backends.instance(7, linear=False)
    try:
        assert fuzz_backends.verdict(pool, "highs", model, best) in ("optimal", "infeasible")
        assert fuzz_backends.verdict(pool, "highs", model, best + 1.0) == "WRONG: bound"
        assert fuzz_backends.verdict(pool, "highs", model, best - 1.0) == "WRONG: no such plan"
    finally:
        pool.close()
