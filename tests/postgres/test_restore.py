"""`bin/restore` on real servers: a backup put back in the place of the database, and everything that can come between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from dbops.restore import names
from tests.conftest import Outcome, Project
from tests.postgres.restoring import DEADLOCK, Live, live_database
from tests.servers import Server


class Ground:
    """A live database with a migrated schema and rows, and a project that is configured for it."""

    def __init__(self, live: Live, project: Project) -> None:
        self.live = live
        self.project = project
        self.use(live.owner)
        project.write("migrations/001_orders.sql", "CREATE TABLE orders (id int PRIMARY KEY, what text);")

    def use(self, user: str, password: str | None = None) -> None:
        """Work as this role from now on."""
        self.project.environ.update(
            DB_HOST=self.live.server.host,
            DB_PORT=str(self.live.server.port),
            DB_USER=user,
            DB_PASSWORD=password or self.live.password,
            DB_NAME=self.live.name,
        )

    def ran(self, *argv: str, code: int = 0, **environ: str) -> Outcome:
        outcome = self.project.run(*argv, environ=environ, timeout=120)
        assert outcome.code == code, outcome
        return outcome

    def backed_up(self, name: str = "b1") -> None:
        """Migrated, a thousand rows, and a backup of that; then the rows are lost."""
        self.ran("migrate", "up")
        self.sql("INSERT INTO orders SELECT n, 'order ' || n FROM generate_series(1, 1000) AS n")
        self.ran("backup", name)
        self.sql("DELETE FROM orders")

    def restored(self, *argv: str, code: int = 0) -> Outcome:
        return self.ran("restore", *argv, "--confirm", self.live.name, code=code)

    def sql(self, statement: str, database: str | None = None) -> list[Any]:
        return self.live.sql(statement, database or self.live.name, self.live.owner)

    def rows(self, database: str | None = None) -> int:
        return int(self.sql("SELECT count(*) FROM orders", database)[0][0])

    def events(self, database: str | None = None) -> list[tuple[Any, ...]]:
        return self.sql(
            "SELECT action, name, detail FROM schema_migrations_events WHERE action = 'restored' ORDER BY id",
            database,
        )


@pytest.fixture
def ground(live: Live, project: Project) -> Ground:
    live.sql("DROP TABLE content", live.name)
    return Ground(live, project)


def test_a_backup_is_put_back(ground: Ground) -> None:
    """Rows are back, equal to the proof; the former database is kept; the event log says so; then undo, and discard."""
    ground.backed_up()
    outcome = ground.restored("b1", "--json")
    told = outcome.json
    assert told["restored"] == "b1"
    assert told["proof"]
    assert ground.rows() == 1000
    assert ground.rows(told["displaced"]) == 0
    assert ground.events() == [("restored", "b1", {"from": "b1", "displaced": told["displaced"]})]
    steps = [one["step"] for one in outcome.events if one.get("event") == "step_done"]
    assert [step.split()[0] for step in steps] == [
        "checked",
        "created",
        "loaded",
        "analyzed",
        "compared",
        "carried",
    ]
    analyzed = ground.sql("SELECT reltuples::int FROM pg_class WHERE relname = 'orders'")
    assert analyzed == [(1000,)]

    ground.ran("restore", "undo", "--confirm", ground.live.name)
    assert ground.rows() == 0
    listed = ground.ran("restore", "--json").json
    (one,) = [one for one in listed["displaced"] if one["database"] == ground.live.name]
    assert ground.rows(one["name"]) == 1000
    (undone,) = ground.events()
    assert undone[2] == {"from": told["displaced"], "displaced": one["name"]}
    assert [backup["name"] for backup in listed["backups"]] == ["b1"]
    gone = ground.ran("restore", "discard", "--confirm", one["name"], "--json").json
    assert gone["changed"]
    assert set(ground.live.databases()) == {ground.live.name}


@pytest.mark.one_major
def test_jobs_that_wait_for_each_other(ground: Ground) -> None:
    """pg_restore's jobs make a deadlock of their own: loaded again with one, into a database made anew, and told."""
    ground.sql(DEADLOCK)
    ground.backed_up()
    outcome = ground.restored("b1", "--jobs", "2")
    assert "waited for each other" in outcome.stderr
    assert ground.rows() == 1000
    assert ground.sql(
        "SELECT count(*) FROM pg_index WHERE indisvalid AND indexrelid::regclass::text LIKE '%_index'"
    )
    assert len(ground.live.databases()) == 2  # it and the displaced one


