"""The files of a plan as one download: a workbook, or an archive where there are several files."""

from __future__ import annotations

import io
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from bundleopt.verbs.export import export
from bundleopt.web.refusal import Refusal

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ZIP = "application/zip"
_CSV = "text/csv; charset=utf-8"
# A zip archive cannot hold an earlier time; the same plan gives the same bytes.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
SWEEP_FILES = {"csv": ("whatif.csv", _CSV), "xlsx": ("whatif.xlsx", _XLSX)}


@dataclass(frozen=True)
class Download:
    """A file for the browser to save; its name is made of ours alone."""

    name: str
    media_type: str
    content: bytes

    @property
    def headers(self) -> dict[str, str]:
        """What tells the browser to save it."""
        return {"content-disposition": f'attachment; filename="{self.name}"'}


def plan_download(folder: Path, reference: str, kind: str) -> Download:
    """Return a plan in one format: `xlsx` (to decide in and read back), `csv`, `parquet` or `prices`.

    Raises:
        Refusal: there is no such format, 404. UsageError: the plan was changed since it was published.
    """
    with tempfile.TemporaryDirectory() as place:
        if kind == "xlsx":
            path = Path(place) / "plan.xlsx"
            export(folder, xlsx=path)
            return Download(f"{reference}.xlsx", _XLSX, path.read_bytes())
        if kind == "prices":
            (path,) = export(folder, to=place, formats=["prices"]).files
            return Download(f"{reference}-prices.csv", _CSV, path.read_bytes())
        if kind in {"csv", "parquet"}:
            files = export(folder, to=place, formats=[kind]).files
            return Download(f"{reference}-{kind}.zip", _ZIP, _archive(files))
    raise Refusal(404, "There is no such format; choose xlsx, csv, parquet or prices.")


def sweep_download(folder: Path, kind: str) -> Download:
    """Return the table of a sweep as `csv` or `xlsx`.

    Raises:
        Refusal: there is no such sweep or format, 404.
    """
    name, media_type = SWEEP_FILES.get(kind, ("", ""))
    if not name or not (folder / name).is_file():
        raise Refusal(404, "There is no such sweep or format; choose csv or xlsx.")
    return Download(f"frontier.{kind}", media_type, (folder / name).read_bytes())


def _archive(files: tuple[Path, ...]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files):
            archive.writestr(zipfile.ZipInfo(path.name, _NO_TIME), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
