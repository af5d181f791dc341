"""The workbook that a category manager gets: the plan with columns to keep, ban or re-price each bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bundleopt.rundir.content import summary_rows
from bundleopt.rundir.excel_file import InputColumn, workbook_bytes

if TYPE_CHECKING:
    from bundleopt.verbs.solve import SolveResult

SHEET = "bundles"
DECISION, OVERRIDE = "decision", "override_price"
KEEP, BAN = "keep", "ban"
RUN = "run"

INPUTS = (
    InputColumn(DECISION, "keep: stays at its price. ban: goes. Empty: the optimiser decides again.", (KEEP, BAN)),
    InputColumn(OVERRIDE, "Stays on the menu at this price. Empty: its price."),
)
NOTES = (
    "Fill in the yellow columns of the sheet 'bundles', save the file, and run: bundleopt review FILE.xlsx",
    "decision = keep: the bundle stays on the menu at its price. decision = ban: it goes. Empty: decided again.",
    "override_price: the bundle stays on the menu at this price.",
    "A bundle of your own: write its item ids like A|B into item_ids below the table, with keep or a price.",
    "The other columns are there to read; changes in them are ignored.",
)


def review_workbook(result: SolveResult) -> bytes:
    """Return the workbook of a published plan as bytes; the same plan gives the same bytes.

    The offers stay out: a million of them are no reading, and no decision is taken on one.
    """
    rows: list[tuple[str, Any]] = [(RUN, result.folder.name), *summary_rows(result.document)]
    tables = {SHEET: result.bundles, "inventory": _limited(result)}
    return workbook_bytes(tables, rows, inputs={SHEET: INPUTS}, notes=NOTES)


def _limited(result: SolveResult) -> Any:
    """The stock lines that the plan touches, the tightest first."""
    drawn = result.inventory[result.inventory["incremental_units"] > 0]
    return drawn.sort_values(["slack", "item_id"], kind="stable")
