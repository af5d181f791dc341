"""`bundleopt whatif`: the week planned again at every point of a sweep."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bundleopt.cli.failures import printable
from bundleopt.cli.flags import CommonFlags, takes
from bundleopt.cli.output import Output, ProgressDisplay
from bundleopt.cli.tables import plain_table
from bundleopt_data.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from bundleopt.verbs.whatif import WhatIfResult

Text = str | None
_SWEEP = "A:B:STEP|A,B"


@dataclasses.dataclass(frozen=True, kw_only=True)
class WhatIfFlags(CommonFlags):
    """Flags of `whatif`: one value sets a rule for all scenarios, several sweep it."""

    budget: Annotated[Text, typer.Option("--budget", metavar=_SWEEP, help="Promo spend allowed.")] = None
    min_margin: Annotated[Text, typer.Option("--min-margin", metavar=_SWEEP, help="Least margin of sales.")] = None
    min_incremental_margin: Annotated[
        Text, typer.Option("--min-incremental-margin", metavar=_SWEEP, help="Least incremental margin.")
    ] = None
    max_discount: Annotated[Text, typer.Option("--max-discount", metavar=_SWEEP, help="Largest discount.")] = None
    min_discount: Annotated[Text, typer.Option("--min-discount", metavar=_SWEEP, help="Smallest discount.")] = None
    max_bundles: Annotated[Text, typer.Option("--max-bundles", metavar=_SWEEP, help="Most bundles.")] = None
    slots: Annotated[Text, typer.Option("--slots", metavar=_SWEEP, help="Most offers to one customer.")] = None
    bundle_size: Annotated[Text, typer.Option("--bundle-size", metavar="2:4,2:2", help="Items of a bundle.")] = None
    objective: Annotated[Text, typer.Option("--objective", metavar="revenue,margin", help="What to maximise.")] = None
    reach: Annotated[Text, typer.Option("--reach", metavar=_SWEEP, help="Chance that an offer is seen.")] = None
    sweep: Annotated[
        list[str] | None, typer.Option("--sweep", metavar="KEY=VALUES", help="Any other [solve] key; may repeat.")
    ] = None
    shock: Annotated[
        list[str] | None,
        typer.Option("--shock", metavar="KIND:TARGET=+N%", help="price, cost, stock or demand; may repeat."),
    ] = None
    week: Annotated[Text, typer.Option("--week", metavar="MONDAY", help="Campaign week; default the next one.")] = None
    gap: Annotated[Text, typer.Option("--gap", metavar="SHARE", help="Proven gap at which each stops [0.5%].")] = None
    time_limit: Annotated[Text, typer.Option("--time-limit", metavar="SECONDS", help="Time for each [60].")] = None
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Write the table, workbook and page.")] = None
    wait: Annotated[bool, typer.Option("--wait", help="Wait for another run in the workspace.")] = False

    def sweeps(self) -> dict[str, str]:
        """Return the swept texts by `[solve]` key."""
        apart = {field.name for field in dataclasses.fields(CommonFlags)} | _NOT_SWEPT
        given = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name not in apart}
        for text in self.sweep or ():
            name, mark, values = text.partition("=")
            if not mark or not name.strip() or not values.strip():
                raise UsageError(f"--sweep {text}: write it like category_cap=2,4")
            given[name.strip().replace("-", "_")] = values.strip()
        return {name: value for name, value in given.items() if value is not None}


_NOT_SWEPT = {"sweep", "shock", "week", "gap", "time_limit", "out", "wait"}


@takes(WhatIfFlags)
def whatif(flags: WhatIfFlags) -> None:
    """Plan the week at every combination of the swept rules, and in a shocked world, beside the base.

    A shock moves prices, costs, stock or demand of an item, a category, a brand, a department or a segment.
    """
    from bundleopt.report import formats
    from bundleopt.scenarios.files import write_files
    from bundleopt.session import open_session
    from bundleopt.verbs.whatif import whatif as run_whatif

    output = Output(flags)
    fixed = {name: value for name in ("week", "gap", "time_limit") if (value := getattr(flags, name)) is not None}
    with ProgressDisplay(output) as progress:
        result = run_whatif(
            flags.workspace,
            sweeps=flags.sweeps(),
            shocks=flags.shock or (),
            wait=flags.wait,
            progress=progress,
            **fixed,
        )
    files: list[Path] = []
    if flags.out is not None:
        data = open_session(flags.workspace).config.data
        with formats.written_as(formats.number_format(data.number_format, data.currency)):
            files = write_files(result, flags.out, currency=data.currency)
    document = result.document() | {"files": [str(path) for path in files]}
    output.result(document, lambda console: _render(console, result, files))


def _render(console: Console, result: WhatIfResult, files: list[Path]) -> None:
    from bundleopt.scenarios.page import row

    _line(console)
    _line(console, f"What if: week of {result.week}, incremental {result.objective} maximised", style="bold")
    _line(console)
    head = ("scenario", "#revenue", "#change", "#margin", "#change", "#spend", "#gap", "#bundles")
    lines = []
    for one in (result.base, *result.outcomes):
        shown = row(one, result)
        label = "base" if one is result.base else shown["label"]
        figures: tuple[Any, ...] = shown["figures"][: len(head) - 1] if one.is_feasible else ("no plan",)
        lines.append((label, *figures, *[""] * (len(head) - 1 - len(figures))))
    console.print(plain_table(head, lines))
    _print_rules(console, result)
    for path in files:
        console.print(printable(str(path)), markup=False, highlight=False, soft_wrap=True)


def _print_rules(console: Console, result: WhatIfResult) -> None:
    """Which rules bind where, what a unit of them is worth, and what contradicts what."""
    rows = []
    for one in (result.base, *result.outcomes):
        label = "base" if one is result.base else one.scenario.label
        if not one.is_feasible:
            rows.append((label, "no plan: " + (", ".join(one.conflict) or one.detail)))
            continue
        priced = [
            f"{name} (one more is worth {one.shadow_prices[name]:,.2f})" if name in one.shadow_prices else name
            for name in one.binding[:3]
        ]
        if priced:
            rows.append((label, ", ".join(priced)))
    if rows:
        _line(console)
        console.print(plain_table(("scenario", "rules that bind"), rows))


def _line(console: Console, text: str = "", *, style: str | None = None) -> None:
    console.print(printable(text), style=style, markup=False, highlight=False)
