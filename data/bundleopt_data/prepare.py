"""From any source to a `Dataset`: detect the kind, read it once, publish the canonical tables whole."""

from __future__ import annotations

import contextlib
import functools
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
from filelock import FileLock

from bundleopt_data import duck
from bundleopt_data.atomic import make_folder, remove_stray_temporaries, writing
from bundleopt_data.dataset import Dataset
from bundleopt_data.digests import sha256_of_file, sha256_of_parts
from bundleopt_data.errors import BundleoptError, DataRefusedError, StorageError, UsageError
from bundleopt_data.manifest import FILE_NAME, Manifest, Preparation, TableFile
from bundleopt_data.progress import Progress, silent
from bundleopt_data.readers import complete_journey, ta_feng
from bundleopt_data.readers import folder as folder_reader
from bundleopt_data.readers.workbench import Workbench
from bundleopt_data.settings import SourceSettings

SAMPLE = "sample"
_SAMPLE_NAMES = frozenset({SAMPLE, "complete-journey"})
_NOT_PREPARING = frozenset({"simulator"})  # makes sources, reads none
_DEFAULT_SETTINGS = SourceSettings()

# Prepared folders of earlier inputs: the last few are kept, and none that was opened lately is taken from under a
# process that may still read it.
FOLDERS_KEPT = 3
IDLE_SECONDS = 86_400.0

Writer = Callable[[Workbench], Preparation]


@dataclass(frozen=True)
class Source:
    """A detected source: its input files by label, and what writes its canonical tables into a folder."""

    kind: str
    files: dict[str, Path]
    write_tables: Writer


def prepare(
    source: str,
    *,
    cache: Path,
    settings: SourceSettings = _DEFAULT_SETTINGS,
    rejects: Path | None = None,
    progress: Progress = silent,
) -> Dataset:
    """Read a source into canonical tables, or open them where the same inputs were read before.

    The prepared folder is keyed by the SHA-256 of every input file, the settings and the code of this room, so an
    unchanged source is read once and a changed one is never served from the cache.

    Args:
        source: "sample", the path of a data folder, or the path of the Ta Feng file.
        cache: folder for prepared tables; created when missing.
        settings: how to read the source.
        rejects: where the rows of a refused source are written as CSV; None writes none.
        progress: told what is being done.

    Raises:
        DataRefusedError: the data breaks the contract; nothing is written but `rejects`.
        UsageError: no such source, or nothing in it that can be read.
        StorageError: `cache` cannot be written.
    """
    found = open_source(source)
    inputs = {label: sha256_of_file(path) for label, path in sorted(found.files.items())}
    key = sha256_of_parts([found.kind, repr(settings), code_fingerprint(), *(f"{k}={v}" for k, v in inputs.items())])
    folder = cache / f"{found.kind}-{key[:16]}"
    ready = _open(folder, inputs)
    if ready is not None:
        return ready
    is_new = not cache.exists()
    try:
        opened = _publish(folder, found, inputs, (settings, rejects, progress))
    except (DataRefusedError, duckdb.Error) as error:
        if is_new:  # a refusal leaves nothing behind, not even an empty folder
            with contextlib.suppress(OSError):
                cache.rmdir()
        if isinstance(error, duckdb.Error):
            raise _translated(error, cache) from error
        raise
    if opened is None:
        raise StorageError(f"{folder} changed while it was being written; run the command again")
    return opened


def open_source(source: str) -> Source:
    """Detect the kind of a source from its name or content.

    Raises:
        UsageError: nothing is there, or it is no kind of source.
    """
    if source in _SAMPLE_NAMES:
        return Source("complete-journey", complete_journey.source_files(), complete_journey.write_tables)
    path = Path(source).expanduser()
    if path.is_dir():
        files, _ = folder_reader.find_files(path)
        regular = {file.label: file.path for file in files if file.path.is_file()}
        return Source("folder", regular, functools.partial(folder_reader.write_tables, path))
    if path.is_file():
        return _file_source(path)
    raise UsageError(f"no data source {source!r}; give a data folder, a Ta Feng file, or {SAMPLE!r}")


