"""What pending statements make of the catalog that later ones meet: new names, moved ones, columns of another type."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from dbops.engines.names import QualifiedName
from dbops.engines.postgres.effects.model import Column, Live, Relation
from dbops.engines.postgres.effects.spelling import type_text
from dbops.engines.postgres.libpg_query import Refusal, parse
from dbops.engines.postgres.nodes import Node, qualified, relation, strings

_MADE_BY = {"CreateStmt": ("relation",), "CreateTableAsStmt": ("into", "rel"), "ViewStmt": ("view",)}
_OF_ITS_OWN = frozenset(
    {"OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_SEQUENCE", "OBJECT_FOREIGN_TABLE"}
)

_PATH = "search_path"


def created(sql: str) -> tuple[QualifiedName, ...]:
    """The relations that a statement creates, so that what follows cannot meet anybody there."""
    return tuple(made[0] for kind, node in _read(sql) if (made := _made(kind, node)))


def _read(sql: str) -> Iterator[tuple[str, Node]]:
    try:
        nodes = parse(sql.encode())
    except Refusal:
        return
    for one in nodes:
        yield from one["stmt"].items()


def _made(kind: str, node: Node) -> tuple[QualifiedName, bool] | None:
    """The name, and whether one that is there is kept."""
    if kind not in _MADE_BY:
        return None
    name = node
    for key in _MADE_BY[kind]:
        name = name[key]
    return relation(name), bool(node.get("if_not_exists") or node.get("replace"))


def _paths_of_set_config(select: Node) -> Iterator[str]:
    """What a SELECT makes the search path, as pg_dump's files have it; only constants can be followed."""
    for target in select.get("targetList", ()):
        call = target["ResTarget"].get("val", {}).get("FuncCall", {})
        arguments = call.get("args", ())
        if strings(call.get("funcname"))[-1:] == ["set_config"] and len(arguments) > 1:
            name, value = (_texts([one])[:1] for one in arguments[:2])
            if name == (_PATH,):
                yield from value


def _listed(value: str) -> tuple[str, ...]:
    """The schemas of a search path; read as SET has them, where names are written in the same way."""
    set_to = (node for kind, node in _read(f"set {_PATH} = {value}") if kind == "VariableSetStmt")
    return _texts(next(set_to, {}).get("args", ()))


def _texts(nodes: Iterable[Node]) -> tuple[str, ...]:
    """Those of constants."""
    return tuple(one["A_Const"].get("sval", {}).get("sval", "") for one in nodes if "A_Const" in one)


class Pending:
    """Takes note of one statement after the other; `seen` is the live catalog as a later one would find it."""

    def __init__(self, live: Live, schema: str | None) -> None:
        """:param schema: where a name without one is made."""
        self._live = live
        self._schema = schema
        self._made: set[QualifiedName] = set()
        self._gone: set[QualifiedName] = set()
        self.seen: dict[QualifiedName, Relation] = {}
        self.path: tuple[str, ...] | None = None
        """The search path that the section has set; None for that of the session."""

    def note(self, sql: str) -> tuple[QualifiedName, ...]:
        """The relations that are new by a statement: made, and not there before, or new under another name."""
        found = [name for kind, node in _read(sql) for name in self._noted(kind, node)]
        self._made.update(found)
        return tuple(found)

    def _noted(self, kind: str, node: Node) -> Iterator[QualifiedName]:
        if made := _made(kind, node):
            name, kept = self._full(made[0]), made[1]
            if not kept or name in self._gone or self._live.relation(made[0]) is None:
                yield name
        elif kind == "RenameStmt" and node["renameType"] in _OF_ITS_OWN:
            old = self._full(relation(node["relation"]))
            yield from self._moved(old, QualifiedName(old.schema, node["newname"]))
        elif kind == "AlterObjectSchemaStmt" and "relation" in node:
            old = self._full(relation(node["relation"]))
            yield from self._moved(old, QualifiedName(node["newschema"], old.name))
        elif kind == "DropStmt" and node["removeType"] in _OF_ITS_OWN:
            listed = (strings(item["List"]["items"]) for item in node["objects"])
            self._gone.update(self._full(qualified(parts)) for parts in listed)
        elif kind == "IndexStmt" and "idxname" in node:
            self._index(node)
        elif kind == "AlterTableStmt":
            self._columns(node)
        else:
            self._set_path(kind, node)

    def _set_path(self, kind: str, node: Node) -> None:
        if kind == "VariableSetStmt" and node.get("name") == _PATH:
            self.path = _texts(node.get("args", ())) if node["kind"] == "VAR_SET_VALUE" else None
        elif kind == "SelectStmt":
            for value in _paths_of_set_config(node):
                self.path = _listed(value)

    def _full(self, name: QualifiedName) -> QualifiedName:
        """With the schema that it is found in, or would be made in."""
        if name.schema is not None:
            return name
        new = QualifiedName(self.path[0] if self.path else self._schema, name.name)
        found = None if new in self._made else self._live.relation(name)
        return found.name if found else new

    def _moved(self, old: QualifiedName, new: QualifiedName) -> Iterator[QualifiedName]:
        if old in self._made:
            yield new
            return
        self._gone.add(old)
        self._made.discard(new)
        if found := self._live.relation(old):
            self._put(dataclasses.replace(found, name=new))

    def _put(self, found: Relation) -> None:
        self.seen[found.name] = found
        if found.name.schema == self._schema:
            self.seen[QualifiedName(None, found.name.name)] = found

    def _index(self, node: Node) -> None:
        table = self._full(relation(node["relation"]))
        if table not in self._made and (found := self._live.relation(table)):
            name = QualifiedName(found.name.schema, node["idxname"])
            self._put(Relation(name, "i", None, 0, table=found.name))

    def _columns(self, node: Node) -> None:
        found = self._live.relation(relation(node["relation"]))
        commands = [item["AlterTableCmd"] for item in node["cmds"]]
        types = {one["name"]: one["def"]["ColumnDef"]["typeName"] for one in commands if "name" in one
                 and one["subtype"] == "AT_AlterColumnType"}  # fmt: skip
        if found is None or not types:
            return
        columns = dict(found.columns)
        for column, type_name in types.items():
            before, after = columns.pop(column, None), self._live.type_of(type_text(type_name))
            if before and after:
                columns[column] = Column(after, before.known_not_null)
        self._put(dataclasses.replace(found, columns=columns))
