"""`bin/seed-test-data [SET ...]`: fixture sets, and demo data on top of them where they are asked for."""

from __future__ import annotations

import argparse

from dbops.cli import hooks, seed_sets
from dbops.cli.hooks import Hooks
from dbops.cli.output import Output
from dbops.cli.seed_session import opened, require_consent
from dbops.errors import ExitCode


def load(arguments: argparse.Namespace, out: Output) -> int:
    """Load sets; with --scale or --rows, make demo data on top of them."""
    with hooks.around("seed", "seed-test-data", arguments, out) as hook:
        if arguments.scale is not None or arguments.rows:
            from dbops.cli import seed_demo

            return seed_demo.seed(arguments, out, hook)
        return _load(arguments, out, hook)


def _load(arguments: argparse.Namespace, out: Output, hook: Hooks) -> int:
    with opened(arguments, out) as (engine, settings):
        sets = seed_sets.chosen(settings, arguments.sets)
        if not arguments.dry_run:
            require_consent(engine, settings, out)
            hook.before(settings, engine.database, seed_sets=[one.name for one in sets])
        how = seed_sets.options(settings, arguments)
        if any(one.generates for one in sets):
            from dbops.cli import seed_written

            return seed_written.load(engine, settings, sets, how, out)
        summary = seed_sets.load_sets(engine, sets, how, out.event)
        data = {
            "dry_run": how.dry_run,
            "database": engine.database,
            **seed_sets.summary_data(summary),
        }
        out.result(data, seed_sets.summary_lines(summary, dry_run=how.dry_run))
    return ExitCode.DONE