@pytest.mark.one_major
def test_a_database_without_the_mark_is_protected(ground: Ground) -> None:
    """Nothing happens without its name; a development backup does not turn it into a development database."""
    ground.sql(f"COMMENT ON DATABASE \"{ground.live.name}\" IS 'environment=development'")
    ground.backed_up()
    ground.sql(f"COMMENT ON DATABASE \"{ground.live.name}\" IS 'production'")
    refused = ground.ran("restore", "b1", code=13)
    assert f"--confirm {ground.live.name}" in refused.stderr
    assert set(ground.live.databases()) == {ground.live.name}
    ground.restored("b1")
    assert ground.live.databases()[ground.live.name] == "production"
    ground.ran("restore", "undo", code=13)
    ground.ran("restore", "discard", code=13)


@pytest.mark.one_major
def test_a_development_database_is_not(ground: Ground) -> None:
    """With the mark no confirmation is needed, for any of the verbs; the mark stays."""
    ground.sql(f"COMMENT ON DATABASE \"{ground.live.name}\" IS 'environment=development'")
    ground.backed_up()
    ground.ran("restore", "latest")
    assert ground.rows() == 1000
    ground.ran("restore", "undo")
    ground.ran("restore", "discard")
    assert ground.live.databases() == {ground.live.name: "environment=development"}


@pytest.mark.one_major
def test_dry_run_changes_nothing(ground: Ground) -> None:
    """The plan names the databases and the steps, problems included."""
    ground.backed_up()
    with ground.live.connect():
        outcome = ground.ran("restore", "b1", "--dry-run", "--migrate", "--json", code=13).json
    plan = outcome["plan"]
    assert plan["side"] == names.side(ground.live.name)
    assert plan["steps"] == ["check", "create", "load", "analyze", "compare", "carry over", "migrate", "swap"]
    assert len(outcome["problems"]) == 1
    assert set(ground.live.databases()) == {ground.live.name}


@pytest.mark.one_major
def test_what_differs_from_its_proof_stops(ground: Ground) -> None:
    """The archive holds something else than its proof says: exit 3, named; live untouched, the side database gone."""
    ground.backed_up()
    _forge(ground.project.folder / "backups" / "b1")
    outcome = ground.restored("b1", code=3)
    assert "differs" in outcome.stderr
    assert "orders" in outcome.stderr
    assert ground.rows() == 0
    assert set(ground.live.databases()) == {ground.live.name}
    ground.restored("b1", "--keep-side", code=3)
    assert set(ground.live.databases()) == {ground.live.name, names.side(ground.live.name)}


def _forge(folder: Any) -> None:
    """Let the proof speak of one row more, as if the archive had lost it."""
    from dbops.backups import manifest as manifests

    path = folder / "manifest.json"
    made = manifests.from_json(path.read_text(), str(path))
    assert made.proof is not None
    text = json.dumps(made.proof)
    assert "1000" in text
    proof = json.loads(text.replace("1000", "1001"))
    import dataclasses

    path.write_text("".join(manifests.to_json(dataclasses.replace(made, proof=proof))))


@pytest.mark.one_major
def test_migrations_run_before_the_swap(ground: Ground) -> None:
    """--migrate: what became pending since the backup is applied in the side database; where it fails, live stays."""
    ground.backed_up()
    path = ground.project.folder / "migrations" / "002_late.sql"
    for text in ("SELECT 1/0;", "CREATE INDEX CONCURRENTLY i ON orders (what);\nSELECT 1/0;"):
        path.write_text(text)
        told = ground.restored("b1", "--migrate", code=1).stderr
        assert "bin/restore b1 --migrate again" in told
        assert "bin/migrate up" not in told
    assert "checked" not in ground.restored("b1", "--migrate", "--migrations-dir", "none", code=5).stderr
    assert ground.rows() == 0
    assert set(ground.live.databases()) == {ground.live.name}
    path.write_text("CREATE TABLE late (id int);")
    ground.restored("b1", "--migrate")
    assert ground.rows() == 1000
    assert ground.sql("SELECT count(*) FROM late") == [(0,)]
    assert ground.sql("SELECT count(*) FROM schema_migrations") == [(2,)]


@pytest.mark.one_major
def test_pre_backup(ground: Ground) -> None:
    """--pre-backup: what is displaced is in a backup, too, and that one can be restored."""
    ground.backed_up()
    ground.sql("INSERT INTO orders VALUES (7, 'seven')")
    made = ground.restored("b1", "--pre-backup", "--json").json["pre_backup"]
    ground.restored(made)
    assert ground.rows() == 1


