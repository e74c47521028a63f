"""What people get wrong in connection URLs and key=value strings, found before libpq reads them.

libpq takes the first `@` for the end of the password and a piece of the
password for the host, silently, and its messages quote what they complain of.
So everything that it would misread or complain of is found here, and said by
place: no message in this module shows a piece of the text, except the name of
a query parameter or keyword where that cannot be a piece of a password.
Places count characters from 1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dbops.config.values import is_port
from dbops.errors import ConfigError

EXAMPLE = "postgresql://USER:PASSWORD@HOST:5432/DATABASE"
_OTHERS = (
    "mysql",
    "mariadb",
    "mssql",
    "sqlserver",
    "oracle",
    "mongodb",
    "redis",
    "cockroachdb",
    "http",
    "https",
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9.-]*)(\+[A-Za-z0-9.-]+)?:")
_PAIR = re.compile(r"([^=\s]+)\s*=\s*(?:'(?:\\.|[^'\\])*'(?=\s|\Z)|(?!')(?:\\.|[^\s\\])*)", re.DOTALL)


def is_url(text: str) -> bool:
    """Whether the text is meant as a URL for libpq; white space before it is for `check_url` to find."""
    return text.lstrip().startswith(("postgres://", "postgresql://"))


def check_scheme(text: str, origin: str) -> None:
    """Refuse what is neither a PostgreSQL URL nor key=value, with the reason that fits.

    :raises ConfigError: another database's URL, another library's spelling, a quoted value.
    """
    if is_url(text):
        return
    if text[0] in "'\"":
        raise ConfigError(
            f"the value from {origin} begins with a quotation mark",
            hint="leave the quotation marks out (docker's --env-file passes them on)",
        )
    found = _SCHEME.match(text)
    if found is None and "=" in text:
        return
    message, hint = _unknown(origin, found, text)
    raise ConfigError(message, hint=hint)


def _unknown(origin: str, found: re.Match[str] | None, text: str) -> tuple[str, str]:
    """Message and hint for a scheme that is not libpq's."""
    if found is None:
        return f"the value from {origin} is neither a URL nor key=value", f"write {EXAMPLE}"
    scheme, driver = found[1].lower(), found[2]
    of = f"the URL from {origin}"
    if scheme == "jdbc":
        return f"{of} is one of JDBC", f"leave out jdbc: and put user and password in: {EXAMPLE}"
    if scheme in _OTHERS:
        return f"{of} is not one of PostgreSQL but of {scheme}", f"write {EXAMPLE}"
    if scheme in ("postgres", "postgresql") and driver:
        return f"{of} names a Python driver, as SQLAlchemy has it", "begin it with postgresql:// alone"
    if scheme in ("pgx", "pgx4", "pgx5"):
        return f"{of} names a Go driver, as golang-migrate has it", "begin it with postgresql://"
    if scheme in ("postgres", "postgresql") and not text[found.end() :].startswith("//"):
        return f"{of} lacks // after {scheme}:", f"write {EXAMPLE}"
    if scheme in ("postgres", "postgresql"):
        return f"{of} has its scheme in capitals, which libpq does not know", "begin it with postgresql://"
    return f"{of} does not begin with postgresql://", f"write {EXAMPLE}"


def check_url(text: str, origin: str) -> None:
    """Refuse a URL that libpq would misread.

    :raises ConfigError: with the character, its place, and how to write it.
    """
    _check_characters(text, origin)
    start = text.index("://") + 3
    at = _check_at(text, start, origin)
    hosts = at + 1 if at >= 0 else start
    end = min((place for place in (text.find(mark, hosts) for mark in "/?") if place >= 0), default=len(text))
    _check_ports(text[hosts:end], hosts, origin)


