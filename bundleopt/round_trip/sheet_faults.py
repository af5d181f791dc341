"""What a spreadsheet can do to a cell that a reader of values does not see, found in the file itself.

A formula that was never calculated reads as empty, an error as a text, a merged cell as empty but for its first one: a
decision would be lost or changed in silence. So the sheet's own XML (ECMA-376, part 1) is looked at first.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from xml.etree import ElementTree as ET

from bundleopt_data.errors import DataProblem, DataRefusedError, UsageError

# A workbook is a zip file: a small one may unpack to more than the memory holds.
LARGEST_UNPACKED = 512 * 1024 * 1024
_CHUNK = 2**20
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_UNCALCULATED = "a formula without a calculated value"
_FIX = "write the value itself into the cell, and save"


def refuse_hostile_archive(path: Path) -> None:
    """Refuse a workbook that unpacks to too much, whatever its directory says, or brings a document type.

    Raises:
        UsageError: it does. zipfile.BadZipFile: it is no zip file.
    """
    left = LARGEST_UNPACKED
    with zipfile.ZipFile(path) as archive:
        if sum(part.file_size for part in archive.infolist()) > LARGEST_UNPACKED:
            raise UsageError(f"{path} would unpack to more than {LARGEST_UNPACKED:,} bytes; a plan's is far smaller")
        for part in archive.infolist():
            with archive.open(part) as stream:
                head = stream.read(_CHUNK)
                left -= len(head)
                if part.filename.endswith((".xml", ".rels")) and b"<!DOCTYPE" in head:
                    raise UsageError(f"{path}: {part.filename} brings a document type, which no workbook needs")
                while chunk := stream.read(_CHUNK):
                    left -= len(chunk)
                    if left < 0:
                        raise UsageError(f"{path} unpacks to more than {LARGEST_UNPACKED:,} bytes")


def refuse_unreadable_cells(path: Path, sheet: str, columns: dict[str, int]) -> None:
    """Refuse a sheet whose cells would be misread; names sheet and cell.

    Args:
        path: the workbook.
        sheet: its name.
        columns: those that are read, by name, counted from 0.

    Raises:
        DataRefusedError: a formula without a value, an error value or a merged range in one of the columns.
    """
    problems: dict[str, list[str]] = {}
    with zipfile.ZipFile(path) as archive:
        place = _sheet_file(archive, sheet)
        if place is None:
            return
        with archive.open(place) as stream:
            for fault, where in _faults(stream, set(columns.values())):
                problems.setdefault(fault, []).append(f"sheet {sheet!r}, {where}")
    if problems:
        raise DataRefusedError(
            [
                DataProblem(path.name, "", fault, len(places), tuple(places[:5]), _FIX)
                for fault, places in problems.items()
            ]
        )


def _faults(stream: IO[bytes], columns: set[int]) -> Iterator[tuple[str, str]]:
    for _, element in ET.iterparse(stream):  # noqa: S314 - no document type got here
        if element.tag == f"{_MAIN}c":
            fault = _cell_fault(element)
            name = element.get("r", "")
            if fault and _column(name) in columns:
                yield fault, f"cell {name}"
        elif element.tag == f"{_MAIN}mergeCell":
            first, _, last = element.get("ref", "").partition(":")
            if columns & set(range(_column(first), _column(last or first) + 1)):
                yield "merged cells", f"cells {element.get('ref')}"
        elif element.tag == f"{_MAIN}row":
            element.clear()


def _cell_fault(cell: ET.Element) -> str:
    value = cell.find(f"{_MAIN}v")
    if cell.find(f"{_MAIN}f") is not None and (value is None or not value.text):
        return _UNCALCULATED
    return f"the error {value.text}" if cell.get("t") == "e" and value is not None else ""


def _sheet_file(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """The part of the archive that holds a sheet; None where the workbook does not say."""
    try:
        book = ET.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314
        relations = ET.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    except (KeyError, ET.ParseError):
        return None
    targets = {relation.get("Id"): relation.get("Target", "") for relation in relations}
    for entry in book.iter(f"{_MAIN}sheet"):
        if entry.get("name") == sheet:
            target = targets.get(entry.get(_RELATION), "")
            return target.removeprefix("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
    return None


def _column(cell: str) -> int:
    """Column of a cell name, counted from 0: B7 is 1."""
    letters = re.match(r"[A-Z]*", cell)
    number = 0
    for letter in letters[0] if letters else "":
        number = 26 * number + ord(letter) - ord("A") + 1
    return number - 1
