"""What a plan says in words: the same sentences in the terminal and in the report."""

from __future__ import annotations

from typing import Any

from bundleopt.report import formats

_CENT = 0.01
# A bound of more than twice the value tells nobody how good a plan is.
_LITTLE = 0.5

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
        return f"Proven best: no plan over these candidates{_that_keeps(document)} can beat this by a cent."
    return (
        f"No plan over these candidates{_that_keeps(document)} can beat this by more than "
        f"{formats.fine_share(document['gap'])} ({formats.money(beyond)})."
    )


def _that_keeps(document: dict[str, Any]) -> str:
    """Say which plans an experiment leaves the bound to speak of."""
    experiment = document.get("experiment") or {}
    kept = ["shows the control group nothing"] if "holdout" in experiment else []
    kept += ["keeps the drawn prices"] if (experiment.get("exploration") or {}).get("bundles") else []
    return f" that {' and '.join(kept)}" if kept else ""


def pairs_sentences(document: dict[str, Any]) -> list[str]:
    """State what is proven beyond the candidates, or why nothing is; nothing where it wasn't asked or says little."""
    incidents = document.get("solver", {}).get("incidents", [])
    found = document["certificates"].get("pairs")
    if found is None:
        return [f"{text[0].upper()}{text[1:]}." for text in incidents if text.startswith("not certified for pairs")]
    if found["gap"] >= _LITTLE:
        return ["The bound over all pairs says little yet; a longer --certify-pairs may lower it."]
    beyond = f"{formats.fine_share(found['gap'])} ({formats.money(max(0.0, found['bound'] - found['value']))})"
    return [f"No plan over these candidates and all pairs that the filters allow can beat this by more than {beyond}."]


def status_sentence(document: dict[str, Any]) -> str:
    """State why the solver stopped and, where the asked gap is not proven, what is still open in money."""
    asked = formats.fine_share(document["gap_asked"])
    seconds = f"{formats.number(round(document['seconds'].get('optimise', 0.0), 1))} s"
    if document["status"] == "optimal":
        return f"Proven after {seconds}; a gap of {asked} was asked."
    open_money = formats.money(max(0.0, document["bound"] - document["objective"]["value"]))
    wanted = f"a gap of {asked} ({formats.money(abs(document['bound']) * document['gap_asked'])}) was asked"
    if document["status"] == "interrupted":
        return f"Not proven as asked: interrupted after {seconds} with {open_money} open, {wanted}."
    hint = _STOPPED.get(document["stop_reason"], "")
    return f"Not proven as asked: {wanted}, {open_money} is open after {seconds}.{hint}"


# Only where the clock ran out does more of it help.
_STOPPED = {"time limit": " A longer --time-limit may close it.", "work limit": " More time would not close it."}


def held_out_sentences(document: dict[str, Any]) -> list[str]:
    """Say what the plan is worth on draws it was not chosen on, and how much the choice itself may have added."""
    total = document["totals"]["incremental_revenue"]
    if total.get("held_out_draws") is None:
        return []
    low, high = (formats.money(total["expectation"][end]) for end in ("low", "high"))
    mean = formats.money(total["held_out_draws"])
    drawn = (
        f"On draws of the demand model that no optimisation saw, the plan brings {mean} of incremental revenue on "
        f"average, {low} to {high} in {total['level']:.0%} of them."
    )
    selection = document.get("selection") or {}
    return [drawn, _selection_sentence(document["objective"]["value"], selection)] if selection else [drawn]


def _selection_sentence(value: float, selection: dict[str, Any]) -> str:
    left = formats.money(value * (1 - selection["optimism"]))
    return (
        f"Expected after selection: {left} of the objective's {formats.money(value)}, if choosing among "
        f"{counted(selection['candidates'], 'bundle')} favours those whose worth is over-estimated as much as the "
        "draws allow (a cautious figure)."
    )


def notices(document: dict[str, Any]) -> list[str]:
    """Return what the reader must not miss: lost margin, an empty plan, bundles that stand in for asked items."""
    found = (
        target_sentence(document),
        margin_sentence(document),
        empty_sentence(document),
        *included_sentences(document),
    )
    return [text for text in found if text]


def target_sentence(document: dict[str, Any]) -> str | None:
    """Say what was found before planning: the least budget for a goal, or what the first objective brought."""
    found = document.get("targets") or {}
    if "least_budget" in found:
        least, under = formats.money(found["least_budget"]), formats.money(found["no_budget_under"])
        return f"A budget of {least} reaches {found['goal']}; no budget under {under} can, over these candidates."
    if "first" in found:
        first = found["objectives"].partition(",")[0]
        beyond = formats.money(max(0.0, found["first_bound"] - found["first"]))
        return (
            f"First {first} alone: {formats.money(found['first'])}, which no plan beats by more than {beyond}; "
            f"this plan keeps at least {formats.money(found['kept'])} of it."
        )
    return None


def included_sentences(document: dict[str, Any]) -> list[str]:
    """Say which bundle stands in for each item that had to be on the menu."""
    return [
        f"{' + '.join(row['item_names'])} ({row['bundle_id']}) is {row['why']}."
        for row in document.get("included_bundles", ())
        if row["stands_in"]
    ]


def left_out(document: dict[str, Any]) -> list[str]:
    """Say in one sentence how many items no bundle may hold, by reason; no sentence where there is none."""
    reasons = [(len(items), reason) for reason, items in document["excluded_items"].items() if items]
    if not reasons:
        return []
    total = sum(number for number, _ in reasons)
    parts = ", ".join(f"{formats.count(number)} {reason}" for number, reason in reasons)
    return [f"{counted(total, 'item')} may not be in a bundle: {parts}."]


def slack_rules(number: int, *, is_all: bool) -> str:
    """Say that the rules which are not shown hold."""
    which = "No rule binds:" if is_all else "The other"
    return f"{which} {counted(number, 'rule')} {'holds' if number == 1 else 'hold'}; see report.html."


def counted(number: float, noun: str) -> str:
    """Write a count with its noun.

    >>> counted(1, "offer"), counted(1200, "offer")
    ('1 offer', '1,200 offers')
    """
    return f"{formats.count(number)} {noun}{'' if number == 1 else 's'}"


def has_worth(shadow_price: float | None) -> bool:
    """Whether one more unit of a rule's limit is worth a cent or more."""
    return shadow_price is not None and abs(shadow_price) >= _CENT / 2


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
    if document["menu"]["bundles"]:
        return None
    if document["bound"] - document["objective"]["value"] >= _CENT and document["status"] != "optimal":
        return "The time ran out before a plan with offers was found; give it more with --time-limit."
    if any(row["factor"] is not None and row["factor"] <= 1 for row in document["break_even"]):
        return "Bundles would earn their discount, but the rules leave no room for an offer: the plan is to do nothing."
    return (
        "No bundle earns its discount under these rules: the best plan is to do nothing. "
        "The break-even table says how much more price-sensitive customers would have to be."
    )