def test_into_a_new_database(ground: Ground) -> None:
    """--to NEW: made for it, nothing displaced, no confirmation; live untouched.  Again, it is a live one of its own."""
    ground.backed_up()
    new = f"copy_{ground.live.tag}"
    ground.ran("restore", "b1", "--to", new)
    assert (ground.rows(), ground.rows(new)) == (0, 1000)
    assert set(ground.live.databases()) == {ground.live.name, new}
    assert ground.live.databases()[new] is None
    ground.ran("restore", "b1", "--to", new, code=13)
    outcome = ground.ran("restore", "b1", "--to", new, "--confirm", new)
    (displaced,) = set(ground.live.databases()) - {ground.live.name, new}
    assert f"bin/restore undo {displaced} " in outcome.stdout
    ground.ran("restore", "undo", code=1)
    ground.ran("restore", "undo", displaced, "--confirm", ground.live.name, code=13)
    ground.ran("restore", "undo", displaced, "--confirm", new)
    (again,) = set(ground.live.databases()) - {ground.live.name, new}
    ground.ran("restore", "discard", again, "--confirm", again)
    assert set(ground.live.databases()) == {ground.live.name, new}


@pytest.mark.one_major
def test_a_part_does_not_take_the_place_of_the_whole(ground: Ground) -> None:
    """--table is for another database; there it brings the table alone, equal to its part of the proof."""
    ground.backed_up()
    refused = ground.restored("b1", "--table", "orders", code=13)
    assert "--to" in refused.stderr
    new = f"part_{ground.live.tag}"
    outcome = ground.ran("restore", "b1", "--table", "orders", "--to", new, "--json")
    assert outcome.json["proof"]
    assert ground.rows(new) == 1000
    assert ground.sql("SELECT to_regclass('schema_migrations')", new) == [(None,)]


def test_a_dump_from_elsewhere(ground: Ground) -> None:
    """Custom, by its path; plain SQL only when it is trusted; both without a proof, which is said."""
    import subprocess

    ground.backed_up()
    ground.sql("INSERT INTO orders VALUES (1, 'one')")
    live = ground.live
    url = f"postgresql://{live.owner}:{live.password}@{live.server.host}:{live.server.port}/{live.name}"
    for form, options in (("c", []), ("p", ["--trust-sql"])):
        path = ground.project.folder / f"old dump.{form}"
        subprocess.run(
            [f"{live.server.bindir}/pg_dump", f"-F{form}", "-f", path, url], check=True, timeout=60
        )
        ground.sql("DELETE FROM orders")
        if options:
            refused = ground.restored(str(path), code=13)
            assert "--trust-sql" in refused.stderr
        outcome = ground.restored(str(path), *options)
        assert "without a proof" in outcome.stdout
        assert ground.rows() == 1
    for name in live.databases():
        if name != live.name:
            live.sql(f'DROP DATABASE "{name}"')


@pytest.mark.one_major
def test_a_superusers_session_is_found_before_loading(ground: Ground) -> None:
    """Refused at once, with the statement that helps; nothing is made."""
    ground.backed_up()
    with ground.live.connect() as session:
        refused = ground.restored("b1", code=13)
        assert f"pg_terminate_backend({session.info.backend_pid})" in refused.stderr
    assert set(ground.live.databases()) == {ground.live.name}


def test_settings_that_cannot_be_carried_are_found_before_loading(ground: Ground) -> None:
    """A setting that only a superuser may make: refused with what helps; nothing is left, and after the grant it goes."""
    ground.backed_up()
    ground.live.sql(f'ALTER DATABASE "{ground.live.name}" SET log_min_duration_statement = 250')
    outcome = ground.restored("b1", code=13)
    assert "run bin/restore as a superuser" in outcome.stderr
    assert "loaded" not in outcome.stderr
    assert set(ground.live.databases()) == {ground.live.name}
    if ground.live.server.major < 15:  # nobody can be granted that
        assert "GRANT" not in outcome.stderr
        return
    assert "GRANT SET ON PARAMETER log_min_duration_statement" in outcome.stderr
    ground.live.sql(f'GRANT SET ON PARAMETER log_min_duration_statement TO "{ground.live.owner}"')
    ground.restored("b1")
    assert ground.sql("SHOW log_min_duration_statement") == [("250ms",)]


@pytest.mark.one_major
def test_a_backup_that_was_copied_elsewhere(ground: Ground) -> None:
    """By its path, outside of the folder of backups: its proof is compared, and a changed byte is exit 3."""
    import shutil

    ground.backed_up()
    copied = ground.project.folder / "from another host" / "b1"
    shutil.copytree(ground.project.folder / "backups" / "b1", copied)
    new = f"copy_{ground.live.tag}"
    outcome = ground.ran("restore", str(copied), "--to", new, "--json")
    assert outcome.json["proof"]
    assert ground.rows(new) == 1000
    toc = copied / "archive" / "toc.dat"
    toc.write_bytes(toc.read_bytes()[:-1] + b"\xff")
    assert "toc.dat" in ground.ran("restore", str(copied), "--to", f"b_{new}", code=3).stderr


