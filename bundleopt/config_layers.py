"""Settings from five places, and where each came from.

defaults < what feedback learned < `bundleopt.toml` < `BUNDLEOPT_*` < flags
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from bundleopt.config import Config
from bundleopt_data.errors import UsageError

ENVIRONMENT_PREFIX = "BUNDLEOPT_"
RESERVED_VARIABLES = frozenset({"BUNDLEOPT_HOME", "BUNDLEOPT_FAULT"})
DEFAULT = "default"
_FLAG_OF = {"caps": "cap", "floors": "floor"}  # flags that may repeat name one of what their key names several of

Key = tuple[str, str]


@dataclass(frozen=True)
class Setting:
    """A value as it was written, and the place where it stood (`--budget`, `BUNDLEOPT_SOLVE_BUDGET`, a file)."""

    value: Any
    source: str


@dataclass(frozen=True)
class ResolvedConfig:
    """The settings that won, and the place each of them came from."""

    config: Config
    sources: dict[Key, str]

    def rows(self) -> list[tuple[str, str, str]]:
        """Every key with its value as text and its source, in the order of the file."""
        rows = []
        for section, name in all_keys():
            value = getattr(getattr(self.config, section), name)
            rows.append((f"{section}.{name}", _as_text(value), self.sources.get((section, name), DEFAULT)))
        return rows


def all_keys() -> list[Key]:
    """Every (section, key) pair in the order of the file."""
    return [(section, name) for section, model in _sections().items() for name in model.model_fields]


def resolve(
    file: Path | None = None,
    *,
    base: Mapping[Key, Any] | None = None,
    learned: Mapping[Key, Any] | None = None,
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> ResolvedConfig:
    """Read and merge all layers.

    Args:
        file: `bundleopt.toml`, or None where there is none.
        base: values that stand in for a file (the embedded sample), below the file.
        learned: values that campaigns showed, below the file as well.
        flags: values of `[solve]` keys given on the command line or to the Python call; None means not given.
        environment: variables; `os.environ` if None.

    Raises:
        UsageError: a key is unknown or a value is wrong; the message names the place and the nearest key.
    """
    settings = {key: Setting(value, "sample workspace") for key, value in (base or {}).items()}
    settings |= {key: Setting(value, "feedback on earlier campaigns") for key, value in (learned or {}).items()}
    settings |= _from_file(file) if file else {}
    settings |= _from_environment(os.environ if environment is None else environment)
    for name, value in (flags or {}).items():
        if value is not None:
            settings[("solve", name)] = Setting(value, f"--{_FLAG_OF.get(name, name).replace('_', '-')}")
    return ResolvedConfig(_validate(settings), {key: setting.source for key, setting in settings.items()})


def _from_file(file: Path) -> dict[Key, Setting]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: not valid TOML: {error}") from error
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from error
    settings = {}
    for section, table in content.items():
        if section not in _sections():
            raise UsageError(f"{file}: unknown table [{section}]{_nearest(section, list(_sections()))}")
        if not isinstance(table, dict):
            raise UsageError(f"{file}: [{section}] must be a table")
        for name, value in table.items():
            known = list(_sections()[section].model_fields)
            if name not in known:
                raise UsageError(f"{file}: unknown key {name!r} in [{section}]{_nearest(name, known)}")
            settings[(section, name)] = Setting(value, f"{file.name} [{section}] {name}")
    return settings


def _from_environment(environment: Mapping[str, str]) -> dict[Key, Setting]:
    names = {f"{ENVIRONMENT_PREFIX}{section}_{name}".upper(): (section, name) for section, name in all_keys()}
    names |= {
        f"{ENVIRONMENT_PREFIX}{name}".upper(): ("solve", name) for section, name in all_keys() if section == "solve"
    }
    settings = {}
    for variable, text in sorted(environment.items()):
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable in RESERVED_VARIABLES:
            continue
        if variable not in names:
            raise UsageError(f"unknown environment variable {variable}{_nearest(variable, list(names))}")
        section, name = key = names[variable]
        annotation = str(_sections()[section].model_fields[name].annotation)
        if "dict" in annotation:
            raise UsageError(f"{variable}: [{section}] {name} is a table; write it in bundleopt.toml")
        is_list = "tuple[str" in annotation
        value = [part.strip() for part in text.split(",") if part.strip()] if is_list else text
        settings[key] = Setting(value, variable)
    return settings


def _validate(settings: Mapping[Key, Setting]) -> Config:
    tables: dict[str, dict[str, Any]] = {section: {} for section in _sections()}
    for (section, name), setting in settings.items():
        tables[section][name] = setting.value
    try:
        return Config.model_validate(tables)
    except ValidationError as error:
        raise UsageError("\n".join(_explain(one, settings) for one in error.errors())) from error


def _explain(error: Any, settings: Mapping[Key, Setting]) -> str:
    """One sentence for one pydantic error: the place as the user knows it, then what is wrong."""
    message = str(error["msg"]).removeprefix("Value error, ")
    place = tuple(error["loc"])
    setting = settings.get((str(place[0]), str(place[1]))) if len(place) >= 2 else None
    if setting is None:
        return f"[{place[0]}] {message}" if place else message
    inner = "".join(f".{part}" for part in place[2:])
    if error["type"] != "value_error":
        message = f"{setting.value!r}: {message[0].lower()}{message[1:]}"
    return f"{setting.source}{inner}: {message}"


def _sections() -> dict[str, type[BaseModel]]:
    return {
        name: field.annotation
        for name, field in Config.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }


def _nearest(word: str, known: list[str]) -> str:
    match = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; did you mean {match[0]!r}?" if match else f"; known: {', '.join(known)}"


def _as_text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, dict):
        return ", ".join(f"{key}={one}" for key, one in value.items()) or "none"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value)
