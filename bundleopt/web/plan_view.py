"""One plan as the page shows it, beside the plan it is measured against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bundleopt.comparison.difference import PlanDifference, difference
from bundleopt.plan import sentences
from bundleopt.report import charts, formats
from bundleopt.stages.item_choice import BUNDLE_SEPARATOR
from bundleopt.verbs.report import read_result
from bundleopt.web import fields
from bundleopt.web.forms import BAN, KEEP, for_the_page
from bundleopt.web.scenarios import Scenario

if TYPE_CHECKING:
    from bundleopt.verbs.solve import SolveResult

_MONEY, _COUNT = "money", "count"
FIGURES = (
    ("incremental_revenue", "Incremental revenue", _MONEY),
    ("incremental_margin", "Incremental margin", _MONEY),
    ("promo_spend", "Promo spend", _MONEY),
    ("redemptions", "Redemptions", _COUNT),
    ("customers_reached", "Customers reached", _COUNT),
)
_STATUS = {"optimal": "proven", "feasible": "not proven as asked", "interrupted": "stopped by you"}
_RULES_SHOWN = 8
# Settings of the search, not of the plan: a difference in them says nothing about what people compare.
_APART = frozenset({"solve.time_limit", "solve.gap", "solve.work", "solve.menu_work", "solve.seed", "solve.base"})
_WEEK = "solve.week"


@dataclass(frozen=True)
class Figure:
    """One line of the table side by side, as texts; `base` and `change` are "" without a base plan."""

    label: str
    value: str
    interval: str
    base: str
    change: str
    is_better: bool | None


@dataclass(frozen=True)
class BundleRow:
    """One bundle of the menu. `keep` and `ban` are the decisions that its choice sends; `kept` is the one it has."""

    names: tuple[str, ...]
    price: str
    discount: str
    customers: str
    redemptions: str
    revenue: str
    margin: str
    spend: str
    reason: str
    keep: str
    ban: str
    is_kept: bool


@dataclass(frozen=True)
class Banned:
    """A bundle that may not be on the menu: the decision that its box sends, and the names of its items."""

    ban: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class PlanView:
    """Everything that the page shows of one plan; `changes` is None without a base plan."""

    scenario: Scenario
    base: Scenario | None
    status: str
    proof: str
    stopped: str
    notices: tuple[str, ...]
    figures: tuple[Figure, ...]
    bundles: tuple[BundleRow, ...]
    banned: tuple[Banned, ...]
    rules: tuple[dict[str, str], ...]
    waterfall: str
    settings: tuple[tuple[str, str, str], ...]
    changes: PlanDifference | None

    @property
    def is_proven(self) -> bool:
        """Whether the asked gap is proven."""
        return self.status == _STATUS["optimal"]


def plan_view(scenario: Scenario, base: Scenario | None) -> PlanView:
    """Read a plan, and lay it beside `base`.

    Raises:
        UsageError: the files of a plan are damaged.
    """
    result = read_result(scenario.run.folder)
    document = result.document
    before = read_result(base.run.folder) if base is not None and base.reference != scenario.reference else None
    changes = difference(before, result) if before is not None else None
    config = document["config"]
    return PlanView(
        scenario=scenario,
        base=base if before is not None else None,
        status=_STATUS.get(document["status"], document["status"]),
        proof=sentences.bound_sentence(document),
        stopped=for_the_page(sentences.status_sentence(document)),
        notices=tuple(map(for_the_page, sentences.notices(document))),
        figures=tuple(_figure(document, before, *figure) for figure in FIGURES),
        bundles=_bundles(result, kept=frozenset(config.get("solve.lock", ()))),
        banned=tuple(_banned(str(text), (result, before)) for text in config.get("solve.exclude", ())),
        rules=_rules(document),
        waterfall=charts.waterfall(document, "revenue"),
        settings=_settings(changes, is_same_week=before.document["week"] == document["week"])
        if changes and before
        else (),
        changes=changes,
    )


def _figure(document: dict[str, Any], before: SolveResult | None, name: str, label: str, unit: str) -> Figure:
    write, signed = (formats.money, formats.signed_money) if unit == _MONEY else (formats.count, formats.signed_count)
    total = document["totals"][name]
    expectation = total.get("expectation") or {}
    low, high = expectation.get("low"), expectation.get("high")
    interval = f"{write(low)} to {write(high)}" if low is not None and low != high else ""
    if before is None:
        return Figure(label, write(total["value"]), interval, "", "", None)
    other = before.document["totals"][name]["value"]
    change = round(total["value"] - other, 2)
    # Less spend is not better by itself, nor are more redemptions: only the two gains are judged.
    is_better = change > 0 if name.startswith("incremental") and abs(change) >= 0.005 else None
    return Figure(label, write(total["value"]), interval, write(other), signed(change), is_better)


def _bundles(result: SolveResult, *, kept: frozenset[str]) -> tuple[BundleRow, ...]:
    rows = sorted(result.bundles.to_dict("records"), key=lambda row: (-row["incremental_revenue"], row["bundle_id"]))
    return tuple(_bundle(row, kept) for row in rows)


def _bundle(row: dict[Any, Any], kept: frozenset[str]) -> BundleRow:
    items = tuple(map(str, row["item_ids"])) * int(row.get("quantity", 1))
    name = BUNDLE_SEPARATOR.join(items)
    priced = f"{name}@{row['price']:.2f}"
    units = int(row.get("quantity", 1))
    names = tuple(f"{units} × {text}" if units > 1 else str(text) for text in row["item_names"])
    return BundleRow(
        names=names,
        price=formats.money(row["price"]),
        discount=formats.share(row["discount"]),
        customers=formats.count(row["customers"]),
        redemptions=formats.number(round(row["redemptions"], 1)),
        revenue=formats.money(row["incremental_revenue"]),
        margin=formats.money(row["incremental_margin"]),
        spend=formats.money(row["promo_spend"]),
        reason=str(row["reason"]),
        keep=f"{KEEP} {priced}",
        ban=f"{BAN} {name}",
        is_kept=bool(kept & {priced, name}),
    )


def _banned(text: str, plans: tuple[SolveResult | None, ...]) -> Banned:
    """Name the items of a banned bundle as far as the plans at hand know them; an id stands for itself."""
    known = {
        str(item): str(name)
        for plan in plans
        if plan is not None
        for items, names in zip(plan.bundles["item_ids"], plan.bundles["item_names"], strict=True)
        for item, name in zip(items, names, strict=True)
    }
    items = [text] if text in known else text.split(BUNDLE_SEPARATOR)
    return Banned(f"{BAN} {text}", tuple(known.get(item, item) for item in items))


def _rules(document: dict[str, Any]) -> tuple[dict[str, str], ...]:
    """The rules that bind, those whose next unit is worth most first."""
    binding = [rule for rule in document["rules"] if rule["binding"]]
    binding.sort(key=lambda rule: -(rule["shadow_price"] or 0.0))
    return tuple(
        {
            "name": str(rule["name"]).replace("_", " "),
            "limit": formats.number(rule["limit"]),
            "value": formats.number(rule["value"]),
            "worth": formats.money(rule["shadow_price"]) if sentences.has_worth(rule["shadow_price"]) else "",
        }
        for rule in binding[:_RULES_SHOWN]
    )


def _settings(changes: PlanDifference, *, is_same_week: bool) -> tuple[tuple[str, str, str], ...]:
    """The settings in which the two plans differ: (name, base, this)."""
    rows = []
    for key, (before, after) in changes.settings.items():
        # A week that is named, and the same week as the usual one, are one week.
        if key in _APART or (key == _WEEK and is_same_week):
            continue
        name = key.removeprefix("solve.")
        rows.append((fields.LABELS.get(name, key.replace("_", " ")), _written(name, before), _written(name, after)))
    return tuple(rows)


def _written(name: str, value: Any) -> str:
    number = next((field for field in fields.NUMBERS if field.key == name), None)
    if value is None or value == []:
        return "none"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if number is not None:
        return number.write(value) + (" %" if number.unit is fields.Unit.PERCENT else "")
    return str(value)