@pytest.mark.one_major
def test_a_damaged_archive(ground: Ground) -> None:
    """A byte of the archive has changed: exit 3 before anything is made."""
    ground.backed_up()
    folder = ground.project.folder / "backups" / "b1"
    path = max(
        (one for one in folder.rglob("*") if one.is_file() and "manifest" not in one.name),
        key=lambda one: one.stat().st_size,
    )
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    outcome = ground.restored("b1", code=3)
    assert path.name in outcome.stderr
    assert set(ground.live.databases()) == {ground.live.name}


@pytest.mark.one_major
def test_usage(ground: Ground) -> None:
    """What makes no sense is said: no such backup, options without a name, nothing to undo."""
    ground.ran("restore", "nonesuch", code=2)
    ground.ran("restore", "--migrate", code=2)
    for name in ("", "é" * 32, "postgresql://h/x", "a\nb"):
        ground.ran("restore", "nonesuch", f"--to={name}", code=2)
    ground.ran("backup", "verify", "latest", "--restore-on", "", code=2)
    ground.ran("restore", "undo", "--jobs", "2", code=2)
    ground.ran("restore", "undo", "nonesuch", code=2)
    ground.ran("restore", "discard", "", code=2)
    assert "nothing can be undone" in ground.ran("restore", "undo", code=1).stderr
    assert "no proven backup" in ground.ran("restore", "latest", code=1).stderr
    assert ground.ran("restore").stdout.startswith("no backups in")


@pytest.fixture
def odd(server: Server, project: Project) -> Iterator[Ground]:
    with live_database(server, 'Lö"we ' + "é" * 20) as live:
        live.sql("DROP TABLE content", live.name)
        yield Ground(live, project)


@pytest.mark.one_major
def test_an_odd_name(odd: Ground) -> None:
    """Quotes, spaces, umlauts, nearly 63 bytes: restored, undone, discarded."""
    odd.backed_up()
    odd.restored("b1")
    assert odd.rows() == 1000
    odd.ran("restore", "undo", "--confirm", odd.live.name)
    assert odd.rows() == 0
    (name,) = set(odd.live.databases()) - {odd.live.name}
    odd.ran("restore", "discard", "--confirm", name)
    assert set(odd.live.databases()) == {odd.live.name}


def test_in_place(ground: Ground) -> None:
    """A role that may not create databases: told of --in-place; with it the database holds what the backup does, no more."""
    ground.backed_up()
    ground.live.sql(f'ALTER ROLE "{ground.live.owner}" NOCREATEDB')
    ground.sql("CREATE SCHEMA extra; CREATE TABLE extra.t (id int); CREATE TYPE mood AS ENUM ('good')")
    ground.sql(
        "CREATE VIEW v AS SELECT * FROM orders; CREATE FUNCTION f(mood) RETURNS int LANGUAGE sql AS 'SELECT 1'"
    )
    assert "--in-place" in ground.restored("b1", code=13).stderr
    ground.ran("restore", "b1", "--in-place", code=13)
    outcome = ground.restored("b1", "--in-place")
    assert "in one transaction" in outcome.stderr
    assert "equal to its proof" in outcome.stdout
    assert ground.rows() == 1000
    left = ground.sql("SELECT to_regclass('extra.t'), to_regclass('v'), to_regtype('mood'), to_regproc('f')")
    assert left == [(None, None, None, None)]
    assert ground.events() == [("restored", "b1", {"from": "b1", "displaced": None})]
    assert set(ground.live.databases()) == {ground.live.name}


@pytest.mark.one_major
def test_in_place_fails_as_a_whole(ground: Ground) -> None:
    """The last statement of what is loaded fails: everything that was there is there."""
    ground.backed_up()
    ground.sql("INSERT INTO orders VALUES (5, 'five')")
    path = ground.project.write(
        "bad.sql",
        "CREATE TABLE orders (id int);\nCREATE TABLE u (id int);\n"
        "BEGIN;\nSELECT pg_catalog.lo_create(77);\nCOMMIT;\nSELECT 1/0;\n",
    )
    ground.restored(str(path), "--in-place", "--trust-sql", code=12)
    assert ground.rows() == 1
    assert ground.sql("SELECT to_regclass('u')") == [(None,)]
