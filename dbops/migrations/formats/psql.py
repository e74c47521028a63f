"""psql's variables in plain files: `:'name'` is a literal, `:"name"` an identifier, `:name` what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from dbops.engines.dialect import POSTGRESQL, by_name
from dbops.engines.statements import UnreadableSql
from dbops.migrations.formats.placeholders import refused, replaced

if TYPE_CHECKING:
    from dbops.migrations.content import Section

_PLACE = re.compile(
    r"""(?<!:):(?:'(?P<literal>[^\W\d]\w*)'|"(?P<identifier>[^\W\d]\w*)"|(?P<plain>[^\W\d]\w*))"""
)


def expand(section: Section, variables: Mapping[str, str]) -> Section:
    """The section with its variables replaced; as in psql, nothing within strings and comments is one.

    `:name` without a value stays, since it may be an array's slice.

    :raises DbopsError: with file and line, for a quoted one without a value.
    """
    sql = section.sql
    if not variables and ":'" not in sql and ':"' not in sql:
        return section
    parts, at = [], 0
    for match in _outside(sql, section.dialect):
        name = match["literal"] or match["identifier"] or match["plain"]
        if name not in variables and match["plain"]:
            continue
        if name not in variables and _is_sql(section):
            return section  # the upper bound of an array's slice
        if name not in variables:
            raise refused(section, sql, match.start(), match[0], name)
        parts += [sql[at : match.start()], _quoted(match, variables[name], section.dialect)]
        at = match.end()
    return replaced(section, "".join([*parts, sql[at:]]))


def _is_sql(section: Section) -> bool:
    """Whether the grammar knows the text as it is."""
    return (section.statements or by_name(section.dialect).split(section.sql)).parsed


def _quoted(match: re.Match[str], value: str, dialect: str) -> str:
    if match["literal"]:
        doubled = value.replace("'", "''")
        backslashes = "\\" in value and dialect == POSTGRESQL
        return f" E'{doubled.replace(chr(92), chr(92) * 2)}'" if backslashes else f"'{doubled}'"
    if match["identifier"]:
        return '"' + value.replace('"', '""') + '"'
    return value


def _outside(sql: str, dialect: str) -> Iterator[re.Match[str]]:
    """What looks like a variable and is one: its colon is a token of its own."""
    found = list(_PLACE.finditer(sql))
    if not found:
        return
    try:
        colons = {start for start, end in by_name(dialect).tokens(sql) if end - start == 1}
    except UnreadableSql:
        return  # whoever splits the section says where
    yield from (match for match in found if match.start() in colons)
