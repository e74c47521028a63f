"""Single values: read from text, checked, and reported with their place when they are wrong."""

from __future__ import annotations

import math
import re

from dbops.config.model import Setting
from dbops.errors import ConfigError, DbopsError, UsageError

NAME_BYTES = 63
"""PostgreSQL cuts longer identifiers without an error (NAMEDATALEN - 1)."""

SSLMODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
SERVERS = ("auto", "configured", "private")
ANALYZE = ("analyze", "vacuum", "off")
HALF = "half of the deadline"

_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
_TIME = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*([A-Za-z]*)\s*", re.ASCII)
# lock_timeout and statement_timeout are integers of milliseconds in the server.
_LONGEST = 2_147_483_647 / 1000


def wrong(origin: str, problem: str, *, hint: str | None = None) -> DbopsError:
    """The error for a wrong value: wrong usage where an option gave it, else wrong configuration."""
    kind = UsageError if origin.startswith("option ") else ConfigError
    return kind(f"the value from {origin} {problem}", hint=hint)


def seconds(text: str, origin: str, *, off: bool) -> float:
    """A length of time in seconds: `5s`, `500ms`, `2min`, `1h`; a plain number is seconds.

    :param off: whether `off` is allowed, for 0.
    :raises DbopsError: it is none of these, or beyond what the server can count.
    """
    if off and text.strip().lower() == "off":
        return 0.0
    value = _number(text)
    if value is None:
        raise wrong(origin, "is not a length of time", hint=f"write {_examples(off)}")
    if 0 < value < 0.001:
        raise wrong(origin, "is shorter than a millisecond", hint=f"write {_examples(off)}")
    if value > _LONGEST:
        raise wrong(origin, "is longer than 24 days, the most that PostgreSQL can count")
    return value


def _number(text: str) -> float | None:
    match = _TIME.fullmatch(text)
    if match is None or match[2].lower() not in _UNITS:
        return None
    value = float(match[1]) * _UNITS[match[2].lower()]
    return value if math.isfinite(value) else None


_SIZES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", re.ASCII)


def size(text: str, origin: str) -> int:
    """A number of bytes: `20GB`, `500MB`; a plain number is bytes.

    :raises DbopsError: it is none of these.
    """
    match = _SIZE.fullmatch(text)
    if match is None or match[2].lower() not in _SIZES:
        raise wrong(origin, "is not a size", hint="write 500MB, 20GB or 1.5TB")
    return int(float(match[1]) * _SIZES[match[2].lower()])


def _examples(off: bool) -> str:
    return "500ms, 5s, 2min or 1h" + (", or off" if off else "")


def tracking_table(setting: Setting[str]) -> Setting[str]:
    """The same setting, when it is `table` or `schema.table`."""
    names = setting.value.split(".")
    if len(names) > 2 or not all(names) or any(len(name.encode()) > NAME_BYTES for name in names):
        raise wrong(setting.origin, "is not a table's name", hint="write table or schema.table")
    return setting


def server(setting: Setting[str]) -> Setting[str]:
    """The same setting, when it is one of the three choices."""
    if setting.value not in SERVERS:
        raise wrong(setting.origin, "is not a choice of server", hint=f"write {_either(SERVERS)}")
    return setting


def analyze_after(setting: Setting[str]) -> Setting[str]:
    """The same setting, when it is one of the three choices."""
    if setting.value not in ANALYZE:
        raise wrong(setting.origin, "is not what may follow migrations", hint=f"write {_either(ANALYZE)}")
    return setting


def terminate_after(text: str, origin: str, deadline: float) -> float:
    """How long a session may be in the way, in seconds; `HALF` stands for half of the deadline.

    A number without a unit is none: beside a verb it would rather be meant as a number of migrations.

    :raises DbopsError: it is no time, shorter than a second, or not below the deadline, when nobody waits any more.
    """
    after = deadline / 2 if text == HALF else seconds(text, origin, off=False)
    if text.strip()[-1:].isdigit():
        raise wrong(origin, "has no unit", hint=f"write --terminate-blockers {text.strip()}s")
    if after < 1:
        raise wrong(origin, "is less than a second", hint="write 5s, for instance; or a longer --deadline")
    if after >= deadline:
        raise wrong(origin, "is not below the deadline", hint="write less, or give a longer --deadline")
    return after


def part(keyword: str, setting: Setting[str]) -> Setting[str]:
    """The same setting, when its value can be that part of a target.

    :raises DbopsError: a port, an SSL mode, a database name or a host that cannot be.
    """
    if problem := part_problem(keyword, setting.value):
        raise wrong(setting.origin, problem[0], hint=problem[1])
    return setting


def part_problem(keyword: str, value: str) -> tuple[str, str] | None:
    """What is wrong with a part and how to write it, without showing it; None where nothing is."""
    if "\0" in value:
        return "holds a NUL character", "leave it out"
    if keyword == "port" and not all(is_port(port) for port in value.split(",")):
        return "is not a port", "write a number from 1 to 65535"
    if keyword == "sslmode" and value not in SSLMODES:
        return "is not an SSL mode", f"write {_either(SSLMODES)}"
    if keyword == "host" and "://" in value:
        return "is a URL, not a host", "give URLs in DATABASE_URL"
    if keyword == "host" and re.fullmatch(r"[^:/,]+:\d+", value):
        return "is a host with a port", "give the port in DB_PORT"
    if keyword == "dbname":
        return _name_problem(value)
    return None


def _name_problem(name: str) -> tuple[str, str] | None:
    if re.match(r"[A-Za-z0-9+]+://", name):
        return "is a URL, not a database name", "give URLs in DATABASE_URL"
    if (size := len(name.encode())) > NAME_BYTES:
        shorter = f"choose a name of at most {NAME_BYTES} bytes"
        return f"is a database name of {size} bytes, and PostgreSQL would cut it after {NAME_BYTES}", shorter
    return None


def is_port(text: str) -> bool:
    """Whether libpq can use it as a port; nothing at all stands for the default port."""
    return not text or (re.fullmatch(r"[0-9]{1,5}", text) is not None and 1 <= int(text) <= 65535)


def _either(choices: tuple[str, ...]) -> str:
    return ", ".join(choices[:-1]) + " or " + choices[-1]
