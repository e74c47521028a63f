"""Which tables are not what they were, and ANALYZE for them.

Not what the statements say counts, but what the tables are before and after: that holds for functions, triggers and
programs, too, and finds nothing where nothing changed.  New columns and types, and indexes and statistics over
expressions, have no statistics yet.  Rows are counted by the server (pg_stat), which does not know who wrote them: on a
database that others write to, a table counts once so large a share of it was written meanwhile as would make autovacuum
analyze it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from dbops.engines.base import Blocker, Stage, StatementFailed
from dbops.engines.postgres.looking import Subject
from dbops.engines.postgres.sending import Command, Sender
from dbops.events import Detail, Listener, Note, StepDone, Warned, format_seconds, plural

if TYPE_CHECKING:
    import psycopg

_LOCK_TIMEOUT = 2.0
"""Seconds: longer than deadlock_timeout, after which an autovacuum that is in the way gives up."""
# Statistics that a crash takes away can be made again.
_SETTINGS = f"set lock_timeout = '{_LOCK_TIMEOUT}s'; set statement_timeout = 0; set synchronous_commit = off"
_ONLY = 180000
"""The version from which on a partitioned table can be analyzed without its partitions."""
_NAMED = 3

_TABLES = """
select c.oid::int8, pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), c.relkind::text,
    c.relfilenode::int8, coalesce(i.inhparent::int8, 0), coalesce((
        select pg_catalog.string_agg(attnum || ':' || atttypid || ':' || atttypmod, ' ')
        from pg_catalog.pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped), ''),
    coalesce(made.oids, ''),
    pg_catalog.pg_stat_get_tuples_inserted(c.oid) + pg_catalog.pg_stat_get_tuples_updated(c.oid)
    + pg_catalog.pg_stat_get_tuples_deleted(c.oid) + pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid)
    + pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) + pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid),
    greatest(c.reltuples, 0) * pg_catalog.current_setting('autovacuum_analyze_scale_factor')::float8
from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join pg_catalog.pg_inherits as i on i.inhrelid = c.oid and c.relispartition
left join (
    select of, pg_catalog.string_agg(oid::text, ' ') from (
        select indrelid, indexrelid from pg_catalog.pg_index where indexprs is not null
        union all select stxrelid, oid from pg_catalog.pg_statistic_ext
    ) as each (of, oid) group by of
) as made (of, oids) on made.of = c.oid
where c.relkind in ('r', 'm', 'p') and c.relpersistence <> 't'
    and n.nspname not in ('pg_catalog', 'information_schema')
    and c.oid <> all(array(select pg_catalog.to_regclass(name)::oid from unnest(%s::text[]) as own (name)))
"""

_FILLED = """
select oid::int8 from unnest(%s::oid[]) as wanted (oid) where pg_catalog.pg_relation_size(oid) > 0
"""

# Its statistics are made of rows of all below it: another server's, which may be gone or may be the production's.
_PARTLY_FOREIGN = """
select exists (select from pg_catalog.pg_partition_tree(%s::oid::regclass) as t
    join pg_catalog.pg_class as c on c.oid = t.relid where c.relkind = 'f')
