"""What the page sends, and the settings that it means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field

from bundleopt.config import SolveConfig
from bundleopt.web import fields
from bundleopt_data.errors import UsageError

KEEP, BAN = "keep", "ban"
_MOST_DECISIONS = 500
_SETTING = re.compile(r"--([a-z][a-z-]*[a-z])|\b([a-z]+(?:_[a-z]+)+)\b")

Text = Annotated[str, Field(max_length=100)]
LongText = Annotated[str, Field(max_length=2000)]
Decision = Annotated[str, Field(max_length=400)]


class PlanForm(BaseModel):
    """The settings of a plan as they were typed; an empty text is an empty input."""

    start: Text = ""
    objective: Text = ""
    budget: Text = ""
    min_margin: Text = ""
    max_bundles: Text = ""
    min_discount: Text = ""
    max_discount: Text = ""
    slots: Text = ""
    min_incremental_margin: Text = ""
    gap: Text = ""
    time_limit: Text = ""
    week: Text = ""
    bundle_size: Text = ""
    price_ending: Text = ""
    shocks: LongText = ""
    decision: Annotated[list[Decision], Field(max_length=_MOST_DECISIONS)] = []

    def settings(self) -> dict[str, Any]:
        """Return the `[solve]` keys that the inputs mean.

        Raises:
            UsageError: an input is empty that may not be.
        """
        found: dict[str, Any] = {"objective": self.objective or "revenue"}
        for number in fields.NUMBERS:
            value = number.read(str(getattr(self, number.key)))
            if value is None and not number.empty:
                raise UsageError(f"{number.label}: write a number")
            found[number.key] = value
        found["week"] = self.week.strip() or None
        found["price_ending"] = self.price_ending.strip() or "none"
        found["bundle_size"] = self.bundle_size.strip() or "2:4"
        found["shocks"] = [line.strip() for line in self.shocks.splitlines() if line.strip()]
        return found | decided(self.decision)


class FrontierForm(PlanForm):
    """The same, and the budgets to plan at."""

    budget_from: Text = ""
    budget_to: Text = ""
    points: Annotated[int, Field(ge=2)] = 5


def decided(decisions: list[str]) -> dict[str, list[str]]:
    """Return decisions on bundles as `[solve]` keys: `keep A+B@3.99` stays at its price, `ban A+B` goes.

    Raises:
        UsageError: a decision is neither.
    """
    found: dict[str, list[str]] = {"lock": [], "exclude": []}
    keys = {KEEP: "lock", BAN: "exclude"}
    for text in dict.fromkeys(one for one in decisions if one.strip()):
        word, _, bundle = text.partition(" ")
        if word not in keys or not bundle.strip():
            raise UsageError(f"{text!r} is no decision; choose keep or ban")
        found[keys[word]].append(bundle)
    return found


@dataclass(frozen=True)
class FormValues:
    """What the inputs show: texts by key, shocks as lines, and decisions that no row of the menu carries."""

    texts: dict[str, str]
    shocks: str


def values_of(settings: SolveConfig) -> FormValues:
    """Return the inputs that mean `settings`."""
    texts = {number.key: number.write(getattr(settings, number.key)) for number in fields.NUMBERS}
    low, high = settings.bundle_size
    texts |= {
        "objective": settings.objective.value,
        "week": settings.week.isoformat() if settings.week is not None else "",
        "bundle_size": f"{low}:{high}",
        "price_ending": settings.price_ending or "",
    }
    return FormValues(texts, "\n".join(settings.shocks))


def for_the_page(sentence: str) -> str:
    """Return a sentence of the application with its flags and keys named as the page names them.

    >>> for_the_page("--max-discount: '3' is not a share"), for_the_page("A longer --time-limit may close it.")
    ("“Largest discount”: '3' is not a share", 'A longer “Stop after” may close it.')
    """

    def named(match: re.Match[str]) -> str:
        label = fields.LABELS.get(match[2] or match[1].replace("-", "_"))
        return f"“{label}”" if label is not None else match[0]

    return _SETTING.sub(named, sentence)
