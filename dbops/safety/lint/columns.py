"""Which columns a statement gives a foreign key, and which it indexes."""

from __future__ import annotations

from collections.abc import Iterator

from dbops.engines.names import QualifiedName
from dbops.engines.postgres.nodes import Node, relation, strings

_ORDERED = frozenset({"", "btree", "hash"})
Columns = tuple[str, ...]


def foreign_keys(kind: str, node: Node) -> Iterator[tuple[QualifiedName, Columns]]:
    """The table and the columns of each foreign key that a statement makes."""
    for table, column, constraint in _constraints(kind, node):
        if constraint["contype"] == "CONSTR_FOREIGN":
            yield table, tuple(strings(constraint.get("fk_attrs"))) or (column,)


def indexed(kind: str, node: Node) -> Iterator[tuple[QualifiedName, Columns]]:
    """The table and the leading columns of each index over all rows that a statement makes."""
    if kind == "IndexStmt":
        if node.get("accessMethod", "") in _ORDERED and _keeps_values(node.get("whereClause")):
            yield relation(node["relation"]), _leading(node)
        return
    for table, column, constraint in _constraints(kind, node):
        if constraint["contype"] in ("CONSTR_PRIMARY", "CONSTR_UNIQUE"):
            yield table, tuple(strings(constraint.get("keys"))) or (column,)


def _leading(node: Node) -> Columns:
    """The columns before the first expression."""
    found = []
    for item in node.get("indexParams", ()):
        if "name" not in item["IndexElem"]:
            break
        found.append(item["IndexElem"]["name"])
    return tuple(found)


def _keeps_values(where: Node | None) -> bool:
    """Whether a partial index leaves out no more than NULL, of which a foreign key has nothing to look for."""
    return where is None or where.get("NullTest", {}).get("nulltesttype") == "IS_NOT_NULL"


def _constraints(kind: str, node: Node) -> Iterator[tuple[QualifiedName, str, Node]]:
    """Each constraint with its table, and the column that it is written behind, or an empty name."""
    if kind == "CreateStmt":
        table, elements = relation(node["relation"]), node.get("tableElts", ())
    elif kind == "AlterTableStmt":
        table = relation(node["relation"])
        elements = [item["AlterTableCmd"]["def"] for item in node["cmds"] if "def" in item["AlterTableCmd"]]
    else:
        return
    for element in elements:
        if "Constraint" in element:
            yield table, "", element["Constraint"]
        for one in element.get("ColumnDef", {}).get("constraints", ()):
            yield table, element["ColumnDef"].get("colname", ""), one["Constraint"]
