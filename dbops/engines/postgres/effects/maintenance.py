"""The effects of statements that keep tables in order, and of LOCK."""

from __future__ import annotations

from collections.abc import Iterator

from dbops.engines.postgres.effects.model import Cost, Effect, Live, LockMode, Relation, Rule
from dbops.engines.postgres.nodes import Node, is_on, options_of, relation


def _vacuum(node: Node, live: Live) -> Iterator[Effect]:
    full = node.get("is_vacuumcmd") and is_on(options_of(node.get("options")), "full", default=False)
    for item in node.get("rels", ()):
        name = relation(item["VacuumRelation"]["relation"])
        if full:
            yield Effect(name, LockMode.ACCESS_EXCLUSIVE, Cost.REWRITE, "vacuum-full")
        else:
            yield Effect(name, LockMode.SHARE_UPDATE_EXCLUSIVE, Cost.SCAN)


def _reindex(node: Node, live: Live) -> Iterator[Effect]:
    if "relation" not in node:
        return
    name = relation(node["relation"])
    found: Relation | None = live.relation(name)
    table = found.table if found and found.table else name
    concurrently = is_on(options_of(node.get("params")), "concurrently", default=False)
    mode = LockMode.SHARE_UPDATE_EXCLUSIVE if concurrently else LockMode.SHARE
    yield Effect(table, mode, Cost.BUILD, "" if concurrently else "reindex")


def _refresh(node: Node, live: Live) -> Iterator[Effect]:
    concurrently = node.get("concurrent", False)
    name = relation(node["relation"])
    if concurrently:
        yield Effect(name, LockMode.EXCLUSIVE, Cost.ROWS)
    else:
        yield Effect(name, LockMode.ACCESS_EXCLUSIVE, Cost.REWRITE, "refresh")


def _lock(node: Node, live: Live) -> Iterator[Effect]:
    for item in node["relations"]:
        yield Effect(relation(item["RangeVar"]), LockMode(node["mode"]))


def _statistics(node: Node, live: Live) -> Iterator[Effect]:
    for item in node.get("relations", ()):
        if "RangeVar" in item:
            yield Effect(relation(item["RangeVar"]), LockMode.SHARE_UPDATE_EXCLUSIVE)


RULES: dict[str, Rule] = {
    "VacuumStmt": _vacuum,
    "ReindexStmt": _reindex,
    "RefreshMatViewStmt": _refresh,
    "LockStmt": _lock,
    "CreateStatsStmt": _statistics,
}
