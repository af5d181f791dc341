"""Prices bundles from willingness to pay: components, the pure bundle, and every bundle at a price of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bundleopt import quantities
from bundleopt.menu_prices.willingness_file import SEPARATOR, Willingness, read_willingness
from bundleopt.plan.document import plain
from bundleopt.session import Progress
from bundleopt_data import atomic
from bundleopt_data.errors import UsageError, VerificationError
from bundleopt_solvers.max_surplus.problem import MenuPrices, Offering

if TYPE_CHECKING:
    import pandas as pd

_ENDINGS = (".csv", ".parquet")


@dataclass(frozen=True, eq=False)
class PriceResult:
    """The most profitable prices of each way of selling.

    Attributes:
        ways: components, pure and mixed, as far as the file allows them. willingness: what the prices rest on.
        out: the file with the mixed prices, or None.
    """

    ways: dict[Offering, MenuPrices]
    willingness: Willingness
    out: Path | None = None

    @property
    def mixed(self) -> MenuPrices:
        """Every bundle at a price of its own."""
        return self.ways[Offering.MIXED]

    def bundle_name(self, bundle: int) -> str:
        """Item ids of a bundle, like `A|B`; a dash for nothing."""
        problem = self.willingness.problem
        if bundle < 0:
            return "nothing"
        return SEPARATOR.join(str(problem.item_ids[item]) for item in problem.bundles[bundle])

    def prices(self, way: Offering = Offering.MIXED) -> pd.DataFrame:
        """One row a bundle that is offered: items, price, cost, customers, profit."""
        import pandas as pd

        problem, found = self.willingness.problem, self.ways[way]
        rows = []
        for b, price in enumerate(found.price.tolist()):
            customers = float(problem.size[found.bought == b].sum())
            margin = (price - int(problem.cost[b])) / 100
            if price >= 0:
                cost = int(problem.cost[b]) / 100
                rows.append((self.bundle_name(b), price / 100, cost, customers, round(customers * margin, 2)))
        return pd.DataFrame(rows, columns=["items", "price", "cost", "customers", "profit"])

    def choices(self, way: Offering = Offering.MIXED) -> pd.DataFrame:
        """One row a segment: segment, customers, buys, pays, surplus."""
        import pandas as pd

        problem, found = self.willingness.problem, self.ways[way]
        bought = found.bought.tolist()
        return pd.DataFrame(
            {
                "segment": problem.segment_ids,
                "customers": problem.size,
                "buys": [self.bundle_name(b) for b in bought],
                "pays": [found.price[b] / 100 if b >= 0 else 0.0 for b in bought],
                "surplus": found.surplus / 100,
            }
        )

    def document(self) -> dict[str, Any]:
        """Return everything as JSON."""
        ways = {
            way.value: {
                "profit": found.headline.value,
                "bound": found.headline.bound,
                "gap": found.headline.gap,
                "gap_money": found.headline.bound - found.headline.value,
                "prices": self.prices(way).to_dict("records"),
                "choices": self.choices(way).to_dict("records"),
                "solver": found.solver,
                "seconds": found.seconds,
                "incidents": list(found.incidents),
            }
            for way, found in self.ways.items()
        }
        return dict(
            plain(
                {
                    "status": "optimal" if all(found.optimal for found in self.ways.values()) else "feasible",
                    "ways": ways,
                    "assumptions": list(self.willingness.assumptions),
                    "out": None if self.out is None else str(self.out),
                }
            )
        )


def price(
    willingness: Path | str,
    *,
    bundle_size: str | tuple[int, int] | None = None,
    out: Path | str | None = None,
    progress: Progress | None = None,
    **effort: Any,
) -> PriceResult:
    """Find the most profitable prices when every segment buys the bundle that leaves it most, or nothing.

    Args:
        willingness: CSV or Parquet, see `bundleopt.menu_prices.willingness_file`.
        bundle_size: adds all bundles of so many items, like `2:3`.
        out: where to write the mixed prices, CSV or Parquet.
        progress: told (what is being done, share done).
        **effort: `gap` (proven, at which to stop), `time_limit` (seconds for each way of selling) and `solver`.

    Raises:
        UsageError: a value cannot be meant. DataRefusedError: the file breaks its contract.
        VerificationError: the prices failed the independent check; nothing was written.
    """
    target = Path(out) if out is not None else None
    if target is not None and target.suffix.lower() not in _ENDINGS:
        raise UsageError(f"{target}: the file must end in .csv or .parquet")
    given = _effort(effort)
    table = read_willingness(Path(willingness), _sizes(bundle_size))
    ways = {}
    for way in _possible(table):
        if progress is not None:
            progress(f"pricing {way.value}", 0.0)
        ways[way] = _solved(table, way, given)
    result = PriceResult(ways, table)
    if target is not None:
        _write(result, target)
        result = replace(result, out=target)
    return result


def _solved(table: Willingness, way: Offering, effort: dict[str, Any]) -> MenuPrices:
    from bundleopt_solvers.max_surplus.checker import check_prices
    from bundleopt_solvers.max_surplus.search import solve_prices

    found = solve_prices(table.problem, way, **effort)
    if violations := check_prices(table.problem, found):
        raise VerificationError(violations)
    return found


def _possible(table: Willingness) -> list[Offering]:
    """Components need every item by itself, the pure bundle needs a row of its own."""
    problem = table.problem
    single = {one[0] for one in problem.bundles if len(one) == 1}
    ways = [Offering.COMPONENTS] if len(single) == len(problem.item_ids) else []
    return [*ways, *([Offering.PURE] if problem.whole >= 0 else []), Offering.MIXED]


_EFFORT: dict[str, Callable[[Any], Any]] = {
    "gap": quantities.parse_share,
    "time_limit": quantities.parse_duration,
    "solver": str,
}


def _effort(values: dict[str, Any]) -> dict[str, Any]:
    unknown = set(values) - set(_EFFORT)
    if unknown:
        raise UsageError(f"price has no setting {min(unknown)!r}")
    try:
        return {name: _EFFORT[name](value) for name, value in values.items() if value is not None}
    except ValueError as error:
        raise UsageError(str(error)) from error


def _sizes(text: str | tuple[int, int] | None) -> tuple[int, int] | None:
    try:
        return None if text is None else quantities.parse_sizes(text)
    except ValueError as error:
        raise UsageError(f"--bundle-size: {error}") from error


def _write(result: PriceResult, target: Path) -> None:
    from bundleopt.rundir.neutral_text import for_csv

    frame = result.prices()
    with atomic.writing(target) as temporary:
        if target.suffix.lower() == ".parquet":
            frame.to_parquet(temporary, index=False)
        else:
            frame.assign(items=frame["items"].map(for_csv)).to_csv(temporary, index=False, lineterminator="\n")
