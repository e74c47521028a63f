"""What the tests of `seed-test-data` that is ended share: a firm, and a command held at one of its phases.

Indexes and a materialized view call `hold`, which waits in the server while the query of the phase is at work.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.conftest import Project
from tests.firms import AS_OF, SETS, contents, seeding, structure
from tests.servers import Database
from tests.watching import Watch, until

_LOCK = 77
# An index that calls a function is not taken away while rows come in; one with an operator class of its own is.
_FUNCTIONS = """
create function hold() returns void language plpgsql as 'begin end';
create function hold(value anyelement) returns text language plpgsql immutable as
    'begin perform public.hold(); return value::text; end';
create function hold(one text, other text) returns integer language plpgsql immutable as
    'begin perform public.hold(); return bttextcmp(one, other); end';
"""
_OPERATORS = """
create operator class held_ops for type text using btree as operator 1 <, operator 2 <=, operator 3 =, operator 4 >=,
    operator 5 >, function 1 hold(text, text);
"""
_INDEXES = """
create index held_users on users (hold(username));
create index held_orders on orders (client_order_id held_ops);
create index held_fills on fills (hold(symbol));
create index held_positions on positions (hold(symbol));
create index held_breakers on circuit_breakers (hold(tripped_at));
create materialized view held_view as select hold(status) from orders;
comment on index held_orders is 'kept';
"""
_HOLD = """
create or replace function hold() returns void language plpgsql as $$
begin
    if current_query() ilike {} then
        perform pg_advisory_xact_lock_shared({});
    end if;
end $$
"""
_WAITING = (
    "select pid from pg_stat_activity where datname = current_database()"
    " and application_name like 'dbops seed%%' and wait_event = 'advisory'"
)
_SEEDING = (
    "select count(*) = 0 from pg_stat_activity where datname = current_database()"
    " and application_name like 'dbops seed%%'"
)

SMALL = ("--rows", "accounts=41", "--rows", "orders=300", *AS_OF, *SETS)  # in two blocks
OTHER = (*SMALL, "--truncate", "--random-seed", "7", "--jobs", "1")
GENERATE = ("generate", "--rows", "30", *AS_OF, "--jobs", "1")
MANY = ("generate", "--rows", "40_000", "--table", "users", *AS_OF, "--fast", "--jobs", "2")
TWO = ("--jobs", "2")


def prepare(owner: psycopg.Connection[Any], superuser: psycopg.Connection[Any]) -> None:
    """Give a database the means to hold a command."""
    for session, statements in ((owner, _FUNCTIONS), (superuser, _OPERATORS), (owner, _INDEXES)):
        session.execute(statements.encode())


class Held:
    """A command that waits in the server at one of its phases, and lets nobody wait for it longer than the test."""

    def __init__(self, process: subprocess.Popen[str], backend: int, free: Callable[[], None]) -> None:
        self.process, self.backend, self.free = process, backend, free

    @property
    def workers(self) -> list[int]:
        """The processes that make the rows."""
        argv = ["ps", "-ww", "-o", "pid=", "-o", "args=", "--ppid", str(self.process.pid)]
        lines = subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines()
        return [int(line.split()[0]) for line in lines if "spawn_main" in line]

    def ended(self) -> tuple[int, str]:
        """Exit code and what was said; what it would take to go on to the end is far longer than this waits."""
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out + err


class Holder:
    """Holds commands in one database."""

    def __init__(self, project: Project, firm: Database, lock: psycopg.Connection[Any], watch: Watch) -> None:
        self._project, self._firm, self._lock, self._watch = project, firm, lock, watch

    def __call__(self, query: str, *argv: str) -> Held:
        """Start a command and wait until it is at the phase where it sends a query like that."""
        statement = sql.SQL(_HOLD).format(sql.Literal(query), sql.Literal(_LOCK))
        self._lock.execute(statement)
        self._lock.execute("select pg_advisory_lock(%s)", [_LOCK])
        process = seeding(self._project, self._firm, *argv)

        def waiting() -> int | None:
            assert process.poll() is None, (query, process.communicate())
            found = self._watch.value(_WAITING)
            return None if found is None else int(found)

        return Held(process, until(waiting, f"{argv} to wait in {query}"), self.free)

    def free(self) -> None:
        """Let what is held go on."""
        self._lock.execute("select pg_advisory_unlock_all()")


def _running(group: int) -> list[int]:
    """The processes of a process group that have not ended."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, pgrp = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it has just ended
            continue
        if int(pgrp) == group and state != "Z":
            found.append(int(path.parent.name))
    return found


def nobody_is_left(one: Held, watch: Watch) -> None:
    """No process, no session, and so no lock; before the lock that it waited for is free."""
    one.process.wait(timeout=30)
    until(lambda: not _running(one.process.pid), "the end of its processes")
    watch.until(_SEEDING)
    one.free()


def state(watch: Watch) -> tuple[object, object]:
    """All that a command may not change where it does not end well."""
    return structure(watch.connection), contents(watch.connection)
