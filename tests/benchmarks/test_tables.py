from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.tables import MarkerError, block_of, markdown_table, markers, with_block, write_block

PAGE = "# Figures\n\n<!-- table: one -->\nold\n<!-- end of table: one -->\n\nAfter.\n"


def test_only_what_is_between_the_markers_changes(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text(PAGE, encoding="utf-8")
    write_block(path, "one", "| a |\n|---|\n| 1 |\n")
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# Figures\n\n<!-- table: one -->\n\n| a |")
    assert text.endswith("| 1 |\n\n<!-- end of table: one -->\n\nAfter.\n")
    assert "old" not in text


@given(st.text().filter(lambda text: "<!--" not in text))
def test_writing_twice_is_writing_once(block: str) -> None:
    once = with_block(PAGE, "one", block)
    assert with_block(once, "one", block) == once
    assert block_of(once, "one") == block.strip()


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        PAGE + PAGE,
        "<!-- end of table: one -->\n<!-- table: one -->",
        "<!-- table: one -->",
    ],
)
def test_a_page_without_one_pair_of_markers_is_refused(text: str) -> None:
    with pytest.raises(MarkerError, match="needs these two lines once"):
        with_block(text, "one", "new")


def test_a_block_cannot_bring_markers() -> None:
    with pytest.raises(ValueError, match="no markers"):
        with_block(PAGE, "one", "<!-- table: one -->")


@pytest.mark.parametrize("name", ["", "Two Words", "a -->"])
def test_names_are_simple(name: str) -> None:
    with pytest.raises(ValueError, match="small letters"):
        markers(name)


def test_cells_cannot_break_the_table() -> None:
    table = markdown_table(("model", "x"), [("a|b\nc", 1.5)])
    assert table == "| model | x |\n| --- | ---: |\n| a\\|b c | 1.5 |"
    with pytest.raises(ValueError, match="as many cells"):
        markdown_table(("model", "x"), [("a",)])
