"""From text to types: every rule of the contract on one table, all broken ones collected before anything is refused."""

# ruff: noqa: S608 - names come from the schema or are quoted by `duck`, and so is every literal

from __future__ import annotations

import difflib

import duckdb

from bundleopt_data import duck
from bundleopt_data.errors import DataProblem
from bundleopt_data.manifest import Mending
from bundleopt_data.readers.column_rules import BOTH_READINGS, ColumnRules, clean_text, is_aware, rules_of
from bundleopt_data.readers.raw_table import FILE, ROW, RawTable
from bundleopt_data.rejects import RejectLog
from bundleopt_data.schema import TABLES, Column, ColumnType, Table
from bundleopt_data.settings import SourceSettings

_PLACE = f"{duck.identifier(FILE)}, {duck.identifier(ROW)}"
_CURRENCY = "currency"


class TypedTable:
    """One table on its way from text to types, as views "raw_x", "text_x" and the table "typed_x" of a connection."""

    def __init__(self, raw: RawTable, settings: SourceSettings, log: RejectLog) -> None:
        """Register the staged text of a table."""
        self.raw, self.settings, self.log = raw, settings, log
        self.table: Table = TABLES[raw.name]
        self.columns = [column for column in self.table.columns if column.name in raw.columns]
        self.extra = [name for name in raw.columns if self.table.column(name) is None]
        self.rules: dict[str, ColumnRules] = {column.name: rules_of(column, settings) for column in self.columns}
        files = ", ".join(duck.quoted(str(path)) for path in raw.files)
        log.connection.execute(_VIEW.format(name=self._name("raw"), body=f"FROM read_parquet([{files}])"))

    def is_complete(self) -> bool:
        """Refuse missing columns, naming the nearest there is, and empty tables."""
        missing = [name for name in self.table.required if name not in self.raw.columns]
        for name in missing:
            near = difflib.get_close_matches(name, self.extra, n=1, cutoff=0.5)
            here = ", ".join(self.raw.columns[:20])
            fix = f'is it {near[0]!r}? map it: column_map = {{"{self.raw.name}.{near[0]}" = "{name}"}}' if near else ""
            shown = (f"columns found: {here}",)
            self.log.refuse(DataProblem(self.raw.name, name, "a required column is missing", 0, shown, fix))
        (rows,) = self._run("SELECT count(*) FROM {raw}").fetchall()[0]
        is_optional = self.raw.name not in {"transactions", "items"}
        if not rows and not (is_optional and self.settings.allow_empty):
            fix = "leave the table out, or set allow_empty = true" if is_optional else "export it with rows"
            self.log.refuse(DataProblem(self.raw.name, "", "the table has a header and no rows", 0, (), fix))
        return not missing

    def check(self) -> None:
        """Apply every column's rules; rows that break one are refused and kept for `rejects.csv`."""
        texts = [f"{rules.text} AS {duck.identifier('t:' + name)}" for name, rules in self.rules.items()]
        extra = [duck.identifier(name) for name in self.extra]
        self._define("text", f"SELECT {', '.join([_PLACE, *texts, *extra])} FROM {self._name('raw')}")
        values = [f"{rules.value} AS {duck.identifier('v:' + name)}" for name, rules in self.rules.items()]
        self._define("parsed", f"SELECT *, {', '.join(values)} FROM {self._name('text')}")
        broken = self._broken_counts()
        for column in self.columns:
            earlier: list[str] = []
            for number, rule in enumerate(self.rules[column.name].rules):
                if broken[column.name, number]:
                    condition = " AND ".join([f"({rule.condition})", *(f"NOT coalesce({c}, false)" for c in earlier)])
                    self._refuse_rows(column, condition, rule.check, rule.fix)
                    earlier.append(f"({rule.condition})")
        self._check_zones()
        self._check_currency()

    def type(self) -> None:
        """Make "typed_x": canonical values, exact repeats of keyed tables dropped, contradictions refused."""
        columns = [f"{duck.identifier('v:' + c.name)} AS {duck.identifier(c.name)}" for c in self.columns]
        if self.settings.clamp_negative_stock and self.raw.name == "inventory":
            columns = [c.replace('"v:on_hand"', 'greatest("v:on_hand", 0)') for c in columns]
            self._note_clamped()
        extra = [f"{duck.identifier(name)} AS {duck.identifier(self._safe(name))}" for name in self.extra]
        selection = ", ".join([_PLACE, *columns, *extra])
        self._run("CREATE OR REPLACE TEMP TABLE {typed} AS SELECT " + selection + " FROM {parsed}")
        self._note_merged_texts()
        if self.table.key:
            self._settle_keys()

    @property
    def typed_columns(self) -> list[str]:
        """Columns of "typed_x" besides the place of the row."""
        return [*(column.name for column in self.columns), *(self._safe(name) for name in self.extra)]

    def _safe(self, name: str) -> str:
        """Extra columns step aside for the one that this room adds."""
        return f"{name}_given" if name.casefold() == "week" else name

    def _broken_counts(self) -> dict[tuple[str, int], int]:
        """Count every rule in one pass over the table: the happy path reads it once."""
        places = [(name, number) for name, rules in self.rules.items() for number in range(len(rules.rules))]
        counts = [f"count(*) FILTER ({self.rules[name].rules[number].condition})" for name, number in places]
        (row,) = self._run(f"SELECT {', '.join(counts)} FROM {{parsed}}").fetchall()
        return dict(zip(places, row, strict=True))

    def _refuse_rows(self, column: Column, condition: str, check: str, fix: str) -> None:
        shown = f"coalesce({duck.identifier('t:' + column.name)}, '')"
        selection = f"SELECT {_PLACE}, {shown} FROM {self._name('parsed')} WHERE {condition}"
        if BOTH_READINGS in check:
            query = f'SELECT value FROM ({selection}) AS s (file, "row", value) ORDER BY file, "row" LIMIT 1'
            (first,) = self.log.connection.execute(query).fetchall()[0]
            check = check.replace(BOTH_READINGS, both_readings(first))
        self.log.refuse_rows(self.raw.name, column.name, check, selection, fix=fix)

    def _check_zones(self) -> None:
        """Times with and without an offset in one table cannot be put in order."""
        for column in self.columns:
            if column.type is not ColumnType.TIMESTAMP:
                continue
            text = duck.identifier("t:" + column.name)
            aware, all_times = self._run(
                f"SELECT count(*) FILTER ({is_aware(text)}), count({text}) FROM {{text}}"
            ).fetchall()[0]
            if 0 < aware < all_times:
                condition = is_aware(text) if aware * 2 <= all_times else f"NOT {is_aware(text)}"
                check = f"some times carry an offset ({aware:,}) and some do not ({all_times - aware:,})"
                self._refuse_rows(column, condition, check, "write all of them with an offset, or all without")
            elif not aware and all_times:
                self.log.assumptions.append(
                    f"Times without an offset in {self.raw.name}.{column.name} are read in {self.settings.timezone}."
                )

    def _check_currency(self) -> None:
        if _CURRENCY not in (name.casefold() for name in self.extra):
            return
        name = duck.identifier(next(name for name in self.extra if name.casefold() == _CURRENCY))
        found = self._run(
            f"SELECT {name}, count(*) FROM {{raw}} WHERE trim({name}) <> '' GROUP BY 1 ORDER BY 2 DESC, 1"
        ).fetchall()
        if len(found) > 1:
            shown = tuple(f"{currency!r}: {count:,} rows" for currency, count in found)
            count = sum(count for _, count in found[1:])
            check = "amounts are in more than one currency, and sums never mix"
            fix = "convert them to one currency first"
            self.log.refuse(DataProblem(self.raw.name, _CURRENCY, check, count, shown, fix))

    def _note_merged_texts(self) -> None:
        """Report ids that became equal by Unicode NFC and stripping blanks, and ids that differ in case only."""
        for column in self.columns:
            if column.type is not ColumnType.ID:
                continue
            raw, text = duck.identifier(column.name), duck.identifier("t:" + column.name)
            given, kept, folded = self._run(
                f"SELECT (SELECT count(DISTINCT {raw}) FROM {{raw}} WHERE {clean_text(raw)} <> ''), "
                f"count(DISTINCT {text}), count(DISTINCT lower({text})) FROM {{text}}"
            ).fetchall()[0]
            place = f"{self.raw.name}.{column.name}"
            if given > kept:
                rule = f"ids of {column.name} equal after Unicode NFC and stripping blanks"
                self.log.mended.append(Mending(self.raw.name, rule, given - kept, "merged"))
            if kept > folded:
                self.log.warnings.append(f"{place}: {kept - folded:,} ids differ from another one in letter case only.")

    def _settle_keys(self) -> None:
        """Drop exact repeats of a key and refuse contradicting ones."""
        key = [name for name in self.table.key if name in self.raw.columns]
        values = [duck.identifier(name) for name in self.typed_columns]
        names, whole = ", ".join(duck.identifier(name) for name in key), f"row({', '.join(values)})::VARCHAR"
        self._run(
            f"CREATE OR REPLACE TEMP TABLE repeated AS SELECT {names} FROM {{typed}} GROUP BY ALL HAVING count(*) > 1"
        )
        if not self._run("SELECT count(*) FROM repeated").fetchall()[0][0]:
            return
        same = " AND ".join(f"g.{duck.identifier(n)} IS NOT DISTINCT FROM t.{duck.identifier(n)}" for n in key)
        self._run(
            f"CREATE OR REPLACE TEMP TABLE key_groups AS SELECT {names}, count(*) AS rows, "
            f"count(DISTINCT {whole}) AS contents FROM {{typed}} t SEMI JOIN repeated g ON {same} GROUP BY {names}"
        )
        shown = " || ', ' || ".join(f"coalesce(t.{duck.identifier(name)}::VARCHAR, '')" for name in key)
        place = ", ".join(f"t.{duck.identifier(name)}" for name in (FILE, ROW))
        selection = (
            f"SELECT {place}, {shown} FROM {self._name('typed')} t JOIN key_groups g ON {same} WHERE g.contents > 1"
        )
        self.log.refuse_rows(
            self.raw.name, ", ".join(key), "rows of one key contradict each other", selection, fix="keep one row a key"
        )
        (extra,) = self._run("SELECT coalesce(sum(rows - 1), 0) FROM key_groups WHERE contents = 1").fetchall()[0]
        if extra:
            self.log.mended.append(Mending(self.raw.name, "exact repeats of a row", int(extra)))
            self._run(
                f"CREATE OR REPLACE TEMP TABLE {{typed}} AS FROM {{typed}} QUALIFY row_number() "
                f"OVER (PARTITION BY {names} ORDER BY {_PLACE}) = 1"
            )

    def _note_clamped(self) -> None:
        (count,) = self._run('SELECT count(*) FROM {parsed} WHERE "v:on_hand" < 0').fetchall()[0]
        if count:
            self.log.mended.append(Mending(self.raw.name, "negative stock counts as 0", count, "changed"))

    def _define(self, stage: str, body: str) -> None:
        self.log.connection.execute(_VIEW.format(name=self._name(stage), body=body))

    def _name(self, stage: str) -> str:
        return duck.identifier(f"{stage}_{self.raw.name}")

    def _run(self, query: str) -> duckdb.DuckDBPyConnection:
        for stage in ("raw", "text", "parsed", "typed"):
            query = query.replace(f"{{{stage}}}", self._name(stage))
        return self.log.connection.execute(query)


def both_readings(number: str) -> str:
    """Write what a number with one comma can mean.

    >>> both_readings("1,234")
    "'1,234' reads 1.234 or 1234"
    """
    return f"{number!r} reads {number.replace(',', '.')} or {number.replace(',', '')}"


_VIEW = "CREATE OR REPLACE TEMP VIEW {name} AS {body}"
