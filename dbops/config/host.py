"""Settings for a program that uses dbops as a library.  Its environment is read and left as it is."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from dbops.config import dotenv, project
from dbops.config.model import Options, Setting, Settings, Target
from dbops.config.settings import load
from dbops.config.values import wrong
from dbops.config.variables import from_environment, shielded
from dbops.errors import ConfigError, UsageError

AUTO_MIGRATE = "AUTO_MIGRATE"
_YES, _NO = {"true", "1", "yes", "on"}, {"false", "0", "no", "off"}


def without_database(options: Options) -> Settings:
    """As `dbops.config.load` reads them for a command, for this process and its current folder."""
    return load(options, os.environ, Path.cwd())


def settings(options: Options) -> Settings:
    """The same, to connect with.

    :raises ConfigError: as `load`; and where no database is configured.
    """
    found = without_database(options)
    if found.target.engine == "postgresql" and not found.target.names_server:
        raise ConfigError(
            "no database is configured",
            hint="give a URL, or set DATABASE_URL=postgresql://user:password@host:5432/database",
        )
    return dataclasses.replace(found, target=shielded(found.target, os.environ))


def settings_of(target: Target, options: Options) -> Settings:
    """The same for a target that is known already: nothing of what is configured about a target counts.

    :raises UsageError: the options name another.
    """
    if options.env is not None:
        raise UsageError("env and a connection both name the database", hint="give one of the two")
    own = {name: value for name, value in os.environ.items() if name.startswith("DBOPS_")}
    own.pop("DBOPS_DIRECT_URL", None)
    found = load(options, own, Path.cwd())
    return dataclasses.replace(found, target=shielded(target, os.environ))


def auto_migrate() -> bool:
    """Whether AUTO_MIGRATE, in the environment or in the project's `.env`, asks to migrate on start; not set is no.

    :raises ConfigError: it is neither yes nor no.
    """
    found = from_environment(os.environ, (AUTO_MIGRATE,))
    if not found:
        found = dict(dotenv.read(project.find(os.environ, Path.cwd()).folder / ".env"))
    given = found.get(AUTO_MIGRATE, Setting("false"))
    text = given.value.strip().lower()
    if text not in _YES | _NO:
        raise wrong(given.origin, f"is {given.value!r}, neither true nor false", hint=f"{AUTO_MIGRATE}=true")
    return text in _YES
