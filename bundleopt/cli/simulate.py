"""`bundleopt simulate`: markets with known truth, and campaigns played in them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bundleopt.cli.flags import CommonFlags, takes
from bundleopt.cli.output import Output
from bundleopt.cli.tables import NUMBER, plain_table
from bundleopt_data.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console


@dataclasses.dataclass(frozen=True, kw_only=True)
class SimulateFlags(CommonFlags):
    """Flags of `simulate`."""

    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="The folder to write the market into.")] = None
    kind: Annotated[
        str, typer.Option("--kind", metavar="equation|agent", help="A basket law, or shoppers with needs.")
    ] = "equation"
    customers: Annotated[int, typer.Option("--customers", metavar="N", help="Customers.")] = 600
    items: Annotated[int, typer.Option("--items", metavar="N", help="Items.")] = 96
    weeks: Annotated[int, typer.Option("--weeks", metavar="N", help="Weeks of the log.")] = 60
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Seed of every random draw.")] = 0
    confounded: Annotated[
        bool,
        typer.Option("--confounded/--unconfounded", help="Promote into demand peaks and with display, or at random."),
    ] = True
    play: Annotated[
        Path | None, typer.Option("--play", metavar="OFFERS", help="Play these offers (a file or a run folder).")
    ] = None
    market: Annotated[Path | None, typer.Option("--market", metavar="DIR", help="The market to play them in.")] = None
    results: Annotated[
        Path | None, typer.Option("--results", metavar="DIR", help="Write what --play left behind, for feedback.")
    ] = None
    draws: Annotated[int | None, typer.Option("--draws", metavar="N", help="Weeks to draw for --play [50].")] = None


@takes(SimulateFlags)
def simulate(flags: SimulateFlags) -> None:
    """Make a market whose truth is known, or play a campaign in it: what the plan really earns."""
    if flags.play is not None:
        _play(flags, flags.play)
    elif flags.folder is None:
        raise UsageError("say where the market goes: bundleopt simulate DIR, or play one with --play and --market")
    else:
        _make(flags, flags.folder)


def _make(flags: SimulateFlags, folder: Path) -> None:
    from bundleopt.verbs.simulate import simulate as run
    from bundleopt_data.simulator.knobs import MarketKnobs

    knobs = MarketKnobs(customers=flags.customers, items=flags.items, weeks=flags.weeks, confounded=flags.confounded)
    result = run(folder, kind=flags.kind, knobs=knobs, seed=flags.seed)

    def render(console: Console) -> None:
        rows = [(name, f"{value:,}" if isinstance(value, int) else str(value)) for name, value in result.facts.items()]
        console.print(plain_table(("market", ""), rows))
        console.print(f"Made {result.folder}", markup=False)
        console.print(f"Next: bundleopt init {result.folder}-plans --data {result.folder}", markup=False)

    Output(flags).result({"folder": str(result.folder)} | result.facts, render)


def _play(flags: SimulateFlags, offers: Path) -> None:
    from bundleopt.verbs.simulate import play

    market = flags.market or flags.folder
    if market is None:
        raise UsageError("--play needs --market DIR, the folder that bundleopt simulate made")
    result = play(offers, market, draws=flags.draws, results=flags.results)

    def render(console: Console) -> None:
        head = ("the week after the log", NUMBER + "with", NUMBER + "without", NUMBER + "difference")
        console.print(plain_table(head, result.rows()))
        played = result.played
        console.print(
            f"Means of {len(played.figures)} draws of the week, the same chances with and without the "
            f"{played.offers:,} offers.",
            markup=False,
        )

    Output(flags).result(result.document(), render)
