"""What `bundleopt check` says of a data set: PASS, REVIEW or FAIL, each in one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING

from bundleopt_data.manifest import Mending
from bundleopt_data.profile import UNIT_ERROR_FACTOR, Profile, profile
from bundleopt_data.weeks import is_unfinished

if TYPE_CHECKING:
    from bundleopt_data.dataset import Dataset

# A quarter is the least from which habits, prices and seasons of a week can be told apart at all.
FEW_WEEKS = 13

# Beyond this many categories per item a category is no group of items any more.
MANY_CATEGORIES, CATEGORY_SHARE = 1000, 0.5

# Column names that hold what identifies a person directly; the product needs none of it.
_IDENTIFIERS = re.compile(
    r"(^|_)(e?_?mail|phone|mobile|(first|last|full|sur)_?name|street|address|iban|passport|ssn|birth_?(day|date)|dob)($|_)",
    re.IGNORECASE,
)


class Level(Enum):
    """How serious a finding is."""

    PASS = "PASS"  # noqa: S105 - a verdict
    REVIEW = "REVIEW"  # a person should look; nothing stops
    FAIL = "FAIL"  # no plan can rest on this


@dataclass(frozen=True)
class Finding:
    """One verdict in one sentence."""

    level: Level
    sentence: str

    def __str__(self) -> str:
        """Write verdict and sentence."""
        return f"{self.level.value}: {self.sentence}"


@dataclass(frozen=True)
class CheckReport:
    """Everything `check` says.

    Attributes:
        findings: verdicts, FAIL first. profile: the figures. mended: rows changed by named rules.
        assumptions: how the data was read. notice: what must be printed with it, "" for none.
    """

    findings: tuple[Finding, ...]
    profile: Profile
    mended: tuple[Mending, ...]
    assumptions: tuple[str, ...]
    notice: str

    @property
    def level(self) -> Level:
        """The most serious verdict."""
        levels = {finding.level for finding in self.findings}
        return next((level for level in (Level.FAIL, Level.REVIEW) if level in levels), Level.PASS)


def check(dataset: Dataset, *, today: date | None = None) -> CheckReport:
    """Profile a prepared data set and judge it; `today` finds lines from the future."""
    figures = profile(dataset, today=today)
    findings = [
        *_span_findings(figures),
        *_price_findings(dataset, figures),
        *_row_findings(figures),
        *_item_findings(dataset, figures),
        *_person_findings(dataset),
        *(Finding(Level.REVIEW, sentence) for sentence in dataset.manifest.preparation.warnings),
    ]
    order = {Level.FAIL: 0, Level.REVIEW: 1, Level.PASS: 2}
    findings.sort(key=lambda finding: order[finding.level])
    return CheckReport(tuple(findings), figures, dataset.mended, dataset.assumptions, dataset.notice)


def _judge(fine: bool, good: str, bad: str, level: Level = Level.REVIEW) -> Finding:  # noqa: FBT001 - the verdict itself
    return Finding(Level.PASS, good) if fine else Finding(level, bad)


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _span_findings(figures: Profile) -> Iterator[Finding]:
    span = f"{figures.weeks} weeks, {figures.first_day} to {figures.last_day}"
    if figures.weeks < 2:
        yield Finding(Level.FAIL, f"Only {span}: at least two weeks are needed to learn anything from.")
    else:
        short = f"Only {span}: habits and seasons are hard to tell apart."
        yield _judge(figures.weeks >= FEW_WEEKS, f"The log covers {span}.", short)
    day = f"{figures.last_day:%A}"
    yield _judge(
        not is_unfinished(figures.last_day),
        "The last week is complete.",
        f"The last week ends on {figures.last_day}, a {day}: it may be unfinished.",
    )
    if figures.short_weeks:
        yield Finding(Level.REVIEW, f"Weeks with sales on one day only: {', '.join(figures.short_weeks[:5])}.")
    if figures.empty_weeks:
        empty = _counted(figures.empty_weeks, "week inside the span holds", "weeks inside the span hold")
        yield Finding(Level.REVIEW, f"{empty} no line.")
    if figures.future_lines:
        late = _counted(figures.future_lines, "line lies", "lines lie")
        yield Finding(Level.REVIEW, f"{late} in the future: after today, {figures.last_day} the last.")


def _price_findings(dataset: Dataset, figures: Profile) -> Iterator[Finding]:
    coverage = f"{figures.price_coverage:.0%} of the item-weeks of the best-selling items show a price"
    if "prices" in dataset.tables:
        yield Finding(Level.PASS, f"Shelf prices come from the prices table; {coverage}.")
    else:
        rule = "prices are derived from purchases, crosswise, so that none shapes the price it is predicted from"
        yield Finding(Level.REVIEW, f"There is no prices table: {rule}; {coverage}.")
    factor = f"a factor of {UNIT_ERROR_FACTOR:.0f} or more from the item's median"
    yield _judge(
        not figures.unit_errors,
        f"No price is {factor}.",
        f"{_counted(figures.unit_errors, 'line has', 'lines have')} a price {factor}: "
        f"{'; '.join(figures.unit_error_examples)}.",
    )
    if "promotions" in dataset.tables:
        yield Finding(Level.PASS, f"{figures.promotion_coverage:.0%} of the lines have a promotion row.")
    else:
        yield Finding(
            Level.REVIEW, "There is no promotions table: display and mailer effects stay in the price effect."
        )


def _row_findings(figures: Profile) -> Iterator[Finding]:
    yield _judge(
        not figures.exact_repeats,
        "No line repeats another one exactly.",
        f"{_counted(figures.exact_repeats, 'line repeats', 'lines repeat')} another one exactly; all are kept.",
    )
    if figures.unknown_customers:
        missing = f"{figures.unknown_customers:,} of {figures.customers:,} customers with purchases"
        yield Finding(Level.REVIEW, f"{missing} are not in the customers table.")


def _item_findings(dataset: Dataset, figures: Profile) -> Iterator[Finding]:
    if figures.items_sold < 2:
        yield Finding(Level.FAIL, "Fewer than two items were sold: there is nothing to bundle.")
    yield _judge(
        figures.cost_share == 1,
        "Every sold item has a unit cost.",
        f"{1 - figures.cost_share:.0%} of the sold items have no unit cost: their margins are assumed.",
    )
    if figures.cost_above_price:
        dear = _counted(figures.cost_above_price, "sold item costs", "sold items cost")
        examples = "; ".join(figures.cost_above_examples)
        yield Finding(Level.REVIEW, f"{dear} more than the list price: {examples}.")
    if "inventory" not in dataset.tables:
        yield Finding(Level.REVIEW, "There is no inventory table: stock is assumed or unlimited, as configured.")
    if figures.categories > max(MANY_CATEGORIES, CATEGORY_SHARE * figures.items):
        yield Finding(
            Level.REVIEW, f"{figures.categories:,} categories for {figures.items:,} items: too fine to group by."
        )


def _person_findings(dataset: Dataset) -> Iterator[Finding]:
    named = [
        f"{table}.{column}"
        for table in ("customers", "transactions", "events")
        for column in (dataset.manifest.tables[table].columns if table in dataset.tables else ())
        if _IDENTIFIERS.search(column)
    ]
    yield _judge(
        not named,
        "No column looks like a direct identifier of a person.",
        f"Columns that look like direct identifiers of a person: {', '.join(named)}. Nothing here needs them.",
    )
