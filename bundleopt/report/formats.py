"""Numbers as people read them, in the number format of whoever reads them.

with formats.written_as(formats.number_format("de_DE", "EUR")):
formats.priced(1234.5)  # 1.234,50 EUR
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

MINUS = "\u2212"
DEFAULT_LOCALE = "en_US"

# Language, or language and country -> (thousands separator, decimal mark), as the Unicode CLDR has them.
_MARKS = {
    "en": (",", "."),
    "de": (".", ","),
    "de_AT": ("\u00a0", ","),
    "de_CH": ("\u2019", "."),
    "fr": ("\u202f", ","),
    "fr_CH": ("\u202f", ","),
    "es": (".", ","),
    "it": (".", ","),
    "nl": (".", ","),
    "pt": (".", ","),
    "pt_PT": ("\u00a0", ","),
    "da": (".", ","),
    "sv": ("\u00a0", ","),
    "nb": ("\u00a0", ","),
    "fi": ("\u00a0", ","),
    "pl": ("\u00a0", ","),
    "cs": ("\u00a0", ","),
    "hu": ("\u00a0", ","),
    "tr": (".", ","),
    "ja": (",", "."),
}


@dataclass(frozen=True)
class NumberFormat:
    """Separators and currency of the numbers in a page; `currency` is "" where the data names none."""

    thousands: str = ","
    decimal: str = "."
    currency: str = ""
    is_currency_first: bool = False


_ENGLISH = NumberFormat()
_current: ContextVar[NumberFormat] = ContextVar("number_format", default=_ENGLISH)


def locales() -> tuple[str, ...]:
    """Return the names that `number_format` knows; a country that is not listed is written as its language is."""
    return tuple(_MARKS)


def number_format(locale: str = DEFAULT_LOCALE, currency: str = "") -> NumberFormat:
    """Return the format of a locale like `de_DE` with a currency like `EUR` or a sign.

    Raises:
        KeyError: the language is not listed.
    """
    name = locale.replace("-", "_").partition(".")[0]
    language = name.partition("_")[0]
    thousands, decimal = _MARKS.get(name) or _MARKS[language]
    # A sign stands before the amount in English, a code behind it.
    return NumberFormat(thousands, decimal, currency, language in {"en", "ja"} and not currency[-1:].isalpha())


def format_of(config: Mapping[str, Any]) -> NumberFormat:
    """Return the format that the configuration in a plan document asks for."""
    return number_format(config.get("data.number_format") or DEFAULT_LOCALE, config.get("data.currency") or "")


@contextmanager
def written_as(style: NumberFormat) -> Iterator[None]:
    """Write all numbers within the block in a format."""
    token = _current.set(style)
    try:
        yield
    finally:
        _current.reset(token)


def currency() -> str:
    """Return the currency of the format in use."""
    return _current.get().currency


def money(value: Any) -> str:
    """Write an amount with thousands separators and cents; a dash where there is none."""
    return _signed(f"{value:,.2f}") if value is not None else "\u2013"


def priced(value: Any) -> str:
    """Write an amount with its currency."""
    style, text = _current.get(), money(value)
    if value is None or not style.currency:
        return text
    if style.is_currency_first:
        sign = MINUS if text.startswith(MINUS) else ""
        return f"{sign}{style.currency}{text.removeprefix(MINUS)}"
    return f"{text}\u00a0{style.currency}"


def rounded(value: Any) -> str:
    """Write an amount for an axis: no digits after the point where it is large."""
    return _signed(f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.6g}")


def signed_money(value: Any) -> str:
    """Write a change of money with its sign, also where it is a gain."""
    return _with_plus(money(value), value)


def signed_count(value: Any) -> str:
    """Write a change of a count with its sign."""
    return _with_plus(count(value), value)


def share(value: Any) -> str:
    """Write a share as a percentage with one digit."""
    return _signed(f"{value * 100:,.1f} %") if value is not None else "\u2013"


def whole_share(value: Any) -> str:
    """Write a share as a percentage without digits after the point."""
    return _signed(f"{value * 100:,.0f} %") if value is not None else "\u2013"


def axis_share(value: Any) -> str:
    """Write a share for an axis: with the digits it needs, so that 2.5 % does not read as 2 %."""
    return _signed(f"{value * 100:,.6g} %")


def fine_share(value: Any) -> str:
    """Write a small share with the digits that it needs, so that a gap of 0.004 % does not read as 0.0 %."""
    if value is None:
        return "\u2013"
    percent = value * 100
    for digits in (1, 2, 3, 4):
        if percent == 0 or abs(percent) >= 10 ** (1 - digits) / 2:
            return _signed(f"{percent:.{digits}f} %")
    return _signed("under 0.0001 %")


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
    return _marked(bare if is_zero else text.replace("-", MINUS, 1))


def _marked(text: str) -> str:
    style = _current.get()
    return text.translate({ord(","): style.thousands, ord("."): style.decimal})
