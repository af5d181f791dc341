"""How the text of each column type becomes a value, and which texts are refused, as DuckDB SQL.

Every rule is a condition on the trimmed text "t" and, where the type has one, the parsed value "v". The first rule
that a row breaks is the one reported.
"""

from __future__ import annotations

from dataclasses import dataclass

from bundleopt_data import duck
from bundleopt_data.rejects import HIDDEN
from bundleopt_data.schema import Column, ColumnType
from bundleopt_data.settings import SourceSettings

_BREAKS = r"[\t\r\n]+"
_NOT_FINITE = r"(?i)^[+-]?(nan|inf|infinity)$"
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?$"
# Stands for the two readings of the first offending value, which only the data can fill in.
BOTH_READINGS = "<both readings>"

_COMMA_NUMBER = r"^[+-]?[0-9]+,[0-9]+$"
_ISO_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T]00:00(:00(\.0+)?)?)?$"
_ISO_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?)?"
_OFFSET = r" ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"

# Times outside are typing errors or unset clocks; a panel that reached back to 1970 would not fit in memory.
FIRST_YEAR, LAST_YEAR = 1990, 2100


@dataclass(frozen=True)
class Rule:
    """A condition that is true where a row must be refused, the broken rule in words, and the fix."""

    condition: str
    check: str
    fix: str = ""


@dataclass(frozen=True)
class ColumnRules:
    """SQL of one column: `text` from the raw column, `value` from "t:<name>", and the rules in order."""

    text: str
    value: str
    rules: tuple[Rule, ...]


def rules_of(column: Column, settings: SourceSettings) -> ColumnRules:
    """Return the SQL of a declared column."""
    raw, text, value = (duck.identifier(prefix + column.name) for prefix in ("", "t:", "v:"))
    build = {
        ColumnType.ID: _identifier_rules,
        ColumnType.TEXT: _text_rules,
        ColumnType.NUMBER: _number_rules,
        ColumnType.FLAG: _flag_rules,
        ColumnType.TIMESTAMP: _timestamp_rules,
        ColumnType.MONDAY: _monday_rules,
        ColumnType.ID_LIST: _list_rules,
    }[column.type]
    found = build(text, value, settings)
    rules = list(found.rules)
    if column.required:
        rules.insert(0, Rule(f"{text} IS NULL", "must not be empty", "fill it in, or leave the row out"))
    if column.check is not None and not (settings.clamp_negative_stock and column.name == "on_hand"):
        rules.append(Rule(column.check.sql(value), column.check.value, ""))
    cleaned = found.text.replace("{raw}", raw)
    return ColumnRules(f"nullif({cleaned}, '')", found.value, tuple(rules))


def clean_text(column: str) -> str:
    """SQL: Unicode NFC without outer blanks; ids and names are compared in this form."""
    return f"trim(nfc_normalize({column}), ' \u00a0\u3000')"


def _identifier_rules(text: str, _value: str, _settings: SourceSettings) -> ColumnRules:
    return ColumnRules(clean_text("{raw}"), text, (_hidden_rule(text),))


def _text_rules(text: str, _value: str, _settings: SourceSettings) -> ColumnRules:
    one_line = f"regexp_replace({{raw}}, '{_BREAKS}', ' ', 'g')"
    return ColumnRules(clean_text(one_line), text, (_hidden_rule(text),))


def _hidden_rule(text: str) -> Rule:
    return Rule(
        f"regexp_matches({text}, '{HIDDEN}')",
        "must not hold control or direction characters",
        "remove them at the source",
    )


def _number_rules(text: str, value: str, settings: SourceSettings) -> ColumnRules:
    number = f"replace({text}, ',', '.')" if settings.decimal == "," else text
    plain = f"regexp_matches({number}, '{_NUMBER}')"
    if settings.decimal == ",":
        plain = f"({plain} AND NOT contains({text}, '.'))"
    rules = [
        Rule(f"regexp_matches({text}, '{_NOT_FINITE}')", "must be a finite number", "leave it empty or correct it")
    ]
    if settings.decimal is None:
        check = f"may hold a decimal comma: {BOTH_READINGS}"
        fix = 'set decimal = "," for a decimal comma, or remove thousands separators'
        rules.append(Rule(f"regexp_matches({text}, '{_COMMA_NUMBER}')", check, fix))
    fix = "write it like 1234.50, without currency signs and thousands separators"
    rules.append(Rule(f"NOT {plain}", "must be a plain number", fix))
    rules.append(Rule(f"isinf({value})", "must be a finite number", "it is too large"))
    return ColumnRules("trim({raw})", f"CASE WHEN {plain} THEN TRY_CAST({number} AS DOUBLE) END", tuple(rules))


