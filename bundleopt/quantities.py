"""Texts that people write, turned into values: money, shares, sizes, weeks, price endings.

Every function raises `ValueError` with a sentence that quotes the text and shows one that works; the caller adds
where the text stood (a flag, an environment variable, a line of `bundleopt.toml`).
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal, InvalidOperation

from bundleopt.report import formats

# Above this, cents no longer fit the exact range of a float64 sum over a campaign.
LARGEST_MONEY = Decimal("1e12")


def parse_money(text: object) -> float:
    """Read an amount of money that is finite and not negative, in the currency of the data."""
    amount = _decimal(text, f"{_quote(text)} is not an amount of money; write it like 20000 or 1999.50")
    if amount < 0:
        raise ValueError(f"{_quote(text)} is negative; write an amount like 20000")
    return _in_cents(amount, text)


def parse_signed_money(text: object) -> float:
    """Read an amount of money that is finite and may be negative."""
    return _in_cents(_decimal(text, f"{_quote(text)} is not an amount of money; write it like 500 or -500"), text)


def parse_share(text: object) -> float:
    """Read a share in [0, 1], written `0.15` or `15%`."""
    example = "write a share like 0.15 or 15%"
    raw = str(text).strip()
    percent = raw.endswith("%")
    value = _decimal(raw.removesuffix("%"), f"{_quote(text)} is not a share; {example}")
    value = value / 100 if percent else value
    if not 0 <= value <= 1:
        raise ValueError(f"{_quote(text)} is outside 0 to 1 (0 % to 100 %); {example}")
    return float(value)


def parse_duration(text: object) -> float:
    """Read a number of seconds above 0; `60`, `60s` and `2m` are accepted."""
    raw = str(text).strip().lower()
    factor = 60 if raw.endswith("m") else 1
    value = _decimal(raw.rstrip("sm"), f"{_quote(text)} is not a time; write seconds like 60, or minutes like 2m")
    if value <= 0:
        raise ValueError(f"{_quote(text)} must be above 0; write seconds like 60, or minutes like 2m")
    return float(value * factor)


def parse_sizes(text: object) -> tuple[int, int]:
    """Read the range of bundle sizes, `2:4` or `3`; size 1 adds single items, which is a plain promotion."""
    raw = list(text) if isinstance(text, list | tuple) else str(text).strip().split(":")
    message = f"{_quote(text)} is not a range of bundle sizes; write one between 1 and 4, like 2:4 or 2:2"
    try:
        low, high = int(str(raw[0])), int(str(raw[-1]))
    except ValueError:
        raise ValueError(message) from None
    if len(raw) > 2 or not 1 <= low <= high <= 4:
        raise ValueError(message)
    return low, high


def parse_week(text: object) -> date:
    """Read the Monday of a week, in ISO form."""
    raw = text.isoformat() if isinstance(text, date) else str(text).strip()
    try:
        day = date.fromisoformat(raw)
    except ValueError:
        raise ValueError(f"{_quote(text)} is not a date; write a Monday like 2018-01-08") from None
    if day.weekday() != 0:
        monday = day - timedelta(days=day.weekday())
        raise ValueError(f"{_quote(text)} is a {day:%A}; weeks start on Monday, the nearest before it is {monday}")
    return day


def parse_price_ending(text: object) -> str | None:
    """Read price endings like `.99` or `.49,.99`; `none` means to the cent (returns None)."""
    from bundleopt_solvers import price_points

    raw = str(text).strip()
    if raw.lower() == "none":
        return None
    try:
        price_points.price_endings(raw)
    except ValueError:
        raise ValueError(f"{_quote(text)} is not a price ending; write .99, .49,.99 or none") from None
    return raw


def parse_number_format(text: object) -> str:
    """Read the name of a number format: a language, or language and country, like `de_DE`."""
    raw = str(text).strip()
    try:
        formats.number_format(raw)
    except KeyError:
        languages = ", ".join(name for name in formats.locales() if "_" not in name)
        message = f"{_quote(text)} is no number format; write one like de_DE or en_US, of the languages {languages}"
        raise ValueError(message) from None
    return raw


def _decimal(text: object, message: str) -> Decimal:
    raw = str(text).strip()
    try:
        value = Decimal(raw)
    except InvalidOperation:
        raise ValueError(message) from None
    # "1_000" is a Python number, not something an analyst means; nan and infinity are never amounts.
    if isinstance(text, bool) or "_" in raw or not value.is_finite():
        raise ValueError(message)
    return value


def _in_cents(amount: Decimal, text: object) -> float:
    if abs(amount) > LARGEST_MONEY:
        raise ValueError(f"{_quote(text)} is larger than money gets here ({LARGEST_MONEY:,f}); write it like 20000")
    if amount * 100 != (amount * 100).to_integral_value():
        raise ValueError(f"{_quote(text)} has fractions of a cent; write it like 1999.50")
    return float(amount)


def _quote(text: object) -> str:
    return repr(text if isinstance(text, str) else str(text))