"""


class Table(NamedTuple):
    """What a table is at one moment.

    :param parent: of a partition what it is a part of, else 0.
    :param columns: each with its number and type; a type that is changed makes its statistics go.
    :param made: indexes and statistics over expressions.
    :param written: how many rows have been written since the server counts.
    :param share: how many rows autovacuum lets be written before it analyzes.
    """

    name: str
    kind: str
    filenode: int
    parent: int
    columns: str
    made: str
    written: int
    share: float


def tables(connection: psycopg.Connection[Any], left_out: Sequence[str]) -> dict[int, Table]:
    """All tables of the database by their number, but for temporary ones."""
    rows = connection.execute(_TABLES.encode(), [list(left_out)]).fetchall()
    return {oid: Table(*row) for oid, *row in rows}


def changed(before: Mapping[int, Table], after: Mapping[int, Table]) -> list[int]:
    """Those that are not what they were, in the order of `after`; that one has lost columns does not count."""
    return [oid for oid, table in after.items() if _differs(before.get(oid), table)]


def _differs(old: Table | None, new: Table) -> bool:
    return (
        old is None
        or (new.filenode, new.parent) != (old.filenode, old.parent)
        or _more(old.columns, new.columns)
        or _more(old.made, new.made)
        or new.written - old.written > old.share
    )


def _more(old: str, new: str) -> bool:
    return old != new and not set(new.split()) <= set(old.split())


def refresh(
    connection: psycopg.Connection[Any],
    sender: Sender,
    before: Mapping[int, Table],
    left_out: Sequence[str],
    listen: Listener,
    *,
    vacuum: bool,
) -> None:
    """Analyze what is not what it was before, and has rows; what cannot be analyzed is told.

    The settings of the session are other ones afterwards.

    :param vacuum: VACUUM it as well.
    :raises SessionLost: the connection broke.
    :raises psycopg.Error: the tables cannot be looked at.
    """
    began = time.monotonic()
    after = tables(connection, left_out)
    due = changed(before, after)
    if not due:
        return
    connection.execute(_SETTINGS)
    statements = list(_statements(connection, due, after, listen, vacuum=vacuum))
    done = [
        after[oid].name
        for number, (oid, text) in enumerate(statements, 1)
        if _run(
            connection,
            sender,
            after[oid].name,
            text,
            Subject("statistics", number, len(statements), matters=False),
            listen,
        )
    ]
    if done:
        named = ", ".join(done) if len(done) <= _NAMED else plural(len(done), "table")
        listen(StepDone(f"{'vacuumed and ' if vacuum else ''}analyzed {named}", time.monotonic() - began))


def _statements(
    connection: psycopg.Connection[Any],
    due: Sequence[int],
    after: Mapping[int, Table],
    listen: Listener,
    *,
    vacuum: bool,
) -> Iterator[tuple[int, str]]:
    """Those that have rows, and what they are parts of, each with its statement.

    Nothing but this analyzes a partitioned table: autovacuum never does.  Before PostgreSQL 18 that analyzes all of its
    partitions, too, so that these need no statement of their own.
    """
    alone = connection.info.server_version >= _ONLY
    filled = _filled(connection, [oid for oid in due if after[oid].kind != "p"])
    wanted = dict.fromkeys(filled)
    for oid in [*filled, *(oid for oid in due if after[oid].kind == "p" and after[oid].made)]:
        wanted.update(dict.fromkeys(_above(oid, after)))
    for oid in list(wanted):
        if after[oid].kind == "p" and connection.execute(_PARTLY_FOREIGN, [oid]).fetchone() == (True,):
            listen(
                Note(f"{after[oid].name} is not analyzed, since that would read the foreign tables below it")
            )
            del wanted[oid]
    verb = "VACUUM (ANALYZE)" if vacuum else "ANALYZE"
    for oid in wanted:
        covered = not alone and any(above in wanted for above in _above(oid, after) if above != oid)
        if not covered:
            yield oid, f"{'ANALYZE ONLY' if alone and after[oid].kind == 'p' else verb} {after[oid].name}"


def _above(oid: int, after: Mapping[int, Table]) -> Iterator[int]:
    """The partitioned tables that one is a part of, and itself where it is one."""
    if after[oid].kind == "p":
        yield oid
    while (oid := after[oid].parent) in after:
        yield oid


def _filled(connection: psycopg.Connection[Any], oids: list[int]) -> list[int]:
    """Those with rows; all of them, where one is locked so that nobody can tell."""
    import psycopg

    try:
        return [row[0] for row in connection.execute(_FILLED, [oids])]
    except psycopg.errors.LockNotAvailable:
        return oids


def _run(
    connection: psycopg.Connection[Any],
    sender: Sender,
    name: str,
    statement: str,
    subject: Subject,
    listen: Listener,
) -> bool:
    """Run one; whether the table was analyzed.  What the server says against it is told."""
    refused: list[str] = []

    def heed(diagnostic: psycopg.errors.Diagnostic) -> None:
        if diagnostic.severity_nonlocalized == "WARNING":
            refused.append(diagnostic.message_primary or "")

    began = time.monotonic()
    sender.about(subject)
    connection.add_notice_handler(heed)
    try:
        sender.run([Command(Stage.STATEMENT, statement)], lock_timeout=_LOCK_TIMEOUT)
    except StatementFailed as failure:
        refused.append(_said(failure.error.message, failure.blockers))
    finally:
        connection.remove_notice_handler(heed)
    if refused:
        listen(Warned(f"{name} is not analyzed, so that its statistics are old: {refused[0]}"))
    else:
        listen(Detail(f"{statement} ({format_seconds(time.monotonic() - began)})"))
    return not refused


def _said(message: str, blockers: Sequence[Blocker]) -> str:
    return f"{message}; held by {'; '.join(map(str, blockers))}" if blockers else message
