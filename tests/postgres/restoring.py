"""What the tests of restoring share: a live database with its owner, and looks at a server's databases."""

from __future__ import annotations

import dataclasses
import datetime
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
from psycopg import sql

from dbops.config.model import Setting, Target
from dbops.engines.postgres import making as making_of
from dbops.events import ignore
from dbops.restore import names, side
from dbops.restore.holding import hold
from dbops.restore.plan import Exchange
from tests.postgres.rounds import rows
from tests.servers import Database, Server, admin, create_database, verifier

# Two index builds that wait for each other when they run at once, as those of nested partitions can.
DEADLOCK = """
CREATE FUNCTION meets(value int, one int, other int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF pg_catalog.current_query() LIKE 'CREATE INDEX%' THEN
        PERFORM pg_catalog.pg_advisory_xact_lock(one);
        PERFORM pg_catalog.pg_sleep(0.5);
        PERFORM pg_catalog.pg_advisory_xact_lock(other);
    END IF;
    RETURN value;
END $$;
CREATE TABLE left_side AS SELECT 1 AS n;
CREATE TABLE right_side AS SELECT 1 AS n;
CREATE INDEX left_index ON left_side (meets(n, 1, 2));
CREATE INDEX right_index ON right_side (meets(n, 2, 1));
"""

AT = datetime.datetime(2026, 1, 18, 12, 0, 0, tzinfo=datetime.UTC)


@dataclasses.dataclass(frozen=True)
class Live:
    """A live database and its owner, who may create databases; every role and database of the test ends with `tag`."""

    server: Server
    name: str
    owner: str
    password: str
    tag: str

    @property
    def target(self) -> Target:
        return self.target_as(self.owner)

    def target_as(self, user: str) -> Target:
        keywords = {**self.server.keywords(self.name), "user": user}
        if user != self.server.user:
            keywords["password"] = self.password
        return Target({key: Setting(value, "a test") for key, value in keywords.items()})

    def role(self, name: str, options: str = "") -> str:
        """Make a role that may log in; its name."""
        name = f"{name}_{self.tag}"
        self.sql(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} " + options).format(_id(name), verifier(self.password))
        )
        return name

    def sql(
        self, statement: str | sql.Composed, database: str = "postgres", user: str | None = None
    ) -> list[Any]:
        """Run a statement, as superuser or as a role of the test."""
        text = statement.encode() if isinstance(statement, str) else statement
        if (database, user) == (
            "postgres",
            None,
        ):  # by the connection that is there: some ask again and again
            return rows(admin(self.server).execute(text))
        with self.connect(database, user) as connection:
            return rows(connection.execute(text))

    def connect(self, database: str | None = None, user: str | None = None) -> psycopg.Connection[Any]:
        keywords = self.server.keywords(database or self.name)
        if user is not None:
            keywords |= {"user": user, "password": self.password}
        return psycopg.connect(**keywords, autocommit=True)

    def databases(self) -> dict[str, str | None]:
        """The databases of this test with their comments."""
        rows = self.sql(
            "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database WHERE NOT datistemplate"
        )
        ours = {names.unnamed(self.name)}
        return {
            name: comment
            for name, comment in rows
            if self.tag in name or name in ours or self.tag in (comment or "")
        }

    def held(
        self, user: str | None = None, deadline: float = 10.0
    ) -> AbstractContextManager[psycopg.Connection[Any]]:
        """The session of a restore that holds the lock."""
        return hold(self.target_as(user or self.owner), self.name, ignore, deadline)

    def side(self, content: str = "restored") -> str:
        """A side database, loaded: a table `content` with one row that says so."""
        with self.held() as connection:
            making = making_of.like(connection, self.name)
            assert making is not None
            name = side.create(connection, self.name, making)
        self.fill(name, content)
        return name

    def fill(self, database: str, content: str) -> None:
        self.sql(f"CREATE TABLE content AS SELECT '{content}'::text AS what", database, self.owner)

    def content(self, database: str | None = None) -> str:
        return str(self.sql("SELECT what FROM content", database or self.name)[0][0])

    def exchange(self, incoming: str, backup: str | None = "b1") -> Exchange:
        return Exchange(self.name, incoming, names.displaced(self.name, AT), AT, backup)


@contextmanager
def live_database(server: Server, name: str = "live") -> Iterator[Live]:
    """A live database with one table that says `live`; dropped afterwards with all that the test made."""
    tag = secrets.token_hex(4)
    made = Live(server, f"{name}_{tag}", f"o_{tag}", secrets.token_hex(8), tag)
    made.sql(
        sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(_id(made.owner), verifier(made.password))
    )
    create_database(Database(server, made.name, made.owner, made.password))
    made.fill(made.name, "live")
    try:
        yield made
    finally:
        for prepared, database in made.sql(
            f"SELECT gid, database FROM pg_prepared_xacts WHERE gid LIKE '%{tag}'"
        ):
            made.sql(f"ROLLBACK PREPARED '{prepared}'", database)
        for database in made.databases():
            made.sql(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(_id(database)))
        for (role,) in made.sql(f"SELECT rolname FROM pg_roles WHERE rolname LIKE '%{tag}' ORDER BY 1 DESC"):
            made.sql(sql.SQL("DROP OWNED BY {}; DROP ROLE {}").format(_id(role), _id(role)))


def _id(name: str) -> sql.Identifier:
    return sql.Identifier(name)
