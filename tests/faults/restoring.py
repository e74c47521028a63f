"""What the fault tests of restoring share: a live database, a backup of what it was before, and looks at both."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dbops.backups.store import Store
from dbops.restore import names, undo
from tests.conftest import Outcome, Project
from tests.postgres.restoring import Live
from tests.watching import until

BACKUP = "b1"
# What is in the backup, and, fewer, in the live database after `spoil`.
WHOLE, SPOILT = (3000, 2000), (3000, 7)
# `noise` is more than 64 kB when compressed, so that pg_restore reads it from a FIFO; the rows of `gate` are checked
# by a function that sleeps as long as a setting of the role says.
_SCHEMA = """
CREATE FUNCTION slow(id int) RETURNS bool LANGUAGE plpgsql AS $$BEGIN
    PERFORM pg_sleep(coalesce(nullif(current_setting('faults.sleep', true), ''), '0')::float8); RETURN true; END$$;
CREATE TABLE content (what text);
INSERT INTO content VALUES ('restored');
CREATE TABLE gate (id int CHECK (public.slow(id)));
INSERT INTO gate VALUES (1);
CREATE TABLE noise (id int PRIMARY KEY, bytes bytea);
CREATE TABLE orders (id serial PRIMARY KEY, what text UNIQUE, noise int REFERENCES noise);
"""
_PROPERTIES = """
SELECT pg_get_userbyid(datdba), datacl::text, datconnlimit, shobj_description(oid, 'pg_database'), datallowconn,
    (SELECT array_agg(setconfig ORDER BY setrole) FROM pg_db_role_setting WHERE setdatabase = d.oid)
FROM pg_database AS d WHERE datname = '{}'
"""


class Ground:
    """A live database with properties of its own, the backup `b1` of it, and a project that is configured for it."""

    def __init__(self, live: Live, project: Project) -> None:
        self.live = live
        self.project = project
        project.environ.update(
            DB_HOST=live.server.host, DB_PORT=str(live.server.port), DB_USER=live.owner, DB_PASSWORD=live.password,
            DB_NAME=live.name,
        )  # fmt: skip
        self._fill()
        self.ran("backup", BACKUP)
        self.spoil()
        self._name_properties()
        self._properties = self.properties()

    def _fill(self) -> None:
        chance = random.Random(1)
        with self.live.connect(user=self.live.owner) as connection:
            connection.execute("DROP TABLE content")
            connection.execute(_SCHEMA.encode())
            with connection.cursor().copy("COPY noise FROM STDIN") as copy:
                for number in range(WHOLE[0]):
                    copy.write_row((number, chance.randbytes(100)))
            connection.execute(
                "INSERT INTO orders (what, noise) SELECT 'order ' || n, n FROM generate_series(1, %s) AS n",
                [WHOLE[1]],
            )

    def _name_properties(self) -> None:
        name, owner = self.live.name, self.live.owner
        self.live.sql(f"COMMENT ON DATABASE {name} IS 'the shop'")
        self.live.sql(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC; ALTER DATABASE {name} CONNECTION LIMIT 90")
        self.live.sql(f"ALTER DATABASE {name} SET work_mem = '7MB'")
        self.live.sql(f"ALTER ROLE {owner} IN DATABASE {name} SET DateStyle = 'German'")

    def spoil(self) -> None:
        """What the live database holds from now on is not what the backup does."""
        self.live.sql(
            f"UPDATE content SET what = 'live'; DELETE FROM orders WHERE id > {SPOILT[1]}", self.live.name
        )

    def properties(self, database: str | None = None) -> Any:
        (row,) = self.live.sql(_PROPERTIES.format(database or self.live.name))
        return row

    # -- commands ------------------------------------------------------------------------------------------------------

    @property
    def confirmed(self) -> tuple[str, ...]:
        return ("restore", BACKUP, "--confirm", self.live.name)

    def ran(self, *argv: str | Path, code: int = 0, **environ: str) -> Outcome:
        """Run a command, which has to end so."""
        outcome = self.project.run(*argv, environ=environ, timeout=120)
        assert outcome.code == code, outcome
        return outcome

    def restores(self) -> Outcome:
        """Restore for good; everything is as it should be then, and nothing is left over."""
        outcome = self.ran(*self.confirmed)
        assert self.checked() == "restored"
        assert set(self.live.databases()) == {self.live.name, *self.displaced()}
        return outcome

    @property
    def folder(self) -> Path:
        return self.project.folder / "backups" / BACKUP

    @property
    def store(self) -> Store:
        return Store(self.folder.parent)

    @property
    def url(self) -> str:
        live = self.live
        return f"postgresql://{live.owner}:{live.password}@{live.server.host}:{live.server.port}/{live.name}"

    # -- looks ---------------------------------------------------------------------------------------------------------

    def checked(self) -> str:
        """What the live database is, "live" or "restored"; it is whole, open, and has the properties of its name."""
        what = self._whole(self.live.name)
        assert self.properties() == self._properties
        return what

    def untouched(self) -> None:
        """The live database is as it was, and there is no other."""
        assert self.checked() == "live"
        assert set(self.live.databases()) == {self.live.name}

    def displaced(self) -> set[str]:
        """The displaced databases, as restore lists them; each is whole."""
        with self.live.connect("postgres") as connection:
            found = {one.name for one in undo.displaced(connection, self.live.name)}
        for name in found:
            self._whole(name)
        return found

    def _whole(self, database: str) -> str:
        with self.live.connect(database, self.live.owner) as connection:
            row = connection.execute(
                "SELECT what, (SELECT count(*) FROM noise), (SELECT count(*) FROM orders) FROM content"
            ).fetchone()
        assert row is not None
        assert row[1:] == (WHOLE if row[0] == "restored" else SPOILT)
        return str(row[0])

    def sessions(self) -> list[Any]:
        """The sessions of the owner, which all are of commands that a test has started."""
        return self.live.sql(
            f"SELECT pid, application_name FROM pg_stat_activity WHERE usename = '{self.live.owner}'"
        )

    def programs(self) -> list[str]:
        """The programs that run with the owner's password."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if self.live.password.encode() in (path / "environ").read_bytes():
                    found.append((path / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:  # it has ended, or is another account's
                continue
        return found

    def quiet(self) -> None:
        """Wait until nothing runs any more of what was killed, on the server and here."""
        until(lambda: not self.sessions(), "the end of the sessions")
        until(lambda: not self.programs(), "the end of the programs")

    # -- slow loads ----------------------------------------------------------------------------------------------------

    @contextmanager
    def gate(self) -> Iterator[None]:
        """Meanwhile loads stop in the middle, at a table whose rows take ten minutes."""
        self.live.sql(f"ALTER ROLE {self.live.owner} SET faults.sleep = '600'")
        try:
            yield
        finally:
            self.live.sql(f"ALTER ROLE {self.live.owner} RESET faults.sleep")

    def at_the_gate(self) -> None:
        """Wait until a load has got there."""
        until(self._sleeping, "the load")

    def _sleeping(self) -> bool:
        query = "SELECT 1 FROM pg_stat_activity WHERE usename = '{}' AND wait_event = 'PgSleep'"
        return bool(self.live.sql(query.format(self.live.owner)))

    def in_the_swap(self) -> bool:
        """Whether a swap waits for its lock on the live database."""
        return bool(
            self.live.sql(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                f" AND query LIKE 'ALTER DATABASE \"{self.live.name}\" RENAME%'"
            )
        )

    @property
    def side(self) -> set[str]:
        """The names that the side database may have."""
        return {names.side(self.live.name), names.unnamed(self.live.name)}
