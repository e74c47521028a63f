"""The objects that statements make, rename and drop, so that it can be told what of an up section a down leaves."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from dbops.engines.names import QualifiedName
from dbops.engines.postgres.nodes import Node, qualified, relation, strings
from dbops.safety.lint.making import Thing, made, owner, word
from dbops.safety.lint.reading import Parsed
from dbops.safety.lint.surroundings import same

_TYPES = frozenset({"type", "domain"})
_RELATIONS = frozenset({"table", "materialized view", "view", "foreign table"})
_ROUTINES = frozenset({"function", "procedure", "aggregate", "routine"})


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
    if one.kind == "AlterSeqStmt":
        return _owned(things, one.node)
    new, kept = made(one.kind, one.node), things
    if one.kind == "AlterTableStmt":
        for command in (item["AlterTableCmd"] for item in one.node["cmds"]):
            kept = _altered(kept, relation(one.node["relation"]), command)
    if adding:
        return [*(thing for thing in kept if not _any(thing, new)), *new]
    back = [thing for thing in new if thing.kind in ("view", *_ROUTINES)]  # as it was before the up section
    return [thing for thing in kept if not _any(thing, back)]


def _owned(things: list[Thing], node: Node) -> list[Thing]:
    """A sequence goes with the column that owns it."""
    table, columns = owner(node)
    wanted = Thing("sequence", relation(node["sequence"]))
    return [
        dataclasses.replace(thing, table=table, columns=columns) if table and _is(thing, wanted) else thing
        for thing in things
    ]


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
    kind = word(node["removeType"])
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
            table = qualified(parts[:-1]) if len(parts) > 1 else None  # SQLite does without it
            yield Thing(kind, QualifiedName(None, parts[-1]), table)
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
    kind = word(node["renameType"])
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
