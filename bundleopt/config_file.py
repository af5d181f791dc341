"""Writes `bundleopt.toml`: every key with its meaning, set where the workspace needs it, commented out elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bundleopt.config import Config
from bundleopt.config_layers import Key

_HEAD = """\
# Settings of this bundleopt workspace. A line that starts with '#' shows the default of its key.
# Precedence: defaults < this file < environment (BUNDLEOPT_SOLVE_BUDGET=2000) < flags (--budget 2000).
# `bundleopt solve --show-config` prints what won and where it came from.
"""


def config_text(settings: Mapping[Key, Any]) -> str:
    """Return the text of a `bundleopt.toml` with `settings` set and all other keys shown as comments."""
    parts = [_HEAD]
    for section, field in Config.model_fields.items():
        model: Any = field.annotation
        parts.append(f"\n[{section}]\n# {' '.join((model.__doc__ or '').split())}\n")
        tables = []
        for name, key in model.model_fields.items():
            default = key.get_default(call_default_factory=True)
            value = settings.get((section, name), default)
            is_set = (section, name) in settings
            if isinstance(default, dict):
                tables.append(_table(section, name, key.description, value if is_set else {}))
            else:
                parts.append(f"{'' if is_set else '# '}{name} = {toml_value(value)}  # {key.description}\n")
        parts += tables
    return "".join(parts)


def toml_value(value: Any) -> str:
    """Write one value as TOML; what is not set reads `"none"`."""
    if value is None:
        return '"none"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple) and all(isinstance(part, int) for part in value) and value:
        return json.dumps(":".join(map(str, value)))
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(part) for part in value) + "]"
    # JSON strings are TOML strings, except that TOML wants DEL escaped as well, and knows no surrogate pairs.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def _table(section: str, name: str, description: str | None, values: Mapping[str, Any]) -> str:
    if not values:
        return f"# [{section}.{name}]  # {description}\n"
    rows = "".join(f"{toml_value(key)} = {toml_value(value)}\n" for key, value in values.items())
    return f"\n[{section}.{name}]  # {description}\n{rows}"