def _file_source(path: Path) -> Source:
    if ta_feng.is_ta_feng(path):
        return Source("ta-feng", {path.name: path}, functools.partial(ta_feng.write_tables, path))
    raise UsageError(
        f"{path} is a single file, and not the Ta Feng file; give the folder that holds transactions.csv and items.csv"
    )


@functools.cache
def code_fingerprint() -> str:
    """SHA-256 over the source files of this room: prepared data never outlives the code that made it."""
    root = Path(__file__).parent
    sources = (path for path in sorted(root.rglob("*.py")) if path.relative_to(root).parts[0] not in _NOT_PREPARING)
    return sha256_of_parts(f"{path.relative_to(root)}={sha256_of_file(path)}" for path in sources)


def _publish(
    folder: Path, source: Source, inputs: dict[str, str], how: tuple[SourceSettings, Path | None, Progress]
) -> Dataset | None:
    """Prepare into `folder`; a second process that wants the same waits for the first and takes its work."""
    make_folder(folder.parent)
    with FileLock(_lock_of(folder)):
        ready = _open(folder, inputs)
        if ready is not None:
            return ready
        remove_stray_temporaries(folder.parent)
        try:
            with writing(folder) as temporary:
                temporary.mkdir()
                _fill(temporary, source, inputs, how)
        except (DataRefusedError, duckdb.Error):
            # Removed while it is held: a process that waits for it sees that the file is gone, and makes its own.
            with contextlib.suppress(OSError):
                _lock_of(folder).unlink()
            raise
    _prune(folder, source.kind)
    return _open(folder, inputs)


def _prune(current: Path, kind: str) -> None:
    """Remove prepared folders of this kind that nobody opened for a day, beyond the last few."""
    others = [path.parent for path in current.parent.glob(f"{kind}-*/{FILE_NAME}") if path.parent != current]
    opened = {folder: folder.stat().st_mtime for folder in others}
    for old in sorted(others, key=lambda folder: opened[folder], reverse=True)[FOLDERS_KEPT - 1 :]:
        if time.time() - opened[old] > IDLE_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
            _lock_of(old).unlink(missing_ok=True)


def _lock_of(folder: Path) -> Path:
    return folder.parent / f".{folder.name}.lock"


def _translated(error: duckdb.Error, cache: Path) -> BundleoptError:
    """Say what DuckDB's own failures mean here: disk and memory are the machine's, anything else is a bug of ours."""
    first = str(error).splitlines()[0][:300]
    if isinstance(error, duckdb.IOException | duckdb.OutOfMemoryException):
        return StorageError(f"no room to prepare the data in {cache}: {first}. Free some disk space or memory")
    return BundleoptError(f"the data could not be prepared: {first}")


def _fill(
    folder: Path, source: Source, inputs: dict[str, str], how: tuple[SourceSettings, Path | None, Progress]
) -> None:
    with duck.connect(spill=folder / "spill") as connection:
        bench = Workbench(connection, folder, *how)
        manifest = _describe(bench, source.write_tables(bench), inputs)
    shutil.rmtree(folder / "spill", ignore_errors=True)
    (folder / FILE_NAME).write_text(manifest.to_json(), encoding="utf-8")


def _describe(bench: Workbench, preparation: Preparation, inputs: dict[str, str]) -> Manifest:
    bench.progress("checking what was read", 0.95)
    tables = {}
    for path in sorted(bench.folder.glob("*.parquet")):
        file = pq.ParquetFile(path)
        tables[path.stem] = TableFile(file.metadata.num_rows, tuple(file.schema_arrow.names), sha256_of_file(path))
    lines = duck.parquet(bench.folder / "transactions.parquet")
    bench.connection.execute(f"CREATE OR REPLACE TEMP VIEW all_lines AS FROM {lines}")
    first, last = bench.connection.execute("SELECT min(timestamp), max(timestamp) FROM all_lines").fetchall()[0]
    return Manifest(preparation, inputs, tables, first, last)


def _open(folder: Path, inputs: dict[str, str]) -> Dataset | None:
    """Open a prepared folder; None where it is absent, damaged, or made from other inputs."""
    try:
        manifest = Manifest.from_json((folder / FILE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if manifest.inputs != inputs or not manifest.is_intact(folder):
        return None
    with contextlib.suppress(OSError):  # a cache that cannot be written can still be read
        folder.touch()
    return Dataset(folder, manifest)
