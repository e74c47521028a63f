"""The formats that migrations are written in, one module each.

To add one: a module with a class that fulfils `Format`, an instance in
`FORMATS` (the first whose `claim` answers takes the file), a case folder under
`tests/`, and a section in `docs/migration-files.md`.
"""

from __future__ import annotations

from dbops.migrations.formats.base import Claim, Format
from dbops.migrations.formats.pairs import Pairs
from dbops.migrations.formats.single import SingleFile

FORMATS: tuple[Format, ...] = (Pairs(), SingleFile())


def by_name(name: str) -> Format:
    """The format of that name; KeyError if there is none."""
    return {known.name: known for known in FORMATS}[name]


__all__ = ["FORMATS", "Claim", "Format", "by_name"]
