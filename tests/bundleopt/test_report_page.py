"""The report answers its questions in their order, is readable by a screen reader, and writes numbers as asked."""

from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from bundleopt.plan import tables
from bundleopt.plan.price_response import price_responses
from bundleopt.plan.risk_sentences import risk_sentences
from bundleopt.plan.week_sentences import week_sentences
from bundleopt.report import charts, formats, svg
from bundleopt.report.page import SECTIONS, numbered_bundles, render_report
from bundleopt.report.picture import WIDTH
from tests.bundleopt.small_plan import small_document, small_valued_plan

RECENT = {
    "weeks": [{"week": f"2024-09-{day:02d}", "units": 100.0, "revenue": 250.5} for day in (9, 16, 23, 30)],
    "year_before": {"week": "2023-10-09", "units": 120.0, "revenue": 300.0},
    "forecast": {"week": "2024-10-07", "units": 90.0, "revenue": 1234.5, "extra_units": 3.0},
}
FRONTIER = [
    {"budget": 5.0, "incremental_revenue": 1.5, "incremental_margin": 0.5, "promo_spend": 4, "gap": 0.01, "worth": 2},
    {"budget": 9.0, "incremental_revenue": 2.5, "incremental_margin": 0.4, "promo_spend": 8, "gap": 0.01, "worth": 1},
    {"budget": 0.0, "incremental_revenue": None, "conflict": ["budget", "include"]},
]


def _page(**changes: Any) -> str:
    valued = small_valued_plan()
    bundles = tables.bundles_table(valued, cannibalised=np.full(4, 0.1), reasons={0: "because", 1: "as well"})
    frames = {"bundles": bundles, "offers": tables.offers_table(valued), "inventory": tables.inventory_table(valued)}
    slope = np.array([[1, 1, 2, 2], [1, 1, 4, 4], [1, 1, 3, 3]], dtype=np.float32)
    facts = {"price_response": price_responses(valued, slope), "recent_weeks": RECENT, **changes}
    document = small_document(valued, **facts)
    return render_report(document | {"frontier": FRONTIER}, frames)