def _check_characters(text: str, origin: str) -> None:
    for place, character in enumerate(text, 1):
        if character.isspace() or ord(character) < 32 or ord(character) == 127:
            name = "a space" if character == " " else "a control or white space character"
            written = "".join(f"%{byte:02X}" for byte in character.encode())
            last = ", the last" if place == len(text) else ""
            _refuse(origin, f"{name} at character {place}{last}", f"leave it out, or write {written}")
    for found in re.finditer(r"%(?![0-9A-Fa-f]{2})", text):
        _refuse(
            origin,
            f"a '%' at character {found.start() + 1} without two hexadecimal digits",
            "write %25 for '%'",
        )
    if (zero := text.find("%00")) >= 0:
        _refuse(origin, f"%00 at character {zero + 1}, which PostgreSQL cannot take", "leave it out")
    for found in re.finditer(r"(?:%[0-9A-Fa-f]{2})+", text):
        try:
            bytes.fromhex(found[0].replace("%", "")).decode()
        except UnicodeDecodeError as error:
            where = found.start() + error.start * 3 + 1
            _refuse(
                origin, f"bytes at character {where} that are not UTF-8", "percent-encode the text as UTF-8"
            )


def _check_at(text: str, start: int, origin: str) -> int:
    """The index of the `@` before the host, -1 where there is none."""
    places = [found.start() for found in re.finditer("@", text)]
    if len(places) > 1:
        where = ", ".join(str(place + 1) for place in places[:-1])
        _refuse(
            origin,
            f"'@' {len(places)} times, at characters {where} and {places[-1] + 1}",
            "keep the one before the host and write %40 for every other",
        )
    if not places:
        return -1
    slash = text.find("/", start)
    if 0 <= slash < places[0]:
        _refuse(
            origin,
            f"a '/' at character {slash + 1} before the '@' at character {places[0] + 1}",
            "write %2F for a '/' in user or password, and %40 for an '@' after the host",
        )
    return places[0]


def _check_ports(hosts: str, offset: int, origin: str) -> None:
    """Check the ports of `host:port,host:port`, which begins at index `offset`."""
    place = offset + 1
    for host in hosts.split(","):
        if host.startswith("["):
            found = re.fullmatch(r"\[[^\[\]]+\](?::(.*))?", host)
            if found is None:
                _refuse(origin, f"a '[' at character {place} without a matching ']'", "write [::1]:5432")
            port = found[1] or "" if found else ""
        else:
            port = host.partition(":")[2]
        if not is_port(port):
            where = place + len(host) - len(port)
            _refuse(
                origin,
                f"at character {where} a port that is not a number from 1 to 65535",
                f"write {EXAMPLE}, with %3A for a ':' and [...] around an IPv6 address",
            )
        place += len(host) + 1


def split_query(text: str, origin: str) -> tuple[str, list[tuple[str, str]]]:
    """The URL without its query, and the query's parameters: decoded name, text as written.

    :raises ConfigError: a parameter that is not `name=value`.
    """
    from urllib.parse import unquote

    at = text.find("@")
    base, mark, query = text.partition("?") if at < 0 else _partition_after(text, at)
    parameters: list[tuple[str, str]] = []
    place = len(base) + 2
    for piece in query.split("&") if mark else ():
        name, equals, value = piece.partition("=")
        if "=" in value:
            second = place + len(name) + 1 + value.index("=")
            _refuse(origin, f"a second '=' at character {second} in a query parameter", "write %3D for '='")
        if not name or not equals:
            _refuse(origin, f"at character {place} no name=value", "write ?name=value&name=value")
        parameters.append((unquote(name), piece))
        place += len(piece) + 1
    return base, parameters


def _partition_after(text: str, index: int) -> tuple[str, str, str]:
    """Partition at the first `?` after an index: before the `@` it belongs to the password."""
    base, mark, query = text[index:].partition("?")
    return text[:index] + base, mark, query


def pairs(text: str, origin: str) -> Iterator[tuple[str, int]]:
    """The keywords of a key=value string and their places.

    :raises ConfigError: something in it is not key=value.
    """
    index = len(text) - len(text.lstrip())
    while index < len(text):
        found = _PAIR.match(text, index)
        if found is None:
            raise ConfigError(
                f"the value from {origin} has at character {index + 1} no key=value",
                hint="put a value with spaces in single quotes; write \\' for a quotation mark in it",
            )
        yield found[1], index + 1
        index = found.end() + len(text[found.end() :]) - len(text[found.end() :].lstrip())


def _refuse(origin: str, problem: str, hint: str) -> None:
    raise ConfigError(f"the URL from {origin} has {problem}", hint=hint) from None
