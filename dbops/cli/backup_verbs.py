"""The verbs of `bin/backup` that make and check backups; those that look at them are in `backup_read`."""

from __future__ import annotations

import argparse

from dbops.backups import space
from dbops.backups.compression import Compression
from dbops.backups.entries import Backup
from dbops.backups.plan import DumpPlan, Plan, Request
from dbops.backups.proof import Proof
from dbops.backups.space import Estimate
from dbops.backups.store import Store
from dbops.cli import hooks
from dbops.cli.backup_databases import make, opened
from dbops.cli.backup_options import SELECTING
from dbops.cli.hooks import Hooks
from dbops.cli.output import Output
from dbops.errors import ExitCode, Refused, UsageError
from dbops.events import Note, format_bytes, format_seconds, plural


def create(arguments: argparse.Namespace, out: Output) -> int:
    """Make a backup."""
    with hooks.around("backup", "backup", arguments, out) as hook:
        return _create(arguments, out, hook)


def _create(arguments: argparse.Namespace, out: Output, hook: Hooks) -> int:
    with opened(arguments, out) as (database, settings):
        store = Store(settings.backups_dir.value, out.event)
        made = database.plan(request(arguments), store)
        out.event(Note(f"database {database.label}"))
        if arguments.dry_run:
            takes = database.estimate(made, store)
            store.refuse_taken(made.name)
            space.require(takes, store.folder, out.event)
            out.result({"dry_run": True, **_plan_data(made, store, takes)}, _plan_lines(made, store, takes))
            return ExitCode.DONE
        hook.before(settings, database.short_name, backup=made.name)
        try:
            backup = make(database, made, store, out)
        except Refused:
            if arguments.name is not None or made.name not in store.taken():
                raise
            # two that begin in one second and were given no names: the later one takes the next
            made = database.plan(request(arguments), store)
            backup = make(database, made, store, out)
        hook.tell(backup=backup.name)
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


def _plan_data(made: Plan, store: Store, takes: Estimate) -> dict[str, object]:
    dump: dict[str, object] = {}
    if isinstance(made, DumpPlan):
        dump = {"jobs": made.jobs, "options": list(made.options), "pg_dump": made.client.version}
    return {
        "expected_bytes": takes.expected,
        "free_bytes": takes.free,
        "name": made.name,
        "folder": str(store.folder),
        "archive_format": made.format,
        "compression": made.compression.value,
        "proof": made.proof,
        **dump,
        "warnings": list(made.warnings),
    }


def _plan_lines(made: Plan, store: Store, takes: Estimate) -> list[str]:
    how = f"{made.format}, {made.compression.value if made.is_compressed else 'no compression'}"
    dump = []
    if isinstance(made, DumpPlan):
        how += f", {plural(made.jobs, 'job')}"
        dump = [f"  pg_dump     {made.client.version} ({made.client.bindir})"]
    return [
        f"would make {store.folder / made.name}",
        f"  format      {how}",
        f"  proof       {made.proof}",
        *dump,
        f"  space       about {format_bytes(takes.expected)} of {format_bytes(takes.free)} that are free",
        *(f"  only        {option}" for option in made.options),
        *(f"  warning     {warning}" for warning in made.warnings),
    ]


def _backup_data(backup: Backup) -> dict[str, object]:
    manifest = backup.manifest
    return {
        "name": backup.name,
        "path": str(backup.path),
        "database": manifest.inventory.database.name,
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
