"""The effects of statements that read and write rows."""

from __future__ import annotations

from collections.abc import Iterator

from dbops.engines.names import QualifiedName
from dbops.engines.postgres.effects.model import Cost, Effect, Live, LockMode, Rule
from dbops.engines.postgres.nodes import Node, relation


def selected(node: Node) -> Iterator[QualifiedName]:
    """The relations that a query names, however deep."""
    stack: list[object] = [node]
    while stack:
        found = stack.pop()
        if isinstance(found, dict):
            if "RangeVar" in found:
                yield relation(found["RangeVar"])
            stack += found.values()
        elif isinstance(found, list):
            stack += found


def written_within(node: Node, live: Live) -> Iterator[Effect]:
    """What the parts of a WITH write."""
    for item in node.get("withClause", {}).get("ctes", ()):
        query = item["CommonTableExpr"]["ctequery"]
        ((kind, inner),) = query.items()
        if kind != "SelectStmt":
            yield from RULES[kind](inner, live)


def _reads(node: Node, live: Live) -> Iterator[Effect]:
    yield from written_within(node, live)
    mode = LockMode.ROW_SHARE if node.get("lockingClause") else LockMode.ACCESS_SHARE
    for name in dict.fromkeys(selected(node)):
        yield Effect(name, mode, Cost.SCAN)


def _writes(node: Node, live: Live) -> Iterator[Effect]:
    name = relation(node["relation"])
    whole = "whereClause" not in node and "selectStmt" not in node
    yield Effect(name, LockMode.ROW_EXCLUSIVE, Cost.ROWS, "update-all" if whole else "")
    yield from written_within(node, live)
    inner = {key: value for key, value in node.items() if key != "relation"}
    for other in dict.fromkeys(selected(inner)):
        yield Effect(other, LockMode.ACCESS_SHARE, Cost.SCAN)


def _delete(node: Node, live: Live) -> Iterator[Effect]:
    first, *others = _writes(node, live)
    whole = "whereClause" not in node
    yield Effect(
        first.relation,
        first.mode,
        Cost.ROWS,
        "delete",
        f"{'all' if whole else 'the chosen'} rows of {first.relation}",
    )
    yield from others


def _insert(node: Node, live: Live) -> Iterator[Effect]:
    values = "valuesLists" in node.get("selectStmt", {}).get("SelectStmt", {})
    for effect in _writes(node, live):
        yield effect if not values else Effect(effect.relation, effect.mode, Cost.CATALOG)


def _copy(node: Node, live: Live) -> Iterator[Effect]:
    if "relation" in node:
        writes = node.get("is_from", False)
        mode = LockMode.ROW_EXCLUSIVE if writes else LockMode.ACCESS_SHARE
        yield Effect(relation(node["relation"]), mode, Cost.ROWS if writes else Cost.SCAN)


RULES: dict[str, Rule] = {
    "SelectStmt": _reads,
    "InsertStmt": _insert,
    "UpdateStmt": _writes,
    "DeleteStmt": _delete,
    "MergeStmt": _writes,
    "CopyStmt": _copy,
}
