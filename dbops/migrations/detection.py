"""Which format a folder is in, told by its files: by their names, and where those leave it open, by their marks.

Of a large folder only some files are looked into, since every start would pay
for it; a file that turns out to be in another format is refused when it is read.
Marks are looked for as the tools that made them do it: at the beginning of a line.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from dbops.config.model import Setting
from dbops.errors import ConfigError, DbopsError
from dbops.migrations.texts import read_bytes

AUTO = Setting("auto")
PLAIN = ("pairs", "rollback-pairs", "single")
"""The formats whose names keep them apart, so that one folder may hold all of them."""

# What a single file may hold as well: marks that are read in it, and comments that anybody may write.
_READ_IN_SINGLE = ("sql-migrate", "sqlx", "yoyo")
_SAMPLE = 16
_HEAD = 64 * 1024

_PAIR = re.compile(r"\d.*\.(?:up|down)\.sql", re.DOTALL)
_V_PREFIX = re.compile(r"[VvUu]\d.*\.sql", re.DOTALL)
_FLYWAY_ONLY = re.compile(r"(?:[UB]\d.*|R|V\d+[._]\d[\d._]*)__.+\.sql", re.DOTALL)
_DOUBLE = re.compile(r"(?:[VUB]\d[\d._]*|R)__.+\.sql", re.DOTALL)
_MILLISECONDS = re.compile(r"(?:\d{13}|\d{17})[_-].+\.sql", re.DOTALL)
_YOYO = re.compile(r"\d{8}_\d{2}_[A-Za-z0-9]{5}-.+\.sql", re.DOTALL)
_FOLDER = re.compile(r"\d[\d-]*_.+", re.DOTALL)
_MODULE = re.compile(r"\d+(?:\.\d+)*[-_].+(?<!_test)\.py", re.DOTALL)
_WITHOUT_MODULES = {"yoyo", "graphile-migrate", "flyway", "folders"}
"""Formats beside whose files a Python file is another thing, or would have no place in the order."""

SIGNS: dict[str, re.Pattern[bytes]] = {
    "goose": re.compile(rb"^--[ \t]*\+goose[ \t]+\w+", re.MULTILINE | re.IGNORECASE),
    "dbmate": re.compile(rb"^--[ \t]*migrate:(?:up|down)\b", re.MULTILINE),
    "sql-migrate": re.compile(rb"^-- \+migrate (?:Up|Down)\b", re.MULTILINE),
    "tern": re.compile(rb"^---- (?:create above / drop below|tern: disable-tx) ----[ \t]*\r?$", re.MULTILINE),
    "graphile-migrate": re.compile(rb"\A(?:\xef\xbb\xbf)?--! Previous:.*"),
    "yoyo": re.compile(rb"\A(?:\xef\xbb\xbf)?(?:--.*\n|\s*\n)*?--[ \t]*(?:depends|transactional):.*"),
    "single": re.compile(rb"^[ \t]*--[-=*# \t]*(?:up|down) migration\b", re.MULTILINE | re.IGNORECASE),
}
"""What only one format has in its files."""


@dataclasses.dataclass(frozen=True)
class Reading:
    """The formats that a folder's files are read in, the first whose names fit taking a file, and why."""

    formats: tuple[str, ...]
    why: str

    @property
    def text(self) -> str:
        """For people."""
        plain = self.formats[: len(PLAIN)] == PLAIN
        names = (*PLAIN[::2], *self.formats[len(PLAIN) :]) if plain else self.formats
        return f"read as {' and '.join(names)}: {self.why}"


@dataclasses.dataclass(frozen=True)
class _Sign:
    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} has {self.text!r}"


def forced(name: str, origin: str) -> Reading:
    """What `--format` says.  The formats that may stand side by side do so under each of their names."""
    return Reading(PLAIN if name in PLAIN else (name,), f"{origin} says so")


