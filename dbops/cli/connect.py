"""From a command line to settings and a session."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from dbops import config
from dbops.cli import streams
from dbops.cli.options import settings_options
from dbops.cli.output import Output
from dbops.config.model import SQLITE_FILE, Setting, Settings, Target
from dbops.errors import ConfigError, Refused
from dbops.events import Warned

if TYPE_CHECKING:
    from dbops.backups.manifest import Engine
    from dbops.engines.postgres.session import Session as PostgresSession
    from dbops.engines.session import Session


def load_settings(arguments: argparse.Namespace, out: Output) -> Settings:
    """The settings of this command line; libpq's own variables are taken out of the environment afterwards."""
    settings = config.load(settings_options(arguments), os.environ, Path.cwd())
    config.neutralise(os.environ)
    streams.quiet_libraries()
    for warning in settings.warnings:
        out.event(Warned(warning))
    target = settings.target
    if target.engine == "sqlite":
        file = _as_seen_from_here(Setting(target.path, target.parts[SQLITE_FILE].origin))
        target = Target({SQLITE_FILE: Setting(str(file.value), file.origin)})
    return dataclasses.replace(
        settings,
        schema_file=_file_as_seen_from_here(settings.schema_file),
        target=target,
        migrations_dir=_as_seen_from_here(settings.migrations_dir),
        backups_dir=_as_seen_from_here(settings.backups_dir),
        seeds_dir=_as_seen_from_here(settings.seeds_dir),
    )


def named_by(option: str, url: str, arguments: argparse.Namespace, out: Output) -> Target:
    """The database that another option than --database-url names.

    :param option: without its dashes: "scratch-url".
    :raises UsageError: and ConfigError: it is no URL.
    """
    given = {**vars(arguments), "database_url": url, "url_option": option, "env": None}
    return load_settings(argparse.Namespace(**given), out).target


def located(arguments: argparse.Namespace, out: Output) -> Settings:
    """The settings of this command line, with a target on a server that is there."""
    return locate(load_settings(arguments, out), out)


def locate(settings: Settings, out: Output) -> Settings:
    """The settings with a target on a server that is there; a private one that is down is started.

    :raises ConfigError: no server is configured, and none answers.
    """
    return dataclasses.replace(settings, target=_target(settings, out))


def database_and_engine(settings: Settings) -> tuple[str | None, Engine | None]:
    """Whose backups `latest` is one of: the configured database's, as manifests name it; None for anybody's."""
    if settings.target.engine == "sqlite":
        return settings.target.path.name, "sqlite"
    name = settings.target.get("dbname")
    return name, None if name is None else "postgresql"


@contextlib.contextmanager
def connected(
    arguments: argparse.Namespace, out: Output, command: str = "migrate"
) -> Iterator[tuple[Session, Settings]]:
    """A session on the configured database; a private server that is down is started."""
    settings = located(arguments, out)
    with on_session(settings, f"{command} {arguments.verb}", out) as session:
        yield session, settings


def on_session(settings: Settings, command: str, out: Output) -> Session:
    """A session on the database of the settings; where somebody follows it, statement by statement."""
    from dbops.engines.session import open_session

    return open_session(settings, command, out.event, one_by_one=out.live or out.verbose)


@contextlib.contextmanager
def connected_to_postgres(
    arguments: argparse.Namespace, out: Output, command: str
) -> Iterator[tuple[PostgresSession, Settings]]:
    """As `connected`, for what only PostgreSQL can do.

    :raises Refused: the target is a database of another engine.
    """
    with connected(arguments, out, command) as (session, settings):
        yield on_postgres(session, f"bin/{command} {arguments.verb}"), settings


def on_postgres(session: Session, what: str) -> PostgresSession:
    """The same session.

    :param what: what is asked for, for the error.
    :raises Refused: it is one of another engine.
    """
    from dbops.engines.postgres.session import Session as PostgresSession

    if not isinstance(session, PostgresSession):
        raise Refused(
            f"{what} is for PostgreSQL, and {session.identity} is not", hint="give a PostgreSQL DATABASE_URL"
        )
    return session


def _target(settings: Settings, out: Output) -> Target:
    """The configured server, else the private one, else one that answers on localhost.

    :raises ConfigError: where there is none of them.
    """
    target = settings.target
    if target.engine == "sqlite":
        return target
    if (settings.project / ".dbops").exists():
        from dbops.devdb.private import ensure_running

        target = ensure_running(settings, out.event)
    if target.names_server:
        return target
    from dbops.devdb.account import current_name
    from dbops.devdb.choose import probe_localhost

    found = probe_localhost(current_name())
    if found is None:
        raise ConfigError(
            "no database is configured, and no server on localhost lets us in",
            hint="bin/setup-dev-db makes one; or set DATABASE_URL=postgresql://user:password@host:5432/database",
        )
    return Target({**target.parts, **found.parts})


def _file_as_seen_from_here(file: Setting[Path | None]) -> Setting[Path | None]:
    return file if file.value is None else Setting(_as_seen_from_here(Setting(file.value)).value, file.origin)


def _as_seen_from_here(folder: Setting[Path]) -> Setting[Path]:
    """A folder below the current one by its relative path, as people would write it."""
    here = Path.cwd()
    if not folder.value.is_relative_to(here):
        return folder
    return Setting(folder.value.relative_to(here), folder.origin)
