"""The objects that statements make, rename and drop, so that it can be told what of an up section a down leaves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator

from dbops.engines.postgres.nodes import Node, is_temporary, options_of, qualified, relation, strings
from dbops.engines.postgres.targets import QualifiedName
from dbops.safety.lint.reading import Parsed
from dbops.safety.lint.surroundings import same

_TYPES = frozenset({"type", "domain"})
_RELATIONS = frozenset({"table", "materialized view", "view", "foreign table"})
_ROUTINES = frozenset({"function", "procedure", "aggregate", "routine"})


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


def left(up: Iterable[Parsed], down: Iterable[Parsed]) -> list[Thing]:
    """What the up section makes and is still there after the down section."""
    things: list[Thing] = []
    for one in up:
        things = list(_after(things, one, adding=True))
    for one in down:
        things = list(_after(things, one, adding=False))
    return things


def _after(things: list[Thing], one: Parsed, *, adding: bool) -> Iterable[Thing]:
    """What is there after a statement; of what a down section makes, nothing is added."""
    if one.kind == "DropStmt":
        return _without(things, _dropped(one.node), cascade=one.node.get("behavior") == "DROP_CASCADE")
    if one.kind == "RenameStmt":
        return _renamed(things, one.node, adding=adding)
    if one.kind not in _MAKERS:
        return things
    made = list(_MAKERS[one.kind](one.node))
    kept = things
    if one.kind == "AlterTableStmt":
        for command in (item["AlterTableCmd"] for item in one.node["cmds"]):
            kept = _altered(kept, relation(one.node["relation"]), command)
    if adding:
        return [*(thing for thing in kept if not _any(thing, made)), *made]
    replaced = [
        thing for thing in made if thing.kind in ("view", *_ROUTINES)
    ]  # an older one of that name is back
    return [thing for thing in kept if not _any(thing, replaced)]


def _any(thing: Thing, others: Iterable[Thing]) -> bool:
    return any(
        thing.kind == other.kind
        and same(thing.name, other.name)
        and (thing.table is None or other.table is None or same(thing.table, other.table))
        for other in others
    )


# -- dropping ----------------------------------------------------------------------------------------------------------


def _without(things: list[Thing], gone: Iterable[Thing], *, cascade: bool) -> list[Thing]:
    for one in gone:
        things = [thing for thing in things if not _is(thing, one)]
        things = _without(things, [thing for thing in things if _goes(thing, one, cascade)], cascade=cascade)
    return things


def _is(thing: Thing, dropped: Thing) -> bool:
    alike = (
        thing.kind == dropped.kind
        or {thing.kind, dropped.kind} <= _TYPES
        or {thing.kind, dropped.kind} <= _ROUTINES
    )
    on_it = dropped.table is None or thing.table is None or same(thing.table, dropped.table)
    return alike and on_it and same(thing.name, dropped.name)


def _on_one_table(thing: Thing, other: Thing) -> bool:
    return thing.table is not None and other.table is not None and same(thing.table, other.table)


def _goes(thing: Thing, gone: Thing, cascade: bool) -> bool:
    """Whether it is gone with another object."""
    if gone.kind == "column":
        return _on_one_table(thing, gone) and gone.name.name in thing.columns
    if gone.kind == "schema":
        return thing.name.schema == gone.name.name or (
            thing.table is not None and thing.table.schema == gone.name.name
        )
    if thing.table is not None and gone.kind in _RELATIONS and same(thing.table, gone.name):
        return True
    return cascade and any(same(name, gone.name) for name in thing.needs)


def _dropped(node: Node) -> Iterator[Thing]:
    kind = _word(node["removeType"])
    for item in node.get("objects", ()):
        if "List" in item:
            parts = strings(item["List"]["items"])
        elif "TypeName" in item:
            parts = strings(item["TypeName"]["names"])
        elif "ObjectWithArgs" in item:
            parts = strings(item["ObjectWithArgs"]["objname"])
        else:
            parts = strings([item])
        if kind in ("trigger", "policy", "rule"):
            yield Thing(kind, QualifiedName(None, parts[-1]), qualified(parts[:-1]))
        elif parts:
            yield Thing(kind, qualified(parts))


def _altered(things: list[Thing], table: QualifiedName, command: Node) -> list[Thing]:
    kind = {"AT_DropColumn": "column", "AT_DropConstraint": "constraint"}.get(command["subtype"])
    if kind is None:
        return things
    gone = Thing(kind, QualifiedName(None, command["name"]), table)
    return _without(things, [gone], cascade=command.get("behavior") == "DROP_CASCADE")


# -- renaming ----------------------------------------------------------------------------------------------------------


def _renamed(things: list[Thing], node: Node, *, adding: bool) -> Iterable[Thing]:
    """What was made has another name then; what was there before has a name that is made."""
    kind = _word(node["renameType"])
    old, table = _old_name(node)
    if old is None:
        return things
    new = QualifiedName(old.schema, node["newname"])
    found = [thing for thing in things if _is(thing, Thing(kind, old, table))]
    if not found:
        return [*things, Thing(kind, new, table, was=old)] if adding else things
    renamed = [
        dataclasses.replace(thing, name=new) if thing in found else _on(thing, kind, old, new)
        for thing in things
    ]
    return [thing for thing in renamed if thing.was is None or not same(thing.was, thing.name)]


def _on(thing: Thing, kind: str, old: QualifiedName, new: QualifiedName) -> Thing:
    """What belongs to a table that has another name now."""
    belongs = kind == "table" and thing.table is not None and same(thing.table, old)
    return dataclasses.replace(thing, table=new) if belongs else thing


def _old_name(node: Node) -> tuple[QualifiedName | None, QualifiedName | None]:
    kind = node["renameType"]
    if kind in ("OBJECT_COLUMN", "OBJECT_TABCONSTRAINT", "OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE"):
        return QualifiedName(None, node.get("subname", "")), relation(node["relation"])
    if "relation" in node:
        return relation(node["relation"]), None
    return None, None


# -- making ------------------------------------------------------------------------------------------------------------


def _word(kind: str) -> str:
    """OBJECT_MATVIEW is a materialized view, OBJECT_TABCONSTRAINT a constraint."""
    word = kind.removeprefix("OBJECT_").lower().replace("_", " ")
    return {"matview": "materialized view", "tabconstraint": "constraint", "statistic ext": "statistics"}.get(
        word, word
    )


def _table(node: Node) -> Iterator[Thing]:
    if not is_temporary(node["relation"]):
        parents = [relation(item["RangeVar"]) for item in node.get("inhRelations", ())]
        parent = parents[0] if parents and "partbound" in node else None
        yield Thing("table", relation(node["relation"]), parent, needs=tuple(parents))


def _table_as(node: Node) -> Iterator[Thing]:
    if not is_temporary(node["into"]["rel"]):
        kind = _word(node["objtype"])
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


def _sequence(node: Node) -> Iterator[Thing]:
    if not is_temporary(node["sequence"]):
        owner = options_of(node.get("options")).get("owned_by")
        parts = strings(owner["List"]["items"]) if owner else []
        table = qualified(parts[:-1]) if len(parts) > 1 else None
        yield Thing("sequence", relation(node["sequence"]), table, frozenset(parts[-1:]))


def _trigger(node: Node) -> Iterator[Thing]:
    function = qualified(strings(node.get("funcname")))
    yield Thing(
        "trigger", QualifiedName(None, node["trigname"]), relation(node["relation"]), needs=(function,)
    )


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
    yield Thing(_word(node["kind"]), qualified(strings(node["defnames"])))


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
