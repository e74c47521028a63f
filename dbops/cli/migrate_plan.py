"""`bin/migrate plan`: what `up` would run, and what each statement would do, or with --trace really did."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbops.cli import migrate_forecast as forecast
from dbops.cli import migrate_show as show
from dbops.cli.migrate_verbs import opened, pending, planned_up
from dbops.cli.output import Output
from dbops.errors import AnswerIsNo, ExitCode, UsageError
from dbops.migrations.planner import Plan

if TYPE_CHECKING:
    from dbops.safety.analysis import Analysed


def plan(arguments: argparse.Namespace, out: Output) -> int:
    """What `up` would run, and what each statement would do to this very database."""
    _refuse_without_trace(arguments)
    if arguments.trace and not arguments.dry_run:
        from dbops.cli import migrate_trace

        made, found = migrate_trace.trace(arguments, out)
    else:
        made, found = _planned(arguments, out)
    _refuse_pending(arguments, made, found)
    return ExitCode.DONE


def _planned(arguments: argparse.Namespace, out: Output) -> tuple[Plan, Sequence[Analysed]]:
    with opened(arguments, out) as (migrator, session, _):
        preparation = migrator.prepare(planned_up(arguments, migrator))
        made = preparation.plan
        found = forecast.analysed(preparation, session)
        out.result(
            {**show.plan_data(made, session.identity), **forecast.data(found)},
            forecast.markdown(found)
            if arguments.markdown
            else show.plan_lines(made, migrator.folder, session, out.verbose, forecast.below(found)),
        )
    return made, found


def _refuse_pending(arguments: argparse.Namespace, made: Plan, found: Sequence[Analysed]) -> None:
    """:raises AnswerIsNo: --check, and something is pending that is as risky as --fail-on says."""
    from dbops.safety.level import Risk

    worst, limit = forecast.worst(found), arguments.fail_on and Risk[arguments.fail_on.upper()]
    if arguments.check and made.steps and (limit is None or worst >= limit):
        raise AnswerIsNo(pending(made) + (f", {worst.label}" if limit else ""), hint="bin/migrate up")


def _refuse_without_trace(arguments: argparse.Namespace) -> None:
    given = {"--from-backup": arguments.from_backup, "--scratch-url": arguments.scratch_url}
    for name in (name for name, value in given.items() if value is not None and not arguments.trace):
        raise UsageError(f"{name} is for --trace", hint=f"bin/migrate plan --trace {name} {given[name]}")
