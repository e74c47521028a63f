"""Dumps that stock programs made, restored by their path."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from dbops.backups.compression import zstd
from tests.conftest import SERVERS
from tests.postgres.rounds import Rounds, described, dumped, superuser_sql, superuser_url
from tests.servers import Server
from tests.zoo.description import differences

PLAIN = "-Fp"
CONTENT = """
    CREATE TYPE mood AS ENUM ('sad', 'it''s');
    CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, m mood[], b bytea, text text);
    INSERT INTO t (m, b, text) SELECT ARRAY['sad', 'it''s']::mood[], '\\xff00', E'\\\\.\\n\\t' || n FROM generate_series(1, 3000) AS n;
    CREATE VIEW v AS SELECT id, upper(text) AS "u ""p" FROM t WHERE id > 5;
    SELECT lo_from_bytea(77, decode(repeat('00ff5c', 9000), 'hex'));
    COMMENT ON VIEW v IS '\\! is text here';
"""
FORMS = {
    "custom": ("-Fc", "-Z9"),
    "directory": ("-Fd", "-j2"),
    "tar": ("-Ft",),
    "old.sql": (PLAIN,),
    "old.sql.gz": (PLAIN,),
    "old.sql.zst": (PLAIN,),
}


@pytest.mark.one_major
def test_every_form(rounds: Rounds, request: pytest.FixtureRequest) -> None:
    """Each form by each version of pg_dump in turn; SQL only where it is trusted."""
    database = rounds.database
    major = database.server.major
    superuser_sql(database, CONTENT)
    before = described(database)
    clients = [server for server in request.config.stash[SERVERS] if server.major >= major]
    for number, (name, options) in enumerate(FORMS.items()):
        client: Server = clients[number % len(clients)]
        path = _packed(dumped(database, client, rounds.project.folder / name, *options))
        copy = rounds.beside(str(number))
        trust = ["--trust-sql"] if PLAIN in options else []
        if path.suffix == ".sql":
            assert "--trust-sql" in rounds.restored(path, copy, code=13).stderr
        assert "without a proof" in rounds.restored(path, copy, *trust).stdout
        assert differences(before, described(copy)) == [], name


def _packed(path: Path) -> Path:
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(path.read_bytes()))
    elif path.suffix == ".zst":
        path.write_bytes(zstd().compress(path.read_bytes()))
    return path


BAD = {
    "a program": ("\\! touch {folder}/ran", ":40: error: backslash commands are restricted"),
    "a program after \\unrestrict": ("\\unrestrict `touch {folder}/ran`", "\\unrestrict"),
    "a copy to a program": (
        "\\copy t to program 'touch {folder}/ran'",
        ":40: error: backslash commands are restricted",
    ),
    "an error in the middle": ("SELECT 1/0;", "division by zero"),
    "an end too early": ("COPY t (a) FROM stdin;\n1\n", ""),
}


@pytest.mark.one_major
@pytest.mark.parametrize(("line", "word"), BAD.values(), ids=BAD.keys())
def test_sql_that_does_more(rounds: Rounds, line: str, word: str) -> None:
    """It is stopped where it does, no program runs, and the live database is what it was."""
    superuser_sql(rounds.database, "CREATE TABLE t AS SELECT 1 AS a")
    before = described(rounds.database)
    folder = rounds.project.folder
    path = dumped(rounds.database, rounds.database.server, folder / "bad.sql")
    marked = "COPY public.t (a) FROM stdin;" if word else "-- PostgreSQL database dump complete"
    text = path.read_text()
    assert marked in text
    added = line.format(folder=str(folder).replace(" ", "?"))
    path.write_text(text.replace(marked, f"{added}\n{marked}") if word else text[: text.index("\\.\n")])
    outcome = rounds.project.run(
        "restore", path, "--trust-sql", "--confirm", rounds.database.name,
        environ={"DATABASE_URL": superuser_url(rounds.database)},
    )  # fmt: skip
    assert outcome.code not in (0, 70), outcome
    assert word in outcome.stderr
    assert not (folder / "ran").exists()
    assert differences(before, described(rounds.database)) == []
    assert rounds.databases() == {rounds.database.name}


@pytest.mark.one_major
def test_sql_that_reaches_another_database(rounds: Rounds) -> None:
    """A dump by pg_dump -C --clean: refused before anything is made, with its line; the live database stays."""
    superuser_sql(rounds.database, CONTENT)
    before = described(rounds.database)
    path = dumped(rounds.database, rounds.database.server, rounds.project.folder / "v.sql", "-C", "--clean")
    told = rounds.restored(path, rounds.beside("copy"), "--trust-sql", code=13).stderr
    assert "is DROP DATABASE" in told
    assert "without -C" in told
    assert differences(before, described(rounds.database)) == []
    assert rounds.databases() == {rounds.database.name}


@pytest.mark.one_major
def test_a_dump_that_is_cut_short(rounds: Rounds) -> None:
    """Damaged (3), wherever that is found; the roles that were made for it are gone with the side database."""
    database = rounds.database
    role = f"{database.name}_keeper"
    superuser_sql(database, f'{CONTENT}; CREATE ROLE "{role}"; ALTER VIEW v OWNER TO "{role}"')
    path = dumped(database, database.server, rounds.project.folder / "c.dump", "-Fc")
    superuser_sql(database, f'ALTER VIEW v OWNER TO CURRENT_USER; DROP ROLE "{role}"')
    whole = path.read_bytes()
    for length in (len(whole) - 9, len(whole) * 3 // 4):
        path.write_bytes(whole[:length])
        told = rounds.restored(path, rounds.beside("copy"), "--create-missing-roles", code=3).stderr
        assert "damaged" in told
        assert superuser_sql(database, f"SELECT FROM pg_roles WHERE rolname = '{role}'") == []
    assert rounds.databases() == {database.name}
