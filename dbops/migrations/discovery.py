"""From a folder to its migrations: which files there are, by their names alone."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from dbops.config.model import Setting
from dbops.config.values import wrong
from dbops.engines.dialect import POSTGRESQL
from dbops.errors import ConfigError
from dbops.migrations import detection
from dbops.migrations.detection import AUTO, PLAIN, Reading
from dbops.migrations.formats import NAMES, Claim, Format, by_name
from dbops.migrations.model import Folder
from dbops.migrations.pairing import VERIFY, Claimed, paired

_LANGUAGES = {
    "ts": "TypeScript",
    "js": "JavaScript",
    "mjs": "JavaScript",
    "cjs": "JavaScript",
    "go": "Go",
    "java": "Java",
    "kt": "Kotlin",
    "py": "Python",
}
_WAY_OUT = (
    "write each as a Python module of the same shape: {}, with def up(db) and def down(db), and in them "
    'db.execute("..."), as docs/python-migrations.md shows; or as SQL under the same number'
)
_CODE = re.compile(rf"(?:.*/)?[VvUR]?\d.*(?<!_test)(?<!\.d)\.(?:{'|'.join(_LANGUAGES)})", re.DOTALL)

SCHEMA_FILE = "schema.sql"
"""What `bin/migrate schema` writes beside the migrations; no migration, if it begins as follows."""
SCHEMA_FILE_BEGINS = "-- The schema after the migrations beside this file."


def discover(
    folder: Setting[Path],
    format_name: Setting[str] = AUTO,
    variables: Mapping[str, str] | None = None,
    dialect: str = POSTGRESQL,
) -> Folder:
    """All migrations of a folder in order of version; their texts are not read.

    :param format_name: the format of its files; `auto` finds out.
    :param variables: what stands for placeholders in the files.
    :param dialect: the name of the dialect of their SQL.
    :raises ConfigError: where the folder is missing or holds no migration, two formats or two files claim the
        same, or a file cannot be read here.
    """
    found = scan(folder, format_name, variables, dialect)
    if not found.files:
        raise _empty(folder, found.passed_over)
    return found


def scan(
    folder: Setting[Path],
    format_name: Setting[str] = AUTO,
    variables: Mapping[str, str] | None = None,
    dialect: str = POSTGRESQL,
) -> Folder:
    """As `discover`, but a folder without a migration is none the less a folder.

    :raises ConfigError: as `discover` does.
    """
    found = look(folder, format_name)
    _refuse_useless_variables([by_name(name) for name in found.reading.formats], variables)
    files = tuple(
        dataclasses.replace(file, variables=variables, dialect=dialect)
        if variables or dialect != POSTGRESQL
        else file
        for file in paired(str(found.path), found.claims, found.verifying)
    )
    return Folder(found.path, files, found.passed_over, found.reading.text)


@dataclasses.dataclass(frozen=True)
class Look:
    """What is in a folder, not yet put together: its files with what their names say, and what was passed over.

    `verifying` are the files that hold a verify section alone.
    """

    path: Path
    reading: Reading
    claims: tuple[Claimed, ...]
    verifying: tuple[str, ...]
    passed_over: tuple[tuple[str, str], ...]


def look(folder: Setting[Path], format_name: Setting[str] = AUTO) -> Look:
    """Read a folder's names, and say whose each is; two of them may have one version.

    :raises ConfigError: as `discover` does.
    """
    path = folder.value
    entries = [entry for entry in _entries(folder) if entry != (SCHEMA_FILE, False) or not _is_made(path)]
    files = [name for name, is_folder in entries if not is_folder and not name.endswith(VERIFY)]
    folders = [name for name, is_folder in entries if is_folder]
    _refuse_alembic(path, files)
    reading = _reading(path, format_name, files, folders)
    if reading.formats == ("graphile-migrate",) and "committed" in folders:
        path = path / "committed"
        entries = _entries(Setting(path, folder.origin))
    formats = [by_name(name) for name in reading.formats]
    if formats[0].layout != "flat":
        entries = _below(path, entries, formats[0].layout)
    names = {name for name, is_folder in entries if not is_folder}
    for known in formats:
        known.check(path, names)
    _refuse_other_languages(path, names, reading)
    own_verify = "/verify.sql" if formats[0].layout == "folders" else VERIFY
    claims: list[Claimed] = []
    verifying: list[str] = []
    passed_over: list[tuple[str, str]] = []
    for name, is_folder in entries:
        if not is_folder and name.endswith(own_verify):
            verifying.append(name)
            continue
        claimed = None if is_folder else _claim(formats, name, names)
        if claimed is None:
            passed_over.append((name, _why_passed_over(name, is_folder)))
        else:
            _check_name(path, name)
            claims.append((*claimed, name))
    return Look(path, reading, tuple(claims), tuple(verifying), tuple(passed_over))


def _entries(folder: Setting[Path]) -> list[tuple[str, bool]]:
    """Names in the folder, hidden ones left out, and whether each is a folder."""
    try:
        return sorted(
            (entry.name, entry.is_dir()) for entry in os.scandir(folder.value) if entry.name[0] != "."
        )
    except FileNotFoundError:
        raise ConfigError(
            f"the migrations folder {folder.value} does not exist ({folder.origin})",
            hint="name another one with --migrations-dir, or begin with bin/migrate new NAME",
        ) from None
    except OSError as error:
        raise ConfigError(
            f"the migrations folder {folder.value} cannot be read: {error.strerror} ({folder.origin})"
        ) from None


def _is_made(folder: Path) -> bool:
    """Whether the schema file is dbops' own; where any name is a version, another one is a migration."""
    mark = SCHEMA_FILE_BEGINS.encode()
    try:
        with open(folder / SCHEMA_FILE, "rb") as file:
            return file.read(len(mark)) == mark
    except OSError:
        return False


