"""What differs between two published plans, from their run folders alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bundleopt_data import money

if TYPE_CHECKING:
    import pandas as pd

    from bundleopt.verbs.solve import SolveResult

# The digest of the values of a plan's own offers: two plans never share it.
_OFFERS_DIGEST = "forecast"
_MODEL_FILES = "model/"
TOTALS = ("incremental_revenue", "incremental_margin", "promo_spend", "redemptions", "customers_reached")


@dataclass(frozen=True)
class BundleChange:
    """One bundle that is in either plan.

    Attributes:
        change: `in`, `out`, `re-priced` or `kept`.
        price_before, price_after: money, None where the bundle is not on that menu.
        customers_before, customers_after: how many are shown it.
        revenue_before, revenue_after, margin_before, margin_after: incremental money.
    """

    bundle_id: str
    item_names: tuple[str, ...]
    change: str
    price_before: float | None
    price_after: float | None
    customers_before: int
    customers_after: int
    revenue_before: float
    revenue_after: float
    margin_before: float
    margin_after: float


@dataclass(frozen=True)
class PlanDifference:
    """The second plan against the first.

    Attributes:
        bundles: in the order in, out, re-priced, kept; each by money.
        totals: name -> (before, after).
        customers: reached by the first plan only, by the second only, by both with other offers, by both unchanged.
        offers_kept: offers (customer, bundle, price) that are in both. offers: of either plan, (before, after).
        settings: configuration keys that differ -> (before, after). inputs: names of inputs whose content differs.
    """

    bundles: tuple[BundleChange, ...]
    totals: dict[str, tuple[float, float]]
    customers: dict[str, int]
    offers: tuple[int, int]
    offers_kept: int
    settings: dict[str, tuple[Any, Any]]
    inputs: tuple[str, ...]

    @property
    def churn(self) -> float:
        """Share of the larger menu that is not in both menus at the same price; 0 where both are empty."""
        before = sum(one.price_before is not None for one in self.bundles)
        after = sum(one.price_after is not None for one in self.bundles)
        kept = sum(one.change == "kept" for one in self.bundles)
        return 1.0 - kept / max(before, after) if max(before, after) else 0.0

    def of(self, change: str) -> list[BundleChange]:
        """Return the bundles that changed in one way."""
        return [one for one in self.bundles if one.change == change]

    def document(self) -> dict[str, Any]:
        """Return the difference as JSON."""
        return {
            "totals": {
                name: {"before": before, "after": after, "change": _change(before, after)}
                for name, (before, after) in self.totals.items()
            },
            "churn": self.churn,
            "bundles": [vars(one) | {"item_names": list(one.item_names)} for one in self.bundles],
            "customers": self.customers,
            "offers": {"before": self.offers[0], "after": self.offers[1], "in_both": self.offers_kept},
            "settings": {key: {"before": before, "after": after} for key, (before, after) in self.settings.items()},
            "inputs_changed": list(self.inputs),
        }


def difference(before: SolveResult, after: SolveResult) -> PlanDifference:
    """Compare two plans; bundles are the same where their items are."""
    kept, moved = _customers(before.offers, after.offers)
    configs = before.document["config"], after.document["config"]
    inputs = before.document["inputs"], after.document["inputs"]
    return PlanDifference(
        bundles=_bundles(before.bundles, after.bundles),
        totals={name: (_total(before, name), _total(after, name)) for name in TOTALS},
        customers=moved,
        offers=(len(before.offers), len(after.offers)),
        offers_kept=kept,
        settings=_differing(*configs),
        inputs=_changed_inputs(*inputs),
    )


def _change(before: float, after: float) -> float:
    """Money and counts as they are printed, so that the change is that of the figures shown."""
    return round(after - before, 2)


def _total(result: SolveResult, name: str) -> float:
    return float(result.document["totals"][name]["value"])


def _changed_inputs(before: dict[str, str], after: dict[str, str]) -> tuple[str, ...]:
    """Names of the data that differ; the model's files count as one."""
    names = [name for name in _differing(before, after) if name != _OFFERS_DIGEST]
    data = [name for name in names if not name.startswith(_MODEL_FILES)]
    return (*data, "the model") if len(data) < len(names) else tuple(data)


def _differing(before: dict[str, Any], after: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    names = sorted(before.keys() | after.keys())
    return {name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}


def _bundles(before: pd.DataFrame, after: pd.DataFrame) -> tuple[BundleChange, ...]:
    first = {row["bundle_id"]: row for row in before.to_dict("records")}
    second = {row["bundle_id"]: row for row in after.to_dict("records")}
    changes = [_bundle(name, first.get(name), second.get(name)) for name in dict.fromkeys([*first, *second])]
    order = ("in", "out", "re-priced", "kept")
    return tuple(
        sorted(
            changes,
            key=lambda one: (order.index(one.change), -max(one.revenue_before, one.revenue_after), one.bundle_id),
        )
    )


def _bundle(bundle_id: Any, before: dict[Any, Any] | None, after: dict[Any, Any] | None) -> BundleChange:
    some = after or before or {}
    return BundleChange(
        bundle_id=str(bundle_id),
        item_names=tuple(str(name) for name in some["item_names"]),
        change=_kind(before, after),
        price_before=float(before["price"]) if before else None,
        price_after=float(after["price"]) if after else None,
        customers_before=int(before["customers"]) if before else 0,
        customers_after=int(after["customers"]) if after else 0,
        revenue_before=float(before["incremental_revenue"]) if before else 0.0,
        revenue_after=float(after["incremental_revenue"]) if after else 0.0,
        margin_before=float(before["incremental_margin"]) if before else 0.0,
        margin_after=float(after["incremental_margin"]) if after else 0.0,
    )


def _kind(before: dict[Any, Any] | None, after: dict[Any, Any] | None) -> str:
    if before is None:
        return "in"
    if after is None:
        return "out"
    return "kept" if money.to_cents(before["price"]) == money.to_cents(after["price"]) else "re-priced"


def _customers(before: pd.DataFrame, after: pd.DataFrame) -> tuple[int, dict[str, int]]:
    """Count the offers in both plans, and the customers by what happens to them."""
    first, second = _offers_of(before), _offers_of(after)
    both = first.keys() & second.keys()
    same = sum(first[customer] == second[customer] for customer in both)
    kept = sum(len(first[customer] & second[customer]) for customer in both)
    moved = {
        "no longer reached": len(first.keys() - second.keys()),
        "newly reached": len(second.keys() - first.keys()),
        "other offers": len(both) - same,
        "same offers": same,
    }
    return kept, moved


def _offers_of(offers: pd.DataFrame) -> dict[str, frozenset[tuple[str, int]]]:
    shown = offers[~offers["holdout"].astype(bool)]
    found: dict[str, set[tuple[str, int]]] = {}
    rows = zip(shown["customer_id"], shown["bundle_id"], shown["price"], strict=True)
    for customer, bundle, price in rows:
        found.setdefault(str(customer), set()).add((str(bundle), money.to_cents(price)))
    return {customer: frozenset(held) for customer, held in found.items()}
