"""The project's private server through its life: made, started when it is needed, stopped, destroyed.

An ordinary account has everything in `.dbops/`.  PostgreSQL refuses root, so
for root the cluster belongs to an unprivileged account and lives under
`/var/lib/dbops/`, and `.dbops/` holds the record.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from dbops import programs
from dbops.config.model import Settings, Target
from dbops.devdb import account as accounts
from dbops.devdb import cluster as clusters
from dbops.devdb import postmaster, record, serving
from dbops.devdb.choose import PRIVATE
from dbops.devdb.cluster import Cluster
from dbops.devdb.envfile import SERVICE_FILE
from dbops.devdb.places import ROOTS_BASE, Places, exclusive
from dbops.devdb.record import Record
from dbops.devdb.undo import Undo
from dbops.errors import ConfigError, ProgramFailed
from dbops.events import Listener, Note, ignore
from dbops.process import Account

SUPERUSER = "postgres"
SHORT_FOLDER = Path("/tmp")  # noqa: S108  # for a folder of mode 0700 with a name that cannot be guessed

_FIRST_PORT = 15432
_PORTS = 8000
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")

Search = Callable[[Account | None], programs.Search]
"""Finds PostgreSQL's programs for an account; asked only when a cluster is made or its programs have gone."""


def ensure_running(settings: Settings, listen: Listener = ignore) -> Target:
    """See that the target's server is up when it is the private one; returns the target to connect to.

    That is `settings.target`, but where nothing names a server and the
    project has a private one, it is that one.  Costs the read of two small
    files, and one TCP connect where the target is the private server.

    :raises ProgramFailed: it is down and did not start.
    :raises Refused: it is another project's, of which this one is a copy.
    """
    target = settings.target
    if target.names_server and not record.could_match(target):
        return target
    places = Places.of(settings.project)
    try:
        found = places.load()
    except ConfigError:
        if target.names_server:  # configured is enough: whose record that is does not matter then
            return target
        raise
    if found is None or settings.server.value == "configured" or not made(found):
        return target
    if target.names_server and not found.matches(target):
        return target
    if not _up(places.own(found)):
        with exclusive(places, listen):
            if not _up(found):
                start(places, found, lambda account: programs.find(os.defpath, account), listen)
    return found.complete(target, PRIVATE)


def adopted(places: Places, found: Record) -> Record:
    """The record of a cluster that was copied with its project: its own port, not the original's."""
    port = clusters.free_port(found.port + 1)
    home = places.base / "cluster"
    return _with_socket_folder(
        dataclasses.replace(
            found, home=home, port=port, socket_dir=home / "run", project=places.folder.parent
        )
    )


def _up(found: Record) -> bool:
    """Whether its own server runs and listens: where it is down another program may have its port."""
    return running(found) and clusters.answers(found.port)


def made(found: Record) -> bool:
    """Whether the cluster of a record is there, whole."""
    return clusters.data_major(found.home / "data") is not None


def leftover_cluster(places: Places, found: Record | None) -> bool:
    """Whether there is something to destroy although no whole cluster with its record is there."""
    return found is None and (places.base / "cluster").exists()


def running(found: Record) -> bool:
    """Whether the private server runs (its own, not another that listens on its port)."""
    return postmaster.running(found.home / "data") is not None


def make(places: Places, known: Record | None, installation: programs.Installation, undo: Undo) -> Record:
    """Make the cluster and start its server.  `known` is a record without a cluster: port and password stay.

    :raises ProgramFailed: initdb or the first start failed; `undo` removes what there is of it.
    """
    account = accounts.for_new_cluster()
    home = places.base / "cluster"
    if known is None and home.exists():
        raise ConfigError(
            f"{home} has a cluster without its record",
            hint="remove it, with its data: bin/setup-dev-db destroy",
        )
    undo.add("remove the private server", lambda: _destroyed(places))
    places.make_base()
    chosen = _chosen(places, known, home, _reachable(installation, places))
    places.save(chosen)
    clusters.create(cluster_of(chosen, account))
    while True:
        try:
            serving.start(cluster_of(chosen, account))
        except serving.PortTaken:
            if known is not None:  # the port is in .env already
                raise
            # another project chose the same port at this moment
            chosen = dataclasses.replace(chosen, port=clusters.free_port(chosen.port + 1))
            places.save(chosen)
            continue
        clusters.remove_partial(home)  # an initdb that outlived a killed run may have written on until now
        return chosen


