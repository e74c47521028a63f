"""Fixture sets, as the command line loads and reports them."""

from __future__ import annotations

import argparse
import datetime
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dbops.config.model import Settings
from dbops.errors import ConfigError
from dbops.events import Listener, plural
from dbops.seeding import fixtures
from dbops.seeding.fixtures import FixtureSet, Summary

if TYPE_CHECKING:
    from dbops.seeding.engine import SeedingEngine

DEV = "dev"


def options(settings: Settings, arguments: argparse.Namespace | None = None) -> fixtures.Options:
    """How sets are loaded; without arguments, as they are by themselves."""
    lock_timeout = settings.lock_timeout.value
    if arguments is None:
        return fixtures.Options(lock_timeout=lock_timeout)
    return fixtures.Options(arguments.truncate, arguments.cascade, arguments.dry_run, lock_timeout)


def chosen(settings: Settings, names: Sequence[str]) -> Sequence[FixtureSet]:
    """The sets of these names with what they require, in the order in which they are loaded; `dev` without names.

    :raises ConfigError: there are none at all.
    :raises UsageError: there is none of that name.
    """
    folder = settings.seeds_dir
    sets = fixtures.discover(folder.value)
    if not sets:
        raise ConfigError(
            f"no fixture sets in {folder.value} ({folder.origin})",
            hint="make the folder with a set in it, as docs/seed-test-data.md shows, or name another: --seeds-dir DIR",
        )
    return fixtures.choose(sets, names or [DEV])


def load_sets(
    engine: SeedingEngine, sets: Sequence[FixtureSet], how: fixtures.Options, listen: Listener
) -> Summary:
    """Load them in one transaction.

    :raises DbopsError: see `dbops.seeding.fixtures.load`; nothing was written.
    """
    context = fixtures.Context(datetime.datetime.now(datetime.UTC), os.environ)
    return fixtures.load(engine, sets, context, how, listen)


def summary_data(summary: Summary) -> dict[str, object]:
    """For --json; without the notices, which may show a password."""
    return {
        "sets": list(summary.sets),
        "changed": summary.changed,
        "tables": [
            {
                "table": one.table,
                "inserted": one.inserted,
                "updated": one.updated,
                "unchanged": one.unchanged,
                "deleted": one.deleted,
            }
            for one in summary.tables
        ],
        "scripts": list(summary.scripts),
    }


def summary_lines(summary: Summary, *, dry_run: bool = False) -> list[str]:
    """The summary for people: rows of each kind, and what the sets ask to have printed."""
    counts = {
        kind: sum(getattr(one, kind) for one in summary.tables)
        for kind in ("deleted", "inserted", "updated", "unchanged")
    }
    said = [f"{count:,} {kind}" for kind, count in counts.items() if count] or ["no rows"]
    would = "would load " if dry_run else ""
    names = f"{would}{', '.join(summary.sets)}"
    ran = [f"  ran {script}" for script in summary.scripts if not dry_run]
    notices = [] if dry_run else list(summary.notices)
    return [f"{names}: {', '.join(said)} in {plural(len(summary.tables), 'table')}", *ran, *notices]
