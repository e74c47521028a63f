"""What a statement asks of the rows that are there already, read from its tree: unique, not null, a check, a key."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from dbops.engines.names import QualifiedName
from dbops.engines.postgres.effects.spelling import expression
from dbops.engines.postgres.nodes import Node, relation, strings

_FILLED_BY_ITSELF = frozenset({"CONSTR_DEFAULT", "CONSTR_IDENTITY", "CONSTR_GENERATED"})
_SERIAL = frozenset({"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"})


@dataclasses.dataclass(frozen=True)
class Unique:
    """No two rows alike in all of these.

    :param columns: by name, or None for an expression, each with its SQL.
    :param where: of the rows for which it holds, empty for all.
    :param nulls_alike: NULL is equal to NULL.
    """

    table: QualifiedName
    columns: tuple[tuple[str | None, str], ...]
    where: str = ""
    nulls_alike: bool = False


@dataclasses.dataclass(frozen=True)
class NotNull:
    """`is_new`: the column comes with this statement and has no value, so that no row can be there."""

    table: QualifiedName
    column: str
    is_new: bool = False


@dataclasses.dataclass(frozen=True)
class Holds:
    """An expression that is false of no row."""

    table: QualifiedName
    expression: str


@dataclasses.dataclass(frozen=True)
class Refers:
    """A foreign key; without `keys` it refers to the primary key."""

    table: QualifiedName
    columns: tuple[str, ...]
    parent: QualifiedName
    keys: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Validated:
    """A constraint that is there, and is to hold for all rows."""

    table: QualifiedName
    constraint: str


Requirement = Unique | NotNull | Holds | Refers | Validated


def requirements(kind: str, node: Node) -> Iterator[Requirement]:
    """Of one statement, by the type of its node; what makes a table asks nothing of rows."""
    if kind == "IndexStmt" and node.get("unique"):
        yield _of_index(node)
    elif kind == "AlterTableStmt" and node.get("objtype") == "OBJECT_TABLE":
        table = relation(node["relation"])
        for item in node["cmds"]:
            yield from _of_command(item["AlterTableCmd"], table)


def _of_index(node: Node) -> Unique:
    elements = [item["IndexElem"] for item in node["indexParams"]]
    where = expression(node["whereClause"]) if "whereClause" in node else ""
    nulls_alike = node.get("nulls_not_distinct", False)
    return Unique(relation(node["relation"]), tuple(map(_element, elements)), where, nulls_alike)


def _element(node: Node) -> tuple[str | None, str]:
    name = node.get("name")
    spelled = _quoted(name) if name else expression(node["expr"])
    if "collation" in node:
        spelled += f" COLLATE {'.'.join(map(_quoted, strings(node['collation'])))}"
    return name, spelled


def _of_command(command: Node, table: QualifiedName) -> Iterator[Requirement]:
    match command["subtype"]:
        case "AT_SetNotNull":
            yield NotNull(table, command["name"])
        case "AT_ValidateConstraint":
            yield Validated(table, command["name"])
        case "AT_AddConstraint":
            yield from _of_constraint(command["def"]["Constraint"], table)
        case "AT_AddColumn":
            yield from _of_column(command["def"]["ColumnDef"], table)


def _of_constraint(node: Node, table: QualifiedName) -> Iterator[Requirement]:
    if node.get("skip_validation") or "indexname" in node:
        return
    keys = tuple(strings(node.get("keys")))
    match node["contype"]:
        case "CONSTR_UNIQUE" | "CONSTR_PRIMARY" as kind:
            columns = tuple((key, _quoted(key)) for key in keys)
            yield Unique(table, columns, nulls_alike=node.get("nulls_not_distinct", False))
            if kind == "CONSTR_PRIMARY":
                yield from (NotNull(table, key) for key in keys)
        case "CONSTR_CHECK":
            yield Holds(table, expression(node["raw_expr"]))
        case "CONSTR_NOTNULL":
            yield from (NotNull(table, key) for key in keys)
        case "CONSTR_FOREIGN":
            columns_of, parent = tuple(strings(node["fk_attrs"])), relation(node["pktable"])
            yield Refers(table, columns_of, parent, tuple(strings(node.get("pk_attrs"))))


def _of_column(node: Node, table: QualifiedName) -> Iterator[Requirement]:
    kinds = {item["Constraint"]["contype"] for item in node.get("constraints", ())}
    filled = not kinds.isdisjoint(_FILLED_BY_ITSELF) or strings(node["typeName"]["names"])[-1] in _SERIAL
    if not filled and kinds & {"CONSTR_NOTNULL", "CONSTR_PRIMARY"}:
        yield NotNull(table, node["colname"], is_new=True)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
