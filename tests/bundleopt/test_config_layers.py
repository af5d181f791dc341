from pathlib import Path

import pytest

from bundleopt.config import Config, Objective
from bundleopt.config_file import config_text
from bundleopt.config_layers import all_keys, resolve
from bundleopt.sample_settings import sample_settings
from bundleopt_data.errors import UsageError


def _file(folder: Path, text: str) -> Path:
    path = folder / "bundleopt.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    file = _file(tmp_path, "[solve]\nslots = 1\nmax_bundles = 5\nbudget = 100\n")
    environment = {"BUNDLEOPT_SOLVE_SLOTS": "2", "BUNDLEOPT_MAX_BUNDLES": "6"}
    resolved = resolve(file, flags={"slots": "4"}, environment=environment)
    solve = resolved.config.solve
    assert (solve.slots, solve.max_bundles, solve.budget, solve.gap) == (4, 6, 100.0, 0.005)
    sources = {key: source for key, _, source in resolved.rows()}
    assert sources["solve.slots"] == "--slots"
    assert sources["solve.max_bundles"] == "BUNDLEOPT_MAX_BUNDLES"
    assert sources["solve.budget"] == "bundleopt.toml [solve] budget"
    assert sources["solve.gap"] == "default"


def test_a_flag_that_was_not_given_changes_nothing() -> None:
    assert resolve(flags={"budget": None}, environment={}).config == Config()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[solve]\nbugdet = 5\n", r"unknown key 'bugdet' in \[solve\]; did you mean 'budget'"),
        ("[slove]\nbudget = 5\n", r"unknown table \[slove\]; did you mean 'solve'"),
        ("[solve]\nbudget = 'nan'\n", r"bundleopt.toml \[solve\] budget: 'nan' is not an amount"),
        ("[solve]\nbudget = -1\n", "negative"),
        ("[solve]\nslots = 0\n", r"\[solve\] slots: 0: .*greater than or equal to 1"),
        ("[solve]\nobjective = 'profit'\n", "'revenue', 'margin'"),
        ("[solve]\nmin_discount = 0.5\n", "min_discount 0.5 is above max_discount 0.3"),
        ("solve = 3\n", r"\[solve\] must be a table"),
        ("[solve\n", "not valid TOML"),
        ("[assumptions.assumed_margin_by_category]\nfood = 1.5\n", "assumed_margin_by_category.food: '1.5' is outside"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve(_file(tmp_path, text), environment={})


def test_an_unknown_variable_is_refused_and_reserved_ones_are_not_keys() -> None:
    with pytest.raises(UsageError, match="did you mean 'BUNDLEOPT_BUDGET'"):
        resolve(environment={"BUNDLEOPT_BUGDET": "3"})
    assert resolve(environment={"BUNDLEOPT_HOME": "/x", "BUNDLEOPT_FAULT": "write:1:ENOSPC"}).config == Config()


def test_lists_come_from_the_environment_with_commas() -> None:
    resolved = resolve(environment={"BUNDLEOPT_EXCLUDE": "A, B+C"})
    assert resolved.config.solve.exclude == ("A", "B+C")


def test_tables_do_not_come_from_the_environment() -> None:
    with pytest.raises(UsageError, match="is a table"):
        resolve(environment={"BUNDLEOPT_SOLVE_CATEGORY_MIN_MARGIN": "0.3"})


def test_the_error_names_the_flag() -> None:
    with pytest.raises(UsageError, match=r"--min-margin: 'a lot' is not a share; write a share like 0\.15 or 15%"):
        resolve(flags={"min_margin": "a lot"}, environment={})


def test_the_written_file_reads_back_as_what_was_set(tmp_path: Path) -> None:
    settings = sample_settings()
    config = resolve(_file(tmp_path, config_text(settings)), environment={}).config
    assert config == resolve(base=settings, environment={}).config
    assert config.data.source == "sample"


def test_every_commented_default_of_the_written_file_is_valid_and_the_default(tmp_path: Path) -> None:
    lines = config_text({}).splitlines()
    names = {name for _, name in all_keys()}
    opened = [line[2:] if line.startswith("# ") and line[2:].split(" ")[0] in names else line for line in lines]
    assert sum(line != other for line, other in zip(lines, opened, strict=True)) >= len(names) - 9  # tables stand apart
    assert resolve(_file(tmp_path, "\n".join(opened)), environment={}).config == Config()


@pytest.mark.parametrize("objective", list(Objective))
def test_every_objective_can_be_asked_for(objective: Objective) -> None:
    assert resolve(flags={"objective": objective.value}, environment={}).config.solve.objective is objective
