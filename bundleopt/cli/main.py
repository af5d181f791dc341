"""The entry point: the verbs, and the one place where errors become exit codes and messages."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import typer

from bundleopt.cli import (
    approve,
    assort,
    backtest,
    check,
    compare,
    evaluate,
    explain,
    export,
    feedback,
    init,
    predict,
    price,
    report,
    review,
    runs,
    score,
    simulate,
    solve,
    train,
    ui,
    whatif,
)
from bundleopt.cli.failures import report_failure

NAME = "bundleopt"

app = typer.Typer(
    name=NAME,
    add_completion=True,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Plan product bundles, prices and audiences from transaction logs, with a proof of how good the plan is.",
    epilog="Example: bundleopt solve --budget 2000",
)


@dataclass(frozen=True)
class Verb:
    """A command, its line in the list of commands, and an example of it that works."""

    command: Callable[..., None]
    line: str
    example: str


VERBS = {
    "init": Verb(init.init, "Make a workspace.", "init my-campaigns --sample"),
    "check": Verb(check.check, "Validate and profile the data.", "check"),
    "train": Verb(train.train, "Fit the demand model.", "train --fast"),
    "evaluate": Verb(evaluate.evaluate, "Compare the model with its rivals.", "evaluate --fast"),
    "predict": Verb(predict.predict, "Predict purchases for given rows.", "predict --at rows.csv --out predicted.csv"),
    "solve": Verb(solve.solve, "Plan the campaign.", "solve --budget 2000 --max-discount 25%"),
    "whatif": Verb(whatif.whatif, "Plan at every point of a sweep.", "whatif --budget 500:2000:500"),
    "assort": Verb(assort.assort, "Choose which items to list.", "assort --category YOGURT --max-items 20"),
    "price": Verb(price.price, "Price bundles from willingness to pay.", "price --willingness worth.csv"),
    "score": Verb(score.score, "Value a plan written by hand.", "score my-plan.csv --budget 2000"),
    "compare": Verb(compare.compare, "Lay two plans side by side.", "compare 1 2"),
    "explain": Verb(explain.explain, "Say why a bundle is in the plan, or not.", "explain milk+bananas"),
    "review": Verb(review.review, "Plan again around decisions in a workbook.", "review plan-to-review.xlsx"),
    "approve": Verb(approve.approve, "Freeze a plan.", "approve --by 'Ada Lovelace'"),
    "export": Verb(export.export, "Write a plan as CSV, Excel, Parquet.", "export --to campaign"),
    "feedback": Verb(feedback.feedback, "Take in what a campaign did.", "feedback results-of-the-week"),
    "backtest": Verb(backtest.backtest, "Plan past weeks, compare with what happened.", "backtest --weeks 4"),
    "simulate": Verb(simulate.simulate, "Make a market with known truth, or play a plan in it.", "simulate my-market"),
    "report": Verb(report.report, "Write the report page of a run.", "report --out campaign.html"),
    "ui": Verb(ui.ui, "Open the what-if page in the browser.", "ui"),
}
for _name, _verb in VERBS.items():
    app.command(_name, short_help=_verb.line, epilog=f"Example: {NAME} {_verb.example}")(_verb.command)
app.add_typer(runs.app, name="runs", short_help="List and show the runs of the workspace.")


def run(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with the code of its outcome; see `bundleopt_data.errors`."""
    sys.exit(main(sys.argv[1:] if arguments is None else arguments))


def main(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    # SIGTERM ends a run as Ctrl-C does: the best plan is kept.
    signal.signal(signal.SIGTERM, _interrupt)
    # Warnings of libraries are for their developers, not for who plans a campaign.
    warnings.simplefilter("ignore")
    # Before torch is loaded: beside other work, threads that wait by spinning are slower than one thread alone.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    is_known = bool(arguments) and arguments[0] in (*VERBS, "runs")
    command = f"{NAME} {arguments[0]}" if is_known else NAME
    try:
        code = _invoke(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone (`| head`): nothing is wrong, and nothing may be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except typer.TyperException as error:
        sys.stderr.write(f"{command}: {error.format_message()}\n{_hint(command)}\n")
        return error.exit_code
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        return report_failure(error, command=command, arguments=arguments)
    return code


def _invoke(arguments: list[str]) -> int:
    result: Any = app(args=arguments, prog_name=NAME, standalone_mode=False)
    return result if isinstance(result, int) else 0


def _hint(command: str) -> str:
    return f"try: {command} --help"


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
