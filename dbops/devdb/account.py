"""Whom PostgreSQL's programs run as: they refuse root, and initdb refuses an account without a name.

Root runs them as an unprivileged account.  Only PostgreSQL's own programs run
as that account, never Python; what is made for it is given to it, and no
permission of a folder that exists is changed.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from dbops.errors import ProgramFailed
from dbops.process import Account

_UNPRIVILEGED = ("postgres", "nobody", "daemon")


def for_new_cluster() -> Account | None:
    """The account that a new cluster will belong to; None means ourselves.

    :raises ProgramFailed: we are an account without a passwd entry, or root without an unprivileged account.
    """
    uid = os.geteuid()
    if uid != 0:
        _check_named(uid)
        return None
    for name in _UNPRIVILEGED:
        account = named(name)
        if account is not None and account.uid != 0:
            return account
    raise ProgramFailed(
        "PostgreSQL refuses to run as root, and there is no unprivileged account to run it as",
        hint="useradd --system postgres",
    )


def for_existing_cluster(folder: Path) -> Account | None:
    """The account that owns a cluster's folder; None means ourselves.

    :raises ProgramFailed: the folder belongs to another account and we are not root.
    """
    owner = folder.stat().st_uid
    if owner == os.geteuid():
        return None if owner != 0 else for_new_cluster()
    try:
        entry = pwd.getpwuid(owner)
        account = Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    except KeyError:
        account = Account(f"uid {owner}", owner, folder.stat().st_gid)
    if os.geteuid() != 0:
        raise ProgramFailed(
            f"{folder} belongs to {account.name}, not to the account that runs this",
            hint="run the command as that account, or with sudo",
        )
    return account


def named(name: str) -> Account | None:
    """The account of this name, None where there is none."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def current_name() -> str | None:
    """The name of the account that runs us, None where the uid has no passwd entry."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return None


def make_folder(path: Path, account: Account | None, mode: int = 0o700) -> None:
    """Make a folder that belongs to `account` (None: to us); parents must exist.

    :raises FileExistsError: it is there already; nothing is changed then.
    """
    os.mkdir(path, 0o700)
    if account is not None:
        os.chown(path, account.uid, account.gid)
    os.chmod(path, mode)


def _check_named(uid: int) -> None:
    if current_name() is None:
        raise ProgramFailed(
            f"uid {uid} has no entry in /etc/passwd, and initdb refuses to run without one",
            hint=f"echo 'dbops:x:{uid}:{os.getegid()}::/tmp:/bin/sh' | sudo tee -a /etc/passwd",
        )
