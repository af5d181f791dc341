"""The inputs of the page: which setting each one is, how people write it, and how far its slider goes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Unit(StrEnum):
    """What a number means."""

    MONEY = "money"
    PERCENT = "percent"  # a share in [0, 1], written times 100
    COUNT = "count"
    SECONDS = "seconds"


@dataclass(frozen=True)
class NumberField:
    """A number with a slider beside it.

    Attributes:
        key: of `[solve]`. label, hint: for people. unit: see Unit.
        low, high, step: of the slider, in the written unit; what is typed may be larger.
        empty: what an empty input means, in words; "" where it may not be empty.
        empty_is_most: whether the slider of an empty input stands at its upper end.
    """

    key: str
    label: str
    unit: Unit
    low: float
    high: float
    step: float
    hint: str = ""
    empty: str = ""
    empty_is_most: bool = False

    def write(self, value: Any) -> str:
        """Write a setting as its input shows it.

        >>> NumberField("min_margin", "", Unit.PERCENT, 0, 60, 1).write(0.125)
        '12.5'
        """
        if value is None:
            return ""
        number = round(float(value) * 100, 6) if self.unit is Unit.PERCENT else float(value)
        return f"{number:.10g}"

    def read(self, text: str) -> Any:
        """Return what the configuration reads: a text, or None where the input is empty."""
        written = text.strip()
        if not written:
            return None
        return f"{written.removesuffix('%').strip()}%" if self.unit is Unit.PERCENT else written


@dataclass(frozen=True)
class ChoiceField:
    """One of several values; each is (value, words)."""

    key: str
    label: str
    choices: tuple[tuple[str, str], ...]
    hint: str = ""


@dataclass(frozen=True)
class TextField:
    """A short text."""

    key: str
    label: str
    hint: str = ""
    placeholder: str = ""


OBJECTIVE = ChoiceField(
    "objective",
    "Objective",
    (
        ("revenue", "Incremental revenue"),
        ("margin", "Incremental margin"),
        ("revenue,margin", "Revenue first, then margin"),
        ("margin,revenue", "Margin first, then revenue"),
        ("mix", "A mix of both"),
    ),
    "What the plan brings beyond a week without it.",
)
BUDGET = NumberField(
    "budget",
    "Budget",
    Unit.MONEY,
    0,
    1000,
    1,
    "Promo spend: discounts on all redemptions.",
    empty="no limit",
    empty_is_most=True,
)
MAIN = (
    BUDGET,
    NumberField(
        "min_margin",
        "Margin floor",
        Unit.PERCENT,
        0,
        60,
        1,
        "Least margin of bundle sales, % of revenue.",
        empty="none",
    ),
    NumberField("max_bundles", "Menu size", Unit.COUNT, 1, 60, 1, "Most bundles on the menu."),
    NumberField("min_discount", "Smallest discount", Unit.PERCENT, 0, 50, 1, "% of the shelf prices."),
    NumberField("max_discount", "Largest discount", Unit.PERCENT, 0, 50, 1, "% of the shelf prices."),
    NumberField("slots", "Offers per customer", Unit.COUNT, 1, 8, 1, "Most offers that one customer sees."),
)
MORE = (
    NumberField(
        "min_incremental_margin",
        "Least incremental margin",
        Unit.MONEY,
        0,
        500,
        1,
        "In money; 0 keeps the margin whole.",
        empty="none",
    ),
    NumberField("gap", "Stop at a gap of", Unit.PERCENT, 0, 10, 0.1, "Proven distance from the best plan."),
    NumberField("time_limit", "Stop after", Unit.SECONDS, 5, 300, 5, "Seconds of search; the best plan is kept."),
)
TEXTS = (
    TextField("week", "Campaign week", "Its Monday; empty: the week after the data.", "2026-03-02"),
    TextField("bundle_size", "Items of a bundle", "From 1 to 4.", "2:4"),
    TextField("price_ending", "Price ending", "Empty: to the cent.", ".99"),
)
NUMBERS = (*MAIN, *MORE)
LABELS = {field.key: field.label for field in (OBJECTIVE, *NUMBERS, *TEXTS)} | {
    "shocks": "What if the world changes",
    "lock": "Kept bundles",
    "exclude": "Banned bundles",
}