def detect(folder: Path, files: Sequence[str], folders: Sequence[str]) -> Reading:
    """Decide by what is there.

    :param files: names of the files in the folder, hidden ones left out; `folders` likewise.
    :raises ConfigError: where two formats have a claim.
    """
    reading = _of_sql(folder, files, folders)
    module = next((name for name in files if _MODULE.fullmatch(name)), None)
    if module is None or not _WITHOUT_MODULES.isdisjoint(reading.formats):
        return reading
    if not any(name.endswith(".sql") for name in files):
        return Reading(("python-modules",), f"the name {module}")
    return Reading((*reading.formats, "python-modules"), f"{reading.why}, and the name {module}")


def _of_sql(folder: Path, files: Sequence[str], folders: Sequence[str]) -> Reading:
    numbered = [name for name in files if name[0].isdigit() and name.endswith(".sql")]
    prefixed = [name for name in files if _V_PREFIX.fullmatch(name) or _DOUBLE.fullmatch(name)]
    holding = _folders_with_up(folder, folders)
    if holding and (numbered or prefixed):
        _refuse(folder, ("folders", f"{holding}/up.sql"), ("a format of files", (numbered or prefixed)[0]))
    if numbered and prefixed:  # whichever was passed over would be missing in the database
        claims = (_prefixed(folder, prefixed), prefixed[0]), (_numbered(folder, numbered, files), numbered[0])
        _refuse(folder, *((reading.formats[-1], name) for reading, name in claims))
    if numbered:
        return _numbered(folder, numbered, files)
    if prefixed:
        return _prefixed(folder, prefixed)
    if holding:
        return Reading(("folders",), f"{holding} holds up.sql")
    if "committed" in folders and {"current.sql", "current"} & {*files, *folders}:
        return Reading(("graphile-migrate",), "there are committed/ and current.sql")
    if committed := _committed(folder, folders):
        return Reading(("graphile-migrate",), f"committed/{committed}")
    if (
        flyway := next((name for name in _below(folder, folders) if _DOUBLE.fullmatch(name)), None)
    ) is not None:
        return Reading(("flyway",), f"the name {flyway} below it")
    return _without_numbers(folder, [name for name in files if name.endswith(".sql")])


def _folders_with_up(folder: Path, folders: Sequence[str]) -> str | None:
    found = (name for name in folders if _FOLDER.fullmatch(name))
    return next((name for name in found if os.path.exists(os.path.join(folder, name, "up.sql"))), None)


def _committed(folder: Path, folders: Sequence[str]) -> _Sign | None:
    """What says that `committed/` holds migrations: `current.sql` is each developer's, and not in every clone."""
    names = tuple(_below(folder, [name for name in folders if name == "committed"]))
    return _signs(folder / "committed", names, ("graphile-migrate",)).get("graphile-migrate")


def _below(folder: Path, folders: Sequence[str]) -> Iterator[str]:
    for name in folders:
        if os.access(folder / name, os.R_OK | os.X_OK):
            yield from sorted(entry.name for entry in os.scandir(folder / name) if entry.is_file())


def _numbered(folder: Path, names: Sequence[str], files: Collection[str]) -> Reading:
    """Files that begin with a digit: `.up.sql` and `.down.sql` speak for themselves, the others may be of any tool."""
    paired = [name for name in names if _PAIR.fullmatch(name)]
    others = [name for name in names if not _PAIR.fullmatch(name)]
    signs = _signs(folder, paired, ("sqlx",))
    if signs:
        return Reading(("sqlx",), str(signs["sqlx"]))
    if not others:
        return Reading(PLAIN, f"the name {paired[0]}")
    reading = _by_names(folder, others, files) or _by_signs(folder, others)
    if paired and reading.formats != PLAIN:
        return Reading(("pairs", *reading.formats), f"the name {paired[0]}, and {reading.why}")
    return reading


def _by_names(folder: Path, names: Sequence[str], files: Collection[str]) -> Reading | None:
    if all(_MILLISECONDS.fullmatch(name) for name in names):
        return Reading(("node-pg-migrate",), f"the name {names[0]}")
    if any(_YOYO.fullmatch(name) for name in names):
        return Reading(("yoyo",), f"the name {next(name for name in names if _YOYO.fullmatch(name))}")
    if "tern.conf" in files:
        return Reading(("tern",), "there is tern.conf")
    return None


