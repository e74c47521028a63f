"""Archives of every format and version go into every server that can take them; what is damaged fails at once."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from dbops import programs
from dbops.backups import load, toc
from dbops.backups.compression import zstd
from dbops.backups.filtering import Options
from dbops.backups.source import recognise
from dbops.backups.tocbytes import Damaged
from dbops.engines.postgres import destination
from dbops.errors import DbopsError, ProgramFailed, Refused, UsageError
from dbops.events import Event, ignore
from tests.conftest import SERVERS, fresh_database
from tests.servers import Database, Server, create_database

Connection = psycopg.Connection[Any]
Clients = tuple[programs.Client, ...]
Into = Callable[..., psycopg.Connection[Any]]

FILL = """
    CREATE SCHEMA "sch é";
    CREATE TYPE mood AS ENUM ('sad', 'fine');
    CREATE TABLE "odd é.t" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, m mood, x text);
    INSERT INTO "odd é.t" (m, x) SELECT 'fine', g || E'\\ttab\\n\\\\unrestrict \\r' FROM generate_series(1, 2000) g;
    CREATE TABLE big AS SELECT g AS id, sha256(g::text::bytea) AS h FROM generate_series(1, 40000) g;
    CREATE INDEX ON big (h);
    ALTER TABLE big ADD PRIMARY KEY (id);
    CREATE TABLE child (id integer REFERENCES big, note text DEFAULT 'SET transaction_timeout = 0;');
    INSERT INTO child SELECT 7;
    CREATE VIEW v AS SELECT count(*) FROM big;
    CREATE MATERIALIZED VIEW mv AS SELECT count(*) FROM big;
    CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$ SELECT 'SET transaction_timeout = 0;' $$;
    REVOKE ALL ON FUNCTION f() FROM PUBLIC;
    SELECT lo_from_bytea(0, sha256(g::text::bytea)) FROM generate_series(1, 30) g;
    SELECT lo_from_bytea(0, (SELECT string_agg(h, ''::bytea) FROM big));
"""
SEEN = """
    SELECT (SELECT count(*) FROM "odd é.t"), (SELECT md5(string_agg(x, ',' ORDER BY id)) FROM "odd é.t"),
        (SELECT count(*) FROM big), (SELECT max(h::text) FROM big), (SELECT note FROM child), (SELECT count FROM mv),
        (SELECT f()), (SELECT count(*) FROM pg_catalog.pg_largeobject_metadata),
        (SELECT sum(length(lo_get(oid))) FROM pg_catalog.pg_largeobject_metadata)
