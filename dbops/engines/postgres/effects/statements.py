"""From a node of the parse tree to its effects: one rule per kind of statement.

Source: PostgreSQL manual, "Explicit Locking" and the pages of the commands; each was held against `pg_locks`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dbops.engines.names import QualifiedName
from dbops.engines.postgres.effects import altering, maintenance, rows
from dbops.engines.postgres.effects.model import Cost, Effect, Live, LockMode, Rule
from dbops.engines.postgres.effects.rows import selected, written_within
from dbops.engines.postgres.libpg_query import Refusal, parse
from dbops.engines.postgres.nodes import Node, qualified, relation, strings


def effects(sql: str, live: Live) -> tuple[Effect, ...]:
    """What one statement does to relations that are there or may be; empty where the parser does not know it."""
    try:
        nodes = parse(sql.encode())
    except Refusal:
        return ()
    return tuple(effect for node in nodes for effect in effects_of(node["stmt"], live))


def effects_of(statement: Node, live: Live) -> Iterator[Effect]:
    """The same of a statement that has been parsed: a node by its type."""
    ((name, node),) = statement.items()
    rule = _RULES.get(name)
    if rule is not None:
        yield from rule(node, live)


def _create_table(node: Node, live: Live) -> Iterator[Effect]:
    parents = [relation(parent["RangeVar"]) for parent in node.get("inhRelations", ())]
    mode = LockMode.ACCESS_EXCLUSIVE if "partbound" in node else LockMode.SHARE_UPDATE_EXCLUSIVE
    for parent in parents:
        yield Effect(parent, mode, advice="create-partition" if "partbound" in node else "")
    for element in node.get("tableElts", ()):
        if "TableLikeClause" in element:
            yield Effect(relation(element["TableLikeClause"]["relation"]), LockMode.ACCESS_SHARE)
        constraints = (
            [element] if "Constraint" in element else element.get("ColumnDef", {}).get("constraints", ())
        )
        for constraint in constraints:
            if "pktable" in constraint["Constraint"]:
                yield Effect(relation(constraint["Constraint"]["pktable"]), LockMode.SHARE_ROW_EXCLUSIVE)


def _create_index(node: Node, live: Live) -> Iterator[Effect]:
    name = relation(node["relation"])
    if node.get("concurrent"):
        yield Effect(name, LockMode.SHARE_UPDATE_EXCLUSIVE, Cost.BUILD)
        return
    yield Effect(name, LockMode.SHARE, Cost.BUILD, "index")
    found = live.relation(name)
    for partition in found.partitions if found else ():
        yield Effect(partition, LockMode.SHARE, Cost.BUILD, "index-partitioned")


def _drop(node: Node, live: Live) -> Iterator[Effect]:
    listed = [strings(item["List"]["items"]) for item in node.get("objects", ()) if "List" in item]
    names = [qualified(parts) for parts in listed if parts]  # a cast has types in its place
    kind = node["removeType"]
    if kind == "OBJECT_INDEX":
        mode = LockMode.SHARE_UPDATE_EXCLUSIVE if node.get("concurrent") else LockMode.ACCESS_EXCLUSIVE
        for name in names:
            found = live.relation(name)
            if found and found.table:
                yield Effect(found.table, mode, advice="" if node.get("concurrent") else "drop-index")
    elif kind in ("OBJECT_TABLE", "OBJECT_MATVIEW", "OBJECT_VIEW", "OBJECT_SEQUENCE", "OBJECT_FOREIGN_TABLE"):
        word = kind.removeprefix("OBJECT_").lower().replace("_", " ")
        for name in names:
            yield from _drop_relation(name, f"the {word} {name}" if kind == "OBJECT_TABLE" else "", live)
    elif kind == "OBJECT_SCHEMA" and node.get("behavior") == "DROP_CASCADE":
        yield from _drop_schemas(strings(node["objects"]), live)
    elif kind in ("OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE"):
        for item in node["objects"]:
            parts = strings(item["List"]["items"])
            yield Effect(qualified(parts[:-1]), LockMode.ACCESS_EXCLUSIVE)


def _drop_schemas(schemas: Iterable[str], live: Live) -> Iterator[Effect]:
    for schema in schemas:
        for name in live.inside(schema):
            yield from _drop_relation(name, f"the table {name}", live)


def _drop_relation(name: QualifiedName, destroys: str, live: Live) -> Iterator[Effect]:
    yield Effect(name, LockMode.ACCESS_EXCLUSIVE, Cost.CATALOG, "drop-table" if destroys else "", destroys)
    found = live.relation(name)
    if found is None:
        return
    for other in {*found.referring, *found.referred.values()} - {found.name}:
        yield Effect(other, LockMode.ACCESS_EXCLUSIVE)
    for partition in found.partitions:
        yield Effect(partition, LockMode.ACCESS_EXCLUSIVE, destroys=destroys and f"the partition {partition}")


def _truncate(node: Node, live: Live) -> Iterator[Effect]:
    for item in node["relations"]:
        name = relation(item["RangeVar"])
        yield Effect(name, LockMode.ACCESS_EXCLUSIVE, Cost.CATALOG, "truncate", f"all rows of {name}")
        found = live.relation(name)
        for other in found.referring if found and node.get("behavior") == "DROP_CASCADE" else ():
            yield Effect(other, LockMode.ACCESS_EXCLUSIVE, Cost.CATALOG, "truncate", f"all rows of {other}")


def _rename(node: Node, live: Live) -> Iterator[Effect]:
    if "relation" not in node:
        return
    name = relation(node["relation"])
    index = node["renameType"] == "OBJECT_INDEX"
    mode = LockMode.SHARE_UPDATE_EXCLUSIVE if index else LockMode.ACCESS_EXCLUSIVE
    breaks = node["renameType"] in ("OBJECT_COLUMN", "OBJECT_TABLE")
    yield Effect(name, mode, advice="rename" if breaks else "")


def _of_table(mode: LockMode, *path: str, cost: Cost = Cost.CATALOG, advice: str = "") -> Rule:
    """The rule of a statement that takes one lock, on the relation under a key."""

    def rule(node: Node, live: Live) -> Iterator[Effect]:
        for key in path:
            node = node.get(key, {})
        if node:
            yield Effect(relation(node), mode, cost, advice)

    return rule


def _comment(node: Node, live: Live) -> Iterator[Effect]:
    parts = strings(node["object"].get("List", {}).get("items"))
    dotted = {"OBJECT_COLUMN": -1, "OBJECT_TABCONSTRAINT": -1, "OBJECT_TRIGGER": -1, "OBJECT_POLICY": -1}
    if node["objtype"] in ("OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_INDEX"):
        yield Effect(qualified(parts), LockMode.SHARE_UPDATE_EXCLUSIVE)
    elif node["objtype"] in dotted and len(parts) > 1:
        yield Effect(qualified(parts[:-1]), LockMode.SHARE_UPDATE_EXCLUSIVE)


def _view(node: Node, live: Live) -> Iterator[Effect]:
    for name in dict.fromkeys(selected(node.get("query", {}))):
        yield Effect(name, LockMode.ACCESS_SHARE)
    if node.get("replace"):
        yield Effect(relation(node["view"]), LockMode.ACCESS_EXCLUSIVE)


def _alter(node: Node, live: Live) -> Iterator[Effect]:
    yield from altering.effects(node, live)


def _create_as(node: Node, live: Live) -> Iterator[Effect]:
    yield from written_within(node.get("query", {}).get("SelectStmt", {}), live)
    for name in dict.fromkeys(selected(node.get("query", {}))):
        yield Effect(name, LockMode.ACCESS_SHARE, Cost.SCAN)


def _first(names: Sequence[str], rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names, rule)


_RULES: dict[str, Rule] = {
    "CreateStmt": _create_table,
    "IndexStmt": _create_index,
    "DropStmt": _drop,
    "TruncateStmt": _truncate,
    "AlterTableStmt": _alter,
    "AlterDomainStmt": altering.domain,
    "RenameStmt": _rename,
    "AlterObjectSchemaStmt": _of_table(LockMode.ACCESS_EXCLUSIVE, "relation", advice="rename"),
    "CreateTrigStmt": _of_table(LockMode.SHARE_ROW_EXCLUSIVE, "relation"),
    "RuleStmt": _of_table(LockMode.ACCESS_EXCLUSIVE, "relation"),
    **_first(("CreatePolicyStmt", "AlterPolicyStmt"), _of_table(LockMode.ACCESS_EXCLUSIVE, "table")),
    "AlterSeqStmt": _of_table(LockMode.SHARE_ROW_EXCLUSIVE, "sequence"),
    "ClusterStmt": _of_table(LockMode.ACCESS_EXCLUSIVE, "relation", cost=Cost.REWRITE, advice="vacuum-full"),
    "CommentStmt": _comment,
    **rows.RULES,
    **maintenance.RULES,
    "ViewStmt": _view,
    "CreateTableAsStmt": _create_as,
}
