"""yoyo's `.sql` migrations: `x.sql` with `x.rollback.sql`; `-- depends:` and `-- transactional: false` on top."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from dbops.engines.records import Direction
from dbops.migrations.formats.base import Claim, Format
from dbops.migrations.formats.naming import described, down_text
from dbops.migrations.formats.pairs import outside_transactions, parse_pair

if TYPE_CHECKING:
    from dbops.migrations.content import Migration, Text
    from dbops.migrations.model import MigrationFile

_ROLLBACK = ".rollback.sql"
_DATED = re.compile(r"(?P<version>\d{8}_\d{2}_[A-Za-z0-9]{5})-(?P<name>.+)", re.ASCII | re.DOTALL)
_DRAWN = re.compile(r"\d{8}_\d{2}_[A-Za-z0-9]{5}", re.ASCII)
_NUMBERED = re.compile(r"(?P<version>\d+)[._-](?P<name>.+)", re.ASCII | re.DOTALL)
_DIRECTIVE = re.compile(r"--[ \t]*(?P<word>depends|transactional)[ \t]*:[ \t]*(?P<value>.*)")


class Yoyo(Format):
    """In the order of their names, in which every migration must come after those that it depends on."""

    name = "yoyo"
    order = "text"
    up_beside_down = "no .sql file beside it"

    def claim(self, file_name: str, beside: Collection[str] = ()) -> Claim | None:
        """Any `.sql` file; the version is what yoyo has put before the name, or a number, or all of it."""
        if not file_name.endswith(".sql"):
            return None
        direction = Direction.DOWN if file_name.endswith(_ROLLBACK) else Direction.UP
        stem = file_name.removesuffix(_ROLLBACK).removesuffix(".sql")
        match = _DATED.fullmatch(stem) or _NUMBERED.fullmatch(stem)
        return Claim(match["version"], match["name"], direction) if match else Claim(stem, stem, direction)

    def parse(self, file: MigrationFile, up: Text, down: Text | None) -> Migration:
        """Each file is a section as a whole."""
        directives = _directives(up)
        number, depends = directives.get("depends", (1, ""))
        for name in depends.split():
            _check_dependency(file, up, number, name)
        migration = parse_pair(file, up, down)
        if directives.get("transactional", (1, "true"))[1].lower() != "false":
            return migration
        return outside_transactions(migration)

    def file_names(self, version: str, name: str, like: MigrationFile | None = None) -> dict[str, str]:
        """A file that depends on the newest, and the one that undoes it."""
        numbered = (
            None if like is None or _DATED.fullmatch(like.file_name) else _NUMBERED.fullmatch(like.file_name)
        )
        stem = f"{version}{numbered[0][numbered.end('version')] if numbered else '-'}{name}"
        depends = like.file_name.removesuffix(".sql") if like else ""
        text = f"-- Description: {described(name)}\n-- depends: {depends}".rstrip()
        return {f"{stem}.sql": f"{text}\n\n", f"{stem}{_ROLLBACK}": down_text(version, name)}

    def next_version(self, newest: str | None) -> str | None:
        """As yoyo draws it: the day, a number within the day, five letters."""
        import datetime
        import secrets
        import string

        if newest is not None and not _DRAWN.fullmatch(newest):
            return None
        today = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d")
        day, number, _ = newest.split("_") if newest else ("", "0", "")
        letters = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(5))
        return f"{today}_01_{letters}" if day < today else f"{day}_{int(number) + 1:02d}_{letters}"


def _directives(source: Text) -> dict[str, tuple[int, str]]:
    """What the comments before the first statement ask for, each with its line."""
    from dbops.migrations.formats.annotated import lines

    found: dict[str, tuple[int, str]] = {}
    for line in lines(source.text):
        if line.text.strip() and not line.text.startswith("--"):
            break
        if match := _DIRECTIVE.fullmatch(line.text.rstrip()):
            found.setdefault(match["word"], (line.number, match["value"]))
    return found


def _check_dependency(file: MigrationFile, source: Text, line: int, name: str) -> None:
    """:raises DbopsError: where it is not there, or comes later in the order of names."""
    from dbops.migrations.formats.annotated import refused

    if not (file.path.parent / f"{name}.sql").exists():
        raise refused(source, line, f"depends on {name}, and there is no {name}.sql", "bring the file")
    if name >= file.file_name.removesuffix(".sql"):
        raise refused(
            source,
            line,
            f"depends on {name}, which comes later in the order of names",
            "rename one of both, so that the order of names is the order of dependence",
        )
