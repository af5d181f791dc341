"""`bundleopt explain`: why a bundle is in the plan or not, what a rule does, why a customer is shown these offers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from bundleopt.cli.failures import printable
from bundleopt.cli.flags import CommonFlags, takes
from bundleopt.cli.output import Output, ProgressDisplay
from bundleopt.cli.tables import plain_table
from bundleopt.plan import sentences
from bundleopt.report import formats

if TYPE_CHECKING:
    from rich.console import Console

    from bundleopt.explanation.bundle import BundleAnatomy
    from bundleopt.verbs.explain import BundleExplanation, CustomerExplanation, Explanation, RuleExplanation

_NOTABLE_LIFT = 1.05


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExplainFlags(CommonFlags):
    """Flags of `explain`."""

    target: Annotated[
        str | None, typer.Argument(metavar="[BUNDLE|A+B|RULE]", help="Bundle id, items by id or name, or a rule.")
    ] = None
    customer: Annotated[str | None, typer.Option("--customer", metavar="ID", help="Why these offers.")] = None
    run: Annotated[str | None, typer.Option("--run", metavar="RUN", help="Run folder or number [latest].")] = None
    no_solve: Annotated[
        bool, typer.Option("--no-solve", help="Do not look for the best plan with, or without, it.")
    ] = False


@takes(ExplainFlags)
def explain(flags: ExplainFlags) -> None:
    """Say why a bundle is in the plan, or what keeps it out and what it would cost.

    A rule's name tells what the rule is worth; --customer tells why somebody is shown these offers.
    """
    from bundleopt.verbs.explain import explain as explain_plan

    output = Output(flags)
    with ProgressDisplay(output) as progress:
        found = explain_plan(
            flags.target,
            customer=flags.customer,
            run=flags.run,
            solve_again=not flags.no_solve,
            workspace=flags.workspace,
            progress=progress,
        )
    output.result(found.document(), lambda console: _render(console, found))


def _render(console: Console, found: Explanation) -> None:
    from bundleopt.verbs.explain import BundleExplanation, CustomerExplanation

    _line(console)
    if isinstance(found, BundleExplanation):
        _render_bundle(console, found)
    elif isinstance(found, CustomerExplanation):
        _render_customer(console, found)
    else:
        _render_rule(console, found)


def _render_rule(console: Console, found: RuleExplanation) -> None:
    for line in found.rule["sentences"]:
        _line(console, line)


def _render_customer(console: Console, found: CustomerExplanation) -> None:
    if not found.offers:
        _line(console, f"Customer {found.customer_id} is shown no offer in {found.run.folder.name}.")
        return
    _line(console, f"Customer {found.customer_id}: {sentences.counted(len(found.offers), 'offer')}", style="bold")
    for one in found.offers:
        _line(console)
        _line(console, one.sentence)
        _line(
            console,
            f"  {one.bundle_id} at {formats.money(one.price)}: redeemed with chance "
            f"{formats.fine_share(one.redemption_probability)}, bought anyway with "
            f"{formats.fine_share(one.baseline_probability)}; brings {formats.money(one.incremental_revenue)}",
        )


def _render_bundle(console: Console, found: BundleExplanation) -> None:
    shape = found.anatomy
    if any(number > 1 for number in found.matches):
        several = " x ".join(str(number) for number in found.matches)
        _line(console, f"{found.asked!r} may mean {several} items; this is the bundle of them that comes closest.")
    if shape is not None:
        _line(console, _title(shape), style="bold")
        _print_worth(console, shape)
        _print_why(console, shape)
    _print_counterfactual(console, found)
    if found.stale:
        text = f"{sentences.counted(len(found.stale), 'input')} changed since this plan was made: figures are today's."
        _line(console, text, style="yellow")


def _title(shape: BundleAnatomy) -> str:
    where = "on the menu" if shape.on_menu else "not on the menu"
    off = f"{shape.discount:.0%} off {formats.money(shape.list_value)}"
    return f"{' + '.join(shape.item_names)} ({shape.bundle_id}) at {formats.money(shape.price)}, {off}: {where}"


def _print_worth(console: Console, shape: BundleAnatomy) -> None:
    whom = "shown to" if shape.on_menu else "worth showing to"
    _line(console, f"It is {whom} {sentences.counted(shape.customers, 'customer')}.")
    if shape.decomposition:
        sources = {sentences.DECOMPOSITION_LABELS[name]: pair for name, pair in shape.decomposition.items()}
        revenue, margin = (sum(pair[kind] for pair in sources.values()) for kind in (0, 1))
        sources["incremental"] = (revenue, margin)
        rows = [(name, *(formats.money(amount) for amount in pair)) for name, pair in sources.items()]
        _line(console)
        console.print(plain_table(("where its money comes from", "#revenue", "#margin"), rows))
    if shape.steps:
        _line(console)
        left = [(name, formats.money(amount)) for name, amount in shape.steps]
        console.print(plain_table(("what is left of its worth", "#money"), left))


def _print_why(console: Console, shape: BundleAnatomy) -> None:
    _line(console)
    rows = [
        (name, formats.share(mine), formats.share(everybody), f"x{lift:.2f}")
        for name, (mine, everybody), lift in zip(shape.item_names, shape.probability, shape.odds_lift, strict=True)
    ]
    head = ("item", "#bought a week by them", "#by everybody", "#odds at this price")
    console.print(plain_table(head, rows))
    for first, second, lift in shape.together:
        names = f"{shape.item_names[first]} and {shape.item_names[second]}"
        if lift >= _NOTABLE_LIFT:
            _line(console, f"{names} are bought together {lift:.1f} times as often as their popularity explains.")
        elif lift <= 1 / _NOTABLE_LIFT:
            _line(console, f"{names} replace each other: together only {lift:.2f} times as often as expected.")


def _print_counterfactual(console: Console, found: BundleExplanation) -> None:
    other = found.counterfactual
    _line(console)
    if found.refusal:
        _line(console, f"No plan can hold it: {found.refusal}", style="yellow")
    if other is None:
        return
    name = found.run.document["objective"]["name"]
    which = "without" if other.change == "exclude" else "with"
    value = found.run.document["objective"]["value"]
    _line(
        console,
        f"The best plan found {which} it brings {formats.money(other.value)} of incremental {name} instead of "
        f"{formats.money(value)}.",
        style="bold",
    )
    if other.most_cost < 0.005:
        sentence = f"{'Leaving it out' if which == 'without' else 'Taking it in'} costs nothing."
    else:
        verb = "Leaving it out" if which == "without" else "Taking it in"
        sentence = (
            f"{verb} costs between {formats.money(other.least_cost)} and {formats.money(other.most_cost)}; "
            "both ends are proven."
        )
    _line(console, sentence)


def _line(console: Console, text: str = "", *, style: str | None = None) -> None:
    console.print(printable(text), style=style, markup=False, highlight=False)