def _below(path: Path, entries: list[tuple[str, bool]], layout: str) -> list[tuple[str, bool]]:
    """The entries with what is in the folders among them: one level deep, or all of it."""
    found = []
    for name, is_folder in entries:
        if is_folder:
            inner = [(f"{name}/{below}", deeper) for below, deeper in _entries(Setting(path / name))]
            found += _below(path, inner, layout) if layout == "tree" else inner
        else:
            found.append((name, False))
    return found


def _reading(path: Path, format_name: Setting[str], files: list[str], folders: list[str]) -> Reading:
    if format_name.value == AUTO.value:
        return detection.detect(path, files, folders)
    require_known(format_name)
    return detection.forced(format_name.value, format_name.origin)


def require_known(format_name: Setting[str]) -> None:
    """:raises DbopsError: where there is no such format, with its origin and the names of all."""
    if format_name.value not in (AUTO.value, *NAMES):
        raise wrong(format_name.origin, "is not a format", hint=f"known are auto, {', '.join(NAMES)}")


def _refuse_other_languages(folder: Path, names: Collection[str], reading: Reading) -> None:
    """Migrations in a language that cannot be read are not passed over: what they do would be missing."""
    # In a folder of dbops' own a .py file that is no migration may be another project's, as Alembic's versions are.
    own = "python-modules" in reading.formats or reading.formats == PLAIN
    found = sorted(name for name in names if _CODE.fullmatch(name) and not (own and name.endswith(".py")))
    if found:
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        stem, _, ending = os.path.basename(found[0]).rpartition(".")
        raise ConfigError(
            f"{', '.join(os.path.join(folder, name) for name in found[:5])}{more}: migrations in "
            f"{_LANGUAGES[ending]} cannot be read",
            hint=_WAY_OUT.format(f"{stem}.py"),
        )


def _refuse_alembic(folder: Path, names: Collection[str]) -> None:
    """The folder of Alembic's revisions is not read as migrations: they are rendered."""
    if any(name.endswith(".sql") for name in names):
        return
    from dbops.migrations.alembic.project import a_revision

    if name := a_revision(folder, names):
        raise ConfigError(
            f"{folder} holds revisions of Alembic, as {name}, which are rendered as SQL into a folder of their own",
            hint="bin/migrate adopt, without --migrations-dir or with the one that shall hold the SQL",
        )


def _refuse_useless_variables(formats: Sequence[Format], variables: Mapping[str, str] | None) -> None:
    if variables and not any(known.has_placeholders for known in formats):
        raise ConfigError(
            f"the format {' and '.join(known.name for known in formats)} has no placeholders for --var",
            hint="leave --var out",
        )


def _check_name(folder: Path, name: str) -> None:
    """:raises ConfigError: for a migration whose name no table, terminal or log could show."""
    if not name.isprintable():
        undecoded = any("\ud800" <= letter <= "\udfff" for letter in name)
        why = "is not UTF-8" if undecoded else "holds a control character"
        raise ConfigError(f"the name of {name!r} in {folder} {why}", hint="rename the file")


def _claim(formats: Sequence[Format], name: str, beside: Collection[str]) -> tuple[Format, Claim] | None:
    for known in formats:
        if claim := known.claim(name, beside):
            return known, claim
    return None


def _why_passed_over(name: str, is_folder: bool) -> str:
    if is_folder:
        return "a folder"
    if not name.endswith((".sql", ".py")):
        return "not an .sql file"
    return f"its name {'is not a version, _ or -, and a name' if name[0].isdigit() else 'does not begin with a version'}"


def _empty(folder: Setting[Path], passed_over: tuple[tuple[str, str], ...]) -> ConfigError:
    found = "it is empty" if not passed_over else f"passed over: {_listed(passed_over)}"
    return ConfigError(
        f"the migrations folder {folder.value} holds no migration; {found} ({folder.origin})",
        hint="migrations are named 001_name.sql, or 001_name.up.sql with 001_name.down.sql; bin/migrate new NAME makes one",
    )


def _listed(passed_over: tuple[tuple[str, str], ...]) -> str:
    shown = ", ".join(f"{name} ({why})" for name, why in passed_over[:5])
    return shown if len(passed_over) <= 5 else f"{shown} and {len(passed_over) - 5} more"
