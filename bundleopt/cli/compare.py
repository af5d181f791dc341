"""`bundleopt compare`: two plans side by side."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from bundleopt.cli.bundle_names import fit_names
from bundleopt.cli.failures import printable
from bundleopt.cli.flags import CommonFlags, takes
from bundleopt.cli.output import Output, ProgressDisplay
from bundleopt.cli.tables import plain_table
from bundleopt.plan import sentences
from bundleopt.report import formats

if TYPE_CHECKING:
    from rich.console import Console

    from bundleopt.comparison.difference import BundleChange, PlanDifference
    from bundleopt.verbs.compare import CompareResult
    from bundleopt.verbs.solve import SolveResult

_BUNDLES_SHOWN = 12
_SETTINGS_SHOWN = 10
_LABELS = {
    "incremental_revenue": "incremental revenue",
    "incremental_margin": "incremental margin",
    "promo_spend": "promo spend",
    "redemptions": "redemptions",
    "customers_reached": "customers reached",
}
_CAUSES = {
    "model": "the model: its forecast of the first plan today",
    "calendar": "the calendar: another week's demand",
    "prices": "shelf prices, costs and promotions",
    "stock": "stock that no longer serves the first plan",
    "rules": "rules, and the new choice of bundles",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompareFlags(CommonFlags):
    """Flags of `compare`."""

    before: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="Run folder or its number; default the last approved one.")
    ] = None
    after: Annotated[
        str | None, typer.Argument(metavar="[OTHER]", help="Run folder or its number; default the latest.")
    ] = None
    no_causes: Annotated[
        bool, typer.Option("--no-causes", help="Leave out what each cause is worth; needs no model then.")
    ] = False


@takes(CompareFlags)
def compare(flags: CompareFlags) -> None:
    """Compare two plans: bundles in, out and re-priced, customers moved, and the money by cause."""
    from bundleopt.verbs.compare import compare as compare_plans

    output = Output(flags)
    with ProgressDisplay(output) as progress:
        result = compare_plans(
            flags.before, flags.after, workspace=flags.workspace, by_cause=not flags.no_causes, progress=progress
        )
    output.result(result.document(), lambda console: _render(console, result))


class Compared(Protocol):
    """Two plans and what differs between them."""

    @property
    def before(self) -> SolveResult:
        """The first plan."""

    @property
    def after(self) -> SolveResult:
        """The second plan."""

    @property
    def changes(self) -> PlanDifference:
        """What differs."""


def _render(console: Console, result: CompareResult) -> None:
    print_difference(console, result)
    _print_causes(console, result)
    _print_settings(console, result)


def print_difference(console: Console, result: Compared) -> None:
    """Print totals, churn, customers and the bundles that changed."""
    _line(console)
    _line(console, _title(result), style="bold")
    _line(console)
    console.print(_totals(result))
    _line(console)
    _line(console, churn_sentence(result))
    _line(console, customer_sentence(result))
    changed = [one for one in result.changes.bundles if one.change != "kept"]
    if changed:
        _line(console)
        console.print(_bundles(changed[:_BUNDLES_SHOWN], console.width))
        if len(changed) > _BUNDLES_SHOWN:
            _line(console, f"and {len(changed) - _BUNDLES_SHOWN} more; --json lists all")


def _title(result: Compared) -> str:
    before, after = result.before, result.after
    return (
        f"{after.folder.name} (week of {after.document['week']}) against "
        f"{before.folder.name} (week of {before.document['week']})"
    )


def _totals(result: Compared) -> Any:
    rows = []
    for name, (before, after) in result.changes.totals.items():
        write = formats.count if name in {"redemptions", "customers_reached"} else formats.money
        rows.append((_LABELS[name], write(before), write(after), _signed(write, after - before)))
    return plain_table(("", "#before", "#after", "#change"), rows)


def _signed(write: Any, change: float) -> str:
    return formats.signed_money(change) if write is formats.money else formats.signed_count(change)


def churn_sentence(result: Compared) -> str:
    """Say how much of the menu changed."""
    changes = result.changes
    numbers = [f"{len(changes.of(kind))} {word}" for kind, word in (("in", "in"), ("out", "out"))]
    numbers += [f"{len(changes.of('re-priced'))} re-priced", f"{len(changes.of('kept'))} kept"]
    return f"Bundles: {', '.join(numbers)}; {formats.share(changes.churn)} of the menu changed."


def customer_sentence(result: Compared) -> str:
    """Say what happens to the customers."""
    moved = result.changes.customers
    parts = [f"{formats.count(number)} {what}" for what, number in moved.items()]
    return f"Customers: {', '.join(parts)}."


def _bundles(changed: list[BundleChange], width: int) -> Any:
    rows = [
        (
            one.change,
            fit_names([printable(name) for name in one.item_names], max(24, width - 62)),
            formats.money(one.price_before),
            formats.money(one.price_after),
            _signed(formats.money, one.revenue_after - one.revenue_before),
            _signed(formats.money, one.margin_after - one.margin_before),
        )
        for one in changed
    ]
    return plain_table(("", "bundle", "#before", "#after", "#revenue", "#margin"), rows)


def _print_causes(console: Console, result: CompareResult) -> None:
    if result.causes is None:
        if result.why_no_causes:
            _line(console)
            _line(console, f"No causes: {result.why_no_causes}.", style="yellow")
        return
    rows = [
        (_CAUSES[one.name], _signed(formats.money, one.revenue), _signed(formats.money, one.margin))
        for one in result.causes
    ]
    _line(console)
    console.print(plain_table(("caused by", "#revenue", "#margin"), rows))


def _print_settings(console: Console, result: Compared) -> None:
    settings = list(result.changes.settings.items())
    if not settings and not result.changes.inputs:
        return
    _line(console)
    rows = [(key, _written(before), _written(after)) for key, (before, after) in settings[:_SETTINGS_SHOWN]]
    if rows:
        console.print(plain_table(("setting", "before", "after"), rows))
    inputs = result.changes.inputs
    if inputs:
        _line(console, f"Input data changed: {sentences.counted(len(inputs), 'file')} ({', '.join(inputs[:6])}).")


def _written(value: Any) -> str:
    return "none" if value is None else str(value)


def _line(console: Console, text: str = "", *, style: str | None = None) -> None:
    console.print(printable(text), style=style, markup=False, highlight=False)
