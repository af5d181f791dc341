"""Why a customer is shown these offers: for the analyst in figures, for the customer in a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bundleopt.plan.tables import unit_name
from bundleopt.report import formats
from bundleopt_data.errors import UsageError

if TYPE_CHECKING:
    from bundleopt.stages.week import PlannedWeek
    from bundleopt.verbs.solve import SolveResult

# Who buys an item about every fifth week knows it as theirs; below that a sentence may only suggest.
_OFTEN = 0.2


@dataclass(frozen=True)
class OfferReason:
    """One offer: figures for the analyst, and words that may be shown to the customer."""

    bundle_id: str
    item_names: tuple[str, ...]
    price: float
    list_value: float
    redemption_probability: float
    baseline_probability: float
    incremental_revenue: float
    sentence: str


def offer_reasons(customer: str, run: SolveResult, week: PlannedWeek) -> tuple[OfferReason, ...]:
    """Return the offers of a customer with their reasons, by incremental revenue.

    Raises:
        UsageError: the customer is unknown, or is shown nothing.
    """
    codes = {str(one): code for code, one in enumerate(week.forecast.customer_ids)}
    if customer not in codes:
        raise UsageError(f"the model knows no customer {customer!r}")
    mine = run.offers[run.offers["customer_id"] == customer].sort_values("incremental_revenue", ascending=False)
    if len(mine) and mine["holdout"].astype(bool).all():
        raise UsageError(f"{customer!r} is in the control group of this plan and is shown nothing")
    items = {str(item): code for code, item in enumerate(week.campaign.item_ids)}
    chance = week.forecast.probability[codes[customer]]
    found = []
    for row in mine.to_dict("records"):
        held = [items[item] for item in row["item_ids"] if item in items]
        names = [unit_name(str(week.campaign.names[item]), int(row.get("quantity", 1))) for item in held]
        found.append(
            OfferReason(
                bundle_id=row["bundle_id"],
                item_names=tuple(names),
                price=float(row["price"]),
                list_value=float(row["list_value"]),
                redemption_probability=float(row["redemption_probability"]),
                baseline_probability=float(row["baseline_probability"]),
                incremental_revenue=float(row["incremental_revenue"]),
                sentence=sentence(names, [float(chance[item]) for item in held], row["list_value"] - row["price"]),
            )
        )
    return tuple(found)


def sentence(names: list[str], chances: list[float], saved: float) -> str:
    """Say to the customer why this offer: what they like of it, what goes with it, what they save.

    It speaks of goods and never of the customer's figures.

    >>> sentence(["Pasta", "Sauce"], [0.5, 0.05], 0.8)
    'You like Pasta. Try it with Sauce and save 0.80.'
    >>> sentence(["Pasta", "Sauce"], [0.5, 0.4], 0.8)
    'Two of your favourites together, Pasta and Sauce: save 0.80.'
    """
    liked = [name for name, chance in zip(names, chances, strict=True) if chance >= _OFTEN]
    new = [name for name in names if name not in liked]
    money = formats.money(saved)
    if not liked:
        return f"{_listed(names)}: together you save {money}."
    if not new:
        count = {2: "Two", 3: "Three", 4: "Four"}.get(len(names))
        return (
            f"{count} of your favourites together, {_listed(names)}: save {money}."
            if count
            else (f"One of your favourites, {names[0]}: save {money}.")
        )
    it = "it" if len(liked) == 1 else "them"
    return f"You like {_listed(liked)}. Try {it} with {_listed(new)} and save {money}."


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