def _by_signs(folder: Path, names: Sequence[str]) -> Reading:
    found = _signs(folder, names, (*SIGNS, "sqlx"))
    if "single" in found or ("sql-migrate" in found and not _all_have("sql-migrate", folder, names)):
        for name in _READ_IN_SINGLE:
            found.pop(name, None)
    if len(found) > 1:
        first, second = list(found.items())[:2]
        _refuse(folder, first, second)
    for name, sign in found.items():
        if name != "single":
            return Reading((name,), str(sign))
    return Reading(PLAIN, str(found["single"]) if found else "no file has a mark of another tool")


def _without_numbers(folder: Path, names: Sequence[str]) -> Reading:
    """Only two tools take names that do not begin with a number; what they lack is a mark, it is none of theirs."""
    found = _signs(folder, names, ("sql-migrate", "yoyo"))
    if len(found) > 1:
        _refuse(folder, *found.items())
    for name, sign in found.items():
        return Reading((name,), str(sign))
    return Reading(PLAIN, "no file has a mark of another tool")


def _prefixed(folder: Path, names: Sequence[str]) -> Reading:
    """`V1__x.sql` is Flyway's or pgmigrate's, `V1_x.sql` a number with a letter before it."""
    double = [name for name in names if _DOUBLE.fullmatch(name)]
    if not double:
        return Reading(("v-prefix",), f"the name {names[0]}")
    if len(double) < len(names):
        _refuse(
            folder, ("flyway", double[0]), ("v-prefix", next(name for name in names if name not in double))
        )
    flyway = next((name for name in double if _FLYWAY_ONLY.fullmatch(name)), None)
    pgmigrate = _of_pgmigrate(folder, double)
    if flyway and pgmigrate:
        _refuse(folder, ("flyway", flyway), ("pgmigrate", pgmigrate))
    if pgmigrate:
        return Reading(("pgmigrate",), pgmigrate)
    return Reading(("flyway",), f"the name {flyway or double[0]}")


def _of_pgmigrate(folder: Path, names: Sequence[str]) -> str | None:
    if os.path.exists(os.path.join(folder, os.pardir, "migrations.yml")):
        return "there is ../migrations.yml"
    named = next((name for name in names if "NONTRANSACTIONAL" in name), None)
    return f"the name {named}" if named else None


def _signs(folder: Path, names: Sequence[str], wanted: Collection[str]) -> dict[str, _Sign]:
    """Of each format the first sign that is found."""
    found: dict[str, _Sign] = {}
    for name in _sample(names):
        for known, sign in _signs_in(_head(folder, name), name):
            if known in wanted:
                found.setdefault(known, sign)
    return found


def _all_have(format_name: str, folder: Path, names: Sequence[str]) -> bool:
    return all(SIGNS[format_name].search(_head(folder, name)) for name in _sample(names))


def _head(folder: Path, name: str) -> bytes:
    try:
        return read_bytes(os.path.join(folder, name), _HEAD)
    except DbopsError:
        return b""  # whoever reads it in full says what is wrong


def _signs_in(head: bytes, name: str) -> Iterator[tuple[str, _Sign]]:
    if head.startswith(b"-- no-transaction"):
        yield "sqlx", _Sign(name, 1, "-- no-transaction")
    for known, pattern in SIGNS.items():
        if match := pattern.search(head):
            text = match[0].strip().rpartition(b"\n")[2].decode(errors="replace").strip("\ufeff\r ")
            yield known, _Sign(name, head.count(b"\n", 0, match.end()) + 1, text)


def _sample(names: Sequence[str]) -> Sequence[str]:
    """The first, the last, and some between them."""
    if len(names) <= _SAMPLE:
        return names
    return [names[index * (len(names) - 1) // (_SAMPLE - 1)] for index in range(_SAMPLE)]


def _refuse(folder: Path, first: tuple[str, object], second: tuple[str, object]) -> None:
    raise ConfigError(
        f"{folder} could be read as {first[0]} ({first[1]}) or as {second[0]} ({second[1]})",
        hint=f"say which with --format {first[0] if ' ' not in first[0] else second[0]}, or move the files of one "
        "format into a folder of their own",
    )
