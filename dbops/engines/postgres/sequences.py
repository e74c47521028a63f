"""Sequences: their values are no part of a snapshot, so they are read twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dbops.engines.contents import Position, SequenceRange
from dbops.engines.postgres.pinned import chunks
from dbops.engines.postgres.relations import TableInfo

if TYPE_CHECKING:
    import psycopg


def positions(connection: psycopg.Connection[Any], sequences: Sequence[TableInfo]) -> dict[int, Position]:
    """`last_value` and `is_called` by oid; locks the sequences against being dropped."""
    from psycopg import sql

    found: dict[int, Position] = {}
    one = "select {}::bigint, last_value, is_called from {}"
    for some in chunks(sequences):
        parts = [sql.SQL(one).format(sql.Literal(info.oid), info.identifier) for info in some]
        rows = connection.execute(sql.SQL(" union all ").join(parts)).fetchall()
        found.update({oid: (last_value, is_called) for oid, last_value, is_called in rows})
    return found


def ranges(
    connection: psycopg.Connection[Any],
    sequences: Sequence[TableInfo],
    before: Mapping[int, Position] | None,
) -> tuple[SequenceRange, ...]:
    """Read these sequences now; None for `before` makes a range of this one reading."""
    after = positions(connection, sequences)
    before = after if before is None else before
    steps = _steps(connection, [info.oid for info in sequences])
    return tuple(
        SequenceRange(info.schema, info.name, before[info.oid], after[info.oid], *steps[info.oid])
        for info in sequences
    )


def _steps(connection: psycopg.Connection[Any], oids: Sequence[int]) -> dict[int, tuple[int, bool]]:
    rows = connection.execute(
        "select seqrelid, seqincrement, seqcycle from pg_catalog.pg_sequence where seqrelid = any(%s::oid[])",
        [list(oids)],
    )
    return {oid: (increment, cycles) for oid, increment, cycles in rows}
