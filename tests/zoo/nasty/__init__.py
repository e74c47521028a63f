"""Schemas as nasty as real ones, for the tests of what fills any schema with data.

Each file `NAME.sql` beside this one says at its top what is nasty in it; an ordinary role that owns its database can
run it; what PostgreSQL 14 does not know is left out there.  `rows/NAME.sql` has a few rows by hand for every table that can be filled: the
proof that it can.  `FACTS` says what else a good filler meets, `violations` finds the rows that break a rule.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from tests.older import known_to
from tests.zoo.nasty.asking import Rule as Rule
from tests.zoo.nasty.facts import FACTS as FACTS
from tests.zoo.nasty.facts import KNOWN_UNSATISFIABLE as KNOWN_UNSATISFIABLE
from tests.zoo.nasty.facts import unmet as unmet
from tests.zoo.nasty.rules import rules as rules
from tests.zoo.nasty.rules import tables as tables
from tests.zoo.nasty.rules import violations as violations

_FOLDER = Path(__file__).resolve().parent

NEEDS: dict[str, frozenset[str]] = {
    "hospital_contrib": frozenset({"btree_gist", "citext", "ltree", "hstore"})
}
"""Extensions of contrib that a schema needs; the others need none."""


def schemas() -> tuple[tuple[str, str], ...]:
    """Name and SQL of every schema that needs no extension."""
    return tuple((path.stem, _text(path)) for path in sorted(_FOLDER.glob("*.sql")) if path.stem not in NEEDS)


def available(connection: psycopg.Connection[Any]) -> tuple[tuple[str, str], ...]:
    """`schemas()` as this server knows them, and those whose extensions this server has."""
    found = {name for (name,) in connection.execute("SELECT name FROM pg_available_extensions")}
    more = [name for name, needed in sorted(NEEDS.items()) if needed <= found]
    known = schemas() + tuple((name, _text(_FOLDER / f"{name}.sql")) for name in more)
    return tuple((name, known_to(connection.info.server_version, text)) for name, text in known)


def sample_rows(name: str) -> str:
    """SQL that writes a few rows into every table of a schema, except those of `KNOWN_UNSATISFIABLE`."""
    return _text(_FOLDER / "rows" / f"{name}.sql")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
