"""What is said of a statement against what the server does: the locks it holds, and whether it writes a table anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from dbops.engines.postgres.effects.live import LiveCatalog
from dbops.engines.postgres.effects.model import Cost, LockMode
from dbops.engines.postgres.effects.statements import effects
from tests.postgres.ddl import SCHEMA, STATEMENTS
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]

EMPTIED = {"truncate loose": {"loose"}}
"""A table that gets a new, empty file is not rewritten."""
HELD = "select relation, mode from pg_locks where pid = pg_backend_pid() and granted and relation = any(%s)"
NAMES = """
select oid, relname::text from pg_class
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'm', 'v', 'S')
"""
FILES = "select oid, relfilenode from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'm')"


def strongest(found: list[tuple[str, LockMode]]) -> dict[str, LockMode]:
    modes: dict[str, LockMode] = {}
    for name, mode in found:
        modes[name] = max(mode, modes.get(name, mode))
    return modes


def test_what_is_said_is_what_the_server_does(database: Database, connect: Connect) -> None:
    """Each of the statements: the strongest lock on every table, and the tables that get a new file, are as told.

    What is only read (of views, of keys, for a grant) may be more than is told: it is in nobody's way.
    """
    connection = connect(database)
    connection.execute(SCHEMA)
    modes = {mode.in_catalog: mode for mode in LockMode}
    wrong: list[str] = []
    for statement in STATEMENTS:
        told = effects(statement, LiveCatalog(connection))
        files, names = (dict(connection.execute(query).fetchall()) for query in (FILES, NAMES))
        connection.execute("begin")
        connection.execute(statement)
        held = connection.execute(HELD, [list(names)]).fetchall()
        after = dict(connection.execute(FILES).fetchall())
        connection.execute("rollback")
        said = strongest(
            [(one.relation.name, LockMode(one.mode)) for one in told if one.relation.name in names.values()]
        )
        seen = strongest([(names[oid], modes[mode]) for oid, mode in held])
        if said != {name: mode for name, mode in seen.items() if name in said or mode > LockMode.ROW_SHARE}:
            wrong.append(f"{statement}: said {said}, seen {seen}")
        anew = {names[oid] for oid, file in files.items() if after.get(oid, file) != file}
        rewritten = {effect.relation.name for effect in told if effect.cost is Cost.REWRITE}
        if rewritten != anew - EMPTIED.get(statement, set()):
            wrong.append(f"{statement}: said to rewrite {rewritten}, rewrites {anew}")
    assert not wrong, "\n" + "\n".join(wrong)