class _Reader(HTMLParser):
    """Collects what a screen reader goes by."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [found for name, found in self.tags if name == tag]


def test_the_questions_are_answered_in_their_order() -> None:
    page = _page()
    heads = re.findall(r'<h2 id="(\w+)-head">.*?</span>(.*?)</h2>', page)
    assert heads == list(SECTIONS)
    assert [heading for _, heading in SECTIONS][:3] == ["What to do", "What it brings", "What could go wrong"]
    places = [page.index(f'<section id="{anchor}"') for anchor, _ in SECTIONS]
    assert places == sorted(places)


def test_a_screen_reader_finds_landmarks_headings_captions_and_descriptions() -> None:
    reader = _Reader(_page())
    for landmark in ("header", "nav", "main", "footer"):
        assert len(reader.all(landmark)) == 1
    ids = [found["id"] for _, found in reader.tags if found.get("id")]
    assert len(ids) == len(set(ids))
    assert all(found["href"] in {f"#{one}" for one in ids} for found in reader.all("a"))
    for section in reader.all("section"):
        assert section["aria-labelledby"] in ids
    assert len(reader.all("caption")) == len(reader.all("table"))
    assert all("scope" in found for found in reader.all("th"))
    pictures = reader.all("svg")
    assert len(pictures) >= 8
    for found in pictures:
        assert found["role"] == "img"
        assert all(one in ids for one in str(found["aria-labelledby"]).split())
    levels = [int(tag[1]) for tag, _ in reader.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_light_dark_print_and_phone_have_rules_of_their_own() -> None:
    page = _page()
    for rule in ("prefers-color-scheme: dark", "@media print", "max-width: 700px", 'name="viewport"'):
        assert rule in page


def test_numbers_and_currency_are_written_as_the_configuration_says() -> None:
    config = {"solve.budget": 1234.5, "data.currency": "EUR", "data.number_format": "de_DE"}
    page = _page(config=config)
    assert "1.234,50\u00a0EUR" in page
    assert "1,234.50" not in page
    assert "money in EUR" in page
    assert "1,234.50" in _page(config={"solve.budget": 1234.5})


@pytest.mark.parametrize(
    ("locale", "currency", "written"),
    [
        ("en_US", "$", "\u2212$1,234.50"),
        ("en_GB", "GBP", "\u22121,234.50\u00a0GBP"),
        ("de_DE", "\u20ac", "\u22121.234,50\u00a0\u20ac"),
        ("fr_FR", "EUR", "\u22121\u202f234,50\u00a0EUR"),
        ("de_CH", "CHF", "\u22121\u2019234.50\u00a0CHF"),
        ("en_US", "", "\u22121,234.50"),
    ],
)
def test_amounts_in_the_formats_of_the_world(locale: str, currency: str, written: str) -> None:
    with formats.written_as(formats.number_format(locale, currency)):
        assert formats.priced(-1234.5) == written
    assert formats.priced(1234.5) == "1,234.50"


def test_the_price_of_the_plan_is_one_point_of_its_response() -> None:
    valued = small_valued_plan()
    slope = np.ones((3, 4), dtype=np.float32)
    for row, option in zip(price_responses(valued, slope), valued.plan.menu, strict=True):
        mine = valued.option == option
        (point,) = [one for one in row["points"] if one["price"] == row["price"]]
        assert point["incremental_revenue"] == pytest.approx(valued.incremental_revenue[mine].sum(), abs=1e-4)
        assert point["promo_spend"] == pytest.approx(valued.promo_spend[mine].sum(), abs=1e-4)
        assert row["price_sensitivity"] == 1.0


def test_stock_adds_up_to_what_is_on_hand() -> None:
    row = svg.StockRow("Milk", on_hand=20.0, baseline=5.0, extra=3.0, left=8.0)
    assert row.safety == 4.0
    drawn = svg.stock_bars([row])
    widths = [float(text) for text in re.findall(r'width="([\d.]+)" height="12.0"', drawn)]
    assert widths == pytest.approx([WIDTH * part / 20 for part in (5, 3, 4, 8)], abs=0.1)


def test_a_waterfall_ends_where_its_steps_lead() -> None:
    drawn = svg.waterfall([("new", 3.0), ("lost", -1.0)], ("total", 2.0))
    bars = re.findall(r'<rect class="(\w+)" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', drawn)
    ends = {kind: (float(x), float(x) + float(wide)) for kind, x, wide in bars}
    assert ends["loss"][0] == pytest.approx(ends["total"][1], abs=0.2)
    assert ends["loss"][1] == pytest.approx(ends["gain"][1], abs=0.2)
    assert "+3.00" in drawn
    assert "\u22121.00" in drawn


def test_what_could_go_wrong_is_said_in_money() -> None:
    document = small_document(small_valued_plan())
    totals = document["totals"]
    totals["incremental_margin"]["low"] = -3.5
    totals["promo_spend"]["high"] = 12.0
    bad_week, overspent, *_ = risk_sentences(document)
    assert "one of 20" in bad_week
    assert "loses more than 3.50 of margin" in bad_week
    assert "more than 12.00 of discounts" in overspent
    assert risk_sentences(small_document(small_valued_plan(offers=False))) == []


def test_the_forecast_is_told_against_the_weeks_before() -> None:
    document = small_document(small_valued_plan(), recent_weeks=RECENT)
    against, year, campaign = week_sentences(document)
    assert "90 units are expected" in against
    assert "10.0 % below the mean of the last 4 weeks (100)" in against
    assert "25.0 % below the same week a year before" in year
    assert "adds 3 units (3.3 %)" in campaign
    assert week_sentences(small_document(small_valued_plan())) == []


def test_a_frontier_needs_two_plans_and_names_conflicts() -> None:
    assert charts.frontier(FRONTIER[:1]) is None
    page = _page()
    assert "What each budget brings" in page
    assert "no plan keeps the rules: budget, include" in page


def test_bundles_are_numbered_by_what_they_bring() -> None:
    valued = small_valued_plan()
    table = tables.bundles_table(valued, cannibalised=np.zeros(4), reasons={})
    rows = numbered_bundles(table)
    assert [row["number"] for row in rows] == [1, 2]
    assert rows[0]["incremental_revenue"] >= rows[1]["incremental_revenue"]
