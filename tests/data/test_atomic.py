from __future__ import annotations

import errno
import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bundleopt_data import atomic
from bundleopt_data.errors import StorageError, UsageError


@pytest.fixture(autouse=True)
def _count_from_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic, "_write_number", itertools.count(1))


def test_a_file_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "plan é.json"
    atomic.write_text(target, "old")
    atomic.write_text(target, "new\n")
    assert target.read_bytes() == b"new\n"
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_an_error_while_writing_keeps_the_old_content(tmp_path: Path) -> None:
    target = tmp_path / "plan.json"
    atomic.write_text(target, "old")

    def write_half() -> None:
        with atomic.writing(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        write_half()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_is_published_whole_and_replaces_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "run"
    for content in ("old", "new"):
        with atomic.writing(target) as temporary:
            temporary.mkdir()
            (temporary / f"{content}.txt").write_text(content)
    assert [path.name for path in target.iterdir()] == ["new.txt"]
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("name", ["ENOSPC", "EACCES", "EDQUOT", "EROFS"])
def test_every_write_can_fail_and_then_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    target = tmp_path / "plan.json"
    atomic.write_text(target, "old")
    monkeypatch.setattr(atomic, "_write_number", itertools.count(1))
    monkeypatch.setenv(atomic.FAULT_VARIABLE, f"write:2:{name}")
    atomic.write_text(target, "first")
    with pytest.raises(StorageError, match=r"plan\.json") as failure:
        atomic.write_text(target, "second")
    assert failure.value.exit_code == 11
    assert isinstance(failure.value, OSError)
    assert target.read_text() == "first"
    assert list(tmp_path.iterdir()) == [target]
    atomic.write_text(target, "third")
    assert target.read_text() == "third"


def test_other_operating_system_errors_pass_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(atomic.FAULT_VARIABLE, "write:1:ENOTBLK")
    with pytest.raises(OSError, match="device") as failure:
        atomic.write_text(tmp_path / "plan.json", "text")
    assert failure.value.errno == errno.ENOTBLK
    assert not isinstance(failure.value, StorageError)


def test_a_fault_that_cannot_be_read_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(atomic.FAULT_VARIABLE, "write:x")
    with pytest.raises(UsageError, match="write:7:ENOSPC"):
        atomic.write_text(tmp_path / "plan.json", "text")


def test_a_file_in_the_way_of_the_folder_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(OSError, match="runs"):
        atomic.write_text(tmp_path / "runs" / "plan.json", "text")


@pytest.mark.skipif(os.name == "nt", reason="signals are POSIX")
def test_a_killed_writer_leaves_the_old_file_and_a_stray_that_the_next_start_removes(tmp_path: Path) -> None:
    target = tmp_path / "plan.json"
    atomic.write_text(target, "old")
    script = (
        "import os, pathlib, signal, sys\n"
        "from bundleopt_data.atomic import writing\n"
        "with writing(pathlib.Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(target)], check=False)
    assert killed.returncode < 0
    assert target.read_text() == "old"
    with atomic.writing(target) as temporary:
        temporary.write_text("new")
        assert atomic.remove_stray_temporaries(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]
    assert target.read_text() == "new"


def test_a_folder_moved_aside_by_a_killed_writer_comes_back(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    aside = tmp_path / f".run.{dead.pid}-aaaa-old.tmp"
    aside.mkdir()
    (aside / "plan.json").write_text("old")
    (tmp_path / f".run.{dead.pid}-aaaa.tmp").mkdir()
    assert atomic.remove_stray_temporaries(tmp_path) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert (tmp_path / "run" / "plan.json").read_text() == "old"
