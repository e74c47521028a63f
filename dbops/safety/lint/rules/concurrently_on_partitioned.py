"""CONCURRENTLY, where the server does not have it."""

from __future__ import annotations

from collections.abc import Iterator

from dbops.engines.postgres.nodes import qualified, relation, strings
from dbops.safety.lint.model import Found, Level, Rule
from dbops.safety.lint.reading import File
from dbops.safety.lint.surroundings import Surroundings


def _check(file: File, around: Surroundings) -> Iterator[Found]:
    for part in file.parts:
        for one in part.statements:
            if not one.node.get("concurrent"):
                continue
            if one.kind == "IndexStmt" and around.is_partitioned(relation(one.node["relation"])):
                name = relation(one.node["relation"])
                yield Found(part, one, f"{name} is partitioned: CREATE INDEX CONCURRENTLY fails on it")
            elif one.kind == "DropStmt":
                for item in one.node["objects"]:
                    index = qualified(strings(item["List"]["items"]))
                    found = around.live(index)
                    if found is not None and found.kind == "I":
                        message = f"{index} is the index of a partitioned table: DROP INDEX CONCURRENTLY fails on it"
                        yield Found(part, one, message)


RULE = Rule(
    "concurrently-on-partitioned",
    Level.ERROR,
    wrong="The server builds and drops indexes concurrently only on tables that hold rows themselves. On a partitioned "
    "table the statement fails, on every version.",
    safer="`CREATE INDEX ... ON ONLY parent` makes an index that is not valid yet and locks nothing for long. Then "
    "`CREATE INDEX CONCURRENTLY` on each partition, and `ALTER INDEX ... ATTACH PARTITION` for each; with the last one "
    "the parent's index is valid.",
    instead="CREATE INDEX ON ONLY the parent, CONCURRENTLY on each partition, then ALTER INDEX ... ATTACH PARTITION",
    check=_check,
)
