"""The results of a campaign in words."""

from __future__ import annotations

from typing import Any

from bundleopt.report import formats

NO_CONTROL = (
    "The plan has no control group large enough, so its lift cannot be told from what customers would have bought "
    "anyway; plan with --holdout 5%."
)


def summary(content: dict[str, Any]) -> list[str]:
    """Return what happened, what it brought, and how far the forecast was off."""
    return [_execution(content), *lift_sentences(content), _redemptions(content), *_learned(content)]


def _execution(content: dict[str, Any]) -> str:
    totals = content["totals"]
    planned, shown = totals["offers_planned"], totals["offers_shown_as_planned"]
    share = f" ({shown / planned:.0%})" if planned else ""
    return f"{shown:,} of {planned:,} planned offers{share} were shown to the customers they were meant for."


def lift_sentences(content: dict[str, Any]) -> list[str]:
    """Return lift with its interval beside the forecast, and that of all campaigns together."""
    row = content["headline"]
    if row is None:
        return [NO_CONTROL]
    found = [_lift(row)]
    pooled = content.get("pooled")
    if pooled:
        low, high = formats.money(pooled["low"]), formats.money(pooled["high"])
        found.append(
            f"{pooled['weeks']} campaigns together: {formats.money(pooled['effect'])} a customer and week, {low} to "
            f"{high} in {pooled['level']:.0%} of cases."
        )
    return found


def _lift(row: dict[str, Any]) -> str:
    total, low, high = (formats.money(row[name]) for name in ("total", "total_low", "total_high"))
    told = (
        f"Lift of revenue against {row['control']:,} held-out customers ({row['estimator']}): {total}, "
        f"{low} to {high} in {row['level']:.0%} of cases"
    )
    if row["expected_total"] is None:
        return f"{told}."
    expected = formats.money(row["expected_total"])
    if not row["holds_the_forecast"]:
        return f"{told}. The forecast of {expected} lies outside: it was wrong by more than chance."
    if row["significant"]:
        return f"{told}. It is no chance, and the forecast of {expected} lies inside."
    return f"{told}. That holds the forecast of {expected}, and no lift at all: one week says too little."


def _redemptions(content: dict[str, Any]) -> str:
    totals = content["totals"]
    spend = formats.money(totals["promo_spend"])
    limit = f", of a budget of {formats.money(totals['budget'])}" if totals["budget"] is not None else ""
    return (
        f"{totals['redemptions']:,} offers were redeemed where {totals['redemptions_expected']:,.1f} were expected; "
        f"promo spend {spend} where {formats.money(totals['promo_spend_expected'])} was expected{limit}."
    )


def _learned(content: dict[str, Any]) -> list[str]:
    overruled = content["learned"]["overruled"]
    if not overruled:
        return []
    names = " and ".join(overruled)
    return [f"bundleopt.toml sets {names}; remove that line to plan with what campaigns showed."]


def breach_sentences(content: dict[str, Any]) -> list[str]:
    """Return each kind of breach with its number and a case."""
    return [
        f"{breach['what']}: {breach['count']:,} time{'' if breach['count'] == 1 else 's'} (for example "
        f"{breach['examples'][0]})"
        for breach in content["breaches"]
    ]


def alarm_sentences(content: dict[str, Any]) -> list[str]:
    """Return each alarm with its worst cases."""
    found = []
    for alarm in content["alarms"]:
        cases = f" {'; '.join(alarm['cases'][:3])}." if alarm["cases"] else ""
        found.append(f"{alarm['kind']}: {alarm['sentence']}{cases}")
    return found


def stock_sentences(content: dict[str, Any], *, most: int) -> list[str]:
    """Return the items that sold out, the first few by name."""
    rows = content["stock_outs"]
    found = [
        f"{row['item_id']}: {formats.count(row['sold'])} sold, {row['expected']:,.1f} expected"
        f"{', in a bundle' if row['in_a_bundle'] else ''}"
        for row in rows[:most]
    ]
    return [*found, f"and {len(rows) - most} more; --json lists all"] if len(rows) > most else found


def satisfaction_sentences(content: dict[str, Any]) -> list[str]:
    """Return ratings, complaints and returns of customers with offers beside those held out."""
    found = []
    for row in content["satisfaction"]:
        sides = [f"{row['with_offers_per_hundred']:g} per hundred customers with offers"]
        if row["held_out_per_hundred"] is not None:
            sides.append(f"{row['held_out_per_hundred']:g} held out")
        text = f"{row['signal']}s: {row['count']:,}, {', '.join(sides)}, {row['on_campaign_items']:,} on campaign items"
        if row["with_offers_mean"] is not None:
            beside = f", {row['held_out_mean']:g} held out" if row["held_out_mean"] is not None else ""
            text += f"; mean {row['with_offers_mean']:g} with offers{beside}"
        found.append(text)
    return found
