"""What a statement destroys for good: rows, columns, values that do not fit into another type, positions of sequences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dbops.engines.postgres.effects.live import LiveCatalog, quoted
from dbops.engines.postgres.effects.spelling import type_text
from dbops.engines.postgres.effects.statements import effects_of
from dbops.engines.postgres.libpg_query import Refusal, parse
from dbops.engines.postgres.nodes import Node, qualified, relation, strings

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[Any]

_TEXT = {25, 1009}  # and an array of it

_TABLES_OF_EXTENSION = """
select exists (select from pg_catalog.pg_extension as x join pg_catalog.pg_depend as d on d.refobjid = x.oid
    and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and d.deptype = 'e'
    join pg_catalog.pg_class as c on d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and c.oid = d.objid
    where x.extname = %s and c.relkind in ('r', 'p', 'S'))
"""

_COLUMN = """
select attgenerated <> '', t.typtype::text from pg_catalog.pg_attribute join pg_catalog.pg_type as t on t.oid = atttypid
where attrelid = pg_catalog.to_regclass(%s) and attname = %s
"""

# Implicit casts lose nothing, but for those of numbers to floats, which keep fewer digits, and of text to names.
_FITS = """
select exists (select from pg_catalog.pg_cast where castsource = %(old)s and casttarget = %(new)s and castcontext = 'i'
    and (castsource, casttarget) not in ((20, 700), (20, 701), (23, 700), (1700, 700), (1700, 701), (25, 19),
        (1042, 19), (1043, 19)))
    or exists (select from pg_catalog.pg_enum join pg_catalog.pg_type as t on enumtypid in (t.oid, t.typelem)
        where t.oid = %(new)s), pg_catalog.format_type(%(new)s, %(modifier)s)
"""


def destroyed(connection: Connection, statement: str) -> str:
    """In words; empty for nothing.  To be asked before it runs.

    A value that is not among those of an enum makes the statement fail: it is not lost.
    """
    try:
        nodes = parse(statement.encode())
    except Refusal:
        return ""  # no statement of these kinds
    found = [words for node in nodes for words in _of(connection, node["stmt"])]
    return ", ".join(dict.fromkeys(found))


def _of(connection: Connection, statement: Node) -> Iterator[str]:
    ((kind, node),) = statement.items()
    if kind == "AlterTableStmt" and node["objtype"] == "OBJECT_TYPE":
        for command in _commands(node, "AT_DropColumn"):
            yield f"the attribute {relation(node['relation'])}.{command['name']}"
    elif kind in ("DropStmt", "AlterTableStmt"):
        for effect in effects_of(statement, LiveCatalog(connection)):
            if effect.destroys and not (effect.column and _computed(connection, node, effect.column)):
                yield effect.destroys
        if kind == "DropStmt":
            yield from _dropped(connection, node)
        else:
            yield from _narrowed(connection, node)
            for command in _commands(node, "AT_DropIdentity"):
                yield f"the position of the identity {relation(node['relation'])}.{command['name']}"


def _dropped(connection: Connection, node: Node) -> Iterator[str]:
    """What goes beside tables."""
    if node["removeType"] == "OBJECT_SEQUENCE":
        for item in node["objects"]:
            yield f"the position of the sequence {qualified(strings(item['List']['items']))}"
    elif node["removeType"] == "OBJECT_EXTENSION":
        for name in strings(node["objects"]):
            if connection.execute(_TABLES_OF_EXTENSION, [name]).fetchone() == (True,):
                yield f"the tables of the extension {name}"


def _commands(node: Node, subtype: str) -> Iterator[Node]:
    return (
        command
        for item in node["cmds"]
        if (command := item["AlterTableCmd"]).get("subtype", "AT_AddColumn") == subtype
    )


def _computed(connection: Connection, node: Node, column: str) -> bool:
    row = connection.execute(_COLUMN, [quoted(relation(node["relation"])), column]).fetchone()
    return row is not None and bool(row[0])


def _narrowed(connection: Connection, node: Node) -> Iterator[str]:
    """Columns whose new type may not hold what the old one does."""
    live, name = LiveCatalog(connection), relation(node["relation"])
    found = live.relation(name)
    for command in _commands(node, "AT_AlterColumnType"):
        new = live.type_of(type_text(command["def"]["ColumnDef"]["typeName"]))
        old = found.columns[command["name"]].type if found and command["name"] in found.columns else None
        if (
            old is None
            or new is None
            or live.keeps_values(old, new)
            or (new.oid in _TEXT and new.modifier == -1)
        ):
            continue
        asked = {"old": old.oid, "new": new.oid, "modifier": new.modifier}
        ((fits, text),) = connection.execute(_FITS, asked).fetchall()
        if new.modifier != -1 or not fits:
            yield f"what does not fit into {text} of the column {name}.{command['name']}"
