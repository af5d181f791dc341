"""Stages a CSV file as text columns: encoding, delimiter and shape are checked, never guessed silently.

pyarrow splits the file in one pass on the happy path; only when something is wrong is the file walked again, line by
line, to say where.
"""

from __future__ import annotations

import codecs
import csv
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from bundleopt_data.errors import DataProblem
from bundleopt_data.readers.raw_table import FILE, ROW, SourceFile, map_columns, repeated_names
from bundleopt_data.rejects import RejectLog, example
from bundleopt_data.schema import TABLES
from bundleopt_data.settings import SourceSettings

# Longest row that is read; a hostile file with one endless line ends here and not in memory.
LONGEST_ROW_BYTES = 2**23
_CHUNK = 2**20
_DELIMITERS = (",", ";", "\t", "|")
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_OTHER_CONTENT = {b"\x1f\x8b": "a gzip archive", b"PK\x03\x04": "a zip archive or workbook", b"PAR1": "a Parquet file"}


def stage_csv(source: SourceFile, target: Path, settings: SourceSettings, log: RejectLog) -> tuple[str, ...] | None:
    """Write `source` to `target` as Parquet text columns; returns the mapped column names, None where refused."""
    encoding = _encoding(source, settings, log)
    if encoding is None:
        return None
    found = _header(source, encoding, settings, log)
    if found is None:
        return None
    delimiter, names = found
    mapped = map_columns(source.table, names, settings.column_map)
    if any(not name for name in mapped) or repeated_names(mapped):
        _refuse_names(source, mapped, log)
        return None
    return tuple(mapped) if _copy(source, target, (encoding, delimiter, mapped), log) else None


def _encoding(source: SourceFile, settings: SourceSettings, log: RejectLog) -> str | None:
    """Name the encoding to read with, after looking at every byte; None where refused."""
    with source.path.open("rb") as stream:
        head = stream.read(8)
    if not head:
        _refuse(log, source, "the file is empty, 0 bytes", "write the table again, with a header and rows")
        return None
    for magic, content in _OTHER_CONTENT.items():
        if head.startswith(magic):
            _refuse(log, source, f"the file is {content}, not CSV", "unpack or export it as CSV or Parquet")
            return None
    if settings.encoding is not None:
        return settings.encoding if _is_known(settings.encoding, source, log) else None
    for mark, name in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            _refuse(log, source, f"the file is encoded in {name}, not UTF-8", f'set encoding = "{name}"')
            return None
    return "utf-8" if _is_utf8(source, log) else None


def _is_known(encoding: str, source: SourceFile, log: RejectLog) -> bool:
    try:
        codecs.lookup(encoding)
        with source.path.open(encoding=encoding, newline="") as stream:
            while stream.read(_CHUNK):
                pass
    except LookupError:
        _refuse(log, source, f"no encoding is called {encoding!r}", 'for example encoding = "cp1252"')
        return False
    except UnicodeError as error:
        _refuse(log, source, f"the file is not encoded in {encoding}: {error}", "name its encoding in the settings")
        return False
    return True


def _is_utf8(source: SourceFile, log: RejectLog) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    with source.path.open("rb") as stream:
        while True:
            chunk = stream.read(_CHUNK)
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                line += error.object[: error.start].count(b"\n")
                bad = error.object[error.start : error.start + 1]
                shown = f"line {line:,}: byte 0x{bad.hex()} reads {bad.decode('cp1252', 'replace')!r} in cp1252"
                _refuse(log, source, "the file is not UTF-8", 'set encoding, for example encoding = "cp1252"', shown)
                return False
            if chunk.count(0) * 4 > len(chunk):
                _refuse(log, source, "the file looks like UTF-16 without a mark", 'set encoding = "utf-16-le"')
                return False
            if not chunk:
                return True
            line += chunk.count(b"\n")


def _header(
    source: SourceFile, encoding: str, settings: SourceSettings, log: RejectLog
) -> tuple[str, list[str]] | None:
    with source.path.open(encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline="") as stream:
        line = stream.readline(LONGEST_ROW_BYTES)
    if len(line) >= LONGEST_ROW_BYTES:
        _refuse(log, source, f"the first row is longer than {LONGEST_ROW_BYTES:,} characters", "check the file")
        return None
    delimiter = settings.delimiter or _delimiter(line, source, settings)
    names = [_clean(name) for name in next(csv.reader([line], delimiter=delimiter), [])]
    return delimiter, names


