"""Shocks as people write them: `price:YOGURT=+5%`, `stock:12345=-50%`, `cost:brand:Acme=+10%`."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

KINDS = ("price", "cost", "stock", "demand")
SCOPES = ("item", "category", "brand", "department", "segment")
EVERYTHING = "*"
EXAMPLE = "price:YOGURT=+5%, stock:ITEM=-50%, cost:brand:Acme=+10% or demand:*=-20%"
_LARGEST = Decimal(10)


@dataclass(frozen=True)
class Shock:
    """One change of the world: `kind` of everything in `target` is multiplied by `factor`.

    Attributes:
        scope: what the target is, one of SCOPES, or None where the name alone tells.
    """

    kind: str
    scope: str | None
    target: str
    factor: float
    text: str


def parse_shock(text: object) -> Shock:
    """Read one shock.

    Raises:
        ValueError: it is none; the message shows some.

    >>> parse_shock("cost:brand:Acme=+10%").factor
    1.1
    """
    raw = str(text).strip()
    place, mark, change = raw.rpartition("=")
    kind, _, rest = place.partition(":")
    if not mark or kind not in KINDS or not rest.strip():
        raise ValueError(f"{raw!r} is no shock; write it like {EXAMPLE}")
    scope, _, name = rest.partition(":")
    if scope not in SCOPES or not name.strip():
        scope, name = "", rest
    if kind != "demand" and scope == "segment":
        raise ValueError(f"{raw!r}: only demand differs by segment; write it like {EXAMPLE}")
    return Shock(kind, scope or None, name.strip(), float(1 + _change(change, raw)), raw)


def parse_shocks(value: object) -> tuple[str, ...]:
    """Read several shocks; each is refused where it is written, and kept as text."""
    texts = (value,) if isinstance(value, str) else tuple(value)  # type: ignore[arg-type]
    return tuple(parse_shock(text).text for text in texts)


def _change(text: str, raw: str) -> Decimal:
    digits = text.strip()
    message = f"{raw!r}: the change must be a percentage above -100%, like +5% or -50%"
    if not digits.endswith("%"):
        raise ValueError(message)
    try:
        change = Decimal(digits.removesuffix("%")) / 100
    except InvalidOperation:
        raise ValueError(message) from None
    if not change.is_finite() or not -1 <= change <= _LARGEST:
        raise ValueError(message)
    return change
