"""The files of a what-if: table, workbook, page and document, each whole or absent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from bundleopt.rundir import csv_files, excel_file
from bundleopt.scenarios.page import whatif_page
from bundleopt_data import atomic
from bundleopt_data.errors import UsageError

if TYPE_CHECKING:
    from bundleopt.verbs.whatif import WhatIfResult

SHEET = "what-if"


def write_files(result: WhatIfResult, folder: Path, *, currency: str = "") -> list[Path]:
    """Write `whatif.csv`, `.xlsx`, `.html` and `.json` into a folder, made when missing; return their paths.

    Raises:
        UsageError: the folder is a file. StorageError: it cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--out {folder} is a file; give a folder")
    frame = result.frame()
    contents = {
        "whatif.csv": csv_files.csv_text(frame).encode(),
        "whatif.xlsx": excel_file.workbook_bytes({SHEET: frame}, [("week", result.week)]),
        "whatif.html": whatif_page(result, currency=currency).encode(),
        "whatif.json": (json.dumps(result.document(), indent=2, ensure_ascii=False) + "\n").encode(),
    }
    atomic.make_folder(folder)
    for name, content in contents.items():
        atomic.write_bytes(folder / name, content)
    return [folder / name for name in contents]
