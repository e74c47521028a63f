"""The verbs of `bin/backup` that make and check backups; those that look at them are in `backup_read`."""

from __future__ import annotations

import argparse
import datetime
import os

from dbops.backups import create as creation
from dbops.backups import plan as plans
from dbops.backups import postgres, space
from dbops.backups.compression import Compression
from dbops.backups.entries import Backup
from dbops.backups.plan import DumpPlan, Request
from dbops.backups.proof import Proof
from dbops.backups.provenance import git_commit
from dbops.backups.space import Estimate
from dbops.backups.store import Store
from dbops.cli.backup_options import SELECTING
from dbops.cli.connect import connected_to_postgres
from dbops.cli.output import Output
from dbops.config.model import Settings
from dbops.engines.postgres import lock
from dbops.engines.postgres.session import Session
from dbops.errors import ExitCode, Refused, UsageError
from dbops.events import Detail, Note, Warned, format_bytes, format_seconds, plural
from dbops.programs import clients

# As a backup will measure them, once it has locked them.
_SIZE = """
select coalesce(sum(pg_catalog.pg_table_size(oid)), 0)::bigint
from pg_catalog.pg_class where relkind = 'r' and relpersistence <> 't' and oid >= 16384
"""
_PAGES = """
select coalesce(sum(relpages), 0)::bigint * current_setting('block_size')::int
from pg_catalog.pg_class where relkind in ('r', 't') and relpersistence <> 't' and oid >= 16384
"""


def create(arguments: argparse.Namespace, out: Output) -> int:
    """Make a backup."""
    with connected_to_postgres(arguments, out, command="backup") as (session, settings):
        store = Store(settings.backups_dir.value, out.event)
        made = plan(request(arguments), session, store)
        out.event(Note(f"database {session.identity}"))
        if arguments.dry_run:
            takes = _estimate(made, session, store)
            store.refuse_taken(made.name)
            space.require(takes, store.folder, out.event)
            out.result({"dry_run": True, **_plan_data(made, store, takes)}, _plan_lines(made, store, takes))
            return ExitCode.DONE
        try:
            backup = make(made, session, settings, store, out)
        except Refused:
            if arguments.name is not None or made.name not in store.taken():
                raise
            # two that begin in one second and were given no names: the later one takes the next
            made = plan(request(arguments), session, store)
            backup = make(made, session, settings, store, out)
        out.result(_backup_data(backup), _backup_lines(backup))
    return ExitCode.DONE


def request(arguments: argparse.Namespace) -> Request:
    """What the command line asks for.

    :raises UsageError: a value makes no sense.
    """
    compression, level = _compression(arguments.compress)
    if arguments.jobs is not None and arguments.jobs < 1:
        raise UsageError("--jobs counts from 1", hint="bin/backup --jobs 2")
    options = [
        f"{flag}={pattern}"
        for flag in SELECTING
        for pattern in getattr(arguments, flag[2:].replace("-", "_")) or ()
    ]
    if arguments.schema_only and arguments.proof not in (None, "none"):
        raise UsageError(
            f"--schema-only takes no rows, and --proof {arguments.proof} is about rows",
            hint="leave one of the two out",
        )
    if arguments.schema_only:
        options.append("--schema-only")
    if arguments.no_large_objects:
        options.append("--no-blobs")  # the name that all versions of pg_dump know
    return Request(
        name=arguments.name,
        format=arguments.format or "auto",
        compression=compression,
        level=level,
        jobs=arguments.jobs,
        proof=arguments.proof or "full",
        options=tuple(options),
    )


def plan(wanted: Request, session: Session, store: Store) -> DumpPlan:
    """Decide what will be made.

    :raises UsageError: the request makes no sense.
    :raises ProgramFailed: there is no pg_dump for this server.
    """
    ((large_objects, version),) = session.query(
        "select (select count(*) from pg_catalog.pg_largeobject_metadata), current_setting('server_version_num')::int"
    )
    return plans.plan(
        wanted,
        plans.Facts(
            server_major=version // 10000,
            large_objects=large_objects,
            clients=clients(os.environ.get("PATH", os.defpath)),
            processors=len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 1,
            taken=store.taken(),
            now=datetime.datetime.now(datetime.UTC),
        ),
    )


