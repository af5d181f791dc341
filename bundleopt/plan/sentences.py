"""What a plan says in words: the same sentences in the terminal and in the report."""

from __future__ import annotations

from typing import Any

from bundleopt.report import formats

_CENT = 0.01

DECOMPOSITION_LABELS = {
    "new": "new sales",
    "upsell": "upsell to the full bundle",
    "halo": "complements outside the bundle",
    "cannibalised": "cannibalised shelf sales",
    "certain_buyer_discount": "discount to certain buyers",
    "diversion": "diverted from substitutes",
    "pull_forward": "pulled forward from later weeks",
}


def bound_sentence(document: dict[str, Any]) -> str:
    """State what is proven of the delivered plan, in words and in money."""
    value, bound = document["objective"]["value"], document["bound"]
    beyond = max(0.0, bound - value)
    if beyond < 0.005:
        return "Proven best: no plan over these candidates can beat this by a cent."
    return (
        f"No plan over these candidates can beat this by more than "
        f"{formats.fine_share(document['gap'])} ({formats.money(beyond)})."
    )


def status_sentence(document: dict[str, Any]) -> str:
    """State why the solver stopped."""
    asked = formats.fine_share(document["gap_asked"])
    seconds = document["seconds"].get("optimise", 0.0)
    if document["status"] == "optimal":
        return f"Proven within the asked gap of {asked}, after {seconds:.1f} s ({document['solver']['name']})."
    if document["status"] == "interrupted":
        return (
            f"Interrupted after {seconds:.1f} s: the best plan so far is kept; the asked gap of {asked} is not proven."
        )
    return f"Stopped by {document['stop_reason']} after {seconds:.1f} s; the asked gap of {asked} is not proven."


def margin_sentence(document: dict[str, Any]) -> str | None:
    """State the best plan that does not lose margin, where this one does."""
    neutral = document["margin_neutral_plan"]
    margin = document["totals"]["incremental_margin"]["value"]
    if margin >= 0 or neutral is None:
        return None
    if not neutral["offers"]:
        found = "no plan with offers keeps" if neutral["bound"] < _CENT else "no plan with offers was found that keeps"
        return f"This plan costs {formats.money(-margin)} of margin; {found} the margin whole."
    names = ("incremental_revenue", "incremental_margin", "promo_spend")
    revenue, kept, spend = (formats.money(neutral[name]) for name in names)
    return (
        f"This plan costs {formats.money(-margin)} of margin. The best plan found that does not lose margin brings "
        f"{revenue} of revenue and {kept} of margin with {neutral['bundles']} bundles for {spend} of promo spend; "
        "get it with --min-incremental-margin 0."
    )


def empty_sentence(document: dict[str, Any]) -> str | None:
    """Say what an empty plan means."""
    if document["menu"]["offers"]:
        return None
    if document["bound"] - document["objective"]["value"] >= _CENT and document["status"] != "optimal":
        return "The time ran out before a plan with offers was found; give it more with --time-limit."
    if any(row["factor"] is not None and row["factor"] <= 1 for row in document["break_even"]):
        return "Bundles would earn their discount, but the rules leave no room for an offer: the plan is to do nothing."
    return (
        "No bundle earns its discount under these rules: the best plan is to do nothing. "
        "The break-even table says how much more price-sensitive customers would have to be."
    )