"""
FORMATS = [
    "directory",
    "directory.zst",
    "custom",
    "custom.zst",
    "custom.gz",
    "tar",
    "tar.gz",
    "plain",
    "plain.zst",
]


@pytest.fixture(scope="module")
def clients() -> Clients:
    """All client programs here."""
    return programs.clients(os.environ.get("PATH", os.defpath))


@pytest.fixture
def into() -> Iterator[Into]:
    """Makes an empty database on a server and connects to it as superuser; all are dropped."""
    with contextlib.ExitStack() as stack:
        made = []

        def empty(server: Server, **keywords: str) -> Connection:
            name = f"l_{os.urandom(5).hex()}"
            with psycopg.connect(**server.keywords(), autocommit=True) as admin:
                create_database(admin, Database(server, name, server.user, server.password))
            made.append((server, name))
            return stack.enter_context(
                psycopg.connect(**{**server.keywords(name), **keywords}, autocommit=True)
            )

        yield empty
    for server, name in made:
        with psycopg.connect(**server.keywords(), autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def filled(server: Server) -> Iterator[Database]:
    """A database with something of most kinds in it, which the tests dump and do not change."""
    with fresh_database(server) as made:
        yield fill(made)


def fill(database: Database) -> Database:
    """The database with something of most kinds in it."""
    with psycopg.connect(**database.keywords, autocommit=True) as connection:
        connection.execute(FILL.encode())
    return database


def dump(database: Database, place: Path, form: str, *words: str) -> Path:
    """What the pg_dump of its server writes of a database, as superuser."""
    kind, _, wrapped = form.partition(".")
    keywords = database.server.keywords(database.name)
    environ = {"PATH": os.defpath, "PGPASSWORD": keywords.pop("password")}
    target = " ".join(f"{key}={value}" for key, value in keywords.items())
    raw = ["--compress=0"] if wrapped and kind != "tar" and kind != "plain" else []
    path = place / f"dump.{kind}"
    argv = [
        f"{database.server.bindir}/pg_dump",
        f"--format={kind}",
        *raw,
        f"--file={path}",
        *words,
        "-d",
        target,
    ]
    subprocess.run(argv, env=environ, check=True)
    if not wrapped:
        return path
    for file in [path] if path.is_file() else path.glob("*.dat"):
        if file.name != "toc.dat":
            pack(file, wrapped)
    return path if path.is_dir() else path.with_name(f"{path.name}.{wrapped}")


def pack(file: Path, how: str) -> None:
    """Compress a file and remove it."""
    data = file.read_bytes()
    if how == "zst":
        packed = zstd().compress(data, options={zstd().CompressionParameter.checksum_flag: 1})
    else:
        packed = gzip.compress(data, 1)
    file.with_name(f"{file.name}.{how}").write_bytes(packed)
    file.unlink()


def load_it(
    path: Path,
    connection: Connection,
    clients: Clients,
    options: Options | None = None,
    *,
    listen: Callable[[Event], None] = ignore,
    one_transaction: bool = False,
    before: str = "",
) -> load.LoadPlan:
    """Plan and load."""
    plan = load.plan(
        recognise(path), destination.read(connection), clients, options or Options(), jobs=2,
        one_transaction=one_transaction, before=before,
    )  # fmt: skip
    load.load(plan, connection, application="test", listen=listen)
    return plan


def seen(connection: Connection) -> tuple[Any, ...]:
    """What a filled database holds."""
    return tuple(connection.execute(SEEN.encode()).fetchall()[0])


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_into_every_server(
    filled: Database,
    form: str,
    tmp_path: Path,
    into: Into,
    clients: Clients,
    request: pytest.FixtureRequest,
) -> None:
    """Each format of each version goes into each server found here, older ones included, and is the same there."""
    path = dump(filled, tmp_path, form, "--no-owner")
    with psycopg.connect(**filled.server.keywords(filled.name)) as origin:
        expected = seen(origin)
    for server in request.config.stash[SERVERS]:
        connection = into(server)
        load_it(path, connection, clients, None if form.startswith("plain") else Options(no_owner=True))
        assert seen(connection) == expected
        private = connection.execute(
            "SELECT NOT has_function_privilege('pg_monitor', 'f()', 'EXECUTE')"
        ).fetchone()
        assert private == (True,)


@pytest.mark.parametrize("form", ["directory", "directory.zst", "custom", "tar"])
def test_contents_agree_with_pg_restore(filled: Database, form: str, tmp_path: Path) -> None:
    """The entries that are read from an archive are those that pg_restore lists."""
    path = dump(filled, tmp_path, form)
    argv = [f"{filled.server.bindir}/pg_restore", "--list", str(path)]
    listed = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()
    found = recognise(path).toc
    assert sorted(line for line in listed if line and not line.startswith(";")) == sorted(
        f"{one.dump_id}; {one.table_oid} {one.oid} {one.desc} {one.namespace or '-'} {one.tag} {one.owner}"
        for one in found.entries
        if one.desc not in {"ENCODING", "STDSTRINGS", "SEARCHPATH", "DATABASE"}
    )
    assert found.header.server_major == filled.server.major
    assert found.header.database == filled.name


@pytest.mark.parametrize("form", ["directory.zst", "custom.zst", "plain.zst"])
def test_in_one_transaction(
    filled: Database,
    form: str,
    tmp_path: Path,
    into: Into,
    clients: Clients,
) -> None:
    """All or nothing: a failure at the end leaves the database as it was, with what the transaction began with."""
    path = dump(filled, tmp_path, form, "--no-owner")
    connection = into(filled.server)
    connection.execute(
        "CREATE TABLE kept (); CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT 1::text'"
    )
    with pytest.raises(load.LoadFailed, match="already exists"):
        load_it(path, connection, clients, one_transaction=True, before="DROP TABLE kept")
    assert connection.execute("SELECT to_regclass('kept'), to_regclass('big')").fetchone() == ("kept", None)
    load_it(path, connection, clients, one_transaction=True, before="DROP TABLE kept; DROP FUNCTION f()")
    assert connection.execute("SELECT to_regclass('kept'), to_regclass('big')").fetchone() == (None, "big")


@pytest.mark.one_major
@pytest.mark.parametrize(
    "form", ["directory.zst", "directory", "custom.zst", "custom.gz", "custom", "tar", "plain.zst", "plain"]
)
@pytest.mark.parametrize("one_transaction", [False, True])
def test_cut_short(
    filled: Database,
    form: str,
    one_transaction: bool,
    tmp_path: Path,
    into: Into,
    clients: Clients,
) -> None:  # fmt: skip
    """The largest file without its last third fails, quickly, and in one transaction changes nothing."""
    path = dump(filled, tmp_path, form)
    files = list(path.glob("*.dat*")) if path.is_dir() else [path]
    largest = max(files, key=lambda file: file.stat().st_size)
    os.truncate(largest, largest.stat().st_size * 2 // 3)
    connection = into(filled.server)
    began = time.monotonic()
    with pytest.raises(DbopsError) as raised:
        load_it(path, connection, clients, one_transaction=one_transaction)
    assert isinstance(raised.value, Damaged | load.LoadFailed), raised.value
    assert time.monotonic() - began < 20
    if one_transaction:
        assert connection.execute("SELECT to_regclass('big')").fetchone() == (None,)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("feed")]


@pytest.mark.one_major
@pytest.mark.parametrize("way", ["link", "missing", "twice", "fifo", "byte", "toc link"])
def test_folder_that_is_not_whole(
    filled: Database, way: str, tmp_path: Path, into: Into, clients: Clients
) -> None:
    """Links, missing and doubled files and a changed byte in a directory archive are damage; no link is followed."""
    path = dump(filled, tmp_path, "directory.zst")
    largest = max(path.glob("*.dat.zst"), key=lambda file: file.stat().st_size)
    if way == "byte":
        data = bytearray(largest.read_bytes())
        data[len(data) // 2] ^= 1
        largest.write_bytes(data)
    elif way == "toc link":
        shutil.move(path / "toc.dat", tmp_path / "elsewhere")
        (path / "toc.dat").symlink_to(tmp_path / "elsewhere")
    elif way == "twice":
        shutil.copy(largest, largest.with_name(largest.name.replace(".zst", ".gz")))
    else:
        shutil.move(largest, tmp_path / "elsewhere")
        if way == "link":
            largest.symlink_to(tmp_path / "elsewhere")
        elif way == "fifo":
            os.mkfifo(largest)
    with pytest.raises(Damaged):
        load_it(path, into(filled.server), clients)


@pytest.mark.one_major
def test_error_of_the_server_ends_all(filled: Database, tmp_path: Path, into: Into, clients: Clients) -> None:
    """A load that the server refuses ends at once, although files wait to be read, and names object and cause."""
    path = dump(filled, tmp_path, "directory.zst")
    connection = into(filled.server)
    connection.execute("CREATE TABLE big ()")
    with pytest.raises(load.LoadFailed, match='relation "big" already exists') as raised:
        load_it(path, connection, clients)
    assert "CREATE TABLE public.big" in (raised.value.detail or "")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("feed")]


def test_missing_roles(database: Database, tmp_path: Path, into: Into, clients: Clients) -> None:
    """Grants to missing roles are left out, the rest of the privileges is kept; missing owners are an obstacle."""
    there, gone, owner = (f"r_{os.urandom(5).hex()}" for _ in range(3))
    source = into(database.server)
    source.execute(
        f"CREATE ROLE {there}; CREATE ROLE {gone}; CREATE ROLE {owner};"
        f"CREATE TABLE t (a integer); GRANT SELECT ON t TO {there}, {gone};"
        f"CREATE FUNCTION closed() RETURNS integer LANGUAGE sql AS 'SELECT 1';"
        f"REVOKE ALL ON FUNCTION closed() FROM PUBLIC; GRANT EXECUTE ON FUNCTION closed() TO {gone}"
    )
    granted = dataclasses.replace(database, name=source.info.dbname)
    (tmp_path / "granted").mkdir()
    (tmp_path / "owned").mkdir()
    path = dump(granted, tmp_path / "granted", "directory.zst")
    source.execute(f"CREATE TABLE o (); ALTER TABLE o OWNER TO {owner}")
    owned = dump(granted, tmp_path / "owned", "custom")
    source.execute(f"DROP TABLE o; DROP OWNED BY {gone}; DROP ROLE {gone}; DROP ROLE {owner}")
    try:
        target = into(database.server)
        said: list[Event] = []
        load_it(path, target, clients, listen=said.append)
        assert target.execute(
            f"SELECT has_table_privilege('{there}', 't', 'SELECT'),"
            f"has_function_privilege('{there}', 'closed()', 'EXECUTE')"
        ).fetchone() == (True, False)
        assert [event.sentence() for event in said if "left out" in event.sentence()] == [
            f"left out ACL of {what} in public: the server has no role {gone}"
            for what in ("FUNCTION closed()", "TABLE t")
        ]
        with pytest.raises(DbopsError, match=f"no role {owner}.*--create-missing-roles or --no-owner"):
            load_it(owned, into(database.server), clients)
        load_it(owned, into(database.server), clients, Options(no_owner=True))
        created = into(database.server)
        load_it(owned, created, clients, Options(create_missing_roles=True))
        found = created.execute(
            "SELECT tableowner, rolcanlogin FROM pg_tables JOIN pg_roles ON rolname = tableowner WHERE tablename = 'o'"
        ).fetchone()
        assert found == (owner, False)
        created.execute(f"DROP OWNED BY {owner}, {gone}")
        source.execute(f"DROP OWNED BY {there}")
        target.execute(f"DROP OWNED BY {there}")
        created.execute(f"DROP OWNED BY {there}")
    finally:
        for role in (there, gone, owner):
            with contextlib.suppress(psycopg.errors.DependentObjectsStillExist):
                source.execute(f"DROP ROLE IF EXISTS {role}")


def test_ordinary_role(database: Database, tmp_path: Path, into: Into, clients: Clients) -> None:
    """An ordinary role restores its own database; what needs a superuser is left out, and is told."""
    filled = fill(database)
    with psycopg.connect(**filled.server.keywords(filled.name), autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'begin end';"
            "CREATE EVENT TRIGGER et ON ddl_command_end EXECUTE FUNCTION e(); COMMENT ON EVENT TRIGGER et IS 'x';"
            "CREATE PUBLICATION every FOR ALL TABLES"
        )
    path = dump(filled, tmp_path, "directory.zst", "--no-owner")
    target = into(filled.server)
    target.execute(f'ALTER DATABASE "{target.info.dbname}" OWNER TO "{filled.user}"')
    said: list[Event] = []
    with psycopg.connect(**{**filled.keywords, "dbname": target.info.dbname}, autocommit=True) as ordinary:
        load_it(path, ordinary, clients, Options(no_owner=True), listen=said.append)
    assert target.execute("SELECT count(*) FROM big").fetchone() == (40000,)
    left_out = {event.sentence().partition(":")[0] for event in said if "left out" in event.sentence()}
    of_public = (
        {"left out SCHEMA public", "left out ACL SCHEMA public"} if database.server.major < 15 else set()
    )
    assert left_out == {
        "left out EVENT TRIGGER et", "left out COMMENT EVENT TRIGGER et",
        "left out PUBLICATION every", *of_public,
    }  # fmt: skip


def test_some_tables(filled: Database, tmp_path: Path, into: Into, clients: Clients) -> None:
    """A table comes with its type, data, sequence and key; a foreign key to what does not come stays out."""
    path = dump(filled, tmp_path, "directory.zst", "--no-owner")
    target = into(filled.server)
    load_it(path, target, clients, Options(tables=("odd*", "public.child")))
    names = {row[0] for row in target.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    assert names == {"odd é.t", "child"}
    assert target.execute('INSERT INTO "odd é.t" DEFAULT VALUES RETURNING id').fetchone() == (2001,)
    assert target.execute(
        "SELECT contype::text FROM pg_constraint WHERE contype <> 'n' AND connamespace = 2200"
    ).fetchall() == [("p",)]
    with pytest.raises(UsageError, match="no table nothing"):
        load_it(path, into(filled.server), clients, Options(tables=("nothing",)))


def test_schema_only(filled: Database, tmp_path: Path, into: Into, clients: Clients) -> None:
    """The schema comes without rows and large objects, and materialized views stay unfilled."""
    target = into(filled.server)
    load_it(dump(filled, tmp_path, "custom", "--no-owner"), target, clients, Options(schema_only=True))
    assert target.execute(
        "SELECT (SELECT count(*) FROM big), (SELECT count(*) FROM pg_largeobject_metadata),"
        "(SELECT relispopulated FROM pg_class WHERE relname = 'mv')"
    ).fetchone() == (0, 0, False)


@pytest.mark.one_major
@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("CREATE TABLE t ();\n\\! touch {proof}\n", "backslash commands are restricted"),
        ("SELECT 1;\n\\unrestrict `touch {proof}`\n", "line 2"),
        ("SELECT 1 \\unrestrict `touch {proof}`\n", "line 1"),
        ("\\restrict k\n\\unrestrict `touch {proof}`\n\\! touch {proof}\n", "line 2"),
        ("\\restrict k\nSELECT 1;\n\\unrestrict k\n\\! touch {proof}\n", "backslash commands are restricted"),
        ("SELECT 1;\n\\o |touch {proof}\n", "backslash commands are restricted"),
    ],
)
def test_sql_runs_no_programs(
    database: Database,
    text: str,
    error: str,
    tmp_path: Path,
    into: Into,
    clients: Clients,
) -> None:
    """Commands of psql in a plain dump, its own \\unrestrict with backquotes among them, run nothing and are an error."""
    proof = tmp_path / "proof"
    path = tmp_path / "hostile.sql"
    path.write_text(text.format(proof=proof))
    with pytest.raises(DbopsError, match=error) as raised:
        load_it(path, into(database.server), clients)
    assert not proof.exists()
    assert isinstance(raised.value, ProgramFailed | Refused)


@pytest.mark.one_major
def test_sql_stops_at_its_first_error(
    database: Database, tmp_path: Path, into: Into, clients: Clients
) -> None:
    """The line of the first error is told, a password beside it is not, and nothing of the file is left."""
    path = tmp_path / "wrong.sql"
    path.write_text("CREATE TABLE a ();\nCREATE ROLE r PASSWORD 'geheim' WRONG;\nCREATE TABLE b ();\n")
    target = into(database.server)
    with pytest.raises(load.LoadFailed, match="psql:<stdin>:2: ERROR") as raised:
        load_it(path, target, clients)
    assert "geheim" not in f"{raised.value.message}{raised.value.detail}"
    assert target.execute("SELECT to_regclass('a'), to_regclass('b')").fetchone() == (None, None)


def test_archive_that_cannot_go_back(filled: Database, tmp_path: Path) -> None:
    """Without a pg_restore that reads the archive, the refusal says which one is needed."""
    source = recognise(dump(filled, tmp_path, "custom"))
    old = programs.Client(Path("/old/bin"), "11.22")
    with psycopg.connect(**filled.server.keywords(filled.name)) as connection:
        facts = destination.read(connection)
    with pytest.raises(ProgramFailed, match=r"cannot go back to this server .* because") as raised:
        load.plan(source, facts, [old], Options(), jobs=1)
    assert source.toc.header.version <= toc.NEWEST
    assert "11.22 (/old/bin)" in raised.value.message
