"""Rules as people write them: counts by attribute, equal treatment, churn, locked bundles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bundleopt import quantities

ATTRIBUTE_SEPARATOR = ":"


def parse_counts(text: object) -> dict[str, int]:
    """Read `brand=2` (each brand) or `brand:Acme=2` (that one), one or several.

    >>> parse_counts(["brand=2", "category:MILK=1"])
    {'brand': 2, 'category:MILK': 1}
    """
    return _table(text, _count, "brand=2 or brand:Acme=2")


def parse_tolerances(text: object) -> dict[str, float]:
    """Read `age=10%`: each group of that attribute within a tenth of all customers.

    >>> parse_tolerances("age=10%")
    {'age': 0.1}
    """
    return _table(text, quantities.parse_share, "age=10%")


def parse_bands(text: object) -> dict[str, tuple[float, float]]:
    """Read `category:YOGURT=0%:20%`: discounts of bundles with such an item stay between the two.

    >>> parse_bands("category:MILK=5%:20%")
    {'category:MILK': (0.05, 0.2)}
    """
    return _table(text, _band, "category:YOGURT=0%:20%")


def parse_churn(text: object) -> float:
    """Read a number of bundles, or a share of them below 1.

    >>> parse_churn("5"), parse_churn("20%")
    (5.0, 0.2)
    """
    raw = str(text).strip()
    if raw.endswith("%"):
        share = quantities.parse_share(raw)
        if share == 1:
            raise ValueError(f"{raw!r} is no limit; write a number of bundles like 5, or a share like 20%")
        return share
    try:
        number = float(raw)
    except ValueError:
        number = -1.0
    if not (0 <= number < 1 or (1 <= number <= 1e6 and number.is_integer())):
        raise ValueError(f"{raw!r} is neither a number of bundles nor a share of them; write 5 or 20%")
    return number


def parse_goal(text: str) -> tuple[str, float]:
    """Read `margin>=15000`: what to reach, and how much of it.

    >>> parse_goal("margin>=15000")
    ('margin', 15000.0)
    """
    name, mark, amount = (part.strip() for part in str(text).partition(">="))
    if not mark or name not in ("revenue", "margin"):
        raise ValueError(f"{text!r} is no goal; write margin>=15000 or revenue>=20000")
    return name, quantities.parse_money(amount)


def parse_goal_text(text: object) -> str:
    """Check a goal, and return it as it is written everywhere."""
    name, amount = parse_goal(str(text))
    return f"{name}>={amount:.2f}"


def parse_lock(text: str) -> tuple[str, int | None]:
    """Split `B1234567890` or `A+B@3.99` into what is locked and its price in cents, None for that of the earlier plan.

    >>> parse_lock("A+B@3.99"), parse_lock("B0123456789")
    (('A+B', 399), ('B0123456789', None))
    """
    name, mark, price = text.rpartition("@")
    if not mark:
        return text.strip(), None
    return name.strip(), round(quantities.parse_money(price) * 100)


def parse_locks(value: object) -> tuple[str, ...]:
    """Read bundles to lock; a price that is none is refused where it is written."""
    texts = (value,) if isinstance(value, str) else tuple(value)  # type: ignore[arg-type]
    for text in texts:
        parse_lock(str(text))
    return tuple(map(str, texts))


def _count(text: object) -> int:
    raw = str(text).strip()
    if not raw.isdecimal():
        raise ValueError(f"{raw!r} is not a number of bundles; write it like 2")
    return int(raw)


def _band(text: object) -> tuple[float, float]:
    ends = list(text) if isinstance(text, list | tuple) else str(text).split(":")
    if len(ends) != 2:
        raise ValueError(f"{str(text)!r} is no discount band; write it like 0%:20%")
    low, high = (quantities.parse_share(end) for end in ends)
    if low > high:
        raise ValueError(f"{str(text)!r}: the band runs from the smaller to the larger discount, like 0%:20%")
    return low, high


def _table(text: object, parse: Callable[[object], Any], example: str) -> dict[str, Any]:
    if isinstance(text, Mapping):
        return {str(name): parse(value) for name, value in text.items()}
    parts: Iterable[object] = [text] if isinstance(text, str) else text  # type: ignore[assignment]
    table = {}
    for part in parts:
        name, mark, value = str(part).rpartition("=")
        if not mark or not name.strip():
            raise ValueError(f"{str(part)!r} is no rule; write it like {example}")
        table[name.strip()] = parse(value)
    return table
