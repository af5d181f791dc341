"""A plan as a notebook shows it: a few lines of HTML without styles of their own, escaped like the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bundleopt.plan import sentences
from bundleopt.report import formats
from bundleopt.report.page import environment, lead_sentence, numbered_bundles

if TYPE_CHECKING:
    import pandas as pd

BUNDLES_SHOWN = 10
_TOTALS = (
    ("incremental_revenue", formats.priced),
    ("incremental_margin", formats.priced),
    ("promo_spend", formats.priced),
    ("redemptions", formats.count),
    ("customers_reached", formats.count),
)


def plan_card(document: dict[str, Any], bundles: pd.DataFrame) -> str:
    """Return the totals with their intervals, the bound, and the bundles that bring most, as a piece of HTML."""
    with formats.written_as(formats.format_of(document["config"])):
        ranked = numbered_bundles(bundles)
        return (
            environment()
            .get_template("plan_card.html.j2")
            .render(
                plan=document,
                lead=sentences.empty_sentence(document) or lead_sentence(document),
                bound=sentences.bound_sentence(document),
                currency=document["config"].get("data.currency", ""),
                totals=[_total(document, name, write) for name, write in _TOTALS],
                bundles=ranked[:BUNDLES_SHOWN],
                more=max(len(ranked) - BUNDLES_SHOWN, 0),
            )
        )


def plan_line(document: dict[str, Any], folder: object) -> str:
    """Return the plan in one line of text."""
    menu = document["menu"]
    gain = formats.money(document["totals"]["incremental_revenue"]["value"])
    return (
        f"<plan of the week of {document['week']}: {sentences.counted(menu['bundles'], 'bundle')}, "
        f"{sentences.counted(menu['offers'], 'offer')}, {gain} of incremental revenue, "
        f"gap {formats.fine_share(document['gap'])}, {document['status']}; in {folder}>"
    )


def _total(document: dict[str, Any], name: str, write: Any) -> dict[str, str]:
    total = document["totals"][name]
    ends = {end: write(total[end]) if total["low"] != total["high"] else "" for end in ("low", "high")}
    return {"label": name.replace("_", " "), "value": write(total["value"]), **ends}
