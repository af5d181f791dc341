import json
import os
import re
import resource
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from bundleopt.cli.main import VERBS, app
from bundleopt.verbs.initialise import initialise
from tests.bundleopt.command_line import CommandLine

COMMANDS = [*([verb] for verb in VERBS), ["runs", "list"], ["runs", "show"]]
COMMON = ("--workspace", "--json", "--quiet", "--verbose")
# Their capability comes later; none may be accepted and ignored until then.


@pytest.mark.parametrize("command", [[], ["runs"], *COMMANDS], ids=" ".join)
def test_every_help_ends_in_an_example_of_itself(run: CommandLine, command: list[str]) -> None:
    outcome = run(*command, "--help")
    assert outcome.code == 0
    last = outcome.out.strip().splitlines()[-1].strip()
    assert last.startswith(f"Example: bundleopt {' '.join(command)}".rstrip())


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_verb_has_the_common_flags(run: CommandLine, command: list[str]) -> None:
    page = run(*command, "--help").out
    assert all(flag in page for flag in COMMON)


def test_help_takes_less_than_a_third_of_a_second_of_work() -> None:
    command = [sys.executable, "-c", "from bundleopt.cli.main import run; run(['--help'])"]
    assert min(_seconds_of_work(command) for _ in range(3)) < 0.3


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from bundleopt.cli.main import main; main(['--help']); "
        "print([name for name in ('torch', 'numpy', 'pandas', 'pydantic', 'duckdb', 'ortools', 'rich') "
        "if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def _seconds_of_work(command: list[str]) -> float:
    """Processor time, which a busy machine does not stretch as it does the clock."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_mistyped_verbs_and_flags_get_suggestions(run: CommandLine) -> None:
    verb = run("sovle")
    assert (verb.code, "'solve'" in verb.err) == (2, True)
    flag = run("solve", "--bugdet", "5")
    assert (flag.code, "--budget" in flag.err) == (2, True)


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "20,000", "EUR 5", ""])
@pytest.mark.parametrize("flag", ["--budget", "--min-incremental-margin"])
def test_money_flags_refuse_what_is_not_money_with_an_example(run: CommandLine, flag: str, text: str) -> None:
    if (flag, text) == ("--min-incremental-margin", "-1"):
        pytest.skip("a floor on incremental margin may be negative")
    outcome = run("solve", f"{flag}={text}")
    assert outcome.code == 2
    assert re.search(rf"{flag}: .*write .*\d", outcome.err)
    assert outcome.out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--min-margin", "150%"), "--min-margin: '150%' is outside 0 to 1"),
        (("--bundle-size", "4:2"), "--bundle-size: '4:2' is not a range"),
        (("--week", "2018-01-02"), "is a Tuesday"),
        (("--objective", "profit"), "--objective"),
        (("--slots", "0"), "--slots"),
        (("--time-limit", "0"), "--time-limit"),
        (("--price-ending", "x"), "--price-ending"),
        (("--solver", "magic"), "--solver"),
        (("--min-discount", "40%"), "min_discount 0.4 is above max_discount 0.3"),
        (("-w", "/nonexistent/place"), "bundleopt init"),
    ],
)
def test_wrong_values_exit_2_and_name_the_flag(run: CommandLine, arguments: tuple[str, ...], message: str) -> None:
    outcome = run("solve", *arguments)
    assert outcome.code == 2
    assert message in outcome.err
    assert "Traceback" not in outcome.err


def test_show_config_prints_what_won_and_where_it_came_from(
    run: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    initialise(tmp_path / "mine", sample=True)
    monkeypatch.setenv("BUNDLEOPT_SOLVE_SLOTS", "2")
    outcome = run("solve", "-w", tmp_path / "mine", "--budget", "20000", "--show-config", "--json")
    assert outcome.code == 0
    assert outcome.document["solve.budget"] == {"value": "20000.0", "source": "--budget"}
    assert outcome.document["solve.slots"] == {"value": "2", "source": "BUNDLEOPT_SOLVE_SLOTS"}
    assert outcome.document["data.source"]["source"] == "bundleopt.toml [data] source"
    assert outcome.document["solve.gap"]["source"] == "default"


def test_an_error_in_json_mode_is_one_document(run: CommandLine) -> None:
    outcome = run("solve", "--budget", "nan", "--json")
    assert outcome.code == 2
    assert outcome.document["error"] == "UsageError"
    assert outcome.document["exit_code"] == 2


def test_an_internal_bug_exits_1_and_leaves_its_traceback_in_a_file(
    run: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("[red]oops[/red]\x1b[31m")

    monkeypatch.setattr("bundleopt.session.find_workspace", broken)
    outcome = run("solve")
    assert outcome.code == 1
    assert "Traceback" not in outcome.err
    assert "\x1b" not in outcome.err
    path = Path(outcome.err.strip().splitlines()[-1].removeprefix("traceback: "))
    assert "ZeroDivisionError" in path.read_text(encoding="utf-8")
    assert str(path).startswith(os.environ["BUNDLEOPT_HOME"])


def test_interrupts_exit_130(run: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bundleopt.session.find_workspace", interrupted)
    assert run("solve").code == 130


def test_a_closed_pipe_is_quiet() -> None:
    command = f"{shlex.quote(sys.executable)} -c 'from bundleopt.cli.main import run; run()' solve --help | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.startswith("Usage: bundleopt solve")


def test_init_makes_a_workspace_and_says_what_it_assumes(run: CommandLine, tmp_path: Path) -> None:
    outcome = run("init", tmp_path / "mine", "--sample", "--json")
    assert outcome.code == 0
    assert any("America/New_York" in sentence for sentence in outcome.document["assumptions"])
    assert {path.name for path in (tmp_path / "mine").iterdir()} == {"bundleopt.toml", "runs", "models", ".cache"}
    again = run("init", tmp_path / "mine", "--sample")
    assert (again.code, "exists already" in again.err) == (2, True)
    assert json.loads(run("runs", "list", "-w", tmp_path / "mine", "--json").out) == {"runs": []}


def test_every_verb_of_the_app_is_in_the_table_of_examples() -> None:
    assert {command.name for command in app.registered_commands} == set(VERBS)
