"""The content of a run folder, from a plan with all its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bundleopt.experiment.design import experiment_table
from bundleopt.plan import sentences, tables
from bundleopt.plan.customers import customers_table
from bundleopt.plan.reasons import reasons
from bundleopt.plan.store_inventory import store_inventory_table
from bundleopt.plan.valued_plan import Array, ValuedPlan
from bundleopt.report.page import render_report
from bundleopt.rundir.writer import RunContent

if TYPE_CHECKING:
    from bundleopt.prepared import Prepared


def run_content(valued: ValuedPlan, document: dict[str, Any], prepared: Prepared, *, cannibalised: Array) -> RunContent:
    """Return everything that stands in the run folder; the report is made from the same tables."""
    why = reasons(valued, prepared.week.forecast.relations, forced=prepared.built.forced)
    bundles = tables.bundles_table(valued, cannibalised=cannibalised, reasons=why)
    offers, inventory = tables.offers_table(valued), tables.inventory_table(valued)
    groups = prepared.week.groups
    frames = {"bundles": bundles, "offers": offers, "inventory": inventory}
    return RunContent(
        document=document,
        **frames,
        report=render_report(document, frames),
        summary=summary_rows(document),
        customers=customers_table(valued, groups) if groups is not None else None,
        experiment=experiment_table(valued),
        store_inventory=store_inventory_table(valued, prepared.week.stores),
    )


def summary_rows(document: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the first sheet of the workbook: names and values."""
    rows: list[tuple[str, Any]] = [("campaign week", document["week"]), ("status", document["status"])]
    for name, total in document["totals"].items():
        rows.append((name.replace("_", " "), total["value"]))
        if total["low"] != total["high"]:
            rows.append((f"{name.replace('_', ' ')}, {total['level']:.0%} low", total["low"]))
            rows.append((f"{name.replace('_', ' ')}, {total['level']:.0%} high", total["high"]))
    rows.append(("objective", document["objective"]["value"]))
    rows.append(("upper bound", document["bound"]))
    rows.append(("proof", sentences.bound_sentence(document)))
    rows += [("note", sentence) for sentence in sentences.notices(document)]
    rows += [("warning", text) for text in document["warnings"]]
    rows += [("assumption", text) for text in document["assumptions"]]
    return rows
