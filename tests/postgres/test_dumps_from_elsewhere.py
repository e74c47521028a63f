"""Dumps that stock programs made, restored by their path."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from dbops.backups.compression import zstd
from tests import zoo
from tests.conftest import SERVERS
from tests.postgres.rounds import Rounds, described, dumped, superuser_sql, superuser_url
from tests.servers import Server
from tests.zoo.description import differences
from tests.zoo.known import unexpected

PLAIN = "-Fp"
FORMS = {
    "custom": ("-Fc", "-Z9"),
    "directory": ("-Fd", "-j2"),
    "tar": ("-Ft",),
    "old.sql": (PLAIN,),
    "old.sql.gz": (PLAIN,),
    "old.sql.zst": (PLAIN, "-O", "-x"),
}


@pytest.mark.one_major
def test_every_form(rounds: Rounds, request: pytest.FixtureRequest) -> None:
    """Each form by each version of pg_dump in turn; SQL only where it is trusted."""
    database = rounds.database
    major = database.server.major
    zoo.build(database)
    superuser_sql(database, "TRUNCATE zoo.heavy")
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
        if "-O" not in options:
            assert unexpected(differences(before, described(copy)), major, major) == [], name


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
