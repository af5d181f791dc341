"""The strongest pairs as the report shows them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from bundleopt.plan.relations import KINDS, strongest_pairs
from bundleopt.report.page import environment
from bundleopt_models.forecast import PairRelations


def _relations(gamma: list[float], error: list[float], significant: list[bool]) -> PairRelations:
    first, second = np.array([0, 0, 1, 2, 3], np.int32), np.array([1, 2, 3, 3, 4], np.int32)
    return PairRelations(
        first, second, np.array(gamma, np.float32), np.array(error, np.float32), 0.3, np.array(significant)
    )


@pytest.fixture
def campaign() -> SimpleNamespace:
    return SimpleNamespace(
        item_ids=np.array(list("abcde"), dtype=object),
        names=np.array([f"<{name}>" for name in "abcde"], dtype=object),
        category=np.array(["x", "y", "x", "y", "z"], dtype=object),
    )


def test_kinds_order_and_words(campaign: SimpleNamespace) -> None:
    known = _relations([1.3, 1.5, 2.0, 0.9, -1.2], [0.1, 0.1, 1.5, 0.1, 0.2], [True] * 5)
    rows = strongest_pairs(known, campaign)
    told = [(row["kind"], "".join(row["item_ids"])) for row in rows]
    # b + d have the larger ratio of the variety packs, but a + c the surer one.
    assert told == [
        ("complements", "ab"), ("complements", "cd"), ("variety pack", "ac"), ("variety pack", "bd"),
        ("substitutes", "de"),
    ]  # fmt: skip
    assert rows[0]["times"] == pytest.approx(np.exp(1.0), abs=0.01)
    assert rows[-1]["times"] < 1
    assert rows[0]["item_names"] == ["<a>", "<b>"]
    assert {row["kind"] for row in rows} == set(KINDS)


def test_only_what_passed_the_test_and_so_many(campaign: SimpleNamespace) -> None:
    known = _relations([1.3, 1.5, 2.0, 0.9, -1.2], [0.1] * 5, [True, True, False, True, False])
    rows = strongest_pairs(known, campaign, most=1)
    assert [row["item_ids"] for row in rows] == [["a", "b"], ["a", "c"]]
    assert rows[0]["pairs_of_kind"] == 2
    nothing = strongest_pairs(_relations([1.0] * 5, [0.1] * 5, [False] * 5), campaign)
    assert nothing == []


def test_the_report_shows_them_with_names_escaped_and_nothing_where_there_are_none(campaign: SimpleNamespace) -> None:
    rows = strongest_pairs(_relations([1.3, 1.5, 2.0, 0.9, -1.2], [0.1] * 5, [True] * 5), campaign)
    template = environment().get_template("relations.html.j2")
    page = template.render(plan={"related_pairs": rows})
    assert "&lt;a&gt; + &lt;b&gt;" in page
    assert "variety pack" in page
    assert '<td class="n">2.7</td>' in page
    assert template.render(plan={}).strip() == ""
