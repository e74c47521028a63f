"""`bin/migrate renumber`: another number for a migration, where two branches took the same one."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Iterable, Sequence
from typing import Any

from dbops.cli.connect import load_settings, locate
from dbops.cli.output import Output
from dbops.config.model import Settings
from dbops.engines.records import Applied
from dbops.errors import CannotConnect, ConfigError, ExitCode
from dbops.migrations import discovery, renaming, renumbering
from dbops.migrations.renumbering import Renumbering


def renumber(arguments: argparse.Namespace, out: Output) -> int:
    """Rename the files of the one that came later; no database is changed."""
    settings = load_settings(arguments, out)
    look = discovery.look(settings.migrations_dir, settings.migration_format)
    in_order = functools.partial(renumbering.in_order, lambda: _rows(settings, out))
    made = renumbering.plan(look, arguments.which, arguments.to, in_order)
    if not arguments.dry_run:
        for one in made:
            renaming.rename(one)
    changed = bool(made) and not arguments.dry_run
    out.result(
        {"changed": changed, "renumbered": [_data(one) for one in made]}, _lines(made, changed=changed)
    )
    return ExitCode.DONE


def _rows(settings: Settings, out: Output) -> Iterable[Applied]:
    """What the database has applied; nothing where there is no database to ask."""
    from dbops.engines.session import open_session

    try:
        with open_session(locate(settings, out), "migrate renumber", out.event) as session:
            return session.read().rows
    except (CannotConnect, ConfigError):
        return ()


def _data(one: Renumbering) -> dict[str, Any]:
    return {
        "version": one.migration.claim.version,
        "to": one.to,
        "name": one.migration.claim.name,
        "files": [
            {"from": str(one.migration.folder / old), "to": str(one.migration.folder / new)}
            for old, new in one.moves
        ],
    }


def _lines(made: Sequence[Renumbering], *, changed: bool) -> list[str]:
    if not made:
        return ["nothing to do: no two migrations have one version"]
    word = "renamed" if changed else "would rename"
    lines = [
        f"{word} {one.migration.folder / old} to {one.migration.folder / new}"
        for one in made
        for old, new in one.moves
    ]
    return [*lines, "where it is applied already, bin/migrate up moves its record"]
