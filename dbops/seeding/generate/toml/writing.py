"""A plan as a file that people edit: `generate.toml` in a folder of seeds/, written and read again.

What it says of a table:

    [[tables]]
    name = "public.users"
    rows = 1000
    [tables.columns]                       # how each column's values are made
    id = { make = "uuid", how = "counted" }
    status = { make = "listed", values = ["active", "closed"] }
    nickname = { make = "pool", pool = "word", nulls = 150 }
    updated_at = { make = "after", columns = ["created_at"], form = "timestamptz", least = 1, most = 864000 }
    [[tables.references]]                  # foreign keys: each row takes a row of the parent
    name = "users_team_id_fkey"
    columns = ["team_id"]
    table = "public.teams"
    referenced = ["id"]
    how = "skewed"
    [[tables.together]]                    # columns that checks tie together, and what goes together
    columns = ["status", "closed_at"]      # "*" is the column's own maker, "\\N" is NULL
    rows = [["active", '\\N'], ["closed", "*"]]

`make` is the word of a value space of `spaces/`, with its fields; `how` says which of its values
a row gets: `drawn`, `skewed`, `unique`, `counted`, or `key` (together with others, see `keys`).  `nulls` is the
share of NULL in thousandths.  Times are microseconds since 1970, numbers are in units of the last of `scale`
decimals.  Reading it (`reading.py`) gives the plan that was written: the same data for the same seed.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from dbops.errors import ConfigError
from dbops.seeding.generate.model import After, GeneratePlan, How, Own, TablePlan
from dbops.seeding.generate.spaces.space import Space

FILE = "generate.toml"
NULL = "\\N"


def write_set(plan: GeneratePlan, folder: Path) -> Path:
    """Write the plan as `generate.toml` in a folder, which is made; the file's path.

    :raises ConfigError: the folder has one already, which somebody may have edited.
    """
    path = folder / FILE
    if path.exists():
        raise ConfigError(f"{path} is there already", hint="choose another name, or remove it")
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(to_toml(plan), encoding="utf-8")
    return path


# -- writing -------------------------------------------------------------------------------------------


def to_toml(plan: GeneratePlan) -> str:
    """The text of a plan."""
    head = [
        "# Written by seed-test-data generate --write-set; edit it as you like.",
        "# `make` says how a column's values are made, `how` which of them a row gets, `nulls` how many of 1000 are NULL.",
        "# In `together`, \"*\" is a value of the column's own maker, and '\\N' is NULL.",
        f"seed = {plan.seed}",
        f"as-of = {plan.as_of.isoformat()}Z",
    ]
    return "\n".join(head) + "\n" + "".join(_table(one) for one in plan.tables)


def _table(plan: TablePlan) -> str:
    lines = ["", "[[tables]]", f"name = {_value('.'.join(plan.table))}", f"rows = {plan.rows}"]
    if plan.whole:
        lines.append("whole = true")
    lines += [f"# {note}" for note in plan.notes]
    lines.append(f"order = {_value(plan.columns)}")
    lines.append("[tables.columns]")
    lines += [f"{_key(name)} = {_inline(_maker(maker))}" for name, maker in plan.makers.items()]
    for reference in plan.references:
        lines += ["[[tables.references]]", *_fields(reference, without=("keys",))]
    for one in plan.combinations:
        rows = ",\n".join("  " + _value([NULL if text is None else text for text in row]) for row in one.rows)
        lines += ["[[tables.together]]", f"columns = {_value(one.columns)}", f"rows = [\n{rows},\n]"]
    for key in plan.keys:
        lines += ["[[tables.keys]]", *_fields(key, without=("moved",))]
    if plan.sieve.needed:
        lines += [
            "[tables.sieve]",
            f"checks = {_value(plan.sieve.checks)}",
            f"required = {_value(plan.sieve.required)}",
        ]
        keys = [
            {"entries": entries, "where": where or "", "nulls-equal": nulls}
            for entries, where, nulls in plan.sieve.keys
        ]
        lines += [f"keys = {_value(keys)}", f"made = {plan.sieve.made}"]
    return "\n".join(lines) + "\n"


def _maker(maker: Own | After) -> dict[str, Any]:
    if isinstance(maker, After):
        return {"make": "after", **_shown(maker)}
    how = {} if maker.how is How.DRAWN else {"how": maker.how.value}
    return {**_space(maker.space), **how, **({"nulls": maker.nulls} if maker.nulls else {})}


def _space(space: Space) -> dict[str, Any]:
    return {"make": space.word, **_shown(space)}


def _shown(one: Any, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """The fields that are not at their default."""
    found = {}
    for field in dataclasses.fields(one):
        value = getattr(one, field.name)
        if field.name not in without and value != field.default:
            found[field.name] = value
    return found


def _fields(one: Any, without: tuple[str, ...] = ()) -> list[str]:
    shown = _shown(one, without)
    if "table" in shown:
        shown["table"] = ".".join(shown["table"])
    return [f"{name} = {_value(value)}" for name, value in shown.items()]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return _value(value.value)
    if isinstance(value, Space):
        return _inline(_space(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        if "'" not in value and value.isprintable() and ("\\" in value or '"' in value):
            return f"'{value}'"
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Mapping):
        return _inline(value)
    return "[" + ", ".join(map(_value, value)) + "]"


def _inline(fields: Mapping[str, Any]) -> str:
    return "{ " + ", ".join(f"{_key(name)} = {_value(value)}" for name, value in fields.items()) + " }"


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if bare else json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")
