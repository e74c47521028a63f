"""What a backup records of a database and its server, as data; an engine reads it with its own SQL.  Never a password."""

from __future__ import annotations

import dataclasses

from dbops.engines.records import Recorded


@dataclasses.dataclass(frozen=True)
class DatabaseSetting:
    """One setting of the database, for one role or (`role` None) for all."""

    name: str
    value: str
    role: str | None = None


@dataclasses.dataclass(frozen=True)
class DatabaseProperties:
    """What stands on the database object itself, and what `CREATE DATABASE` decided; dumps lose most of it.

    `acl` has the entries as the server writes them (`role=privileges/grantor`), None where it is the default.
    `connection_limit` -1 means none.  `locale` is ICU's or the builtin provider's, None with libc.
    """

    name: str
    owner: str
    encoding: str
    collate: str
    ctype: str
    locale_provider: str
    locale: str | None = None
    icu_rules: str | None = None
    collation_version: str | None = None
    tablespace: str = "pg_default"
    connection_limit: int = -1
    acl: tuple[str, ...] | None = None
    comment: str | None = None
    settings: tuple[DatabaseSetting, ...] = ()
    bytes: int = 0


@dataclasses.dataclass(frozen=True)
class Extension:
    """An installed extension."""

    name: str
    version: str
    schema: str


@dataclasses.dataclass(frozen=True)
class Membership:
    """That a role is a member of another; `inherit` and `set_role` are None before PostgreSQL 16, where they follow the role."""

    role: str
    admin: bool
    inherit: bool | None = None
    set_role: bool | None = None


@dataclasses.dataclass(frozen=True)
class Role:
    """A role that something in the database refers to: as owner, in privileges, in a policy or a setting.

    `valid_until` is the server's text, None for never.
    """

    name: str
    superuser: bool
    inherit: bool
    create_role: bool
    create_database: bool
    login: bool
    replication: bool
    bypass_row_security: bool
    connection_limit: int = -1
    valid_until: str | None = None
    member_of: tuple[Membership, ...] = ()


@dataclasses.dataclass(frozen=True)
class MigrationState:
    """Where the migrations stand.

    `tool` is `dbops`, or the other tool whose table this is; of that one nothing but the table is known.  `version`
    and `name` are the newest applied one's, None where none is; `partial` are versions that stopped between statements.
    `readable` is false where the privilege to read the table is lacking.
    """

    table: str
    tool: str = "dbops"
    version: str | None = None
    name: str | None = None
    applied: int | None = None
    partial: tuple[str, ...] = ()
    readable: bool = True

    @classmethod
    def of(cls, table: str, recorded: Recorded) -> MigrationState:
        """From what dbops' own table says."""
        newest = recorded.rows[-1] if recorded.rows else None
        return cls(
            table=table,
            version=newest.version if newest else None,
            name=newest.name if newest else None,
            applied=len(recorded.rows),
            partial=tuple(dict.fromkeys(line.version for line in recorded.journal)),
        )


@dataclasses.dataclass(frozen=True)
class TableSize:
    """What a table takes on the server, without its indexes."""

    schema: str
    name: str
    bytes: int


@dataclasses.dataclass(frozen=True)
class Inventory:
    """A database and its server.

    `server_version` is the server's own text (`15.18 (Debian ...)`), `server_version_num` its number (150018).
    `system_identifier` tells clusters apart wherever they are reached; None where it may not be read.
    `tablespaces` are those besides the usual two that something lies in.  `migrations` is None without a tracking table.
    `tables` are filled in by who holds the snapshot, since he has locked and listed them.
    """

    server_version: str
    server_version_num: int
    system_identifier: str | None
    database: DatabaseProperties
    extensions: tuple[Extension, ...] = ()
    roles: tuple[Role, ...] = ()
    tablespaces: tuple[str, ...] = ()
    migrations: MigrationState | None = None
    tables: tuple[TableSize, ...] = ()

    @property
    def server_major(self) -> int:
        """15 for 15.18."""
        return self.server_version_num // 10000


@dataclasses.dataclass(frozen=True)
class FileProperties:
    """What the file of a SQLite database says of itself.

    `name` is the file's; `bytes` are those of its pages, the free ones included.  `user_version` and `application_id`
    belong to the application.
    """

    name: str
    bytes: int
    page_size: int
    encoding: str
    user_version: int
    application_id: int
    journal_mode: str


@dataclasses.dataclass(frozen=True)
class FileInventory:
    """A SQLite database; `sqlite_version` is that of the library which copied it."""

    sqlite_version: str
    database: FileProperties
    migrations: MigrationState | None = None
