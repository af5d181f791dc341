"""What a plan says of its experiment, in words: the same in the terminal and in the report."""

from __future__ import annotations

from typing import Any

from bundleopt.report import formats

_CENT = 0.005


def experiment_sentences(document: dict[str, Any]) -> list[str]:
    """Return what is held out and drawn, what it costs, and what it can show; nothing without an experiment."""
    experiment = document.get("experiment") or {}
    found: list[str] = []
    if "holdout" in experiment:
        found += _holdout(experiment["holdout"])
    if "exploration" in experiment:
        found.append(_exploration(experiment["exploration"]))
    return found


def _holdout(holdout: dict[str, Any]) -> list[str]:
    first = (
        f"Held out: {holdout['customers']:,} of {holdout['of']:,} customers, drawn in {holdout['strata']} groups of "
        f"like activity and value, see no offer. {_cost(holdout['cost'])}"
    )
    return [first, _power(holdout["power"], holdout["share"])]


def _power(power: dict[str, Any], share: float) -> str:
    one, lift = power["detectable_lift"]["1"], power["expected_lift"]
    weeks, needed = power["weeks_needed"], power["share_needed"]["1"]
    spends = f"customers spend {formats.money(power['mean_weekly_spend'])} a week"
    shown = f"One week of this control group shows a lift of {formats.money(one)} a customer or more ({spends})"
    wanted = f"the plan expects {formats.money(lift)}"
    if weeks == 1:
        return f"{shown}; {wanted}."
    if weeks is not None:
        tail = f"{weeks} weeks pooled show that"
    else:
        twelve = formats.money(power["detectable_lift"]["12"])
        tail = f"12 weeks pooled show {twelve}, and two years are not enough for the lift expected"
    size = f", or in one week {formats.share(needed)} held out instead of {formats.share(share)}" if needed else ""
    return f"{shown}; {wanted}, {tail}{size}."


def _exploration(exploration: dict[str, Any]) -> str:
    bundles = len(exploration["bundles"])
    if not exploration["of"]:
        return "No price was drawn, for the plan makes no offer: a week without any teaches nothing."
    if not bundles:
        return "No price was drawn: no bundle of the plan has a second price that the rules allow."
    share = exploration["offers"] / max(exploration["of"], 1)
    which = "The price of 1 bundle" if bundles == 1 else f"The prices of {bundles} bundles"
    were = "was" if bundles == 1 else "were"
    return (
        f"{which} ({formats.share(share)} of the offers) {were} drawn, to learn how customers answer to prices. "
        f"{_cost(exploration['cost'])}"
    )


def _cost(cost: dict[str, float]) -> str:
    """What it costs against the plan without, and how far the two proofs leave that open."""
    most = formats.money(max(cost["at_most"], 0.0))
    if cost["cost"] < _CENT:
        return f"The plan without it was found to bring no more; it costs at most {most} of the objective."
    return f"That costs {formats.money(cost['cost'])} of the objective, and at most {most}."