def make(made: DumpPlan, session: Session, settings: Settings, store: Store, out: Output) -> Backup:
    """Make the backup that was planned, while no migration can come between."""
    for sentence in made.reasons:
        out.event(Detail(sentence))
    for sentence in made.warnings:
        out.event(Warned(sentence))
    identity = session.identity
    source = postgres.Source(
        target=settings.target,
        command=f"backup {made.name}",
        deadline=settings.deadline.value,
        tracking_table=settings.tracking_table.value,
        expected=_expected(made, store, identity.database, session),
    )
    origin = creation.Origin(f"{identity.host}:{identity.port}", git_commit(settings.project))
    with lock.shared(session.connection, settings.deadline.value, out.event):
        return creation.create(made, postgres.Dumping(made, source, out.event), origin, store)


def _compression(text: str | None) -> tuple[Compression | None, int | None]:
    if text is None:
        return None, None
    method, colon, level = text.partition(":")
    known = {one.value: one for one in Compression}
    bounds = {"zstd": (1, 19), "gzip": (1, 9)}.get(method, (0, 0))
    if method not in known or (colon and not (level.isdecimal() and bounds[0] <= int(level) <= bounds[1])):
        raise UsageError(
            f"--compress {text!r} is not a method of compression",
            hint="zstd, gzip or none; with a level: zstd:1 to zstd:19, gzip:1 to gzip:9",
        )
    return known[method], int(level) if level else None


def _expected(made: DumpPlan, store: Store, database: str, session: Session) -> int | None:
    """What the last whole backup of this database lets expect, by how the database has grown since."""
    if made.selects or (last := store.latest(database)) is None:
        return None
    summary = last.summary
    before = last.manifest.database_bytes
    if summary.options or summary.compression != made.compression.value or not before:
        return None
    ((now,),) = session.query("select pg_catalog.pg_database_size(current_database())")
    return int(summary.bytes * now / before)


def _estimate(made: DumpPlan, session: Session, store: Store) -> Estimate:
    """What it may take.  Where a table is locked, by the sizes that the last VACUUM or ANALYZE found."""
    import psycopg

    try:
        with session.connection.transaction():
            session.query("select set_config('lock_timeout', '1s', true)")
            ((size,),) = session.query(_SIZE)
    except psycopg.errors.LockNotAvailable:
        ((size,),) = session.query(_PAGES)
    known = _expected(made, store, session.identity.database, session)
    data = size if made.has_data else 0
    return space.estimate(data, store.folder, compressed=made.is_compressed, known=known)


def _plan_data(made: DumpPlan, store: Store, takes: Estimate) -> dict[str, object]:
    return {
        "expected_bytes": takes.expected,
        "free_bytes": takes.free,
        "name": made.name,
        "folder": str(store.folder),
        "archive_format": made.format,
        "compression": made.compression.value,
        "jobs": made.jobs,
        "proof": made.proof,
        "options": list(made.options),
        "pg_dump": made.client.version,
        "warnings": list(made.warnings),
    }


def _plan_lines(made: DumpPlan, store: Store, takes: Estimate) -> list[str]:
    compressed = made.compression.value if made.compression is not Compression.NONE else "no compression"
    return [
        f"would make {store.folder / made.name}",
        f"  format      {made.format}, {compressed}, {plural(made.jobs, 'job')}",
        f"  proof       {made.proof}",
        f"  pg_dump     {made.client.version} ({made.client.bindir})",
        f"  space       about {format_bytes(takes.expected)} of {format_bytes(takes.free)} that are free",
        *(f"  only        {option}" for option in made.options),
        *(f"  warning     {warning}" for warning in made.warnings),
    ]


def _backup_data(backup: Backup) -> dict[str, object]:
    manifest = backup.manifest
    return {
        "name": backup.name,
        "path": str(backup.path),
        "database": manifest.database,
        "server": manifest.server,
        "created_at": manifest.created_at.isoformat(),
        "duration": manifest.duration,
        "archive_format": manifest.archive.format,
        "compression": manifest.archive.compression,
        "bytes": manifest.archive.bytes,
        "raw_bytes": manifest.archive.raw_bytes,
        "version": backup.summary.version,
        "proof": proof_data(backup),
    }


def proof_data(backup: Backup) -> dict[str, object] | None:
    """The proof in short: level, tables, rows."""
    if backup.manifest.proof is None:
        return None
    found = Proof.from_json(backup.manifest.proof)
    return {"level": found.level, "tables": len(found.contents.tables), "rows": found.contents.rows}


def _backup_lines(backup: Backup) -> list[str]:
    archive = backup.manifest.archive
    proof = backup.manifest.proof
    proven = f"proof: {Proof.from_json(proof).summary()}" if proof is not None else "no proof"
    raw = archive.raw_bytes or 0
    size = f"{format_bytes(archive.bytes)} of {format_bytes(raw)} (ratio {raw / archive.bytes:.1f})"
    return [f"{backup.name}: {size}, {format_seconds(backup.manifest.duration)}, {proven}"]
