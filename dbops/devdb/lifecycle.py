"""The private server's verbs: status, start, stop, destroy."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from dbops import programs
from dbops.config.model import Settings, Target
from dbops.devdb import account as accounts
from dbops.devdb import choose, consent, databases, private, serving
from dbops.devdb import cluster as clusters
from dbops.devdb.choose import Kind
from dbops.devdb.consent import Ask
from dbops.devdb.databases import Found
from dbops.devdb.places import Places, exclusive
from dbops.engines.marks import is_development
from dbops.errors import CannotConnect, ConfigError, ProgramFailed
from dbops.events import Listener, ignore


@dataclasses.dataclass(frozen=True)
class Status:
    """Where the development database is.  `databases` maps each name to "marked", "unmarked" or "missing".

    `state` is "running", "stopped", "not made" for a private server, "reachable" or
    "unreachable" for another, "there" or "not made" for a file; `version` and `databases` are known of a server that answers.
    """

    kind: Kind
    state: str
    address: str
    version: str | None = None
    databases: dict[str, str] = dataclasses.field(default_factory=dict)
    data: Path | None = None
    log: Path | None = None
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        fields = dataclasses.asdict(self)
        return {**fields, "kind": self.kind.value, "data": _text(self.data), "log": _text(self.log)}

    def lines(self) -> list[str]:
        """The same for people."""
        engine, name = ("SQLite", "file") if self.kind is Kind.FILE else ("PostgreSQL", "address")
        version = f" ({engine} {self.version})" if self.version else ""
        shown = [f"server     {self.kind.value}, {self.state}{version}", f"{name:<10} {self.address}"]
        if self.kind is Kind.FILE:
            shown[0] = f"server     none is needed{version}"
        words = {"marked": "development", "unmarked": "not marked as development", "missing": "missing"}
        shown += [f"database   {name}: {words.get(state, state)}" for name, state in self.databases.items()]
        shown += [f"{name:<10} {path}" for name, path in (("data", self.data), ("log", self.log)) if path]
        return shown + ([f"reason     {self.reason}"] if self.reason else [])


def status(settings: Settings) -> Status:
    """See where the development database is; starts and changes nothing."""
    places = Places.of(settings.project)
    record = places.load()
    if record is not None and (of := places.original(record)) is not None:
        reason = f"this project is a copy: the private server on port {record.port} belongs to {of}"
        if not settings.target.names_server or record.matches(settings.target):
            return Status(Kind.PRIVATE, "not made", "bin/setup-dev-db makes it", reason=reason)
        record = None
    choice = choose.decide(settings, record, lambda: choose.probe_localhost(accounts.current_name()))
    if choice.private and (record is None or not private.made(record)):
        return Status(Kind.PRIVATE, "not made", "bin/setup-dev-db makes it")
    target = choice.target.replace("", dbname=settings.database.value)
    base = Status(choice.kind, "stopped", target.describe())
    if choice.private and record is not None:
        base = dataclasses.replace(base, data=record.home / "data", log=record.home / "server.log")
        if not private.running(record):
            taken = serving.port_taken(record.port) if clusters.answers(record.port) else None
            return dataclasses.replace(base, reason=taken.message if taken else None)
    up, down = ("running", "running") if choice.private else ("reachable", "unreachable")
    try:
        version, found = _look(settings, target)
    except (CannotConnect, ConfigError) as error:
        return dataclasses.replace(base, state=down, reason=error.message)
    return dataclasses.replace(base, state=up, version=version, databases=found)


def start(settings: Settings, listen: Listener) -> bool:
    """Start the private server; False where it runs already.

    :raises ConfigError: there is none.
    :raises Refused: it is another project's, of which this one is a copy.
    """
    places = Places.of(settings.project)
    with exclusive(places, listen):
        record = places.load()
        if record is None or not private.made(record):
            raise ConfigError("this project has no private server", hint="bin/setup-dev-db --server private")
        places.own(record)
        if private.running(record):
            return False
        private.start(places, record, _search, ignore)
    return True


def stop(settings: Settings, listen: Listener) -> bool:
    """Stop the private server; False where none is running.

    :raises Refused: it is another project's, of which this one is a copy.
    """
    places = Places.of(settings.project)
    with exclusive(places, listen):
        record = places.load()
        return record is not None and private.stop(places.own(record))


def destroy(settings: Settings, ask: Ask, listen: Listener) -> bool:
    """Remove the private server with all its data, and its record; `.env` stays.  False where there is none.

    :raises Refused: a database on it is not marked as development, and there is no consent; or the server
        is another project's, of which this one is a copy.
    """
    places = Places.of(settings.project)
    with exclusive(places, listen):
        losing, unseen = _losing(settings, places)
        consent.require(losing, "remove the private server with", settings.confirm, ask, unseen)
        return private.destroy(places)


def _losing(settings: Settings, places: Places) -> tuple[list[Found], str | None]:
    """The databases of the private server; or the development database, and why nothing can be seen.

    Of a server that does not start or does not let us in nothing is known, so
    that the development database counts as one that is not marked.
    """
    unknown = [Found(settings.database.value, None)]
    unseen = "what is on the private server cannot be seen"
    try:
        record = places.load()
        if record is None or not private.made(record):
            if private.leftover_cluster(places, record):
                return unknown, f"{unseen} (its record is gone)"
            return [], None
        private.start(places, places.own(record), _search, ignore)
        with databases.admin(record.complete(Target(), choose.PRIVATE), ignore) as connection:
            found = databases.others(connection)
    except (CannotConnect, ConfigError, ProgramFailed) as error:
        return unknown, f"{unseen} ({error.message})"
    return sorted(found, key=lambda one: one.name != settings.database.value), None


def _look(settings: Settings, target: Target) -> tuple[str, dict[str, str]]:
    names = (settings.database.value, settings.test_database.value)
    with databases.admin(target, ignore, 0) as connection:
        found = databases.existing(connection, names)
        version = databases.server_version(connection)
    return version, {name: _state(found.get(name)) for name in names}


def _state(found: Found | None) -> str:
    if found is None:
        return "missing"
    return "marked" if is_development(found.comment) else "unmarked"


def _search(account: Any) -> programs.Search:
    import os

    return programs.find(os.defpath, account)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