def start(places: Places, found: Record, search: Search, listen: Listener) -> Record:
    """Start the private server where it is down; returns the record, which may name other programs now.

    :raises ProgramFailed: it did not start: its port is taken, its programs are gone, the disk is full.
    """
    known, found = places.load(), dataclasses.replace(found, project=places.folder.parent)
    ready = found if running(found) else _with_programs(_with_socket_folder(found), search, places)
    if ready != known:
        places.save(ready)
    if running(found):
        serving.wait_until_up(cluster_of(found, None))
        return found
    serving.start(cluster_of(ready, accounts.for_existing_cluster(ready.home)))
    listen(Note(f"started the private server on 127.0.0.1:{ready.port}"))
    return ready


def stop(found: Record) -> bool:
    """Stop the private server; False where it was not running."""
    if not made(found):
        return False
    return serving.stop(cluster_of(found, accounts.for_existing_cluster(found.home)))


def destroy(places: Places) -> bool:
    """Stop the server and remove cluster, copied programs and record; False where there was nothing.

    Works without a record too, and on a damaged one.  The record goes last,
    so a destroy that was killed can be run again.
    """
    found = _load_if_sound(places)
    if found is not None and places.original(found) is not None:  # a copy's way back: not the original's
        found = None
    home = found.home if found else places.base / "cluster"
    clusters.remove_partial(home)
    there = found is not None or home.exists()
    if home.exists():
        stand_in = found or Record(home, Path("/"), 0, 0, home / "run", SUPERUSER, "")
        account = accounts.for_existing_cluster(home)
        serving.stop(cluster_of(stand_in, account), "immediate")
        clusters.destroy(cluster_of(stand_in, account))
    shutil.rmtree(places.base / "programs", ignore_errors=True)
    for place in (places.base, places.folder):
        for name in (record.NAME, SERVICE_FILE):
            (place / name).unlink(missing_ok=True)
    if places.base != places.folder:
        shutil.rmtree(places.base, ignore_errors=True)
        if home.is_relative_to(ROOTS_BASE):  # elsewhere, where the project was moved
            shutil.rmtree(home.parent, ignore_errors=True)
        with suppress(OSError):
            ROOTS_BASE.rmdir()
    return there


def cluster_of(found: Record, account: Account | None) -> Cluster:
    """The cluster that a record describes."""
    return Cluster(
        found.home, found.bindir, found.port, found.socket_dir, found.user, found.password, account
    )


def _chosen(places: Places, known: Record | None, home: Path, installation: programs.Installation) -> Record:
    if known is not None:
        return dataclasses.replace(known, home=home, bindir=installation.bindir, major=installation.major)
    digest = hashlib.sha256(os.fsencode(places.folder)).digest()
    port = clusters.free_port(_FIRST_PORT + int.from_bytes(digest[:4], "big") % _PORTS)
    chosen = Record(
        home,
        installation.bindir,
        installation.major,
        port,
        home / "run",
        SUPERUSER,
        secrets.token_urlsafe(18),
        places.folder.parent,
    )
    return _with_socket_folder(chosen)


def _reachable(installation: programs.Installation, places: Places) -> programs.Installation:
    """The installation, or a copy of it that the cluster's account can run."""
    if installation.reachable:
        return installation
    return programs.copy_bundle(installation, places.base / "programs")


def _with_socket_folder(found: Record) -> Record:
    """A socket's path ends at 107 bytes: where the folder is too deep (or was moved there) it lies in /tmp.

    Its name cannot be guessed beforehand, so nobody can take it.
    """
    inside = found.home / "run"
    if clusters.fits_socket(inside) and _PLAIN_PATH.fullmatch(str(inside)):
        return dataclasses.replace(found, socket_dir=inside)
    if found.socket_dir.parent == SHORT_FOLDER:
        return found
    return dataclasses.replace(found, socket_dir=SHORT_FOLDER / f"dbops-{secrets.token_hex(6)}")


def _with_programs(found: Record, search: Search, places: Places) -> Record:
    """The record with programs of the cluster's own major version that are there and work."""
    major = clusters.data_major(found.home / "data") or found.major
    account = accounts.for_existing_cluster(found.home)
    recorded = programs.examine(found.bindir, account)
    if isinstance(recorded, programs.Installation) and recorded.major == major:
        return found
    searched = search(account)
    for installation in searched.found:
        if installation.major == major:
            usable = _reachable(installation, places)
            return dataclasses.replace(found, bindir=usable.bindir, major=major)
    others = ", ".join(dict.fromkeys(installation.version for installation in searched.found)) or "none"
    raise ProgramFailed(
        f"the private cluster was made by PostgreSQL {major}, and of that version there are no programs"
        f" (found: {others})",
        hint=f"sudo apt-get install postgresql-{major}; or, to lose its data: bin/setup-dev-db destroy",
    )


def _destroyed(places: Places) -> None:
    destroy(places)


def _load_if_sound(places: Places) -> Record | None:
    with suppress(ConfigError):
        return places.load()
    return None
