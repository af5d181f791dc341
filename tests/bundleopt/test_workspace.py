import json
import multiprocessing
import os
import time
from pathlib import Path

import pytest

from bundleopt.verbs.initialise import initialise
from bundleopt.workspace import Workspace, find_workspace, home
from bundleopt.workspace_lock import hold
from bundleopt_data.errors import StorageError, UsageError, WorkspaceLockedError


def test_the_nearest_folder_upward_is_found(tmp_path: Path) -> None:
    made = initialise(tmp_path / "mine", sample=True).workspace
    inside = made.root / "notes" / "deep"
    inside.mkdir(parents=True)
    assert find_workspace(start=inside) == made


def test_without_one_it_is_the_embedded_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUNDLEOPT_HOME", str(tmp_path / "home"))
    found = find_workspace(start=tmp_path)
    assert found == Workspace(tmp_path / "home" / "sample", is_embedded=True)
    assert found.config_file is None
    monkeypatch.delenv("BUNDLEOPT_HOME")
    assert home().name == "bundleopt"


def test_a_named_folder_must_be_a_workspace(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="bundleopt init"):
        find_workspace(tmp_path)


def test_init_says_where_the_data_is_and_never_overwrites(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--data PATH"):
        initialise(tmp_path / "a")
    with pytest.raises(UsageError, match="--data PATH"):
        initialise(tmp_path / "a", data="x", sample=True)
    with pytest.raises(UsageError, match="no data at"):
        initialise(tmp_path / "a", data=str(tmp_path / "missing"))
    initialise(tmp_path / "a", sample=True)
    with pytest.raises(UsageError, match="exists already"):
        initialise(tmp_path / "a", sample=True)


def test_data_inside_the_workspace_is_written_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "mine" / "data").mkdir(parents=True)
    made = initialise(tmp_path / "mine", data=str(tmp_path / "mine" / "data"))
    assert 'source = "data"' in (made.workspace.root / "bundleopt.toml").read_text()
    assert any("UTC" in sentence for sentence in made.assumptions)


def _hold_for(root: Path, seconds: float, ready: object) -> None:
    with hold(Workspace(root)):
        ready.set()  # type: ignore[attr-defined]
        time.sleep(seconds)


def test_a_second_run_is_refused_and_told_who_holds_the_workspace(tmp_path: Path) -> None:
    workspace = initialise(tmp_path / "mine", sample=True).workspace
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    holder = spawn.Process(target=_hold_for, args=(workspace.root, 3.0, ready))
    holder.start()
    assert ready.wait(30)
    with pytest.raises(WorkspaceLockedError, match=f"process {holder.pid}, started 20"), hold(workspace):
        pass
    start = time.monotonic()
    with hold(workspace, wait=True):
        assert time.monotonic() - start > 0.5
    holder.join()


def test_a_lock_frees_itself_when_its_holder_is_killed(tmp_path: Path) -> None:
    workspace = initialise(tmp_path / "mine", sample=True).workspace
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    holder = spawn.Process(target=_hold_for, args=(workspace.root, 60.0, ready))
    holder.start()
    assert ready.wait(30)
    holder.kill()
    holder.join()
    with hold(workspace):
        content = json.loads((workspace.cache / "lock.holder").read_text())
        assert content["pid"] == os.getpid()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_workspace_that_cannot_be_written_is_refused_at_start(tmp_path: Path) -> None:
    workspace = initialise(tmp_path / "mine", sample=True).workspace
    workspace.runs.chmod(0o500)
    with pytest.raises(StorageError, match="cannot be written"):
        workspace.make_folders()


def test_a_file_in_the_way_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("not a folder")
    with pytest.raises(StorageError, match="cannot be made"):
        Workspace(tmp_path / "mine").make_folders()
