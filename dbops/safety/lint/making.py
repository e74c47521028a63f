"""The objects that statements make: one rule per kind of statement."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from dbops.engines.names import QualifiedName
from dbops.engines.postgres.nodes import Node, is_temporary, options_of, qualified, relation, strings

_WORDS = {"matview": "materialized view", "tabconstraint": "constraint", "statistic ext": "statistics"}


@dataclasses.dataclass(frozen=True)
class Thing:
    """An object that a statement made.

    :param table: what it goes with when that is dropped: of an index its table, of a partition its parent.
    :param columns: those of the table that it goes with.
    :param needs: what it goes with when that is dropped with CASCADE.
    :param was: its name before, where all that was made is a new name.
    """

    kind: str
    name: QualifiedName
    table: QualifiedName | None = None
    columns: frozenset[str] = frozenset()
    needs: tuple[QualifiedName, ...] = ()
    was: QualifiedName | None = None

    def __str__(self) -> str:
        of = f" on {self.table}" if self.kind in ("column", "constraint", "trigger", "policy", "rule") else ""
        if self.was is not None:
            return f"the name {self.name} of {self.kind} {self.was}{of}"
        return f"{self.kind} {self.name}{of}"


def made(kind: str, node: Node) -> list[Thing]:
    """What a statement makes, by the type of its node."""
    rule = _MAKERS.get(kind)
    return [] if rule is None else list(rule(node))


def word(kind: str) -> str:
    """OBJECT_MATVIEW is a materialized view, OBJECT_TABCONSTRAINT a constraint."""
    spelled = kind.removeprefix("OBJECT_").lower().replace("_", " ")
    return _WORDS.get(spelled, spelled)


def _table(node: Node) -> Iterator[Thing]:
    if not is_temporary(node["relation"]):
        parents = [relation(item["RangeVar"]) for item in node.get("inhRelations", ())]
        parent = parents[0] if parents and "partbound" in node else None
        yield Thing("table", relation(node["relation"]), parent, needs=tuple(parents))


def _table_as(node: Node) -> Iterator[Thing]:
    if not is_temporary(node["into"]["rel"]):
        kind = word(node["objtype"])
        needs = tuple(_read(node.get("query"))) if kind != "table" else ()
        yield Thing(kind, relation(node["into"]["rel"]), needs=needs)


def _selected_into(node: Node) -> Iterator[Thing]:
    into = node.get("intoClause")
    if into and not is_temporary(into["rel"]):
        yield Thing("table", relation(into["rel"]))


def _view(node: Node) -> Iterator[Thing]:
    if not is_temporary(node["view"]):
        yield Thing("view", relation(node["view"]), needs=tuple(_read(node.get("query"))))


def _read(node: object) -> Iterator[QualifiedName]:
    """The relations that a query names."""
    if isinstance(node, dict):
        if "RangeVar" in node:
            yield relation(node["RangeVar"])
        for value in node.values():
            yield from _read(value)
    elif isinstance(node, list):
        for value in node:
            yield from _read(value)


def _index(node: Node) -> Iterator[Thing]:
    table = relation(node["relation"])
    if is_temporary(node["relation"]):
        return
    elements = [
        item["IndexElem"] for item in (*node.get("indexParams", ()), *node.get("indexIncludingParams", ()))
    ]
    names = [one.get("name") or _of_expression(one["expr"]) for one in elements]
    name = node.get("idxname") or "_".join([table.name, *names, "idx"])  # as the server chooses it
    yield Thing("index", QualifiedName(table.schema, name), table, frozenset(names))


def _of_expression(node: Node) -> str:
    """What the server calls an expression in the name of an index."""
    return strings(node["FuncCall"]["funcname"])[-1] if "FuncCall" in node else "expr"


def owner(node: Node) -> tuple[QualifiedName | None, frozenset[str]]:
    """The table and the column that CREATE or ALTER SEQUENCE ... OWNED BY names; None for none."""
    named = options_of(node.get("options")).get("owned_by")
    parts = strings(named["List"]["items"]) if named else []
    return (qualified(parts[:-1]) if len(parts) > 1 else None), frozenset(parts[-1:])


def _sequence(node: Node) -> Iterator[Thing]:
    if not is_temporary(node["sequence"]):
        yield Thing("sequence", relation(node["sequence"]), *owner(node))


def _trigger(node: Node) -> Iterator[Thing]:
    needs = (qualified(strings(node["funcname"])),) if "funcname" in node else ()  # SQLite's have statements
    yield Thing("trigger", QualifiedName(None, node["trigname"]), relation(node["relation"]), needs=needs)


def _alter(node: Node) -> Iterator[Thing]:
    if node.get("objtype", "OBJECT_TABLE") not in ("OBJECT_TABLE", "OBJECT_FOREIGN_TABLE"):
        return
    table = relation(node["relation"])
    for command in (item["AlterTableCmd"] for item in node["cmds"]):
        if command["subtype"] == "AT_AddColumn":
            yield Thing("column", QualifiedName(None, command["def"]["ColumnDef"]["colname"]), table)
        elif command["subtype"] == "AT_AddConstraint" and command["def"]["Constraint"].get("conname"):
            constraint = command["def"]["Constraint"]
            of = strings(constraint.get("fk_attrs")) + strings(constraint.get("keys"))
            needs = (relation(constraint["pktable"]),) if "pktable" in constraint else ()
            name = QualifiedName(None, constraint["conname"])
            yield Thing("constraint", name, table, frozenset(of), needs)


def _named(kind: str, key: str) -> Callable[[Node], Iterator[Thing]]:
    """The rule of what has its name as a list of strings under a key, or as a string."""

    def rule(node: Node) -> Iterator[Thing]:
        if node.get("if_not_exists"):
            return  # an extension or a schema that others may need
        name = node.get(key)
        parts = [name] if isinstance(name, str) else strings(name)
        if parts:
            yield Thing(kind, qualified(parts))

    return rule


def _routine(node: Node) -> Iterator[Thing]:
    name = qualified(strings(node["funcname"]))
    if name.schema != "pg_temp":
        yield Thing("procedure" if node.get("is_procedure") else "function", name)


def _defined(node: Node) -> Iterator[Thing]:
    yield Thing(word(node["kind"]), qualified(strings(node["defnames"])))


_MAKERS: dict[str, Callable[[Node], Iterator[Thing]]] = {
    "CreateStmt": _table,
    "CreateTableAsStmt": _table_as,
    "SelectStmt": _selected_into,
    "CreateForeignTableStmt": lambda node: iter([Thing("foreign table", relation(node["base"]["relation"]))]),
    "CreateForeignServerStmt": _named("foreign server", "servername"),
    "CreateFdwStmt": _named("fdw", "fdwname"),
    "ViewStmt": _view,
    "IndexStmt": _index,
    "CreateSeqStmt": _sequence,
    "CreateEnumStmt": _named("type", "typeName"),
    "CompositeTypeStmt": lambda node: iter([Thing("type", relation(node["typevar"]))]),
    "CreateRangeStmt": _named("type", "typeName"),
    "CreateDomainStmt": _named("domain", "domainname"),
    "CreateFunctionStmt": _routine,
    "CreateTrigStmt": _trigger,
    "RuleStmt": lambda node: iter(
        [Thing("rule", QualifiedName(None, node["rulename"]), relation(node["relation"]))]
    ),
    "CreatePolicyStmt": lambda node: iter(
        [Thing("policy", QualifiedName(None, node["policy_name"]), relation(node["table"]))]
    ),
    "CreateSchemaStmt": _named("schema", "schemaname"),
    "CreateExtensionStmt": _named("extension", "extname"),
    "CreateStatsStmt": _named("statistics", "defnames"),
    "CreatePublicationStmt": _named("publication", "pubname"),
    "CreateSubscriptionStmt": _named("subscription", "subname"),
    "CreateEventTrigStmt": _named("event trigger", "trigname"),
    "AlterTableStmt": _alter,
    "DefineStmt": _defined,
}
