"""`[tool.dbops.checks.NAME]`: a project's own checks for `migrate validate`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dbops.config.model import ProjectCheck
from dbops.errors import ConfigError

FORMS = ("schema", "migration", "rollback")
EXPECTED = ("no rows", "zero", "true")
_PLACE = "pyproject.toml [tool.dbops.checks."
_KEYS = ("on", "query", "expect", "message")


def read(table: Mapping[str, Any]) -> tuple[ProjectCheck, ...]:
    """All checks, in the order of the file.

    :raises ConfigError: one is not as it must be; says which and how.
    """
    return tuple(_read(table))


def _read(table: Mapping[str, Any]) -> Iterator[ProjectCheck]:
    for name, given in table.items():
        place = f"{_PLACE}{name}]"
        if not isinstance(given, dict):
            raise ConfigError(
                f"{place} is not a table", hint=f"begin it with the line [tool.dbops.checks.{name}]"
            )
        if unknown := given.keys() - set(_KEYS):
            raise ConfigError(
                f"{place} has an unknown key {min(unknown)!r}", hint=f"known are {', '.join(_KEYS)}"
            )
        on = given.get("on", "schema")
        forms = (on,) if isinstance(on, str) else tuple(on) if isinstance(on, list) else ()
        if not forms or not set(forms) <= set(FORMS):
            raise ConfigError(
                f"{place} on is not a form of validate", hint=f"write one or some of {', '.join(FORMS)}"
            )
        expect = given.get("expect", "no rows")
        if expect not in EXPECTED:
            raise ConfigError(f"{place} expect is not known", hint=f"write one of {', '.join(EXPECTED)}")
        query, message = given.get("query"), given.get("message", "")
        if not (isinstance(query, str) and query.strip()) or not isinstance(message, str):
            raise ConfigError(f"{place} has no query as a text in quotes", hint='write query = "SELECT ..."')
        yield ProjectCheck(name, forms, query, expect, message)
