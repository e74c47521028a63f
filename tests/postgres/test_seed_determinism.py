"""The same seed gives the same data: whatever the number of processes, the server, the machine's settings, the day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import psycopg
import pytest

from tests.conftest import SERVERS, Project
from tests.firms import AS_OF, DEMO, SETS, Firms, contents, seed
from tests.servers import Database, Server

Connect = Callable[..., psycopg.Connection[Any]]
Contents = Mapping[str, tuple[int, str]]

pytestmark = pytest.mark.one_major
GENERATE = ("generate", "--rows", "60", *AS_OF)
# What another server, or another database on it, may have set: how values are shown and read, and how text is ordered.
ELSEWHERE = {
    "timezone": "'Asia/Kolkata'", "datestyle": "'SQL, DMY'", "intervalstyle": "'sql_standard'", "bytea_output": "'escape'",
    "search_path": "'pg_catalog'", "extra_float_digits": "-15", "xmlbinary": "'hex'", "default_transaction_isolation": "'serializable'",
    "row_security": "off", "quote_all_identifiers": "on", "session_replication_role": "'origin'",
}  # fmt: skip


@pytest.fixture
def seeded(project: Project, connect: Connect) -> Callable[..., Contents]:
    """Seeds a database, and tells what is in it then."""

    def run(database: Database, *argv: str, environ: Mapping[str, str] | None = None) -> Contents:
        outcome = seed(project, database, *argv, *SETS, environ=environ)
        assert outcome.code == 0, outcome
        return contents(connect(database), whole_audit="--fast" in argv)

    return run


def _elsewhere(firms: Firms, server: Server, connect: Connect) -> Database:
    """A database whose text is ordered otherwise, in a zone of half hours, that shows and reads dates otherwise."""
    made = firms.migrated(server, "locale 'C' encoding 'UTF8' locale_provider icu icu_locale 'en-u-kn-true'")
    with connect(made, **server.keywords(made.name)) as superuser:
        for name, value in ELSEWHERE.items():
            superuser.execute(f'alter database "{made.name}" set {name} = {value}'.encode())
    return made


def test_demo_data_on_every_server(
    firms: Firms, seeded: Callable[..., Contents], request: pytest.FixtureRequest
) -> None:
    """Major versions and numbers of processes: every row is the same, but for what the triggers say of themselves."""
    wanted = ("--rows", "accounts=121", "--rows", "orders=700", *AS_OF)  # in four blocks
    found = request.config.stash[SERVERS]
    first, *others = (
        seeded(firms.make(found[nth % len(found)]), *wanted, "--jobs", jobs)
        for nth, jobs in enumerate(("1", "4", "3"))
    )
    for other in others:
        assert other == first


def test_demo_data_without_triggers(
    firms: Firms, server: Server, seeded: Callable[..., Contents], connect: Connect
) -> None:
    """With --fast each row of the audit trail is the same, too: on another day, in other settings,
    after a rollback, after other data of another seed."""
    here = firms.make(server)
    first = seeded(here, *DEMO, "--fast", "--jobs", "1")
    environ = {
        "TZ": "Pacific/Kiritimati",
        "LANG": "tr_TR.UTF-8",
        "LC_ALL": "tr_TR.UTF-8",
        "PYTHONHASHSEED": "1",
    }
    there = _elsewhere(firms, server, connect)
    connect(there).execute(
        "select setval('public.audit_log_id_seq', 5000), setval('public.orders_id_seq', 7000)"
    )
    assert seeded(there, *DEMO, "--fast", "--jobs", "4", environ=environ) == first
    again = seeded(here, *DEMO, "--fast", "--truncate", "--random-seed", "7")
    same = {table for table in first if again[table] == first[table]}
    assert same == {"instruments", "liquidity_providers", "lp_instruments", "routing_rules"}
    assert seeded(here, *DEMO, "--fast", "--truncate") == first


def test_generated_data(
    firms: Firms, server: Server, seeded: Callable[..., Contents], connect: Connect
) -> None:
    """`generate` likewise: for any number of jobs, in other settings, on top of rows that are there; for another
    seed other rows."""
    first, there = firms.make(server), _elsewhere(firms, server, connect)
    environ = {"TZ": "Pacific/Kiritimati", "LANG": "tr_TR.UTF-8", "PYTHONHASHSEED": "1"}
    alone = seeded(first, *GENERATE, "--fast", "--jobs", "1")
    assert seeded(there, *GENERATE, "--fast", "--jobs", "3", environ=environ) == alone
    more = ("generate", "--rows", "20", *AS_OF, "--fast", "--random-seed", "7")
    again = seeded(first, *more)
    assert seeded(there, *more, environ=environ) == again
    assert {table for table in alone if again[table] == alone[table]} == set()


def test_a_set_for_any_day(firms: Firms, server: Server, seeded: Callable[..., Contents]) -> None:
    """The set `dev` by itself, too."""
    assert seeded(firms.make(server)) == seeded(firms.make(server))
