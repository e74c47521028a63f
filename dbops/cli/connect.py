"""From a command line to settings and a session."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

from dbops import config
from dbops.cli.options import settings_options
from dbops.cli.output import Output
from dbops.config.model import Settings
from dbops.engines.postgres.session import Session
from dbops.events import Warned


def load_settings(arguments: argparse.Namespace, out: Output) -> Settings:
    """The settings of this command line; libpq's own variables are taken out of the environment afterwards."""
    settings = config.load(settings_options(arguments), os.environ, Path.cwd())
    config.neutralise(os.environ)
    for warning in settings.warnings:
        out.event(Warned(warning))
    return settings


@contextlib.contextmanager
def connected(arguments: argparse.Namespace, out: Output) -> Iterator[tuple[Session, Settings]]:
    """A session on the configured database; a private server that is down is started."""
    settings = load_settings(arguments, out)
    if (settings.project / ".dbops").exists():
        from dbops.devdb.private import ensure_running

        settings = dataclasses.replace(settings, target=ensure_running(settings, out.event))
    with Session.open(settings, f"migrate {arguments.verb}", out.event, one_by_one=out.live or out.verbose) as session:
        yield session, settings
