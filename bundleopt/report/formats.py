"""Numbers as people read them."""

from __future__ import annotations

from typing import Any

MINUS = "\u2212"


def money(value: Any) -> str:
    """Write an amount with thousands separators and cents; a dash where there is none."""
    return _signed(f"{value:,.2f}") if value is not None else "\u2013"


def signed_money(value: Any) -> str:
    """Write a change of money with its sign, also where it is a gain."""
    return _with_plus(money(value), value)


def signed_count(value: Any) -> str:
    """Write a change of a count with its sign."""
    return _with_plus(count(value), value)


def share(value: Any) -> str:
    """Write a share as a percentage with one digit."""
    return _signed(f"{value * 100:,.1f} %") if value is not None else "\u2013"


def fine_share(value: Any) -> str:
    """Write a small share with the digits that it needs, so that a gap of 0.004 % does not read as 0.0 %."""
    if value is None:
        return "\u2013"
    percent = value * 100
    for digits in (1, 2, 3, 4):
        if percent == 0 or abs(percent) >= 10 ** (1 - digits) / 2:
            return _signed(f"{percent:.{digits}f} %")
    return "under 0.0001 %"


def count(value: Any) -> str:
    """Write a count, or an expected count, without digits after the point."""
    return _signed(f"{value:,.0f}") if value is not None else "\u2013"


def number(value: Any) -> str:
    """Write a number with at most two digits after the point."""
    if value is None:
        return "\u2013"
    return _signed(f"{value:,.2f}".rstrip("0").rstrip(".") if value else "0")


def _with_plus(text: str, value: Any) -> str:
    is_gain = value is not None and value > 0 and any(c in "123456789" for c in text)
    return f"+{text}" if is_gain else text


def _signed(text: str) -> str:
    bare = text.lstrip("-")
    is_zero = not any(c in "123456789" for c in bare)
    return bare if is_zero else text.replace("-", MINUS, 1)
