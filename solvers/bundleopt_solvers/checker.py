"""The independent checker: recomputes every rule and every total of a run folder from its files and the inputs alone.

It imports nothing of the engine: pandas to read, exact fractions to decide. CHECKER.md lists what is checked and how
exactly.
"""

from __future__ import annotations

from pathlib import Path

from bundleopt_data.errors import Violation
from bundleopt_solvers.checker_certificate import (
    check_certificates,
    check_rules,
    objective_value,
    recomputed_rules,
    required_rules,
)
from bundleopt_solvers.checker_counts import check_counts, check_customers_known, count_lines, parity_lines
from bundleopt_solvers.checker_draws import chance_line, check_draws
from bundleopt_solvers.checker_eligibility import check_eligibility, check_price_limits
from bundleopt_solvers.checker_files import RunTables, read_forecast, read_run, valuations_sha256
from bundleopt_solvers.checker_findings import Findings
from bundleopt_solvers.checker_inputs import CheckInputs, CheckLimits
from bundleopt_solvers.checker_items import read_items
from bundleopt_solvers.checker_menu import check_menu
from bundleopt_solvers.checker_offers import check_offers
from bundleopt_solvers.checker_shelf import check_shelf
from bundleopt_solvers.checker_stores import check_stores, store_lines
from bundleopt_solvers.checker_sums import add_up, check_bundle_rows, check_coupling, check_inventory, check_totals

__all__ = ["CheckInputs", "CheckLimits", "check_run", "valuations_sha256"]


def check_run(folder: Path, inputs: CheckInputs) -> list[Violation]:
    """Check a run folder.

    Args:
        folder: holds plan.json, bundles.parquet, offers.parquet, inventory.parquet.
        inputs: items, forecast and rules; see CheckInputs.

    Returns:
        Every finding; empty where every rule holds and every figure agrees. Files that cannot be read as the contract
        says end the check early, since nothing else can be said.
    """
    findings = Findings()
    run = read_run(folder, findings)
    forecast, digest = read_forecast(inputs, findings)
    if run is None or findings.violations:
        return findings.violations
    _check_digests(run, digest, findings)
    limits, items = inputs.limits, read_items(inputs.items)
    menu = check_menu(run.bundles, items, limits, findings)
    check_price_limits(menu, limits, findings)
    offers = check_offers(run.offers, menu, forecast, limits, findings)
    check_eligibility(offers, inputs.ineligible, findings)
    if any(violation.rule in ("offer items", "incremental units", "bundle items") for violation in findings.violations):
        return findings.violations
    sums = add_up(offers, check_shelf(run, menu, forecast, limits, findings))
    check_coupling(sums, menu, items, limits, findings)
    check_customers_known(offers, inputs.customers, findings)
    parity = parity_lines(offers, inputs.customers, limits)
    check_counts(count_lines(sums, menu, items, limits), parity, findings)
    check_inventory(run.inventory, sums, items, findings)
    check_bundle_rows(run.bundles, sums, findings)
    check_totals(run, sums, items, findings)
    by_store = store_lines(offers, inputs.stores, inputs.customer_store)
    check_stores(by_store, findings)
    chance = chance_line(offers, menu, inputs.draws, limits)
    check_draws(chance, inputs.draws, limits, findings)
    check_certificates(run.plan, objective_value(sums, len(run.bundles), limits, inputs.draws), findings)
    required = required_rules(limits) | set(parity) | set(by_store) if menu else set()  # doing nothing keeps most rules
    expected = recomputed_rules(sums, menu, items, limits) | parity | chance | by_store
    check_rules(run.plan["rules"], expected, required, findings)
    return findings.violations


def _check_digests(run: RunTables, digest: str, findings: Findings) -> None:
    """The plan names the forecast that it was checked against, and all inputs by SHA-256."""
    recorded = run.plan["inputs"] if isinstance(run.plan["inputs"], dict) else {}
    found = recorded.get("forecast")
    findings.require(found == digest, "inputs: forecast", limit=f"sha256 {digest}", value=repr(found))
    odd = [name for name, value in recorded.items() if not _is_sha256(value)]
    findings.each("inputs", limit="a sha256 of 64 hexadecimal digits", examples=odd)


def _is_sha256(value: object) -> bool:
    return isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")
