"""Ids that point to another table: unknown ones are refused above the allowed share, else dropped and reported."""

# ruff: noqa: S608 - names come from the schema, and everything else is quoted by `duck`

from __future__ import annotations

from collections.abc import Collection

from bundleopt_data import duck
from bundleopt_data.errors import DataProblem
from bundleopt_data.manifest import Mending
from bundleopt_data.readers.raw_table import FILE, ROW
from bundleopt_data.rejects import RejectLog, example
from bundleopt_data.schema import TABLES
from bundleopt_data.settings import SourceSettings

_CHECK = "unknown id: not in the items table"


def settle_references(tables: Collection[str], settings: SourceSettings, log: RejectLog) -> None:
    """Check every column that references the items table, over the "typed_<table>" tables of the log's connection."""
    if "items" not in tables:
        return
    for table in tables:
        for column in TABLES[table].columns:
            if column.references == "items":
                _settle(table, f"t.{duck.identifier(column.name)}", column.name, settings, log)
        if table == "offers_log":
            _settle_lists(log)


def _settle(table: str, value: str, column: str, settings: SourceSettings, log: RejectLog) -> None:
    typed, items = duck.identifier(f"typed_{table}"), duck.identifier("typed_items")
    unknown = f"{value} IS NOT NULL AND {value} NOT IN (SELECT item_id FROM {items})"
    place = ", ".join(f"t.{duck.identifier(name)}" for name in (FILE, ROW))
    selection = f"SELECT {place}, {value} FROM {typed} t WHERE {unknown}"
    count, rows = log.connection.execute(f"SELECT count(*) FILTER ({unknown}), count(*) FROM {typed} t").fetchall()[0]
    if not count:
        return
    share = count / rows
    if share > settings.max_unknown_share:
        enough = -(-count * 10_000 // rows) / 10_000  # rounded up: whoever follows the advice gets through
        fix = f"add them to the items table, or set max_unknown_share to at least {enough:.4f} to drop them"
        log.refuse_rows(table, column, _CHECK, selection, fix=fix)
        return
    log.add_rows(table, column, _CHECK, selection)
    log.connection.execute(f"DELETE FROM {typed} t WHERE {unknown}")
    log.mended.append(Mending(table, f"{column} not in the items table, {share:.2%} of the rows", count))


def _settle_lists(log: RejectLog) -> None:
    """Offers that name an unknown item cannot be valued at all, and are always refused."""
    place = ", ".join(duck.identifier(name) for name in (FILE, ROW))
    found = log.connection.execute(
        f"SELECT {place}, part FROM (SELECT {place}, unnest(item_ids) AS part FROM typed_offers_log) "
        "WHERE part NOT IN (SELECT item_id FROM typed_items) ORDER BY 1, 2"
    ).fetchall()
    if found:
        shown = tuple(example(file, row, "item_ids", part) for file, row, part in found[:5])
        log.refuse(DataProblem("offers_log", "item_ids", _CHECK, len(found), shown, "add them to the items table"))
        for file, row, part in found:
            log.add_row("offers_log", file, row, _CHECK, part)