def _delimiter(line: str, source: SourceFile, settings: SourceSettings) -> str:
    """The delimiter under which the header holds most of the table's columns, then most columns at all."""
    known = {column.name for column in TABLES[source.table].columns}

    def score(delimiter: str) -> tuple[int, int]:
        names = [_clean(name) for name in next(csv.reader([line], delimiter=delimiter), [])]
        return len(known & set(map_columns(source.table, names, settings.column_map))), len(names)

    return max(_DELIMITERS, key=score)


def _copy(source: SourceFile, target: Path, how: tuple[str, str, list[str]], log: RejectLog) -> bool:
    """Split the file and write it in batches; on any trouble say which lines are to blame."""
    encoding, delimiter, names = how
    ragged: list[Any] = []
    try:
        rows = _write_batches(_open(source, encoding, delimiter, names, ragged), source, target, names)
    except pa.ArrowInvalid as error:
        _diagnose(source, encoding, delimiter, len(names), log, str(error))
        return False
    if ragged:
        _diagnose(source, encoding, delimiter, len(names), log, "rows with too few or too many fields")
        return False
    return rows >= 0


def _open(
    source: SourceFile, encoding: str, delimiter: str, names: list[str], ragged: list[Any]
) -> pa_csv.CSVStreamingReader:
    def skip(row: Any) -> str:
        if len(ragged) < 1:
            ragged.append(row)
        return "skip"

    columns = [f"c{number}" for number in range(len(names))]
    encoding = "utf8" if encoding == "utf-8" else encoding
    return pa_csv.open_csv(
        source.path,
        read_options=pa_csv.ReadOptions(
            column_names=columns, skip_rows=1, block_size=LONGEST_ROW_BYTES, encoding=encoding, use_threads=False
        ),
        parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=skip),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()),
            strings_can_be_null=False,
            quoted_strings_can_be_null=False,
        ),
    )


def _write_batches(reader: pa_csv.CSVStreamingReader, source: SourceFile, target: Path, names: list[str]) -> int:
    schema = pa.schema([(FILE, pa.string()), (ROW, pa.int64()), *((name, pa.string()) for name in names)])
    rows = 1  # the header is row 1
    with pq.ParquetWriter(target, schema, compression="lz4") as writer:
        for batch in reader:
            place = pa.array(np.arange(rows + 1, rows + 1 + len(batch), dtype=np.int64))
            file = pa.repeat(pa.scalar(source.label, pa.string()), len(batch))
            writer.write_batch(pa.RecordBatch.from_arrays([file, place, *batch.columns], schema=schema))
            rows += len(batch)
    return rows


def _diagnose(source: SourceFile, encoding: str, delimiter: str, width: int, log: RejectLog, otherwise: str) -> None:
    """Walk the file line by line and report every row that does not fit."""
    check = f"rows must have {width} fields, like the header"
    shown, count = [], 0
    for line, problem in _odd_rows(source, encoding, delimiter, width):
        count += 1
        log.add_row(source.table, source.label, line, check, problem)
        if count <= 5:
            shown.append(f"{source.label} line {line:,}: {problem}")
    fix = "quote fields that contain the delimiter or a line break, and close every quote"
    if not count:
        shown, check, count = [f"{source.label}: {otherwise[:200]}"], "the file cannot be split into rows", 1
    log.refuse(DataProblem(source.table, "", check, count, tuple(shown), fix))


def _odd_rows(source: SourceFile, encoding: str, delimiter: str, width: int) -> Iterator[tuple[int, str]]:
    name = "utf-8-sig" if encoding == "utf-8" else encoding
    with source.path.open(encoding=name, newline="", errors="replace") as stream:
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        begin = 1
        try:
            for fields in reader:
                if fields and len(fields) != width:
                    span = f"{len(fields)} fields" + (
                        f" up to line {reader.line_num:,}" if reader.line_num > begin else ""
                    )
                    yield begin, f"{span}: {delimiter.join(fields)[:80]!r}"
                begin = reader.line_num + 1
        except csv.Error as error:
            yield begin, f"{error}, perhaps a quote that is not closed"


def _refuse_names(source: SourceFile, names: list[str], log: RejectLog) -> None:
    repeated = repeated_names(names)
    if repeated:
        shown = tuple(example(source.label, 1, "", name) for name in repeated)
        log.refuse(DataProblem(source.table, "", "column names must be distinct", len(repeated), shown, "rename them"))
    if any(not name for name in names):
        place = f"{source.label}: column {[bool(name) for name in names].index(False) + 1}"
        log.refuse(DataProblem(source.table, "", "every column needs a name", 0, (place,), "name it in the header"))


def _refuse(log: RejectLog, source: SourceFile, check: str, fix: str, shown: str = "") -> None:
    place = source.label + (f" {shown}" if shown else "")
    log.refuse(DataProblem(source.table, "", check, 0, (place,), fix))


def _clean(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()
