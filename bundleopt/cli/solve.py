"""`bundleopt solve`: plans the campaign."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bundleopt.cli.failures import INTERRUPTED
from bundleopt.cli.flags import CommonFlags, takes
from bundleopt.cli.output import Output, ProgressDisplay

if TYPE_CHECKING:
    from bundleopt.verbs.solve import SolveResult

NOT_PROVEN = 6

_OBJECTIVE, _PRICES, _MENU, _SEARCH, _FILES = "Objective and rules", "Prices", "Menu", "Search", "Files"

Text = str | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class SolveFlags(CommonFlags):
    """Flags of `solve`. Values stay texts here: one place reads them all, from files, environment and flags alike."""

    budget: Annotated[
        Text, typer.Option("--budget", metavar="MONEY", help="Promo spend allowed; default no limit.")
    ] = None
    week: Annotated[Text, typer.Option("--week", metavar="MONDAY", help="Campaign week; default the next one.")] = None
    objective: Annotated[
        Text,
        typer.Option(
            "--objective", metavar="revenue|margin|mix|revenue,margin", help="What to maximise; or one, then the other."
        ),
    ] = None
    goal: Annotated[
        Text, typer.Option("--goal", metavar="'margin>=MONEY'", help="Find the least budget that reaches it.")
    ] = None
    risk: Annotated[Text, typer.Option("--risk", metavar="SHARE", help="Share of draws that count as worst.")] = None
    risk_weight: Annotated[
        Text, typer.Option("--risk-weight", metavar="SHARE", help="Weight of the worst draws in the objective [0.5].")
    ] = None
    budget_confidence: Annotated[
        Text, typer.Option("--budget-confidence", metavar="SHARE", help="Chance that spend stays in the budget.")
    ] = None
    min_margin: Annotated[Text, typer.Option("--min-margin", metavar="SHARE", help="Least margin of bundle sales.")] = (
        None
    )
    min_incremental_margin: Annotated[
        Text, typer.Option("--min-incremental-margin", metavar="MONEY", help="Least incremental margin.")
    ] = None
    min_incremental_revenue: Annotated[
        Text, typer.Option("--min-incremental-revenue", metavar="MONEY", help="Least incremental revenue.")
    ] = None
    max_discount: Annotated[Text, typer.Option("--max-discount", metavar="SHARE", help="Largest discount [30%].")] = (
        None
    )
    min_discount: Annotated[Text, typer.Option("--min-discount", metavar="SHARE", help="Smallest discount [0].")] = None
    price_step: Annotated[Text, typer.Option("--price-step", metavar="SHARE", help="Steps of discounts [5%].")] = None
    bands: Annotated[
        list[str] | None,
        typer.Option("--band", metavar="ATTR:VALUE=A:B", help="Discounts of bundles with such items; may repeat."),
    ] = None
    prior_price_days: Annotated[
        Text, typer.Option("--prior-price-days", metavar="N", help="Below the lowest prices of so many days before.")
    ] = None
    price_ending: Annotated[Text, typer.Option("--price-ending", metavar=".99", help="Ending of prices [none].")] = None
    max_bundles: Annotated[Text, typer.Option("--max-bundles", metavar="N", help="Most bundles on the menu [30].")] = (
        None
    )
    slots: Annotated[Text, typer.Option("--slots", metavar="N", help="Most offers to one customer [3].")] = None
    bundle_size: Annotated[Text, typer.Option("--bundle-size", metavar="MIN:MAX", help="Items of a bundle [2:4].")] = (
        None
    )
    multi_buy: Annotated[
        Text, typer.Option("--multi-buy", metavar="N", help="Also 2 to N units of one item for less [1].")
    ] = None
    category_cap: Annotated[
        Text, typer.Option("--category-cap", metavar="N", help="Most bundles with an item of one category.")
    ] = None
    item_overlap: Annotated[
        Text, typer.Option("--item-overlap", metavar="N", help="Most bundles that contain one item.")
    ] = None
    caps: Annotated[
        list[str] | None,
        typer.Option(
            "--cap", metavar="ATTR[:VALUE]=N", help="Most bundles of each (or one) brand, category, ...; may repeat."
        ),
    ] = None
    floors: Annotated[
        list[str] | None,
        typer.Option(
            "--floor", metavar="ATTR[:VALUE]=N", help="Least bundles of each (or one) brand, ...; may repeat."
        ),
    ] = None
    min_exposure: Annotated[Text, typer.Option("--min-exposure", metavar="N", help="Least offers of a bundle.")] = None
    max_exposure: Annotated[Text, typer.Option("--max-exposure", metavar="N", help="Most offers of a bundle.")] = None
    fairness: Annotated[
        list[str] | None,
        typer.Option(
            "--fairness", metavar="ATTR=SHARE", help="Offers per customer alike in all its groups; may repeat."
        ),
    ] = None
    base: Annotated[
        Text, typer.Option("--base", metavar="RUN", help="Earlier run for --lock, --max-churn [the approved one].")
    ] = None
    lock: Annotated[
        list[str] | None,
        typer.Option("--lock", metavar="BUNDLE|A+B@PRICE", help="Stays on the menu at its price; may repeat."),
    ] = None
    max_churn: Annotated[
        Text, typer.Option("--max-churn", metavar="N|SHARE", help="Most bundles that differ from the earlier run.")
    ] = None
    include: Annotated[
        list[str] | None, typer.Option("--include", metavar="ITEM|A+B", help="Must be on the menu; may repeat.")
    ] = None
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", metavar="ITEM|A+B", help="Must not be on it; may repeat.")
    ] = None
    items: Annotated[
        Path | None, typer.Option("--items", metavar="FILE", help="Bundles of these items only; see `assort --out`.")
    ] = None
    shocks: Annotated[
        list[str] | None,
        typer.Option("--shock", metavar="KIND:TARGET=+N%", help="What if prices, cost, stock or demand; may repeat."),
    ] = None
    candidates: Annotated[
        Text, typer.Option("--candidates", metavar="N", help="Bundles that are valued exactly [400].")
    ] = None
    min_support: Annotated[
        Text, typer.Option("--min-support", metavar="N", help="Least buyers of a whole bundle a week [0].")
    ] = None
    same_category: Annotated[
        Text, typer.Option("--same-category", metavar="allow|forbid|only", help="Items of one category in a bundle.")
    ] = None
    allow_twins: Annotated[
        bool | None, typer.Option("--allow-twins/--no-twins", help="Known substitutes may meet in a bundle.")
    ] = None
    segments: Annotated[Text, typer.Option("--segments", metavar="N", help="Segments of the menu problem [20].")] = None
    max_contacts: Annotated[
        Text, typer.Option("--max-contacts", metavar="N", help="Contacts in recent weeks after which customers rest.")
    ] = None
    contact_weeks: Annotated[Text, typer.Option("--contact-weeks", metavar="N", help="Weeks that count [4].")] = None
    reach: Annotated[Text, typer.Option("--reach", metavar="SHARE", help="Chance that an offer is seen [1].")] = None
    redemption: Annotated[
        Text, typer.Option("--redemption", metavar="targeted|public", help="Who can redeem: holders, or everybody.")
    ] = None
    shelf_reach: Annotated[
        Text, typer.Option("--shelf-reach", metavar="SHARE", help="Public: chance that the shelf price is seen [1].")
    ] = None
    holdout: Annotated[
        Text, typer.Option("--holdout", metavar="SHARE", help="Customers drawn as control group, shown nothing.")
    ] = None
    explore: Annotated[
        Text, typer.Option("--explore", metavar="SHARE", help="Offers whose bundles get a drawn price, to learn.")
    ] = None
    time_limit: Annotated[Text, typer.Option("--time-limit", metavar="SECONDS", help="Time to optimise [60].")] = None
    work: Annotated[
        Text, typer.Option("--work", metavar="N", help="Stop after N units of work; replays a plan's solver.work.")
    ] = None
    menu_work: Annotated[
        Text, typer.Option("--menu-work", metavar="N", help="The same for certificates.menu (solver.menu_work).")
    ] = None
    gap: Annotated[Text, typer.Option("--gap", metavar="SHARE", help="Proven gap at which to stop [0.5%].")] = None
    price_pairs: Annotated[
        bool | None,
        typer.Option("--price-pairs/--no-price-pairs", help="Add pairs that a rough plan's prices call for [on]."),
    ] = None
    certify_pairs: Annotated[
        Text, typer.Option("--certify-pairs", metavar="SECONDS", help="Prove a bound over all pairs in that time.")
    ] = None
    require_optimal: Annotated[bool, typer.Option("--require-optimal", help="Exit 6 unless the gap is proven.")] = False
    solver: Annotated[Text, typer.Option("--solver", metavar="NAME", help="Backend of the menu problem [auto].")] = None
    engine: Annotated[
        Text, typer.Option("--engine", metavar="auto|whole|chunks", help="chunks: very many customers [auto].")
    ] = None
    seed: Annotated[Text, typer.Option("--seed", metavar="N", help="Seed of sampling and solvers [0].")] = None
    wait: Annotated[bool, typer.Option("--wait", help="Wait for another run in the workspace.")] = False
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Run folder; default runs/<id>.")] = None
    frontier: Annotated[
        Text, typer.Option("--frontier", metavar="A:B:STEP|A,B", help="Other budgets to draw in the report.")
    ] = None
    pareto: Annotated[
        Text, typer.Option("--pareto", metavar="N", help="Also N plans of revenue against margin, each proven.")
    ] = None
    write_model: Annotated[
        Path | None, typer.Option("--write-model", metavar="FILE.mps|.lp", help="Write the segment menu problem.")
    ] = None
    show_config: Annotated[bool, typer.Option("--show-config", help="Print the settings and where each came from.")] = (
        False
    )

    def settings(self) -> dict[str, Any]:
        """Return the `[solve]` keys that were given."""
        common = {field.name for field in dataclasses.fields(CommonFlags)}
        apart = common | {"items", "wait", "out", "write_model", "frontier", "pareto", "show_config"}
        given = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name not in apart}
        given["require_optimal"] = True if self.require_optimal else None
        if self.items is not None:
            from bundleopt.assortment.list_file import read_list

            given["only_items"] = read_list(self.items)
        return {name: value for name, value in given.items() if value not in (None, [])}


@takes(SolveFlags)
def solve(flags: SolveFlags) -> None:
    """Plan next week's campaign: bundles, prices and audiences, with a proof of how good the plan is.

    Without a workspace it plans on the Complete Journey sample. MONEY is a plain amount like 2000, SHARE is 0.15 or
    15%. The plan is verified by an independent checker and written as a run folder.
    """
    from bundleopt.session import open_session
    from bundleopt.verbs.solve import Beside, solve_session
    from bundleopt.workspace_lock import hold

    output = Output(flags)
    with ProgressDisplay(output) as progress:
        session = open_session(flags.workspace, flags=flags.settings(), progress=progress)
        if flags.show_config:
            _show_config(output, session.resolved.rows())
            return
        with hold(session.workspace, wait=flags.wait):
            beside = Beside(flags.frontier, flags.pareto)
            result = solve_session(session, out=flags.out, write_model=flags.write_model, beside=beside)
    if notice := session.dataset.notice:
        output.note(notice)
    _show(output, result)
    _exit_as(output, result, require_optimal=session.config.solve.require_optimal)


def _show(output: Output, result: SolveResult) -> None:
    from bundleopt.cli.summary import print_summary

    output.result(result.document | {"folder": str(result.folder)}, lambda console: print_summary(console, result))


def _exit_as(output: Output, result: SolveResult, *, require_optimal: bool) -> None:
    if result.status == "interrupted":
        output.errors.print(f"interrupted; the best plan so far is in {result.folder}", markup=False)
        raise typer.Exit(INTERRUPTED)
    if require_optimal and result.status != "optimal":
        text = f"the gap {result.gap:.3%} is larger than asked; the plan is in {result.folder}"
        output.errors.print(text, markup=False)
        raise typer.Exit(NOT_PROVEN)


def _show_config(output: Output, rows: list[tuple[str, str, str]]) -> None:
    from bundleopt.cli.tables import plain_table

    document = {key: {"value": value, "source": source} for key, value, source in rows}
    output.result(document, lambda console: console.print(plain_table(("key", "value", "source"), rows)))
