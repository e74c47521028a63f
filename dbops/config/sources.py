"""From variables to the parts of a target, and from several sources to one target."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from dbops.config import values
from dbops.config.model import SECRET_PARTS, SQLITE_FILE, Setting
from dbops.config.variables import DIRECT_URL, FILE_VARIABLES, PART_VARIABLES, URL_VARIABLES
from dbops.errors import ConfigError

Variables = Mapping[str, Setting[str]]

_SERVER = ("host", "hostaddr", "service")
# What leads to a server or proves who one is there; never given to another server.
_BOUND_TO_SERVER = frozenset({*_SERVER, "port", "user"}) | SECRET_PARTS
_SHOWN = (SQLITE_FILE, "host", "hostaddr", "port", "user", "dbname", "sslmode", "service")
_WORDS = {"dbname": "database", SQLITE_FILE: "SQLite file"}
_LOCAL = ("", "localhost", "127.0.0.1", "::1")


@dataclasses.dataclass(frozen=True)
class Source:
    """The parts that one source gives.

    `has_url`: some come from a URL or key=value string, so that a host which is
    not given means this machine, and not whatever a weaker source names.
    """

    parts: Mapping[str, Setting[str]] = dataclasses.field(default_factory=dict, repr=False)
    has_url: bool = False
    warnings: tuple[str, ...] = ()


def from_variables(variables: Variables, *, files: bool = False) -> Source:
    """What the variables of the environment or of `.env` say together.

    :param files: count the variables that name libpq's files too.
    :raises ConfigError: a value is wrong, or two variables contradict each other.
    """
    urls = (DIRECT_URL,) if DIRECT_URL in variables else URL_VARIABLES
    given = [from_url(variables[name]) for name in urls if name in variables]
    single = {**PART_VARIABLES, **(FILE_VARIABLES if files else {})}
    for name, keyword in single.items():
        if name in variables:
            given.append(Source({keyword: values.part(keyword, variables[name])}))
    return _together(given)


def from_url(setting: Setting[str]) -> Source:
    """The parts of one URL or key=value string, each with the string's origin.

    :raises ConfigError: it cannot be read.
    """
    from dbops.config import sqlite_url, url  # late: a command without a URL does without its expressions

    if sqlite_url.is_sqlite(setting.value):
        return Source(sqlite_url.parse(setting), has_url=True)
    parts, warnings = url.parse(setting.value, setting.origin)
    settings = {key: Setting(value, setting.origin) for key, value in parts.items()}
    return Source(settings, has_url=True, warnings=warnings)


def from_project(database_url: Setting[str] | None, database: Setting[str] | None) -> Source:
    """What `[tool.dbops]` says about the target."""
    given = [from_url(database_url)] if database_url else []
    if database:
        given.append(Source({"dbname": values.part("dbname", database)}))
    return _together(given)


def _together(given: Sequence[Source]) -> Source:
    """Several spellings within one source as one, where they agree.

    :raises ConfigError: two give the same part with different values.
    """
    parts: dict[str, Setting[str]] = {}
    for source in given:
        for keyword, setting in source.parts.items():
            first = parts.setdefault(keyword, setting)
            if _normal(keyword, first.value) != _normal(keyword, setting.value):
                raise _contradiction(keyword, first, setting)
    if SQLITE_FILE in parts and len(parts) > 1:
        other = next(setting for keyword, setting in parts.items() if keyword != SQLITE_FILE)
        raise _two_kinds(parts[SQLITE_FILE], other)
    warnings = tuple(warning for source in given for warning in source.warnings)
    return Source(parts, any(source.has_url for source in given), warnings)


def _two_kinds(file: Setting[str], other: Setting[str]) -> ConfigError:
    return ConfigError(
        f"{file.origin} names a SQLite file and {other.origin} a PostgreSQL database",
        hint="unset one of the two",
    )


def _contradiction(keyword: str, first: Setting[str], second: Setting[str]) -> ConfigError:
    shown = keyword in _SHOWN
    one = f"{first.origin} (which says {first.value!r})" if shown else first.origin
    other = f"{second.origin} (which says {second.value!r})" if shown else second.origin
    return ConfigError(
        f"{one} and {other} contradict each other about the {_WORDS.get(keyword, keyword)}",
        hint="unset one of the two, or make them equal",
    )


def merge(sources: Iterable[Source]) -> Source:
    """One target from all sources, the strongest first.

    A part of a stronger source replaces that part of the weaker ones.  One
    that leads to another server drops what led to the weaker one's and proved
    who one is there, so that no password travels; a warning says so where
    the stronger source does not bring its own.  A service brings its own
    database too.  A SQLite file has no other parts.

    :raises ConfigError: a stronger source names a user or a database of a server, and a weaker one a SQLite file.
    """
    parts: dict[str, Setting[str]] = {}
    warnings: tuple[str, ...] = ()
    has_url = False
    for source in reversed(list(sources)):
        has_url = has_url or source.has_url
        if SQLITE_FILE in source.parts:
            parts = {}
        elif SQLITE_FILE in parts and source.parts:
            if not source.has_url and not source.parts.keys() & {*_SERVER, "port"}:
                raise _two_kinds(parts[SQLITE_FILE], next(iter(source.parts.values())))
            parts = {}
        if _leads_elsewhere(source, parts):
            lost = parts.keys() & _BOUND_TO_SERVER
            warnings += _loss(source, parts)
            parts = {key: setting for key, setting in parts.items() if key not in lost}
            if "service" in source.parts:
                parts.pop("dbname", None)
        parts.update(source.parts)
        warnings += source.warnings
    return Source(parts, has_url, warnings)


def _leads_elsewhere(source: Source, weaker: Variables) -> bool:
    """Whether a source names another server than the weaker parts do."""
    names = [keyword for keyword in _SERVER if keyword in source.parts]
    if not names:
        return source.has_url and ("service" in weaker or _address("host", weaker) not in _LOCAL)
    if "service" in names:
        differs = "service" not in weaker or weaker["service"].value != source.parts["service"].value
    else:
        differs = "service" in weaker and "host" not in weaker and "hostaddr" not in weaker
    return differs or any(
        _normal(keyword, source.parts[keyword].value) != _address(keyword, weaker)
        for keyword in names
        if keyword != "service"
    )


def _address(keyword: str, parts: Variables) -> str:
    """The normal form of the host or hostaddr, of the other one where there is only that."""
    other = "host" if keyword == "hostaddr" else "hostaddr"
    setting = parts.get(keyword) or parts.get(other)
    return _normal("host", setting.value if setting else "")


def _loss(source: Source, weaker: Variables) -> tuple[str, ...]:
    """A warning where single variables (not a URL, which is whole) leave a password behind."""
    lost = weaker.get("password")
    if lost is None or source.has_url or "password" in source.parts:
        return ()
    cause = next(source.parts[keyword].origin for keyword in _SERVER if keyword in source.parts)
    return (f"the password from {lost.origin} is not used, because {cause} names another server",)


def _normal(keyword: str, value: str) -> str:
    """A value in the form in which two of them can be compared."""
    if keyword in ("host", "hostaddr"):
        return ",".join("localhost" if host.lower() in _LOCAL else host.lower() for host in value.split(","))
    if keyword == "port":
        return ",".join(port.lstrip("0") for port in value.split(","))
    return value
