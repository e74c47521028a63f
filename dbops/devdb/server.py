"""The first half of a set-up: the server, planned and then brought up."""

from __future__ import annotations

import dataclasses
import enum
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from dbops import programs
from dbops.config.model import Settings, Target
from dbops.devdb import account as accounts
from dbops.devdb import choose, extra, packages, private
from dbops.devdb.choose import Choice
from dbops.devdb.places import Places
from dbops.devdb.record import Record
from dbops.devdb.undo import Undo
from dbops.errors import ProgramFailed
from dbops.events import Listener, Note, StepDone, Warned
from dbops.process import Account


class Action(enum.Enum):
    """What has to be done for the server to be up."""

    NONE = "none"
    START = "start"
    MAKE = "make"


@dataclasses.dataclass(frozen=True)
class ServerPlan:
    """The server and what is done to it.  A cluster is made with `installation`; None: installed first.

    `copy_of` is the project whose server the record described, where ours is a copy of it.
    """

    choice: Choice
    action: Action
    record: Record | None = None
    installation: programs.Installation | None = None
    copy_of: Path | None = None

    def sentences(self) -> list[str]:
        """What will be done, for people."""
        if self.action is Action.MAKE:
            source = "the server extra, installed first"
            if self.installation is not None:
                source = f"PostgreSQL {self.installation.version} ({self.installation.bindir})"
            return [f"make a private server with {source}, on a free port of 127.0.0.1"]
        if self.action is Action.START and self.record is not None:
            return [f"start the private server on 127.0.0.1:{self.record.port}"]
        return [f"use the server of {self.choice.target.describe()} ({self.choice.kind.value})"]


@dataclasses.dataclass(frozen=True)
class Machine:
    """What is asked of the machine.  `environ` is given to an installer; its PATH is searched."""

    environ: Mapping[str, str] = dataclasses.field(repr=False)
    probe: Callable[[], Target | None]

    @classmethod
    def real(cls, environ: Mapping[str, str]) -> Machine:
        return cls(environ, lambda: choose.probe_localhost(accounts.current_name()))

    def search(self, account: Account | None) -> programs.Search:
        """PostgreSQL's programs that this account can run."""
        return programs.find(self.environ.get("PATH", ""), account)


def plan(settings: Settings, places: Places, machine: Machine) -> ServerPlan:
    """Choose the server and see what it needs; nothing is changed.

    :raises DbopsError: the extensions that are asked for are not there for a cluster to be made.
    """
    record = places.load()
    copy_of = places.original(record) if record is not None else None
    if record is not None and copy_of is not None:
        if record.matches(settings.target) and settings.server.value != "private":
            places.own(record)  # raises
        # root's cluster is outside of the project's folder, so that a copy has none
        record = private.adopted(places, record) if places.base == places.folder else None
    choice = choose.decide(settings, record, machine.probe)
    if not choice.private:
        return ServerPlan(choice, Action.NONE)
    return dataclasses.replace(_plan_private(settings, choice, record, machine), copy_of=copy_of)


def _plan_private(settings: Settings, choice: Choice, record: Record | None, machine: Machine) -> ServerPlan:
    if record is not None and private.made(record):
        return ServerPlan(choice, Action.NONE if private.running(record) else Action.START, record)
    account = accounts.for_new_cluster()
    installation = _installation(settings, machine.search(account))
    return ServerPlan(choice, Action.MAKE, record, installation)


def bring_up(
    planned: ServerPlan, settings: Settings, places: Places, machine: Machine, undo: Undo, listen: Listener
) -> Target:
    """Do what the plan says; returns the target with everything that a connection needs.

    :raises ProgramFailed: see `private.make` and `private.start`.
    """
    if planned.choice.ignored is not None:
        named = planned.choice.ignored
        listen(
            Warned(f"{named.describe()} is configured and not used: the other commands go there, not here")
        )
    if planned.copy_of is not None:
        listen(Note(f"this project is a copy of {planned.copy_of}: it gets a private server of its own"))
    if planned.action is Action.NONE:
        if planned.record is not None:
            private.start(places, planned.record, machine.search, listen)  # up, but perhaps for a moment only
        return planned.choice.target
    began = time.monotonic()
    if planned.action is Action.START:
        assert planned.record is not None
        record = planned.record
        undo.add("stop the private server", lambda: _stop(record))
        record = private.start(places, record, machine.search, listen)
    else:
        installation = planned.installation or _installed(settings, machine, listen)
        record = private.make(places, planned.record, installation, undo)
        what = f"made a private server with PostgreSQL {installation.version} on 127.0.0.1:{record.port}"
        listen(StepDone(what, time.monotonic() - began))
    undo.settle()
    return record.complete(planned.choice.target, choose.PRIVATE)


def _installation(settings: Settings, search: programs.Search) -> programs.Installation | None:
    """The best installation, checked for the extensions; None where there is none."""
    if not search.found:
        return None
    wanted = settings.extensions
    best = search.best(wanted.value)
    has = best.extensions() if wanted.value else None
    if has is not None and (missing := [name for name in wanted.value if name not in has]):
        raise packages.missing_error(missing, best.major, wanted.origin, bundled=best.bundled)
    return best


def _installed(settings: Settings, machine: Machine, listen: Listener) -> programs.Installation:
    extra.install(machine.environ, listen)
    search = machine.search(accounts.for_new_cluster())
    found = _installation(settings, search)
    if found is None:
        raise ProgramFailed(
            "the server extra is installed, but its programs do not run here",
            hint="sudo apt-get install postgresql",
            detail="\n".join(f"{path}: {reason}" for path, reason in search.rejected) or None,
        )
    return found


def _stop(record: Record) -> None:
    private.stop(record)
