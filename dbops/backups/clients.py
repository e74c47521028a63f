"""Which pg_restore and which psql load an archive into a server.

What the versions of pg_restore can and do:

- Each reads the archives of its own version and of all before it: format 1.13 and older by any that is still in use,
  1.14 by 12 and later, 1.15 by 16 and later, 1.16 by 17 and later.
- Each sets what its own version knows.  From 17 on that is `transaction_timeout`, which a server before 17 refuses.

So the one of the server's major version is taken where it can read the archive.  Otherwise the newest of those before
the server, which sets nothing that the server does not know.  Otherwise the oldest of those after it; where that one
sets what the server does not know, it only writes SQL, and psql runs it without that line.

An archive of a newer server can go back to an older one as far as the older one understands its SQL, which nobody can
tell beforehand: a load that fails has only touched the new database.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from dbops.backups.toc import Header
from dbops.errors import ProgramFailed
from dbops.programs import Client

_FIRST_READERS = {(1, 14): 12, (1, 15): 16, (1, 16): 17}
_SETS_TRANSACTION_TIMEOUT = 17
# https://www.postgresql.org/support/security/CVE-2025-8714/
_RESTRICTING = {13: 22, 14: 19, 15: 14, 16: 10, 17: 6}


@dataclasses.dataclass(frozen=True)
class Choice:
    """A client, and how it is used.

    :param through_psql: pg_restore writes SQL for psql instead of connecting itself.
    :param warning: what the user should know of the versions, None where they fit.
    """

    client: Client
    through_psql: bool
    warning: str | None


def can_go(
    header: Header,
    server_major: int,
    clients: Sequence[Client],
    *,
    able: Callable[[Client], bool] = lambda client: True,
) -> Choice:
    """Choose the pg_restore for an archive and a server.

    :param able: whether a client can unpack the archive's data; only asked where its version fits.
    :raises ProgramFailed: "this archive cannot go back to this server, because ...".
    """
    first = _FIRST_READERS.get(header.version, 0)
    reading = [client for client in clients if client.major >= first and client.major >= 10]
    fitting = [
        client for client in sorted(reading, key=lambda one: _order(one, server_major)) if able(client)
    ]
    if not fitting:
        raise _none(header, server_major, clients, first, unable=bool(reading))
    client = fitting[0]
    through_psql = client.major >= _SETS_TRANSACTION_TIMEOUT > server_major
    return Choice(client, through_psql, _warning(header, server_major))


def sql_client(server_major: int, clients: Sequence[Client]) -> Client:
    """The psql for SQL from elsewhere: of the server's version or the nearest after it, and able to restrict it.

    :raises ProgramFailed: none here knows `\\restrict`, without which a dump could run programs.
    """
    safe = [client for client in clients if restricts(client.version)]
    if not safe:
        here = ", ".join(f"{client.version} ({client.bindir})" for client in clients) or "none"
        raise ProgramFailed(
            f"loading SQL needs a psql that can forbid it to run programs, and the psql here are: {here}",
            hint="install PostgreSQL 18, 17.6, 16.10, 15.14, 14.19 or 13.22, or later ones of these",
        )
    return min(safe, key=lambda client: (client.major < server_major, abs(client.major - server_major)))


def restricts(version: str) -> bool:
    """Whether the psql of this version knows `\\restrict`."""
    numbers = [int(part) for part in version.split(".")[:2] if part.isdigit()]
    major, minor = numbers[0], numbers[1] if len(numbers) > 1 else 0
    return major > max(_RESTRICTING) or (major in _RESTRICTING and minor >= _RESTRICTING[major])


def _order(client: Client, server_major: int) -> tuple[int, int]:
    distance = client.major - server_major
    return (0, -distance) if distance <= 0 else (1, distance)


def _warning(header: Header, server_major: int) -> str | None:
    major = header.server_major
    if major is None or major <= server_major:
        return None
    return (
        f"the archive is of a PostgreSQL {major} server and goes into a PostgreSQL {server_major} one: where it uses"
        f" what {server_major} does not know, the load will fail and change nothing else"
    )


def _none(
    header: Header, server_major: int, clients: Sequence[Client], first: int, *, unable: bool
) -> ProgramFailed:
    here = ", ".join(f"{client.version} ({client.bindir})" for client in clients) or "none"
    if unable:
        why = f"its data is compressed by {header.compression}, which no pg_restore here was built with"
        hint = f"install the client programs of PostgreSQL {max(first, 16)} with {header.compression}"
    else:
        made_by = header.dump_version.partition(" ")[0]
        wants = f"the pg_restore of PostgreSQL {first} or later" if first else "a pg_restore"
        why = f"it was made by pg_dump {made_by}, needs {wants}, and those here are: {here}"
        hint = "sh dbops/bootstrap.sh --extra server"
    return ProgramFailed(
        f"this archive cannot go back to this server (PostgreSQL {server_major}), because {why}", hint=hint
    )
