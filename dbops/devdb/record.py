"""The record of the project's private server: `.dbops/server.json`, readable by its owner alone.

It is written before the cluster gets its final name, so a cluster without a
record was never used, and a record without a cluster says how to make it.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

from dbops import interrupts
from dbops.config.model import Target
from dbops.errors import ConfigError

FOLDER = ".dbops"
NAME = "server.json"
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1"})
_FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Record:
    """Where the private cluster is and how one gets in.

    `home` is the cluster's folder; `bindir` the programs that it was last
    started with; `port` and `password` are chosen once and kept.  `project` is
    the folder of the project that it was last started for: a copy of that
    folder has a copy of the record.
    """

    home: Path
    bindir: Path
    major: int
    port: int
    socket_dir: Path
    user: str
    password: str = dataclasses.field(repr=False)
    project: Path | None = None

    def matches(self, target: Target) -> bool:
        """Whether a target is this server: by host (loopback or the socket's folder) and port."""
        hosts = {target.get("host"), target.get("hostaddr")} - {None}
        ours = {*LOOPBACK_HOSTS, str(self.socket_dir)}
        return bool(hosts) and hosts <= ours and target.get("port") == str(self.port)

    def complete(self, target: Target, origin: str) -> Target:
        """The target with the login and address of this server where it does not give its own."""
        ours = {"host": "127.0.0.1", "port": str(self.port)}
        if target.get("user") in (None, self.user):
            ours |= {"user": self.user, "password": self.password}
        missing = {key: value for key, value in ours.items() if target.get(key) is None}
        if target.get("hostaddr") is not None:
            missing.pop("host", None)
        return target.replace(origin, **missing)


def could_match(target: Target) -> bool:
    """Whether a target can be a private server at all: on this machine, with a port of its own."""
    hosts = {target.get("host"), target.get("hostaddr")} - {None}
    local = all(host is not None and (host in LOOPBACK_HOSTS or host.startswith("/")) for host in hosts)
    return bool(hosts) and local and target.get("port") is not None


def path_in(folder: Path) -> Path:
    """The record's path in `.dbops/` or, for root, beside the cluster."""
    return folder / NAME


def load(folder: Path) -> Record | None:
    """The record in a folder; None where there is none.

    :raises ConfigError: it belongs to another account, or is damaged.
    """
    path = path_in(folder)
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise ConfigError(
            f"{path} belongs to another account, which made the private server",
            hint=f"run the command as that account: ls -ld {folder}",
        ) from error
    try:
        return _from_json(json.loads(text), folder)
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path} is damaged",
            hint="remove the private server and its record: bin/setup-dev-db destroy",
        ) from error


def save(folder: Path, record: Record) -> None:
    """Write the record whole or not at all: a temporary name, then a rename."""
    write_private(path_in(folder), json.dumps(_to_json(record, folder), indent=2) + "\n")


def write_private(path: Path, text: str) -> None:
    """Replace a file of ours, mode 0600, whole or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)
    with interrupts.held_back():
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)


def _to_json(record: Record, folder: Path) -> dict[str, Any]:
    """Paths inside the folder are kept relative to it, so that the project can be moved."""
    fields = dataclasses.asdict(record)
    for name in ("home", "socket_dir", "bindir"):
        path = getattr(record, name)
        fields[name] = str(path.relative_to(folder) if path.is_relative_to(folder) else path)
    fields["project"] = str(record.project) if record.project else None
    return {"format": _FORMAT, **fields}


def _from_json(fields: dict[str, Any], folder: Path) -> Record:
    if fields["format"] != _FORMAT:
        raise ValueError(f"format {fields['format']}")
    return Record(
        home=folder / fields["home"],
        bindir=folder / fields["bindir"],
        major=int(fields["major"]),
        port=int(fields["port"]),
        socket_dir=folder / fields["socket_dir"],
        user=str(fields["user"]),
        password=str(fields["password"]),
        project=Path(fields["project"]) if fields.get("project") else None,
    )
