"""The verbs of `bin/migrate` that only look: apart from the others, since they load much less."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from typing import Any

from dbops.cli import migrate_show as show
from dbops.cli.connect import connected, load_settings
from dbops.cli.output import Output
from dbops.errors import AnswerIsNo, ExitCode
from dbops.events import Warned
from dbops.migrations import compare
from dbops.migrations.glance import Glance
from dbops.migrations.model import State
from dbops.migrations.reader import Reader


@contextlib.contextmanager
def opened(arguments: argparse.Namespace, out: Output) -> Iterator[Reader]:
    """The folder and the database that the arguments and the configuration name."""
    with connected(arguments, out) as (session, settings):
        yield Reader(session, settings, out.event)


def status(arguments: argparse.Namespace, out: Output) -> int:
    """How every version stands."""
    with opened(arguments, out) as reader:
        glance = Glance()
        statuses = reader.statuses(glance.has_drifted)
        drift, told, line = _drift(reader) if arguments.drift else (False, {}, [])
        if reader.elsewhere:
            from dbops.migrations.adopt.mirror import offer

            offered = offer(reader.elsewhere)
            out.event(Warned(f"{offered.message}; {offered.hint}"))
        if out.as_json:  # of a thousand migrations, only what is asked for
            out.result({**show.status_data(statuses, reader.folder, reader.session, glance), **told})
        else:
            out.result({}, [*show.status_lines(statuses, reader.folder, reader.session, glance), *line])
        wrong = [status for status in statuses if status.state is not State.APPLIED]
        if arguments.check and wrong:
            raise AnswerIsNo(
                f"{len(wrong)} of {len(statuses)} are not as they should be; the first is {wrong[0].version}: "
                f"{wrong[0].state.value}",
                hint="bin/migrate up"
                if wrong[0].state in {State.PENDING, State.CHANGED}
                else "bin/migrate up tells what can be done",
            )
        if arguments.check and drift:
            raise AnswerIsNo("the schema is not as the last migration left it", hint="bin/migrate drift")
    return ExitCode.DONE


def _drift(reader: Reader) -> tuple[bool, dict[str, Any], list[str]]:
    """Whether the schema has drifted, as data, and as a line."""
    from dbops.cli.migrate_drift import data
    from dbops.migrations.schema_drift import look

    found = look(reader.session)
    return bool(found.differences), {"drift": data(found)}, [found.sentence()]


def current(arguments: argparse.Namespace, out: Output) -> int:
    """The newest applied version."""
    with opened(arguments, out) as reader:
        at = compare.current(reader.statuses())
        data = {
            "version": at and at.version.text,
            "name": at and at.name,
            "database": show.identity(reader.session.identity),
        }
        out.result(data, [f"{at.version} {at.name}" if at else "none: no migration is applied"])
        newest = reader.folder.newest.version
        if arguments.check and (at is None or at.version < newest):
            raise AnswerIsNo(f"the newest version is {newest}", hint="bin/migrate up")
    return ExitCode.DONE


def heads(arguments: argparse.Namespace, out: Output) -> int:
    """The newest version of the folder; asks no database."""
    from dbops.migrations.discovery import discover

    settings = load_settings(arguments, out)
    newest = discover(settings.migrations_dir, settings.migration_format).newest
    out.result({"version": newest.version.text, "name": newest.name}, [f"{newest.version} {newest.name}"])
    return ExitCode.DONE


def history(arguments: argparse.Namespace, out: Output) -> int:
    """What was done, when, by whom."""
    with opened(arguments, out) as reader:
        events = reader.history()
        out.result(
            show.history_data(events, reader.session.identity),
            show.history_lines(events, reader.session, arguments.markdown),
        )
    return ExitCode.DONE
