"""Every row that was refused or dropped, collected while reading and written as `rejects.csv`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from bundleopt_data import duck
from bundleopt_data.atomic import writing
from bundleopt_data.errors import MAX_EXAMPLES, DataProblem, DataRefusedError
from bundleopt_data.manifest import Mending

# Spreadsheets run cells that begin like this as formulas, also behind full-width signs.
_FORMULA_START = r"^[=+\-@\t\r＝＋－＠]"

# Controls, and the marks that turn text around so that it reads differently from what it is (CVE-2021-42574).
HIDDEN = r"[\x00-\x1f\x7f\x{80}-\x{9f}\x{202a}-\x{202e}\x{2066}-\x{2069}]"

_VALUE_LENGTH = 200
_SHOWN_LENGTH = 60


class RejectLog:
    """Collects problems, mendings, warnings and assumptions of one source, with every rejected row.

    Attributes:
        problems: broken rules; any of them refuses the source. mended: rows changed by a named rule.
        warnings: REVIEW sentences. assumptions: sentences that outputs repeat.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Keep rows in a table of `connection`, which can spill to disk."""
        self.connection = connection
        self.problems: list[DataProblem] = []
        self.mended: list[Mending] = []
        self.warnings: list[str] = []
        self.assumptions: list[str] = []
        connection.execute(
            'CREATE OR REPLACE TEMP TABLE rejects ("table" VARCHAR, file VARCHAR, "row" BIGINT, "column" VARCHAR, '
            '"check" VARCHAR, value VARCHAR)'
        )

    def add_rows(self, table: str, column: str, check: str, selection: str) -> None:
        """Keep rows; `selection` is SQL that yields file, row and value."""
        labels = ", ".join(duck.quoted(text) for text in (column, check))
        self.connection.execute(
            _INSERT.format(
                table=duck.quoted(table),
                labels=labels,
                hidden=duck.quoted(HIDDEN),
                length=_VALUE_LENGTH,
                selection=selection,
            )
        )

    def add_row(self, table: str, file: str, row: int, check: str, value: str) -> None:
        """Keep one row that no query can see, for example a line that could not be split into fields."""
        values = [table, file, row, "", check, value[:_VALUE_LENGTH]]
        self.connection.execute("INSERT INTO rejects VALUES (?, ?, ?, ?, ?, ?)", values)

    def refuse(self, problem: DataProblem) -> None:
        """Record a broken rule."""
        self.problems.append(problem)

    def refuse_rows(self, table: str, column: str, check: str, selection: str, *, fix: str = "") -> int:
        """Record a broken rule with all its rows; `selection` yields file, row, value. Returns the number of rows."""
        (count,) = self.connection.execute(_COUNT.format(selection=selection)).fetchall()[0]
        if count:
            rows = self.connection.execute(_EXAMPLES.format(selection=selection, limit=MAX_EXAMPLES)).fetchall()
            examples = tuple(example(file, row, column, value) for file, row, value in rows)
            self.problems.append(DataProblem(table, column, check, count, examples, fix))
            self.add_rows(table, column, check, selection)
        return int(count)

    def raise_if_refused(self, rejects: Path | None) -> None:
        """Refuse the source where any rule is broken, after writing the rejected rows to `rejects`.

        Raises:
            DataRefusedError: with all problems.
        """
        if not self.problems:
            return
        written = rejects is not None and self.write(rejects)
        raise DataRefusedError(self.problems, str(rejects) if written else None)

    def write(self, path: Path) -> bool:
        """Write the rejected rows as CSV, formulas made harmless; False and no file where there are none."""
        (count,) = self.connection.execute("SELECT count(*) FROM rejects").fetchall()[0]
        if not count:
            return False
        with writing(path) as temporary:
            target = duck.quoted(str(temporary))
            self.connection.execute(_COPY.format(start=duck.quoted(_FORMULA_START), target=target))
        return True


_INSERT = """
INSERT INTO rejects SELECT {table}, s.file, s."row", {labels},
    left(regexp_replace(s.value, {hidden}, '�', 'g'), {length})
FROM ({selection}) AS s (file, "row", value)
"""
_COUNT = "SELECT count(*) FROM ({selection})"
_EXAMPLES = 'SELECT * FROM ({selection}) AS s (file, "row", value) ORDER BY file, "row" LIMIT {limit}'
_COPY = """
COPY (
    SELECT "table", file, "row", "column", "check",
        CASE WHEN regexp_matches(value, {start}) THEN '''' || value ELSE value END AS value
    FROM rejects ORDER BY "table", file, "row", "column"
) TO {target} (FORMAT csv, HEADER)
"""


def example(file: str, row: int | None, column: str, value: str | None) -> str:
    """Write one offending row in a bounded, printable line."""
    shown = repr(value if value is None or len(value) <= _SHOWN_LENGTH else value[:_SHOWN_LENGTH] + "...")
    place = f"{file} row {row:,}" if row is not None else file
    return f"{place}: {column} = {shown}" if column else f"{place}: {shown}"


def write_rejects(error: DataRefusedError, path: Path) -> None:
    """Write the problems of a refusal as CSV where no row table exists any more: one line per example."""
    import csv
    import io

    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["table", "column", "check", "rows", "example", "fix"])
    for problem in error.problems:
        for shown in problem.examples or ("",):
            writer.writerow(
                _harmless([problem.table, problem.column, problem.check, str(problem.count), shown, problem.fix])
            )
    with writing(path) as temporary:
        temporary.write_text(buffer.getvalue(), encoding="utf-8")


def _harmless(cells: Sequence[str]) -> list[str]:
    import re

    return ["'" + cell if re.match(_FORMULA_START, cell) else cell for cell in cells]
