"""The points of a what-if: sweeps over settings, shocks, and every combination of them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from bundleopt_data.errors import UsageError

RANGE_SEPARATOR, LIST_SEPARATOR = ":", ","
MOST_SCENARIOS = 500
NO_SHOCK = "none"

# Settings that only move a rule: the same candidates at the same values are planned again. All others need new ones.
RULES_ONLY = frozenset(
    {
        "budget",
        "min_margin",
        "min_incremental_margin",
        "min_incremental_revenue",
        "max_bundles",
        "slots",
        "category_cap",
        "item_overlap",
        "caps",
        "floors",
        "min_exposure",
        "max_exposure",
        "fairness",
        "fixed_cost_per_bundle",
        "contact_cost",
        "time_limit",
        "gap",
        "seed",
    }
)


@dataclass(frozen=True)
class Scenario:
    """One point: settings that differ from the base, and the shocks of its world."""

    settings: tuple[tuple[str, Any], ...]
    shocks: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Its settings and shocks in a line."""
        parts = [f"{name.replace('_', '-')} {value}" for name, value in self.settings]
        return ", ".join([*parts, *self.shocks]) or "base"

    def changes(self) -> dict[str, Any]:
        """Return it as `[solve]` keys."""
        return dict(self.settings) | ({"shocks": self.shocks} if self.shocks else {})

    @property
    def world(self) -> tuple[Any, ...]:
        """What candidates and values depend on: scenarios that share it share them."""
        return (tuple((name, value) for name, value in self.settings if name not in RULES_ONLY), self.shocks)


def scenarios(sweeps: Mapping[str, str], shocks: Sequence[str] = ()) -> tuple[Scenario, ...]:
    """Return every combination of the swept values; shocks act together, and beside a world without them.

    Args:
        sweeps: `[solve]` key -> `5000:50000:5000`, `0.2,0.25` or one value.
        shocks: see `bundleopt.shock_texts`.

    Raises:
        UsageError: a sweep makes no sense, or there are too many points.
    """
    axes = [[(name, value) for value in values_of(name, text)] for name, text in sweeps.items()]
    worlds: tuple[tuple[str, ...], ...] = ((), tuple(shocks)) if shocks else ((),)
    points = tuple(Scenario(settings, world) for world in worlds for settings in itertools.product(*axes))
    if len(points) > MOST_SCENARIOS:
        raise UsageError(f"{len(points):,} scenarios are more than {MOST_SCENARIOS}; take wider steps")
    return points


def values_of(name: str, text: str) -> list[str]:
    """Return the values of one sweep, as texts that the configuration reads.

    >>> values_of("budget", "1000:2000:500"), values_of("min_margin", "20%,0.25")
    (['1000', '1500', '2000'], ['20%', '0.25'])
    """
    flag = f"--{name.replace('_', '-')} {text}"
    parts = [part.strip() for part in text.split(LIST_SEPARATOR)]
    if not all(parts):
        raise UsageError(f"{flag}: a value is missing; write a list like 10,20 or a range like 1000:5000:1000")
    ends = text.split(RANGE_SEPARATOR)
    # Sizes are written 2:4 themselves; a range always has its step.
    if len(parts) == 1 and len(ends) == 3:
        return _range(flag, ends)
    return list(dict.fromkeys(parts))


def _range(flag: str, ends: list[str]) -> list[str]:
    is_percent = all(end.strip().endswith("%") for end in ends)
    try:
        first, last, step = (Decimal(end.strip().removesuffix("%")) for end in ends)
    except InvalidOperation:
        raise UsageError(f"{flag}: a range is first:last:step, like 1000:5000:1000 or 10%:30%:5%") from None
    if not all(number.is_finite() for number in (first, last, step)) or step <= 0 or last < first:
        raise UsageError(f"{flag}: a range goes from the smaller to the larger by a step above 0")
    count = int((last - first) / step) + 1
    if count > MOST_SCENARIOS:
        raise UsageError(f"{flag}: {count:,} steps are more than {MOST_SCENARIOS}; take a wider step")
    mark = "%" if is_percent else ""
    return [f"{(first + number * step).normalize():f}{mark}" for number in range(count)]
