"""What is the same in both schemas stays: the library drops and makes again what might be in the way, and mostly is not."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from dbops.engines.postgres.libpg_query import parse

if TYPE_CHECKING:
    import psycopg

    from dbops.engines.postgres.nodes import Node

_RELATIONS = {"OBJECT_INDEX": "index", "OBJECT_VIEW": "view", "OBJECT_MATVIEW": "materialized view"}
_CONSTRAINT_COMMANDS = {"AT_AddConstraint", "AT_DropConstraint", "AT_ValidateConstraint"}


class _Named(NamedTuple):
    """An object by its kind and the parts of its name; of what is on a table `own` is the name there."""

    kind: str
    schema: str
    relation: str
    own: str = ""


def without(
    connection: psycopg.Connection[Any], statements: Sequence[str], same: Collection[str]
) -> list[str]:
    """The statements, but for those that drop, make or validate nothing but what is the same.

    :param same: names, as in a `Schema`.
    """
    found = [_objects(statement) for statement in statements]
    quoted = _quoted(connection, {part for objects in found for one in objects for part in one[1:]})
    names = [{_name(one, quoted) for one in objects} for objects in found]
    return [one for one, about in zip(statements, names, strict=True) if not about or not about <= set(same)]


def _quoted(connection: psycopg.Connection[Any], names: Collection[str]) -> dict[str, str]:
    """Each as the server writes it."""
    query = "select name, pg_catalog.quote_ident(name) from unnest(%s::text[]) as given (name)"
    return dict(connection.execute(query, [list(names)]).fetchall())


def _name(one: _Named, quoted: dict[str, str]) -> str:
    relation = f"{quoted[one.schema]}.{quoted[one.relation]}"
    return f"{one.kind} {quoted[one.own]} on {relation}" if one.own else f"{one.kind} {relation}"


def _objects(statement: str) -> list[_Named]:
    """What a statement is about; nothing where it is about anything else, too."""
    (parsed,) = parse(statement.encode())
    ((kind, node),) = parsed["stmt"].items()
    if kind == "AlterTableStmt":
        return list(_constraints(node))
    if kind == "DropStmt":
        return list(_dropped(node))
    if kind == "IndexStmt":
        return [_Named("index", _schema(node), node["idxname"])]
    if kind == "ViewStmt":
        return [_Named("view", node["view"].get("schemaname", ""), node["view"]["relname"])]
    if kind == "CreateTableAsStmt" and node["objtype"] == "OBJECT_MATVIEW":
        made = node["into"]["rel"]
        return [_Named("materialized view", made.get("schemaname", ""), made["relname"])]
    if kind == "CreateTrigStmt":
        return [_Named("trigger", _schema(node), node["relation"]["relname"], node["trigname"])]
    return []


def _schema(node: Node) -> str:
    return str(node["relation"].get("schemaname", ""))


def _constraints(node: Node) -> Iterator[_Named]:
    commands = [one["AlterTableCmd"] for one in node["cmds"]]
    if not all(one["subtype"] in _CONSTRAINT_COMMANDS for one in commands):
        return
    for one in commands:
        name = one.get("name") or one["def"]["Constraint"].get("conname", "")
        yield _Named("table constraint", _schema(node), node["relation"]["relname"], name)


def _dropped(node: Node) -> Iterator[_Named]:
    for one in node["objects"]:
        parts = [part["String"]["sval"] for part in one.get("List", {}).get("items", ())]
        if node["removeType"] in _RELATIONS and len(parts) == 2:
            yield _Named(_RELATIONS[node["removeType"]], *parts)
        elif node["removeType"] == "OBJECT_TRIGGER" and len(parts) == 3:
            yield _Named("trigger", *parts)
