"""What SQLAlchemy models do not speak of, made beside what they describe as it is in the database now."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from dbops.engines.postgres.nodes import Node, options_of, strings
from dbops.errors import DbopsError
from dbops.safety import schema_copy

if TYPE_CHECKING:
    from dbops.engines.postgres.databases import Connection
    from dbops.engines.statements import Statement

Name = tuple[str, str]
"""Schema and name."""

# What is attached to a table goes with it, where the models have it no more.
_ATTACHED = frozenset(
    {"GrantStmt", "CommentStmt", "CreateTrigStmt", "CreatePolicyStmt", "RuleStmt", "AlterTableStmt"}
)
_SAID_BY_MODELS = frozenset({"AT_AddConstraint", "AT_ColumnDefault", "AT_AddIdentity", "AT_AttachPartition"})
_COMMENTED_BY_MODELS = frozenset({"OBJECT_TABLE", "OBJECT_COLUMN", "OBJECT_TABCONSTRAINT"})
_VIEWS = {"ViewStmt": ("view",), "CreateTableAsStmt": ("into", "rel")}

_PARTITIONS = """
with recursive below(oid, level) as (
    select oid, 0 from pg_catalog.pg_class where relkind = 'p' and not relispartition
    union all select i.inhrelid, level + 1 from below join pg_catalog.pg_inherits as i on i.inhparent = below.oid)
select n.nspname, c.relname, pn.nspname, p.relname, pg_catalog.pg_get_expr(c.relpartbound, c.oid),
    case when c.relkind = 'p' then pg_catalog.pg_get_partkeydef(c.oid) end
from below join pg_catalog.pg_class as c using (oid) join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_inherits as i on i.inhrelid = c.oid
join pg_catalog.pg_class as p on p.oid = i.inhparent join pg_catalog.pg_namespace as pn on pn.oid = p.relnamespace
where level > 0 and c.relkind in ('r', 'p') order by level, 1, 2
"""


@dataclasses.dataclass(frozen=True)
class Kept:
    """A statement of the present schema that is no model's."""

    statement: Statement
    attached: bool


def kept(live: str, schemas: Collection[str], said: Sequence[Statement]) -> list[Kept]:
    """What of a schema is not for the models to say.

    :param live: its script in one form.
    :param schemas: those in which there are models.
    :param said: the statements of the models; what they make themselves is theirs.
    """
    nodes = [(statement, schema_copy.parsed(statement)) for statement, _ in schema_copy.placed(live, "here")]
    theirs = {made for statement in said if (made := _made(schema_copy.parsed(statement)))}
    theirs |= {owned for _, node in nodes if (owned := _owned_sequence(node)) and owned[0] in schemas}
    views = {
        _relation(_under(node[kind], path))
        for _, node in nodes
        for kind, path in _VIEWS.items()
        if kind in node
    }
    return [
        Kept(statement, bool(_ATTACHED & node.keys()))
        for statement, node in nodes
        if not _is_for_models(node, schemas, theirs, views)
    ]


def before(connection: Connection, statements: Sequence[Kept]) -> list[Kept]:
    """Make what can be made before there are tables; returns what cannot."""
    return [one for one in statements if _attempt(connection, one) is not None]


def after(connection: Connection, statements: Sequence[Kept]) -> None:
    """Make the rest.

    :raises DbopsError: something needs what the models do not have.
    """
    for one in statements:
        if (error := _attempt(connection, one)) is not None and not one.attached:
            raise DbopsError(
                f"the models are without what something else in the database needs: {error.message.partition(': ')[2]}",
                detail=error.detail,
                hint="change or drop that first, by a migration: bin/migrate new NAME",
            ) from error


def partitions(present: Connection, connection: Connection) -> None:
    """Give the tables that the models make the partitions that they have."""
    from psycopg import sql

    for schema, name, parent_schema, parent, bound, key in present.execute(_PARTITIONS).fetchall():
        there = connection.execute(
            "select c.relkind = 'p' from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n"
            " on n.oid = c.relnamespace where nspname = %s and relname = %s",
            [parent_schema, parent],
        ).fetchone()
        if there is None or not there[0]:
            continue
        words = sql.SQL("create table if not exists {} partition of {} ").format(
            sql.Identifier(schema, name), sql.Identifier(parent_schema, parent)
        )
        by = f" partition by {key}" if key else ""
        connection.execute(words.as_string(connection).encode() + f"{bound}{by}".encode())


def _attempt(connection: Connection, one: Kept) -> DbopsError | None:
    try:
        connection.execute(schema_copy.AS_DUMPED)
        schema_copy.run(connection, one.statement, "here")
    except DbopsError as error:
        return error
    finally:
        connection.execute("reset search_path")
    return None


def _is_for_models(
    node: Node, schemas: Collection[str], theirs: Collection[Name], views: Collection[Name]
) -> bool:
    """Whether it is the models' to say whether there is such a thing."""
    if (made := _made(node)) is not None:
        return made in theirs
    if "CreateSchemaStmt" in node:
        return node["CreateSchemaStmt"].get("schemaname") in schemas
    for kind in ("CreateStmt", "IndexStmt", "AlterTableStmt"):
        if kind in node:
            name = _relation(node[kind]["relation"])
            ours = name[0] in schemas and name not in views
            return ours and (kind != "AlterTableStmt" or _says_what_models_say(node[kind]))
    if "AlterSeqStmt" in node:
        return _relation(node["AlterSeqStmt"]["sequence"]) in theirs
    if "CommentStmt" in node:
        return _is_a_models_comment(node["CommentStmt"], schemas, views)
    return False


def _says_what_models_say(altering: Node) -> bool:
    return any(one["AlterTableCmd"]["subtype"] in _SAID_BY_MODELS for one in altering["cmds"])


def _is_a_models_comment(comment: Node, schemas: Collection[str], views: Collection[Name]) -> bool:
    if comment["objtype"] not in _COMMENTED_BY_MODELS:
        return False
    words = strings(comment["object"]["List"]["items"])
    return words[0] in schemas and (words[0], words[1]) not in views


def _made(node: Node) -> Name | None:
    """The sequence or the type that a statement makes."""
    if sequence := node.get("CreateSeqStmt"):
        return _relation(sequence["sequence"])
    for kind, key in (("CreateEnumStmt", "typeName"), ("CreateDomainStmt", "domainname")):
        if kind in node:
            words = strings(node[kind][key])
            return (words[-2] if len(words) > 1 else "public", words[-1])
    return None


def _owned_sequence(node: Node) -> Name | None:
    """The sequence that a statement gives to a column."""
    altering = node.get("AlterSeqStmt")
    if altering and "owned_by" in options_of(altering.get("options")):
        return _relation(altering["sequence"])
    return None


def _under(node: Any, path: Sequence[str]) -> Any:
    for key in path:
        node = node[key]
    return node


def _relation(node: Node) -> Name:
    return node.get("schemaname", "public"), node["relname"]
