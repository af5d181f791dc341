"""What `check` shows in the terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from bundleopt.cli.failures import printable
from bundleopt.cli.tables import plain_table
from bundleopt.report import formats

if TYPE_CHECKING:
    from rich.console import Console

    from bundleopt.verbs.check import CheckResult
    from bundleopt_data.profile import Profile

_STYLES = {"PASS": "green", "REVIEW": "yellow", "FAIL": "bold red"}


def print_check(console: Console, result: CheckResult) -> None:
    """Print the profile, the findings, what was mended and what is assumed."""
    console.print(plain_table(("data", "#"), _profile_rows(result.report.profile)))
    console.print()
    for finding in result.report.findings:
        level = finding.level.value
        console.print(f"{level:6}", style=_STYLES[level], end=" ", markup=False)
        console.print(_hanging(finding.sentence, console.width, 7).lstrip(), markup=False)
    for title, sentences in (
        ("Mended", [str(mending) for mending in result.report.mended]),
        ("Assumed", list(result.assumptions)),
    ):
        if sentences:
            console.print(f"\n{title}", style="bold", markup=False)
        for sentence in sentences:
            console.print(_hanging(sentence, console.width, 2), markup=False)
    console.print(f"\n{result.verdict}: {_VERDICTS[result.verdict]}", style=_STYLES[result.verdict], markup=False)
    if result.report.notice:
        console.print(printable(result.report.notice), markup=False)


def _hanging(text: str, width: int, indent: int) -> str:
    """Wrap a sentence so that all its lines begin `indent` columns in."""
    room = textwrap.wrap(printable(text), width - indent, break_long_words=False, break_on_hyphens=False)
    return textwrap.indent("\n".join(room), " " * indent)


_VERDICTS = {
    "PASS": "a plan can rest on this data.",
    "REVIEW": "a plan can be made; look at the lines marked REVIEW first.",
    "FAIL": "no plan can rest on this data; mend the lines marked FAIL.",
}


def _profile_rows(profile: Profile) -> list[tuple[str, str]]:
    return [
        ("lines", formats.count(profile.lines)),
        ("baskets", formats.count(profile.baskets)),
        ("customers", formats.count(profile.customers)),
        ("items sold, of the catalogue", f"{profile.items_sold:,} of {profile.items:,}"),
        ("weeks", f"{profile.weeks} ({profile.first_day} to {profile.last_day})"),
        ("revenue", formats.money(profile.revenue)),
        ("median week of the last quarter", formats.money(profile.weekly_revenue)),
        ("lines with a regular price", formats.share(profile.list_price_share)),
        ("sold items with a unit cost", formats.share(profile.cost_share)),
    ]
