"""The pages are true: every command in them runs on a small shop, or is at least one that exists; the rest is fresh."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from typer.main import get_command

from bundleopt.cli.main import app
from bundleopt.verbs.solve import SolveResult
from tests.bundleopt.command_line import CommandLine
from tests.bundleopt.conftest import _one_thread, market, run, trained_workspace  # noqa: F401 - fixtures

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
_BLOCK = re.compile(r'^( *)```(sh|bash|python)(?: title="([^"]*)")?\n(.*?)^\1```$', re.DOTALL | re.MULTILINE)
_INLINE = r"`(bundleopt [^`<>]+)`"
NOT_RUN = ("on the sample", "takes minutes")


@dataclass(frozen=True)
class Block:
    """A block of code in a page: its language, its title, its lines."""

    page: Path
    language: str
    title: str
    lines: tuple[str, ...]

    @property
    def is_run(self) -> bool:
        """Whether the small shop can play it."""
        return self.language == "sh" and self.title not in NOT_RUN


def _blocks() -> list[Block]:
    found = []
    for page in PAGES:
        for indent, language, title, body in _BLOCK.findall(page.read_text(encoding="utf-8")):
            lines = tuple(line.removeprefix(indent) for line in body.splitlines() if line.strip())
            found.append(Block(page, language, title, lines))
    return found


BLOCKS = _blocks()
RUN_PAGES = sorted({block.page for block in BLOCKS if block.is_run})


@pytest.fixture
def shop(
    trained_workspace: Path,  # noqa: F811
    market: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A folder with the tables and a trained workspace, as the pages speak of them; plans are proven roughly."""
    import shutil

    shutil.copytree(trained_workspace, tmp_path / "spring")
    shutil.copytree(market, tmp_path / "my-tables")
    settings = {"HOME": str(tmp_path / "home"), "CANDIDATES": "20", "GAP": "20%", "TIME_LIMIT": "10"}
    for name, value in settings.items():
        monkeypatch.setenv(f"BUNDLEOPT_{name}", value)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", RUN_PAGES, ids=lambda page: page.name)
def test_every_command_of_a_page_runs(
    page: Path,
    shop: Path,
    run: CommandLine,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if page.name == "own-data.md":  # this page makes the workspace itself
        (shop / "spring").rename(shop / "autumn")
    else:
        monkeypatch.chdir(shop / "spring")
    for block in BLOCKS:
        for line in block.lines if block.page == page and block.is_run else ():
            words = shlex.split(line)
            if words[0] == "cd":
                monkeypatch.chdir(words[1])
                continue
            assert words[0] == "bundleopt", line
            seen = run(*words[1:])
            assert seen.code == 0, f"{line}\n{seen.err}\n{seen.out}"


def _commands(block: Block) -> list[list[str]]:
    return [shlex.split(line) for line in block.lines if line.startswith("bundleopt ")]


@pytest.mark.parametrize(
    "words",
    [
        *(words for block in BLOCKS if block.language == "sh" for words in _commands(block)),
        *(
            shlex.split(text)
            for page in PAGES
            for text in re.findall(r"`(bundleopt [^`<>]+)`", page.read_text("utf-8"))
        ),
    ],
    ids=" ".join,
)
def test_every_command_and_flag_exists(words: list[str]) -> None:
    """Also those that are not run: they take minutes, or the sample."""
    command: Any = get_command(app)
    verbs = [word for word in words[1:] if not word.startswith("-")]
    for verb in verbs:
        if not hasattr(command, "commands"):
            break
        assert verb in command.commands, words
        command = command.commands[verb]
    known = {option for one in command.params for option in getattr(one, "opts", ())} | {"--help"}
    for word in words:
        if word.startswith("--"):
            assert word.partition("=")[0] in known, (word, words)


def test_titles_of_blocks_say_why_they_are_not_run() -> None:
    for block in BLOCKS:
        assert block.language != "sh" or block.title in {"", *NOT_RUN}, block


def test_flags_named_in_the_pages_exist() -> None:
    command: Any = get_command(app)
    groups = [one for one in command.commands.values() if hasattr(one, "commands")]
    every = [*command.commands.values(), *(one for group in groups for one in group.commands.values())]
    known = {option for one in every for param in one.params for option in getattr(param, "opts", ())}
    for page in PAGES:
        for flag in re.findall(r"`[^`]*?(--[a-z][a-z-]+)", page.read_text(encoding="utf-8")):
            assert flag in known | {"--help", "--check"}, (page.name, flag)


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), (page.name, target)


def test_the_site_lists_every_page() -> None:
    listed = set(re.findall(r'"([\w/-]+\.md)"', (ROOT / "zensical.toml").read_text(encoding="utf-8")))
    assert listed == {page.relative_to(DOCS).as_posix() for page in PAGES}


def _script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = _script("make_reference")
    assert made.stale() == []
    monkeypatch.setattr(made, "REFERENCE", tmp_path)
    assert made.main(["--check"]) == 1
    assert made.main([]) == 0
    assert made.main(["--check"]) == 0
    assert "--max-churn" in (tmp_path / "commands.md").read_text(encoding="utf-8")


def test_exit_codes_are_those_of_the_errors() -> None:
    from bundleopt_data import errors

    text = (DOCS / "reference" / "exit-codes.md").read_text(encoding="utf-8")
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", text, flags=re.MULTILINE)}
    codes = {one.exit_code for one in vars(errors).values() if isinstance(one, type) and hasattr(one, "exit_code")}
    assert codes <= listed


def test_the_weekly_script_plans_and_tells_what_a_bad_week_means(shop: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    (block,) = [block for block in BLOCKS if block.language == "bash"]
    script = shop / "weekly.sh"
    script.write_text("\n".join(block.lines), encoding="utf-8")

    def play(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["bash", str(script), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"PATH": path})

    good = play(str(shop / "spring"), "20")
    assert good.returncode == 0, good.stderr
    assert "planned" in good.stdout
    assert (shop / "spring" / "plan-to-review.xlsx").is_file()
    bad = play(str(shop / "nowhere"), "20")
    assert bad.returncode == 2
    assert "exit code 2" in bad.stdout


def test_the_notebook_runs(shop: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    book = nbformat.read(DOCS / "notebooks" / "plan_in_python.ipynb", as_version=4)
    nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": str(shop)}}).execute()
    plan = book.cells[1].outputs[0]["data"]
    assert "Campaign of the week of 2024-10-07" in plan["text/html"]
    assert plan["text/plain"].startswith("<plan of the week of 2024-10-07: ")
    assert "include" in str(book.cells[-1].outputs[0]["data"]["text/plain"])
    assert not [
        cell for cell in nbformat.read(DOCS / "notebooks" / "plan_in_python.ipynb", 4).cells if cell.get("outputs")
    ]


def test_the_python_of_a_page_is_true(shop: Path) -> None:
    (block,) = [block for block in BLOCKS if block.language == "python"]
    names: dict[str, Any] = {}
    exec("\n".join(block.lines), names)  # noqa: S102 - the snippet of our own page
    assert isinstance(names["plan"], SolveResult)
    assert names["plan"].incremental_revenue <= names["plan"].bound + 1e-6
