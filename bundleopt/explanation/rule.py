"""What a rule does to a plan, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bundleopt.plan import sentences
from bundleopt.report import formats

if TYPE_CHECKING:
    from bundleopt.verbs.solve import SolveResult

_UNITS = {"budget": "money of budget", "stock": "unit of stock", "max_bundles": "bundle on the menu"}


def rule_sentences(name: str, run: SolveResult) -> list[str]:
    """Say what the rule demands, where the plan stands, and what loosening it would be worth.

    A shadow price is a rate at the plan's limit: it holds for small steps, and bounds what larger ones bring.
    """
    rule = next(one for one in run.document["rules"] if one["name"] == name)
    kind = name.partition(":")[0]
    is_share = kind == "min_margin"
    write = formats.fine_share if is_share else formats.number
    limit, value, slack = (write(rule[key]) for key in ("limit", "value", "slack"))
    lines = [f"{name}: the limit is {limit}, the plan has {value}, {slack} is left."]
    price = rule["shadow_price"]
    if not rule["binding"]:
        lines.append("It does not bind: loosening it a little brings nothing.")
    elif sentences.has_worth(price):
        worth = price / 100 if is_share else price
        unit = "percentage point" if is_share else _UNITS.get(kind, "unit")
        objective = run.document["objective"]["name"]
        lines.append(
            f"It binds: one more {unit} would bring at most about {formats.money(worth)} of incremental {objective}."
        )
    else:
        lines.append("It binds, but the proof gives one more unit of it no worth of a cent.")
    return lines


def rule_document(name: str, run: SolveResult) -> dict[str, Any]:
    """Return the rule as it stands in the plan, with its sentences."""
    rule = next(one for one in run.document["rules"] if one["name"] == name)
    return {**rule, "sentences": rule_sentences(name, run)}
