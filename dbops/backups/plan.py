"""What a backup will be: decided before anything is made."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Collection, Sequence
from typing import Literal

from dbops.backups import names
from dbops.backups.compression import Compression
from dbops.backups.manifest import ArchiveFormat
from dbops.errors import ProgramFailed, UsageError
from dbops.programs import Client

ProofLevel = Literal["full", "counts", "none"]
PROOFS: tuple[ProofLevel, ...] = ("full", "counts", "none")
FORMATS = ("auto", "directory", "custom", "plain", "file")
# A directory archive has a file for each large object, and each file is brought to disk by itself.
MANY_LARGE_OBJECTS = 1000
_MOST_JOBS_ASKED = 100  # more are a slip; servers allow a hundred sessions
_MOST_JOBS = 8  # each is a session on the server, and as many again compute the proof


@dataclasses.dataclass(frozen=True)
class Request:
    """What was asked for; None and "auto" leave it to the plan.

    `options` are pg_dump's that select a part of the database; `level` is the compressor's own.
    """

    name: str | None = None
    format: Literal["auto"] | ArchiveFormat = "auto"
    compression: Compression | None = None
    level: int | None = None
    jobs: int | None = None
    proof: ProofLevel = "full"
    options: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Facts:
    """What the decision rests on: the server's major version, its large objects, the programs and processors here."""

    server_major: int
    large_objects: int
    clients: tuple[Client, ...]
    processors: int
    taken: Collection[str]
    now: datetime.datetime


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What will be made.  `options` select a part of the database; `reasons` and `warnings` are sentences."""

    name: str
    format: ArchiveFormat
    compression: Compression
    level: int | None
    threads: int
    proof: ProofLevel
    options: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def is_compressed(self) -> bool:
        """Whether the archive is smaller than the data."""
        return self.compression is not Compression.NONE

    @property
    def selects(self) -> bool:
        """Whether only a part of the database is dumped."""
        return bool(self.options)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DumpPlan(Plan):
    """A plan for PostgreSQL: with which pg_dump, and how many tables at once."""

    jobs: int
    client: Client

    @property
    def has_data(self) -> bool:
        """Whether any rows are dumped."""
        return "--schema-only" not in self.options


def plan(request: Request, facts: Facts) -> DumpPlan:
    """Decide how to back up a PostgreSQL database.

    :raises UsageError: the name cannot be one, or options do not go together.
    :raises ProgramFailed: no pg_dump here can dump this server.
    """
    if request.format == "file":
        raise UsageError(
            "--format file is a copy of a SQLite database's file, and this is a PostgreSQL database",
            hint="bin/backup --format custom makes one file, too",
        )
    client, warnings = choose_client(facts.clients, facts.server_major)
    form, why = _format(request, facts)
    compression = request.compression or (Compression.GZIP if form == "plain" else Compression.ZSTD)
    if form == "directory" and compression is not Compression.ZSTD:
        raise UsageError(
            f"a directory archive is compressed with zstd, not with {compression.value}",
            hint=f"bin/backup --format plain --compress {compression.value}",
        )
    if request.jobs is not None and request.jobs > _MOST_JOBS_ASKED:
        raise UsageError(
            f"--jobs {request.jobs} would be as many sessions on the server, and more",
            hint=f"at most {_MOST_JOBS_ASKED}; more than processors seldom help",
        )
    if request.jobs is not None and request.jobs > 1 and form != "directory":
        raise UsageError(
            f"--jobs is for the format directory, not for {form}", hint="bin/backup --format directory"
        )
    jobs = request.jobs or min(facts.processors, _MOST_JOBS)
    return DumpPlan(
        name=_name(request, facts.taken, facts.now),
        format=form,
        compression=compression,
        level=request.level,
        jobs=jobs,
        threads=max(facts.processors, 1),
        proof=request.proof if "--schema-only" not in request.options else "none",
        options=request.options,
        client=client,
        reasons=(why, f"pg_dump {client.version} from {client.bindir}"),
        warnings=warnings,
    )  # fmt: skip


def plan_file(request: Request, *, taken: Collection[str], now: datetime.datetime, processors: int) -> Plan:
    """Decide how to back up a SQLite database.

    :raises UsageError: the name cannot be one, or an option is for what only PostgreSQL can do.
    """
    if request.format not in ("auto", "file"):
        raise UsageError(
            f"--format {request.format} is pg_dump's; the archive of a SQLite database is a copy of its file",
            hint="leave --format out; sqlite3 FILE .dump writes SQL",
        )
    if request.jobs not in (None, 1):
        raise UsageError("--jobs is for PostgreSQL: a SQLite file is copied by one", hint="leave --jobs out")
    if request.options:
        raise UsageError(
            f"{request.options[0].partition('=')[0]} is for PostgreSQL: a SQLite file is copied as a whole",
            hint="leave it out",
        )
    return Plan(
        name=_name(request, taken, now),
        format="file",
        compression=request.compression or Compression.ZSTD,
        level=request.level,
        threads=max(processors, 1),
        proof=request.proof,
        reasons=("format file: a copy of the database's file by SQLite's online backup",),
    )


def _name(request: Request, taken: Collection[str], now: datetime.datetime) -> str:
    return names.check(request.name) if request.name is not None else names.default_label(now, taken)


def choose_client(clients: Sequence[Client], server_major: int) -> tuple[Client, tuple[str, ...]]:
    """The pg_dump of the server's own major version; else the next newer one, with what that means; never an older.

    :raises ProgramFailed: there is none.
    """
    fitting = [client for client in clients if client.major >= server_major]
    if not fitting:
        found = ", ".join(client.version for client in clients) or "none"
        raise ProgramFailed(
            f"the server is PostgreSQL {server_major}, and only pg_dump {server_major} or newer can dump it (found: {found})",
            hint=f"sudo apt-get install postgresql-client-{server_major}",
        )
    nearest = min(client.major for client in fitting)
    chosen = next(client for client in fitting if client.major == nearest)
    if nearest == server_major:
        return chosen, ()
    means = (
        f"there is no pg_dump {server_major} here, so pg_dump {chosen.version} dumps this PostgreSQL {server_major}: "
        f"restoring needs pg_restore {nearest} or newer, and goes to PostgreSQL {nearest} or newer for certain, "
        f"to {server_major} only where dbops or you leave out what that does not know"
    )
    return chosen, (means,)


def _format(request: Request, facts: Facts) -> tuple[ArchiveFormat, str]:
    if request.format != "auto":
        return request.format, f"format {request.format} was asked for"
    if facts.large_objects > MANY_LARGE_OBJECTS:
        return (
            "custom",
            f"format custom, one file: {facts.large_objects} large objects would be as many files",
        )
    return "directory", "format directory: tables are dumped, compressed and restored side by side"
