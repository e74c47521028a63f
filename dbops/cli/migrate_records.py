"""The verbs of `bin/migrate` that only write records or files, one function each."""

from __future__ import annotations

import argparse

from dbops.cli import migrate_show as show
from dbops.cli.confirm import confirm_yes
from dbops.cli.connect import load_settings
from dbops.cli.migrate_verbs import carried_out, opened
from dbops.cli.output import Output
from dbops.errors import ExitCode
from dbops.events import Note
from dbops.migrations import verbs


def init(arguments: argparse.Namespace, out: Output) -> int:
    """Make the tracking tables."""
    with opened(arguments, out) as (migrator, session, _):
        if arguments.dry_run:
            data = {"made": False, "table": session.table, "database": show.identity(session.identity)}
            missing = f"would make {session.table}"
            out.result(data, [f"{session.table} is there already" if migrator.initialised else missing])
            return ExitCode.DONE
        out.event(Note(f"database {session.identity}"))
        made = migrator.initialise()
        text = f"made {session.table}" if made else f"{session.table} is there already"
        out.result(
            {"made": made, "table": session.table, "database": show.identity(session.identity)}, [text]
        )
    return ExitCode.DONE


def force(arguments: argparse.Namespace, out: Output) -> int:
    """Record exactly the versions up to one."""
    return carried_out(arguments, out, lambda migrator: verbs.force(migrator, arguments.version))


def baseline(arguments: argparse.Namespace, out: Output) -> int:
    """Record the history of a database that has none."""
    return carried_out(arguments, out, lambda migrator: verbs.baseline(migrator, arguments.version))


def mark(arguments: argparse.Namespace, out: Output) -> int:
    """Record one version, or take its record away."""
    applied = not arguments.not_applied
    return carried_out(
        arguments, out, lambda migrator: verbs.mark(migrator, arguments.version, applied=applied)
    )


def repair(arguments: argparse.Namespace, out: Output) -> int:
    """Take over the checksums of changed files."""
    return carried_out(arguments, out, lambda migrator: verbs.repair(migrator, arguments.version))


def new(arguments: argparse.Namespace, out: Output) -> int:
    """Write the files of a new migration."""
    from dbops.migrations.creation import create

    version, name = _version_and_name(arguments.words)
    settings = load_settings(arguments, out)
    paths = create(
        settings.migrations_dir,
        version,
        name,
        settings.migration_format,
        timestamp=arguments.timestamp,
        dry_run=arguments.dry_run,
    )
    word = "would write" if arguments.dry_run else "wrote"
    out.result({"files": [str(path) for path in paths]}, [f"{word} {path}" for path in paths])
    return ExitCode.DONE


def unlock(arguments: argparse.Namespace, out: Output) -> int:
    """End the session that holds the lock."""
    with opened(arguments, out) as (migrator, session, _):
        holder = migrator.lock_holder()
        if holder is None:
            text = f"nobody holds the migration lock of {session.identity}"
            out.result({"ended": None, "database": show.identity(session.identity)}, [text])
            return ExitCode.DONE
        if arguments.dry_run:
            data = {"ended": None, "database": show.identity(session.identity)}
            out.result(data, [f"would end {holder}"])
            return ExitCode.DONE
        confirm_yes(
            out,
            f"end the session that holds the migration lock of {session.identity}: {holder}?",
            yes=arguments.yes,
            hint="bin/migrate unlock --yes",
        )
        migrator.unlock(holder)
        out.result({"ended": holder.pid, "database": show.identity(session.identity)}, [f"ended {holder}"])
    return ExitCode.DONE


def _version_and_name(words: list[str]) -> tuple[str | None, str]:
    """`new NAME` or `new VERSION NAME`; a first word of digits and dots is a version."""
    if len(words) > 1 and words[0].replace(".", "").isdigit():
        return words[0], "_".join(words[1:])
    return None, "_".join(words)
