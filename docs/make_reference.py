"""Writes the reference pages from the command line, the settings and the data dictionary.

With `--check` nothing is written: it names the pages that are out of date, and exits 1 where there are some.
"""

# A script beside the pages, not a package.
# ruff: noqa: INP001

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from bundleopt.cli.main import VERBS, app
from bundleopt.config import Config
from bundleopt.config_file import toml_value
from bundleopt.rundir.dictionary import DICTIONARY
from bundleopt_data.schema import TABLES, Column, ColumnType

REFERENCE = Path(__file__).parent / "reference"
MADE = "<!-- made by docs/make_reference.py; change the source, then make docs -->\n"
_COMMON = {"--help", "--json", "--quiet", "--verbose", "--workspace", "--install-completion", "--show-completion"}
_KINDS = {
    ColumnType.ID: "id, kept to the letter",
    ColumnType.TEXT: "text",
    ColumnType.NUMBER: "number",
    ColumnType.FLAG: "true or false",
    ColumnType.TIMESTAMP: "time",
    ColumnType.MONDAY: "date of a Monday",
    ColumnType.ID_LIST: "several ids, in CSV joined by a vertical bar",
}


def pages() -> dict[str, str]:
    """Return the text of every page by its file name."""
    return {"commands.md": _commands(), "settings.md": _settings(), "tables.md": _tables()}


def stale() -> list[str]:
    """Return the names of the pages that differ from what they would be made as now."""
    return [name for name, text in pages().items() if not _is_fresh(REFERENCE / name, text)]


def _is_fresh(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _commands() -> str:
    command: Any = get_command(app)
    common = "`-w/--workspace DIR`, `--json`, `--quiet`, `--verbose` and `--help`"
    parts = [MADE, f"# Commands\n\nEvery command takes {common}, after its name.\n"]
    for name, one in command.commands.items():
        inner = getattr(one, "commands", None)
        if inner is None:
            parts.append("".join(_command(f"bundleopt {name}", one)))
        else:
            parts += ["".join(_command(f"bundleopt {name} {verb}", below)) for verb, below in inner.items()]
    return "\n".join(parts)


def _command(called: str, command: Any) -> Iterator[str]:
    # Help and completion are the same everywhere, and the common flags stand above.
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and not _COMMON & set(one.opts)]
    yield f"\n## {called}\n\n{(command.help or '').strip()}\n\n"
    yield f"    {' '.join([called, *(one.metavar or one.name for one in arguments)])} [OPTIONS]\n\n"
    rows = [(one.metavar or one.name, one.help or "") for one in arguments]
    rows += [(_option(one), one.help or "") for one in options]
    if rows:
        yield _table(("flag", "meaning"), [(f"`{_bar(flag)}`", _cell(text)) for flag, text in rows])
    example = VERBS[called.split()[1]].example if called.split()[1] in VERBS else None
    if example:
        yield f"\nExample: `bundleopt {example}`\n"


def _option(option: Any) -> str:
    names = ", ".join(option.opts)
    return names if option.is_flag else f"{names} {option.metavar or 'VALUE'}"


def _settings() -> str:
    order = (
        "Defaults < file < environment (`BUNDLEOPT_SOLVE_BUDGET=2000`) < flags (`--budget 2000`); "
        "`bundleopt solve --show-config` says which one won."
    )
    parts = [MADE, f"# Settings\n\nThe keys of `bundleopt.toml`. {order}\n"]
    for section, field in Config.model_fields.items():
        model: Any = field.annotation
        rows = [
            (f"`{name}`", f"`{_default(key)}`", _cell(key.description or ""))
            for name, key in model.model_fields.items()
        ]
        doc = " ".join((model.__doc__ or "").split())
        parts.append(f"\n## [{section}]\n\n{doc}\n\n{_table(('key', 'default', 'meaning'), rows)}")
    return "\n".join(parts)


def _default(key: Any) -> str:
    value = key.get_default(call_default_factory=True)
    return "{}" if isinstance(value, dict) else toml_value(value).replace('"none"', "none")


def _tables() -> str:
    parts = [MADE, "# Tables and columns\n\n## What goes in\n\nRequired columns are bold.\n"]
    for name, table in TABLES.items():
        rows = [
            (f"**{one.name}**" if one.required else one.name, _KINDS[one.type], _cell(_demands(one)))
            for one in table.columns
        ]
        key = f"One row for each {', '.join(table.key)}." if table.key else "Rows may repeat."
        parts.append(f"\n### {name}\n\n{key}\n\n{_table(('column', 'kind', 'demands'), rows)}")
    parts.append("\n## What comes out\n\nThe same descriptions lie in every run folder as `dictionary.csv`.\n")
    for name, columns in DICTIONARY.items():
        rows = [(column, _cell(meaning)) for column, meaning in columns.items()]
        parts.append(f"\n### {name} (out)\n\n{_table(('column', 'meaning'), rows)}")
    return "\n".join(parts)


def _demands(column: Column) -> str:
    checks = [column.check.value] if column.check is not None else []
    known = [f"known in {column.references}"] if column.references else []
    return ", ".join([*checks, *known])


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _bar(text: str) -> str:
    return text.replace("|", "\\|")


def _cell(text: str) -> str:
    """A text inside a table: one line, and nothing that Markdown would read as a table or as HTML."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def main(arguments: list[str]) -> int:
    """Write the pages, or name those that are out of date; return the exit code."""
    if "--check" in arguments:
        old = stale()
        for name in old:
            sys.stdout.write(f"docs/reference/{name} is out of date; run: make docs\n")
        return 1 if old else 0
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
