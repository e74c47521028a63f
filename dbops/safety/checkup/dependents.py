"""What depends on the objects that statements drop, by the catalog: views, keys, functions, defaults, triggers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from dbops.engines.postgres.effects.live import quoted
from dbops.engines.postgres.effects.spelling import type_text
from dbops.engines.postgres.libpg_query import Refusal, parse
from dbops.engines.postgres.nodes import Node, qualified, relation, strings
from dbops.safety.checkup.asking import Asker
from dbops.safety.checkup.model import Finding, Level

_ADDRESSES = {
    "relation": "select 'pg_catalog.pg_class'::regclass::oid, pg_catalog.to_regclass(%s)::oid, 0",
    "column": """
select 'pg_catalog.pg_class'::regclass::oid, attrelid, attnum::int from pg_catalog.pg_attribute
where attrelid = pg_catalog.to_regclass(%s) and attname = %s and not attisdropped
""",
    "constraint": """
select 'pg_catalog.pg_constraint'::regclass::oid, oid, 0 from pg_catalog.pg_constraint
where conrelid = pg_catalog.to_regclass(%s) and conname = %s
""",
    "type": "select 'pg_catalog.pg_type'::regclass::oid, pg_catalog.to_regtype(%s)::oid, 0",
    "function": "select 'pg_catalog.pg_proc'::regclass::oid, pg_catalog.to_regprocedure(%s)::oid, 0",
    "routine": "select 'pg_catalog.pg_proc'::regclass::oid, pg_catalog.to_regproc(%s)::oid, 0",
    "schema": "select 'pg_catalog.pg_namespace'::regclass::oid, oid, 0 from pg_catalog.pg_namespace where nspname = %s",
}
"""How to find each kind in the catalog: its class, its OID, its number in a table."""

_DEPENDENTS = """
with recursive gone (class, object, part, root) as (
    select * from unnest(%s::oid[], %s::oid[], %s::int[], %s::int[])
    union
    select d.classid, d.objid, d.objsubid, g.root from pg_catalog.pg_depend as d
    join gone as g on d.refclassid = g.class and d.refobjid = g.object and (g.part = 0 or d.refobjsubid = g.part)
    where d.deptype <> 'n' and d.deptype <> 'e' and d.deptype <> 'x'
)
select distinct g.root, case when r.oid is null then pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid)
    else pg_catalog.pg_describe_object('pg_catalog.pg_class'::regclass, r.ev_class, 0) end
from pg_catalog.pg_depend as d
join gone as g on d.refclassid = g.class and d.refobjid = g.object and (g.part = 0 or d.refobjsubid = g.part)
left join pg_catalog.pg_rewrite as r on d.classid = 'pg_catalog.pg_rewrite'::regclass and r.oid = d.objid
where d.deptype = 'n' and not exists (
    select from gone as o where o.class = d.classid and o.object = d.objid and o.part in (0, d.objsubid))
order by 1, 2
"""
_ROUTINES = ("OBJECT_FUNCTION", "OBJECT_PROCEDURE", "OBJECT_ROUTINE")
_RELATIONS = frozenset(
    {"OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_INDEX", "OBJECT_SEQUENCE", "OBJECT_FOREIGN_TABLE"}
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Dropped:
    """An object that a statement drops.

    :param kind: of `_ADDRESSES`; `name` is what is asked for there.
    :param cascade: with everything that depends on it.
    """

    kind: str
    name: tuple[str, ...]
    words: str
    cascade: bool


def look(ask: Asker, statements: Iterable[str]) -> Iterator[Finding]:
    """What depends on what they drop and is not dropped with it.

    A function knows only of what its header names: the text of its body is not in the catalog.
    """
    found = [
        (one, address) for text in statements for one in dropped(text) for address in _addresses(ask, one)
    ]
    classes, objects, parts = ([address[place] for _, address in found] for place in range(3))
    numbers = list(range(len(found)))
    for number, described in ask.rows(_DEPENDENTS, [classes, objects, parts, numbers]) if found else ():
        root = found[number][0]
        end = "CASCADE takes it along" if root.cascade else "the statement fails"
        yield Finding(
            "depends-on-it",
            Level.PROBLEM,
            f"the {described}",
            f"depends on {root.words}, which the down section drops: {end}",
            f"SELECT * FROM pg_depend WHERE refobjid = {found[number][1][1]};",  # noqa: S608  # a number
            "drop or change it first, or write it into the down section",
        )


def _addresses(ask: Asker, one: Dropped) -> list[tuple[int, int, int]]:
    rows = ask.rows(_ADDRESSES[one.kind], list(one.name))
    return [(kind, object_, part) for kind, object_, part in rows if object_ is not None]


def dropped(text: str) -> Iterator[Dropped]:
    """What a statement drops on which something may depend."""
    try:
        nodes = parse(text.encode())
    except Refusal:
        return
    for ((kind, node),) in (one["stmt"].items() for one in nodes):
        if kind == "DropStmt":
            yield from _of_drop(node)
        elif kind == "AlterTableStmt":
            table = relation(node["relation"])
            for command in (item["AlterTableCmd"] for item in node["cmds"]):
                part = {"AT_DropColumn": "column", "AT_DropConstraint": "constraint"}.get(command["subtype"])
                if part:
                    words = f"the {part} {table}.{command['name']}"
                    yield Dropped(part, (quoted(table), command["name"]), words, _cascades(command))


def _of_drop(node: Node) -> Iterator[Dropped]:
    kind, cascade = node["removeType"], _cascades(node)
    word = kind.removeprefix("OBJECT_").lower()
    for item in node.get("objects", ()):
        if kind in _RELATIONS:
            name = qualified(strings(item["List"]["items"]))
            yield Dropped("relation", (quoted(name),), f"the {word} {name}", cascade)
        elif kind in ("OBJECT_TYPE", "OBJECT_DOMAIN"):
            name = qualified(strings(item["TypeName"]["names"]))
            yield Dropped("type", (quoted(name),), f"the {word} {name}", cascade)
        elif kind in _ROUTINES:
            yield _routine(item["ObjectWithArgs"], word, cascade)
        elif kind == "OBJECT_SCHEMA":
            yield Dropped(
                "schema", (item["String"]["sval"],), f"the schema {item['String']['sval']}", cascade
            )


def _routine(node: Node, word: str, cascade: bool) -> Dropped:
    name = qualified(strings(node["objname"]))
    if node.get("args_unspecified"):
        return Dropped("routine", (quoted(name),), f"the {word} {name}", cascade)
    types = ", ".join(type_text(item["TypeName"]) for item in node.get("objargs", ()))
    return Dropped("function", (f"{quoted(name)}({types})",), f"the {word} {name}", cascade)


def _cascades(node: Node) -> bool:
    return bool(node.get("behavior") == "DROP_CASCADE")
