"""The private server of the project, for work that is better not done on the configured one."""

from __future__ import annotations

import dataclasses

from dbops.cli.output import Output
from dbops.config.model import Setting, Settings, Target
from dbops.errors import ConfigError, ProgramFailed, Refused
from dbops.events import Warned


def major(settings: Settings, out: Output) -> int | None:
    """Its major version, whether it runs or not; None where there is none besides the configured one."""
    if settings.server.value == "configured" or not (settings.project / ".dbops").exists():
        return None
    from dbops.devdb import private
    from dbops.devdb.places import Places

    places = Places.of(settings.project)
    try:
        found = places.load()
        if found is None or not private.made(found) or found.matches(settings.target):
            return None
        return places.own(found).major
    except (ConfigError, Refused) as error:
        out.event(_unusable(error))
        return None


def target(settings: Settings, out: Output) -> Target | None:
    """It, started where it is down; None where there is none that can be used, which is told."""
    if not (settings.project / ".dbops").exists():
        return None
    from dbops.devdb.private import ensure_running

    anywhere = Target({"dbname": Setting("postgres", "the private server")})
    try:
        found = ensure_running(dataclasses.replace(settings, target=anywhere), out.event)
    except (ConfigError, ProgramFailed, Refused) as error:
        out.event(_unusable(error))
        return None
    return found if found.names_server else None


def _unusable(error: ConfigError | ProgramFailed | Refused) -> Warned:
    return Warned(f"the private server cannot be used: {error.message}")
