"""What a text of SQL holds: whether anything at all, which comments, what its settings ask for."""

from __future__ import annotations

from dbops.engines.dialect import POSTGRESQL, by_name
from dbops.engines.statements import UnreadableSql
from dbops.migrations.content import FileSettings, Section
from dbops.migrations.formats.comments import Comment, comments_in
from dbops.migrations.formats.directives import settings as settings_in


def settings_of(section: Section) -> FileSettings:
    """What the `-- dbops:` lines within a section ask for."""
    if "dbops:" not in section.sql:
        return FileSettings()
    return settings_in(section.sql, section.label, comments(section))


def is_empty(sql: str, dialect: str = POSTGRESQL) -> bool:
    """Whether there is no statement in it.  Text that cannot be read is not empty: the server shall say what is wrong."""
    if sql.lstrip()[:1].isalpha():
        return False
    try:
        return not any(True for _ in by_name(dialect).statement_spans(sql))
    except UnreadableSql:
        return False


def comments(section: Section) -> tuple[Comment, ...]:
    """The comments between the statements of a section."""
    dialect = by_name(section.dialect)
    return tuple(comments_in(section.sql, tuple(dialect.statement_spans(section.sql)), dialect))


def is_sql(sql: str, dialect: str) -> bool:
    """Whether it can be read as statements, one at least."""
    try:
        found = by_name(dialect).split(sql)
    except UnreadableSql:
        return False
    return found.parsed and bool(found.statements)