def _flag_rules(text: str, value: str, _settings: SourceSettings) -> ColumnRules:
    parsed = (
        f"CASE WHEN lower({text}) IN ('true', 't', 'yes', 'y', '1') THEN true "
        f"WHEN lower({text}) IN ('false', 'f', 'no', 'n', '0') THEN false END"
    )
    rule = Rule(f"{text} IS NOT NULL AND {value} IS NULL", "must be true or false", "write true, false, 1 or 0")
    return ColumnRules("trim({raw})", parsed, (rule,))


def _timestamp_rules(text: str, value: str, settings: SourceSettings) -> ColumnRules:
    zone = duck.quoted(settings.timezone)
    iso, aware = f"regexp_matches({text}, '{_ISO_TIME}$')", is_aware(text)
    with_colon = f"regexp_replace({text}, '([+-][0-9]{{2}})([0-9]{{2}})$', '\\1:\\2')"
    parsed = (
        f"CASE WHEN {iso} THEN TRY_CAST({text} AS TIMESTAMP) "
        f"WHEN {aware} THEN timezone({zone}, TRY_CAST({with_colon} AS TIMESTAMPTZ)) "
        f"{_declared_format(text, settings)} END"
    )
    return ColumnRules("trim({raw})", parsed, (*_time_rules(text, value), _year_rule(value)))


def _monday_rules(text: str, value: str, settings: SourceSettings) -> ColumnRules:
    parsed = (
        f"CASE WHEN regexp_matches({text}, '{_ISO_DAY}') THEN TRY_CAST(left({text}, 10) AS DATE) "
        f"{_declared_format(text, settings, day=True)} END"
    )
    monday = Rule(f"isodow({value}) <> 1", "must be a Monday: weeks are named by it", "use the Monday of that week")
    return ColumnRules("trim({raw})", parsed, (*_time_rules(text, value), _year_rule(value), monday))


def is_aware(text: str) -> str:
    """SQL: whether an ISO time carries its offset."""
    return f"regexp_matches({text}, '{_ISO_TIME}{_OFFSET}')"


def _declared_format(text: str, settings: SourceSettings, *, day: bool = False) -> str:
    if settings.date_format is None:
        return ""
    cast = "::DATE" if day else ""
    return f"ELSE try_strptime({text}, {duck.quoted(settings.date_format)}){cast}"


def _time_rules(text: str, value: str) -> tuple[Rule, ...]:
    fix = 'write 2024-03-31 or 2024-03-31T18:05:00, or set date_format, for example "%d/%m/%Y"'
    ambiguous = f"{value} IS NULL AND regexp_matches({text}, '^[0-9]{{1,2}}[./-][0-9]{{1,2}}[./-][0-9]{{2,4}}')"
    return (
        Rule(ambiguous, "may be day or month first: the order must be declared", fix),
        Rule(f"{text} IS NOT NULL AND {value} IS NULL", "must be a date or time in ISO form", fix),
    )


def _year_rule(value: str) -> Rule:
    outside = f"year({value}) < {FIRST_YEAR} OR year({value}) > {LAST_YEAR}"
    return Rule(f"({outside})", f"must lie between {FIRST_YEAR} and {LAST_YEAR}", "correct the clock or the format")


def _list_rules(text: str, value: str, _settings: SourceSettings) -> ColumnRules:
    parts = f"list_transform(string_split({text}, '|'), lambda part: trim(part))"
    rules = (
        _hidden_rule(text),
        Rule(f"list_contains({value}, '')", "must not hold empty ids", "separate ids by |"),
        Rule(f"len(list_distinct({value})) < len({value})", "must not hold an id twice", "name each item once"),
        Rule(f"len({value}) < 2", "must hold at least two ids", "separate ids by |"),
    )
    return ColumnRules("trim({raw})", parts, rules)
