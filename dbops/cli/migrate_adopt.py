"""`bin/migrate adopt`: takes over the history that another tool has recorded."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from dbops.cli import migrate_show as show
from dbops.cli.connect import connected_to_postgres
from dbops.cli.output import Output
from dbops.config.model import Settings
from dbops.engines.postgres.session import Session
from dbops.errors import ExitCode
from dbops.events import Note, Warned, plural
from dbops.migrations.adopt import revisions, run
from dbops.migrations.adopt.find import NothingToAdopt
from dbops.migrations.adopt.model import Adopted, AdoptPlan, TableName
from dbops.migrations.adopt.plan import Verdicts
from dbops.migrations.adopt.revisions import Revisions
from dbops.migrations.adopt.run import Wishes
from dbops.migrations.model import Folder
from dbops.migrations.reader import Reader
from dbops.migrations.version import Version


def adopt(arguments: argparse.Namespace, out: Output) -> int:
    """Record as applied what another tool has applied."""
    wishes = Wishes(
        arguments.tool,
        TableName.parse(arguments.table) if arguments.table else None,
        Verdicts(_versions(arguments.dirty_applied), _versions(arguments.dirty_reverted)),
        arguments.mirror,
        arguments.accept_changed,
    )
    with connected_to_postgres(arguments, out, "migrate") as (session, settings):
        made_first = revisions.render(session, settings, wishes, out.event, dry_run=arguments.dry_run)
        if made_first and made_first.stems and (arguments.dry_run or not made_first.has_table):
            _rendered(made_first, settings, session, out, dry_run=arguments.dry_run)
            return ExitCode.DONE
        folder = Reader(session, settings, out.event).folder
        try:
            if arguments.dry_run:
                made = run.look(session, settings, folder, wishes, out.event)
                _warn(made, out)
                out.result(_data(made, session, changed=False), _lines(made, folder, session, "would record"))
                return ExitCode.DONE
            out.event(Note(f"database {session.identity}"))
            made = run.adopt(session, settings, folder, wishes, out.event, lambda made: _tell(made, out))
        except NothingToAdopt:
            if arguments.mirror is False and run.end_mirror(session):
                text = "the other tool's table is not there any more, and is no longer written"
                out.result({"changed": True, "tracking_table": session.table, "message": text}, [text])
                return ExitCode.DONE
            if arguments.table or arguments.tool != "auto" or not session.initialised:
                raise
            text = f"nothing to adopt: {session.table} is dbops' own, and there is no other tool's table"
            out.result({"changed": False, "tracking_table": session.table, "message": text}, [text])
            return ExitCode.DONE
        out.result(_data(made, session, changed=True), _lines(made, folder, session, "recorded"))
    return ExitCode.DONE


def _rendered(made: Revisions, settings: Settings, session: Session, out: Output, *, dry_run: bool) -> None:
    """What rendering the revisions of an Alembic project comes to, where nothing is recorded."""
    word = "would render" if dry_run else "rendered"
    lines = [f"  {stem}" for stem in made.stems]
    lines.append(f"{word} {plural(len(made.stems), 'Alembic revision')} into {settings.migrations_dir.value}")
    if made.has_table:
        lines.append(f"would record {plural(len(made.applied), 'migration')} as applied")
    else:
        lines.append("this database has no table of Alembic: all are pending; bin/migrate up applies them")
    data = {"tool": "alembic", "changed": not dry_run, "rendered": list(made.stems)}
    recorded = [version.text for version in made.applied]
    out.result({**data, "recorded": recorded, "database": show.identity(session.identity)}, lines)


def _versions(texts: Sequence[str] | None) -> tuple[Version, ...]:
    return tuple(Version.named(text) for text in texts or ())


def _tell(made: AdoptPlan, out: Output) -> None:
    """The plan, before it is carried out."""
    out.event(Note(f"{made.tool} has its history in {made.table}"))
    for one in made.record:
        out.event(Note(f"  record {_named(one)}"))
    _warn(made, out)


def _warn(made: AdoptPlan, out: Output) -> None:
    """What a user would want to know before relying on it."""
    missing = [one for one in made.record if one.file is None]
    if missing:
        named = ", ".join(_named(one) for one in missing[:5])
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        out.event(
            Warned(
                f"applied according to {made.tool}, and there is no file of it: {named}{more}; recorded as missing"
            )
        )
    if made.undone:
        named = ", ".join(map(str, made.undone))
        out.event(Warned(f"recorded here and not applied according to {made.tool}: {named}; left as it is"))
    if made.other_order:
        named = ", ".join(map(str, made.other_order[:20]))
        out.event(Note(f"{made.tool} applied them in another order than that of their versions: {named}"))
    if late := _late(made):
        out.event(
            Warned(
                f"pending below the newest applied version: {', '.join(late)}; "
                "bin/migrate up --out-of-order applies them"
            )
        )


def _late(made: AdoptPlan) -> list[str]:
    """What is pending below the newest applied version, which `up` refuses unless it is told otherwise."""
    applied = (*(one.version for one in made.record), *made.known)
    newest = max((version for version in applied if not version.repeatable), default=None)
    return [file.version.text for file in made.pending if newest is not None and file.version < newest]


def _named(one: Adopted) -> str:
    return f"{one.version} {one.name}" if one.name != one.version.text else one.version.text


def _data(made: AdoptPlan, session: Session, *, changed: bool) -> dict[str, Any]:
    """`recorded` in order; of each its file and when the other tool applied it, where that is known."""
    return {
        "tool": made.tool,
        "table": str(made.table),
        "tracking_table": session.table,
        "mirror": made.mirror,
        "changed": changed and bool(made.record or made.forget or made.give),
        "database": show.identity(session.identity),
        "recorded": [
            {
                "version": one.version.text,
                "name": one.name,
                "file": one.file and str(one.file.path),
                "applied_at": one.entry and one.entry.applied_at and one.entry.applied_at.isoformat(),
            }
            for one in made.record
        ],
        "known": [version.text for version in made.known],
        "forgotten": [version.text for version in made.forget],
        "written": [version.text for version in made.give],
        "pending": [file.version.text for file in made.pending],
    }


def _lines(made: AdoptPlan, folder: Folder, session: Session, word: str) -> list[str]:
    lines = [f"  {_named(one)}" for one in made.record] if word != "recorded" else []
    parts = [
        f"{word} {plural(len(made.record), 'migration')} from {made.table} ({made.tool}) in {session.table}"
    ]
    if made.known:
        parts.append(f"{len(made.known)} recorded before")
    if made.forget:
        parts.append(f"{', '.join(map(str, made.forget))} undone by {made.tool}")
    if made.give:
        parts.append(f"{', '.join(map(str, made.give))} written into {made.table}")
    lines.append("; ".join(parts))
    if made.pending:
        named = ", ".join(file.version.text for file in made.pending[:10])
        more, it = " ..." if len(made.pending) > 10 else "", "it" if len(made.pending) == 1 else "them"
        option = " --out-of-order" if _late(made) else ""
        lines.append(f"pending: {named}{more}; bin/migrate up{option} applies {it}")
    else:
        lines.append(f"nothing is pending in {folder.path}")
    if made.mirror:
        lines.append(f"{made.table} is written, too, until bin/migrate adopt --no-mirror")
    return lines
