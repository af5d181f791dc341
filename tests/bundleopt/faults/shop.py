"""A workspace over a copy of the small market whose files a test spoils, driven through the command line."""

from __future__ import annotations

import csv
from pathlib import Path

from bundleopt.verbs.initialise import initialise
from tests.bundleopt.command_line import CommandLine, Outcome


class Shop:
    """Six files and a workspace beside them; `check` and `solve` run the real commands on it."""

    def __init__(self, data: Path, root: Path, run: CommandLine) -> None:
        self.data, self.run = data, run
        self.root = initialise(root, data=str(data)).workspace.root

    def file(self, table: str) -> Path:
        return self.data / f"{table}.csv"

    def rows(self, table: str) -> list[list[str]]:
        with self.file(table).open(encoding="utf-8", newline="") as stream:
            return list(csv.reader(stream))

    def write_rows(self, table: str, rows: list[list[str]]) -> None:
        with self.file(table).open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(rows)

    def set_cell(self, table: str, row: int, column: str, value: str) -> None:
        rows = self.rows(table)
        rows[row][rows[0].index(column)] = value
        self.write_rows(table, rows)

    def set_column(self, table: str, column: str, value: str) -> None:
        rows = self.rows(table)
        place = rows[0].index(column)
        self.write_rows(table, [rows[0], *([*row[:place], value, *row[place + 1 :]] for row in rows[1:])])

    def add_column(self, table: str, column: str, value: str) -> None:
        rows = self.rows(table)
        self.write_rows(table, [[*rows[0], column], *([*row, value] for row in rows[1:])])

    def append(self, table: str, *rows: list[str]) -> None:
        self.write_rows(table, [*self.rows(table), *rows])

    def configure(self, section: str, **keys: object) -> None:
        """Set keys of `bundleopt.toml`; texts are quoted."""
        path = self.root / "bundleopt.toml"
        lines = path.read_text(encoding="utf-8").splitlines()
        for key, value in keys.items():
            text = f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {str(value).lower()}"
            lines = [line for line in lines if not line.lstrip("# ").startswith(f"{key} =")]
            lines.insert(lines.index(f"[{section}]") + 1, text)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def check(self, *flags: object) -> Outcome:
        return self.run("check", "-w", self.root, *flags)

    def expect_refused(self, *parts: str, code: int = 3) -> Outcome:
        """The data is refused: one bounded message that names every part, and nothing written but rejects.csv."""
        before = self.files()
        outcome = self.check()
        assert outcome.code == code, outcome.err + outcome.out
        for part in parts:
            assert part in outcome.err, outcome.err
        assert "Traceback" not in outcome.err
        assert len(outcome.err) < 6000
        assert self.files() - before <= {self.root / "rejects.csv"}
        return outcome

    def expect_accepted(self, *parts: str) -> Outcome:
        """The data is read; what `check` prints holds every part."""
        outcome = self.check()
        assert outcome.code == 0, outcome.err
        told = " ".join(outcome.out.split())
        for part in parts:
            assert part in told, outcome.out
        return outcome

    def files(self) -> set[Path]:
        return {path for path in self.root.rglob("*") if path.is_file()}
