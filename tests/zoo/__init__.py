"""A database with everything, for tests of what backs up and restores.

`build` fills a database from the SQL files beside this one: as its owner
where an ordinary role may, as the superuser where only one may.  All values
are fixed, so that two zoos of the same parts on servers of one major version
are alike.  `tests.zoo.description.describe` says what is in a database, from
the catalogs and the rows, without a line of dbops.
"""

from __future__ import annotations

import dataclasses
import enum
import os
import secrets
import shutil
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.servers import Database, Server

_FOLDER = Path(__file__).resolve().parent
_ORDINARY = ("types", "tables", "partitions", "routines", "views", "names", "security")
HEAVY_BYTES = 10_000_000
"""The size of the largest value of a zoo."""


class Part(enum.Enum):
    """What may be in a zoo beside what an ordinary owner can make on every version."""

    SUPERUSER = "superuser"
    """Event triggers, foreign data, base types, row security by force: made, and restored, by superusers only."""
    TABLESPACE = "tablespace"
    """Tables and indexes in a tablespace; needs a superuser to make the tablespace, not to use it."""
    BUILD = "build"
    """What this build of PostgreSQL has and another may lack: ICU collations, extensions, lz4."""
    MAJOR = "major"
    """What came with this major version or an earlier one, after 14: it cannot go back to an older server."""


EVERYTHING = frozenset(Part)
PORTABLE = frozenset({Part.SUPERUSER, Part.TABLESPACE})
"""All that goes to a newer server and, as far as statements go, to an older one."""
ORDINARY: frozenset[Part] = frozenset()
"""All that its owner, an ordinary role, can back up and restore."""


@dataclasses.dataclass(frozen=True)
class Zoo:
    """A filled database, and what of it belongs to the server: its roles and its tablespace.

    Roles and tablespace stay until the servers of the test run end.
    """

    database: Database
    parts: frozenset[Part]
    reader: str
    writer: str
    lion: str
    tablespace: str

    @property
    def roles(self) -> tuple[str, str, str]:
        """The roles that the objects refer to, beside the owner."""
        return (self.reader, self.writer, self.lion)

    def fill_in(self, text: str, connection: psycopg.Connection[Any]) -> bytes:
        """SQL with the names of this zoo in place of `<reader>`, `<writer>`, `<lion>`, `<owner>`, `<space>`."""
        words = {
            "reader": self.reader, "writer": self.writer, "lion": self.lion, "space": self.tablespace,
            "owner": self.database.user,
        }  # fmt: skip
        for word, identifier in words.items():
            text = text.replace(f"<{word}>", sql.Identifier(identifier).as_string(connection))
        return text.encode()

    def furnish(self, server: Server) -> None:
        """Make the roles and the tablespace on another server, so that the zoo can be restored there."""
        with psycopg.connect(**server.keywords(), autocommit=True) as connection:
            _make_roles(connection, self)
            if Part.TABLESPACE in self.parts:
                _make_tablespace(connection, server, self.tablespace)


def build(database: Database, parts: frozenset[Part] = ORDINARY) -> Zoo:
    """Fill an empty database; takes about a second.

    The roles and the tablespace have names of their own, so that several tests may run on one server.
    """
    suffix = secrets.token_hex(4)
    zoo = Zoo(
        database, parts, f"zoo_reader_{suffix}", f"zoo_writer_{suffix}",
        f'zoo "Löwe"; -- {suffix}', f"zoo space {suffix}",
    )  # fmt: skip
    zoo.furnish(database.server)
    _fill(database, zoo)
    return zoo


def twin(zoo: Zoo, database: Database) -> None:
    """Make the same zoo anew in an empty database of the same owner: what a restore there should come to.

    Its server has to be `furnish`ed.
    """
    _fill(database, zoo)


def _fill(database: Database, zoo: Zoo) -> None:
    with psycopg.connect(**database.keywords) as owner:
        for name in _ORDINARY:
            _run(owner, zoo, name)
            if name == "tables":
                _fill_heavy(owner)
        if min(database.server.major, zoo.database.server.major) >= 15:
            _run(owner, zoo, "public")
    with psycopg.connect(**database.server.keywords(database.name)) as superuser:
        for name in _more(superuser, zoo.parts):
            _run(superuser, zoo, name)


def _more(connection: psycopg.Connection[Any], parts: frozenset[Part]) -> list[str]:
    """The files of the further parts that this server can run."""
    major = connection.info.server_version // 10000
    names = [f"since{since}" for since in range(15, major + 1)] if Part.MAJOR in parts else []
    if Part.BUILD in parts:
        names += [name for name, condition in _BUILDS.items() if _is_true(connection, condition)]
    names += ["tablespace"] if Part.TABLESPACE in parts else []
    names += ["superuser"] if Part.SUPERUSER in parts else []  # the last: its event triggers refuse things
    return [name for name in names if (_FOLDER / f"{name}.sql").exists()]


_BUILDS = {
    "icu": "SELECT count(*) > 10 FROM pg_collation WHERE collprovider = 'i'",
    "contrib": "SELECT count(*) = 4 FROM pg_available_extensions"
    " WHERE name IN ('hstore', 'btree_gist', 'postgres_fdw', 'file_fdw')",
    "pgvector": "SELECT count(*) = 1 FROM pg_available_extensions WHERE name = 'vector'",
    "lz4": "SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'",
}
"""A file, and the question whether this build of the server can run it."""


def _is_true(connection: psycopg.Connection[Any], question: str) -> bool:
    row = connection.execute(question).fetchone()
    return row is not None and row[0] is True


def _run(connection: psycopg.Connection[Any], zoo: Zoo, name: str) -> None:
    connection.execute(zoo.fill_in((_FOLDER / f"{name}.sql").read_text(), connection))
    connection.execute("RESET ALL")
    connection.commit()


def _fill_heavy(connection: psycopg.Connection[Any]) -> None:
    """A row of 10 MB, with every kind of byte in it."""
    connection.execute(
        "INSERT INTO zoo.heavy VALUES (2, repeat(%s, %s), decode(repeat(%s, %s), 'hex'))",
        ("0123456789abcde\t\n\\.\näö🐘 ", HEAVY_BYTES // 30, bytes(range(256)).hex(), 1000),
    )
    connection.commit()


def _make_roles(connection: psycopg.Connection[Any], zoo: Zoo) -> None:
    reader, writer, lion, owner = map(sql.Identifier, (*zoo.roles, zoo.database.user))
    known = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
    if zoo.database.user not in known:
        password = sql.Literal(zoo.database.password)
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(owner, password))
    for role in (reader, writer, lion):
        connection.execute(sql.SQL("CREATE ROLE {}").format(role))
    connection.execute(sql.SQL("GRANT {} TO {}").format(reader, lion))
    connection.execute(sql.SQL("GRANT {} TO {}").format(writer, owner))


def _make_tablespace(connection: psycopg.Connection[Any], server: Server, name: str) -> None:
    """In a folder beside the server's data, which belongs to the account that the server runs as."""
    data = Path(server.data)
    folder = data.with_name(name.replace(" ", "_"))
    folder.mkdir(mode=0o700)
    shutil.chown(folder, data.stat().st_uid, data.stat().st_gid) if os.geteuid() == 0 else None
    connection.execute(
        sql.SQL("CREATE TABLESPACE {} LOCATION {}").format(sql.Identifier(name), sql.Literal(str(folder)))
    )
