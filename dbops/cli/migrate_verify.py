"""`bin/migrate verify --applied`: the verify sections of what is applied, run on the live database.

Without `--applied` it is `dbops.cli.migrate_rounds`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from dbops.cli import migrate_show as show
from dbops.cli.migrate_read import opened
from dbops.cli.output import Output, table
from dbops.errors import AnswerIsNo, ExitCode, UsageError
from dbops.events import plural
from dbops.migrations import verifying
from dbops.migrations.verifying import Verdict
from dbops.migrations.version import Version


def verify(arguments: argparse.Namespace, out: Output) -> int:
    """Run the verify sections, each in a transaction of its own that is rolled back; or the rounds."""
    if arguments.applied is None:
        from dbops.cli.migrate_rounds import rounds

        return rounds(arguments, out)
    for name in ("all", "empty", "twice", "scratch_url"):
        if getattr(arguments, name):
            raise UsageError(
                f"--applied and --{name.replace('_', '-')} cannot go together", hint="leave one out"
            )
    with opened(arguments, out) as reader:
        wanted = Version.named(arguments.applied) if arguments.applied else None
        verdicts = verifying.verdicts(reader.session, reader.statuses(), wanted)
        identity = reader.session.identity
        out.result(
            {"database": show.identity(identity), "migrations": [_data(verdict) for verdict in verdicts]},
            _lines(verdicts, f"database {identity}"),
        )
        failed = [verdict for verdict in verdicts if verdict.wrong]
        if failed:
            raise AnswerIsNo(
                f"{plural(len(failed), 'migration')} of {len(verdicts)} not verified; the first is "
                f"{failed[0].status.version}: {failed[0].wrong}",
                hint="mend the database with a new migration; or, where a later one changed what it looks at, the query",
            )
    return ExitCode.DONE


def _data(verdict: Verdict) -> dict[str, Any]:
    return {
        "version": verdict.status.version.text,
        "name": verdict.status.name,
        "queries": verdict.queries,
        "verified": verdict.wrong is None,
        "message": verdict.wrong,
    }


def _lines(verdicts: Sequence[Verdict], where: str) -> list[str]:
    if not verdicts:
        return [f"no applied migration has a verify section; {where}"]
    rows = [
        (one.status.version.text, one.status.name, str(one.queries), one.wrong or "verified")
        for one in verdicts
    ]
    lines = list(table(("version", "name", "queries", "result"), rows, optional=()))
    good = sum(1 for one in verdicts if one.wrong is None)
    return [*lines, "", f"{good} of {len(verdicts)} verified; {where}"]
