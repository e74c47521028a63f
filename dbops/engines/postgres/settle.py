"""What a statement outside a transaction has left, as the catalog tells, and how that is cleared away.

An interrupted CREATE INDEX CONCURRENTLY leaves an invalid index, which
`IF NOT EXISTS` would then silently keep.
"""

from __future__ import annotations

from typing import Any, Protocol

from dbops.engines.base import Settled
from dbops.engines.names import QualifiedName
from dbops.engines.postgres import targets
from dbops.errors import LockNotAcquired


class Catalog(Protocol):
    """The part of a session that is needed here."""

    def query(self, statement: Any, parameters: Any = ()) -> list[tuple[Any, ...]]:
        """Rows of a query; the parameters by position or by name."""


# Indexes of a name, found as the statement would find it: in the schema of its table.
_INDEX = """
select i.indisvalid, n.nspname, c.relname,
    exists (select from pg_catalog.pg_stat_progress_create_index p where p.index_relid = i.indexrelid),
    i.indrelid
from pg_catalog.pg_index i
join pg_catalog.pg_class c on c.oid = i.indexrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
"""
_INDEX_ON_TABLE = _INDEX + "where c.relname = %s and i.indrelid = to_regclass(%s)"
# As the server names them: table_column_idx, table_expr_idx1, ...
_INVALID_UNNAMED = (
    _INDEX + r"where i.indrelid = to_regclass(%s) and not i.indisvalid and c.relname ~ '_idx[0-9]*$'"
)
_INDEX_BY_NAME = _INDEX + "where c.oid = to_regclass(%s)"
_COPIES = r"""
where not i.indisvalid and c.relname ~ '_cc(new|old)[0-9]*$'
    and (i.indrelid = to_regclass(%(name)s)
        or i.indrelid = (select indrelid from pg_catalog.pg_index where indexrelid = to_regclass(%(name)s))
        or %(name)s is null)
"""
_INVALID_COPIES = _INDEX + _COPIES


def settle(catalog: Catalog, target: targets.Target | None) -> Settled:
    """Whether a statement that was started finished, by what it makes or removes."""
    match target:
        case targets.CreateIndexConcurrently(index=None):
            return Settled.UNKNOWN
        case targets.CreateIndexConcurrently():
            found = _index_of(catalog, target)
            return Settled.LEFT_NOTHING if not found else Settled.DONE if found[0][0] else Settled.RUN_AGAIN
        case targets.DropIndexConcurrently(indexes=names):
            left = [name for name in names if catalog.query(_INDEX_BY_NAME, [_regclass(name)])]
            return Settled.RUN_AGAIN if left else Settled.DONE
        case targets.DetachPartitionConcurrently():
            return _settle_detach(catalog, target)
        case targets.ReindexConcurrently() | targets.Repeatable():
            return Settled.RUN_AGAIN
        case targets.Unknowable() | None:
            return Settled.UNKNOWN
    return _settle_by_existence(catalog, target)


def clearing(catalog: Catalog, target: targets.Target | None, *, again: bool) -> list[tuple[str, str]]:
    """What an interrupted statement has left and what would be in the way of running it: names, and how to drop them.

    :param again: it was begun before; an index without a name of its own can be looked for only then.
    :raises LockNotAcquired: where another session is building that very index.
    """
    match target:
        case targets.CreateIndexConcurrently(index=None, table=table):
            leftovers = catalog.query(_INVALID_UNNAMED, [_regclass(table)]) if again else []
        case targets.CreateIndexConcurrently():
            leftovers = [row for row in _index_of(catalog, target) if not row[0]]
        case targets.ReindexConcurrently(name=name):
            leftovers = catalog.query(_INVALID_COPIES, {"name": None if name is None else _regclass(name)})
        case _:
            return []
    found = []
    for _, schema, index, building, _ in leftovers:
        if building:
            raise LockNotAcquired(
                f"another session is building the index {index} right now",
                hint="wait for it, then run the command again",
            )
        quoted = f"{_quoted(schema)}.{_quoted(index)}"
        found.append((f"{schema}.{index}", f"drop index concurrently if exists {quoted}"))
    return found


def finalize(target: targets.Target | None, catalog: Catalog) -> str | None:
    """The statement that completes an interrupted DETACH PARTITION CONCURRENTLY, None for anything else."""
    if (
        isinstance(target, targets.DetachPartitionConcurrently)
        and not target.finalize
        and _detach_pending(catalog, target)
    ):
        parent, partition = (_regclass(name) for name in (target.parent, target.partition))
        return f"alter table {parent} detach partition {partition} finalize"
    return None


def invalid_index(catalog: Catalog, target: targets.Target | None) -> str | None:
    """The name of an index that a statement should have made valid and has not."""
    if not isinstance(target, targets.CreateIndexConcurrently) or target.index is None:
        return None
    return next((row[2] for row in _index_of(catalog, target) if not row[0]), None)


def _index_of(catalog: Catalog, target: targets.CreateIndexConcurrently) -> list[tuple[Any, ...]]:
    return catalog.query(_INDEX_ON_TABLE, [target.index, _regclass(target.table)]) if target.index else []


def _detach_pending(catalog: Catalog, target: targets.DetachPartitionConcurrently) -> bool | None:
    """Whether the partition is half detached; None where it is no partition of that table any more."""
    rows = catalog.query(
        "select inhdetachpending from pg_catalog.pg_inherits where inhparent = to_regclass(%s) and inhrelid = to_regclass(%s)",
        [_regclass(target.parent), _regclass(target.partition)],
    )
    return rows[0][0] if rows else None


def _settle_detach(catalog: Catalog, target: targets.DetachPartitionConcurrently) -> Settled:
    pending = _detach_pending(catalog, target)
    return Settled.DONE if pending is None else Settled.RUN_AGAIN if pending else Settled.LEFT_NOTHING


def _settle_by_existence(catalog: Catalog, target: targets.Target) -> Settled:
    """CREATE and DROP of what the whole server knows by name."""
    queries = {
        (
            targets.CreateDatabase,
            targets.DropDatabase,
        ): "select from pg_catalog.pg_database where datname = %s",
        (
            targets.CreateTablespace,
            targets.DropTablespace,
        ): "select from pg_catalog.pg_tablespace where spcname = %s",
        (targets.CreateSubscription, targets.DropSubscription): (
            "select from pg_catalog.pg_subscription where subname = %s and subdbid = "
            "(select oid from pg_catalog.pg_database where datname = current_database())"
        ),
    }
    creates, query = next(
        (type(target) is pair[0], query) for pair, query in queries.items() if type(target) in pair
    )
    exists = bool(catalog.query(query, [target.name]))  # type: ignore[union-attr]  # all six have a name
    if creates:
        return Settled.DONE if exists else Settled.LEFT_NOTHING
    return Settled.RUN_AGAIN if exists else Settled.DONE


def _regclass(name: QualifiedName) -> str:
    """A name in the spelling that to_regclass reads."""
    return ".".join(_quoted(part) for part in (name.schema, name.name) if part is not None)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
