"""Faults 68 to 71: hostile names through every output, foreign artefacts, and other versions of the libraries."""

from __future__ import annotations

import csv
import json
import pickle
import re
import zipfile
from html.parser import HTMLParser
from importlib import metadata
from pathlib import Path

import pytest

from bundleopt.verbs.initialise import initialise
from bundleopt.verbs.solve import solve
from tests.bundleopt.command_line import CommandLine
from tests.bundleopt.faults.hostile_names import HOSTILE_NAMES, write_hostile_market

fault = pytest.mark.fault
FORMULA = re.compile(r"^\s*[=+\-@\t\r|%＝＋－＠]")


@pytest.fixture(scope="module")
def hostile(market: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose twelve items carry the twelve hostile names, with one plan."""
    root = tmp_path_factory.mktemp("hostile")
    data = write_hostile_market(market, root / "data")
    initialise(root / "shop", data=str(data))
    solve(root / "shop", budget=30, time_limit=4, gap="10%", candidates=40)
    return root / "shop"


@fault(69)
def test_no_table_for_a_spreadsheet_holds_a_formula(hostile: Path, run: CommandLine, tmp_path: Path) -> None:
    assert run("export", "-w", hostile, "--to", tmp_path / "out").code == 0
    assert run("export", "-w", hostile, "--xlsx", tmp_path / "review.xlsx").code == 0
    folder = next((hostile / "runs").iterdir())
    tables = [*folder.glob("*.csv"), *(tmp_path / "out").rglob("*.csv")]
    assert len(tables) > 4
    for path in tables:
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.reader(stream):
                texts = [cell for cell in row if not re.fullmatch(r"-?[\d.e|+-]*", cell)]
                assert not [cell for cell in texts if FORMULA.match(cell)], path
    for path in (*folder.glob("*.xlsx"), *(tmp_path / "out").rglob("*.xlsx"), tmp_path / "review.xlsx"):
        with zipfile.ZipFile(path) as book:
            for part in book.namelist():
                text = book.read(part)
                assert b"<f>" not in text, path
                assert b"<hyperlink" not in text, path


class Elements(HTMLParser):
    """What a browser would make of a page: its tags and the names of their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.count, self.tags, self.attributes = 0, set[str](), set[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count += 1
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


@fault(70)
def test_no_page_and_no_terminal_obeys_a_name(hostile: Path, run: CommandLine) -> None:
    folder = next((hostile / "runs").iterdir())
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Content-Security-Policy" in page
    elements = Elements(page)
    assert elements.count > 100
    assert not elements.tags & {"script", "img", "iframe", "object", "embed", "form", "base"}
    assert not [name for name in elements.attributes if name.startswith("on")]
    assert "{{ 7 * 7 }}" in page  # the template engine took it for a text
    for words in (["runs", "show", "-w", hostile], ["explain", "001+002", "-w", hostile], ["check", "-w", hostile]):
        seen = run(*words)
        assert seen.code == 0, seen.err
        assert "\x1b" not in seen.out + seen.err
    shown = run("explain", "-w", hostile, "010+NA")
    assert "[red]bold[/red]" in " ".join(shown.out.split()), shown.out + shown.err


@fault(70)
def test_json_keeps_names_to_the_letter(hostile: Path) -> None:
    from pyarrow import parquet

    folder = next((hostile / "runs").iterdir())
    json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    names = parquet.read_table(folder / "bundles.parquet").column("item_names").to_pylist()
    assert {name for bundle in names for name in bundle} <= set(HOSTILE_NAMES)


@fault(71)
def test_a_pickle_in_the_place_of_a_model_is_never_loaded(workspace: Path, run: CommandLine, tmp_path: Path) -> None:
    class Opens:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "opened",))  # type: ignore[return-value]

    for path in (workspace / "models").rglob("*.safetensors"):
        path.write_bytes(pickle.dumps(Opens()))
    outcome = run("solve", "-w", workspace, "--budget", 10)
    assert outcome.code == 9, outcome.err
    assert not (tmp_path / "opened").exists()


@fault(71)
def test_no_module_of_the_product_can_read_a_pickle() -> None:
    root = Path(__file__).parents[3]
    sources = [path for room in ("bundleopt", "solvers", "models", "data") for path in (root / room).rglob("*.py")]
    assert len(sources) > 300
    reading = re.compile(
        r"pickle\.loads?\(|^\s*(import|from) (pickle|dill|joblib|shelve)\b|(?<!safetensors\.)torch\.load\(|read_pickle",
        re.MULTILINE,
    )
    assert [path.name for path in sources if reading.search(path.read_text(encoding="utf-8"))] == []


@fault(68)
@pytest.mark.parametrize("library", ["ortools", "torch"])
def test_another_version_of_a_pinned_library_is_refused_with_the_command(
    workspace: Path, run: CommandLine, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    real = metadata.version
    monkeypatch.setattr(
        "bundleopt.installation.refuse_other_versions.__kwdefaults__",
        {"version_of": lambda name: "9.14.6206" if name == library else real(name)},
    )
    outcome = run("solve", "-w", workspace, "--budget", 10)
    assert outcome.code == 2
    assert f"{library} 9.14.6206 is installed" in outcome.err
    assert f"pip install {library}==" in outcome.err
