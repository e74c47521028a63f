"""A trace as data: what was seen while the pending migrations ran on a scratch database."""

from __future__ import annotations

import dataclasses
import datetime
import enum
from collections.abc import Mapping

from dbops.engines.postgres.effects.model import LockMode
from dbops.safety.ground import Place
from dbops.safety.rounds.model import Failure, Rounds


class Source(enum.Enum):
    """What the scratch database was made from; the words are part of the JSON contract."""

    SCHEMA = "schema"
    """The live schema with the live statistics, and no rows."""
    BACKUP = "backup"
    TEMPLATE = "template"
    """A copy of the database with its rows, in development."""


@dataclasses.dataclass(frozen=True)
class HeldLock:
    """A lock on a relation.

    :param relation: "public.orders".
    :param kind: "table", "index", "view" and so on.
    :param began: seconds since the trace began, as `ended`: when it was first seen, and when it was given back.
    :param sampled: seen by looking now and then, since the statement was in no transaction: there may have been others.
    :param new: the traced migrations made the relation, so that nobody else can wait for it.
    """

    relation: str
    kind: str
    mode: LockMode
    began: float
    ended: float
    sampled: bool = False
    new: bool = False


@dataclasses.dataclass(frozen=True)
class TracedStatement:
    """One statement.

    :param number: in its migration, from 1.
    :param line: of its file, from 1.
    :param text: without secrets.
    :param began: seconds since the trace began.
    :param locks: those that it took in addition to what its transaction held already.
    :param rewritten: tables that have other files now, "public.orders".
    :param built: indexes that it made or built anew.
    :param times: how often code ran it, one time behind the other.
    """

    number: int
    line: int
    text: str
    in_transaction: bool
    began: float
    seconds: float
    locks: tuple[HeldLock, ...] = ()
    rewritten: tuple[str, ...] = ()
    built: tuple[str, ...] = ()
    times: int = 1


@dataclasses.dataclass(frozen=True)
class TracedMigration:
    """One migration.

    :param invalid: the indexes that it left invalid for good, "index public.orders_note".
    :param failure: why it stopped.
    :param schema: the fingerprint of the schema that it ran on; None where that was in the middle of a transaction.
    """

    version: str
    name: str
    mode: str
    began: float
    seconds: float
    statements: tuple[TracedStatement, ...]
    invalid: tuple[str, ...] = ()
    failure: Failure | None = None
    schema: str | None = None


@dataclasses.dataclass(frozen=True)
class Trace:
    """All of it.

    :param target: the live database, with its server and role, for people.
    :param server: the version of the server that it ran on, "15.18".
    :param origin: which backup or database it was made from, for people.
    :param schema: the fingerprint of the schema before the first migration.
    :param checksums: of the files that ran, by version, in order.
    :param rounds: up, down and up again of the same files; None where a migration failed already.
    :param scratch: on which server it ran.
    :param single_transaction: the migrations ran in one, as `up --single-transaction` runs them.
    """

    database: str
    target: str
    server: str
    at: datetime.datetime
    source: Source
    origin: str
    schema: str
    checksums: Mapping[str, str]
    migrations: tuple[TracedMigration, ...]
    rounds: Rounds | None
    scratch: Place = Place.BESIDE
    single_transaction: bool = False

    @property
    def passed(self) -> bool:
        """Whether everything ran, left nothing invalid, and comes back."""
        ran = all(one.failure is None and not one.invalid for one in self.migrations)
        return ran and self.rounds is not None and all(one.verdict.good for one in self.rounds.rounds)
