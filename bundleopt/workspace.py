"""A workspace: the folder that holds `bundleopt.toml`, the models and the runs of one planning team."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from bundleopt_data import atomic
from bundleopt_data.errors import StorageError, UsageError

CONFIG_NAME = "bundleopt.toml"


@dataclass(frozen=True)
class Workspace:
    """Where everything of a workspace lies.

    Attributes:
        root: the folder. is_embedded: True for the built-in sample in the user's cache, which has no file of its own
            until the user writes one.
    """

    root: Path
    is_embedded: bool = False

    @property
    def config_file(self) -> Path | None:
        """`bundleopt.toml`, or None where the workspace has none (the embedded sample)."""
        path = self.root / CONFIG_NAME
        return path if path.is_file() else None

    @property
    def runs(self) -> Path:
        """The folder of run folders."""
        return self.root / "runs"

    @property
    def models(self) -> Path:
        """The folder of trained models."""
        return self.root / "models"

    @property
    def cache(self) -> Path:
        """What can be made again from the data: prepared tables and forecasts."""
        return self.root / ".cache"

    def make_folders(self) -> None:
        """Create the folders, and prove that they can be written before hours of work go into them.

        Raises:
            StorageError: a folder cannot be made or written.
        """
        for folder in (self.root, self.runs, self.models, self.cache):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StorageError(f"{folder} cannot be made: {error.strerror}") from error
            if not os.access(folder, os.W_OK | os.X_OK):
                raise StorageError(f"{folder} cannot be written; choose another workspace with -w, or fix the rights")

    def remove_strays(self) -> int:
        """Remove what killed runs left half-written; returns how many files and folders went."""
        folders = {path.parent for path in self.root.rglob(".*.tmp")}
        return sum(atomic.remove_stray_temporaries(folder) for folder in sorted(folders))


def find_workspace(folder: Path | None = None, *, start: Path | None = None) -> Workspace:
    """Find the workspace: `folder`, else the nearest folder upward from `start`, else the embedded sample.

    Raises:
        UsageError: `folder` was named and holds no `bundleopt.toml`.
    """
    if folder is not None:
        if not (folder / CONFIG_NAME).is_file():
            raise UsageError(f"{folder} holds no {CONFIG_NAME}; make one with: bundleopt init {folder} --data PATH")
        return Workspace(folder.resolve())
    here = (start or Path.cwd()).resolve()
    for candidate in (here, *here.parents):
        if (candidate / CONFIG_NAME).is_file():
            return Workspace(candidate)
    return Workspace(home() / "sample", is_embedded=True)


def home() -> Path:
    """The user's cache folder of this product; `BUNDLEOPT_HOME` moves it."""
    moved = os.environ.get("BUNDLEOPT_HOME")
    if moved:
        return Path(moved).expanduser().resolve()
    import platformdirs

    return Path(platformdirs.user_cache_dir("bundleopt"))
