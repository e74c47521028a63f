"""`2025-01-31T12-30-00-1.0.3-add-trading-sessions.py`: `up(db)` and `down(db)`, or `upgrade()` and `downgrade()`.

A module is read here, never run: what it says of itself are constants, and its functions are found by their names.
"""

from __future__ import annotations

import ast
import dataclasses
import datetime
import hashlib
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from dbops.errors import DbopsError
from dbops.migrations.formats.base import Claim, Format
from dbops.migrations.formats.naming import described, separator
from dbops.migrations.version import Version

if TYPE_CHECKING:
    from dbops.migrations.content import FileSettings, Migration, Section, Text
    from dbops.migrations.model import MigrationFile

_TIMED = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d)(?:(?:-\d{3})?Z)?[-_](?:v?(?P<version>\d+(?:\.\d+)+)[-_])?(?P<name>[^/]+)(?<!_test)\.py",
    re.ASCII | re.DOTALL,
)
_NUMBERED = re.compile(r"(?P<version>\d+(?:\.\d+)*)[-_](?P<name>[^/]+)(?<!_test)\.py", re.ASCII | re.DOTALL)

_PAIRS = {"up": "down", "upgrade": "downgrade"}
_CONSTANTS: dict[str, tuple[type, ...]] = {
    "version": (str,),
    "name": (str,),
    "description": (str,),
    "transactional": (bool,),
    "lock_timeout": (str, int, float),
    "statement_timeout": (str, int, float),
    "deadline": (str, int, float),
}

TEMPLATE = '''\
"""{description}."""

version = "{version}"
name = "{name}"
description = "{description}"


def up(db):
    # In one transaction with its record; for what cannot be in one: transactional = False, above.
    raise NotImplementedError("write this migration")
    db.execute("""
    """)


# To undo it, uncomment:
#
# def down(db):
#     db.execute("""
#     """)
'''

Defined = ast.FunctionDef | ast.AsyncFunctionDef


class PythonModules(Format):
    """One module per migration."""

    name = "python-modules"
    is_sql = False

    def claim(self, file_name: str, beside: Collection[str] = ()) -> Claim | None:
        """Names that begin with a time or a version; after a time, numbers with dots are the version."""
        if match := _TIMED.fullmatch(file_name):
            return Claim(match["version"] or re.sub(r"\D", "", match["time"]), match["name"])
        match = _NUMBERED.fullmatch(file_name)
        return match and Claim(match["version"], match["name"])

    def parse(self, file: MigrationFile, up: Text, down: Text | None) -> Migration:
        """The functions and the constants at the module's top level."""
        from dbops.migrations.content import Migration

        module = _Module(up)
        constants = module.constants()
        _check_version(module, file, constants)
        settings = _settings(module, constants)
        forward, back = module.functions()
        return Migration(
            file=dataclasses.replace(file, name=str(constants.get("name", file.name))),
            up=module.section(forward, constants),
            down=None if back is None else module.section(back, constants),
            raw_checksum=up.raw_checksum,
            description=_description(constants, module.tree),
            up_settings=settings,
            down_settings=settings,
        )

    def file_names(self, version: str, name: str, like: MigrationFile | None = None) -> dict[str, str]:
        """A module from the template; a version with dots stands behind the time, as the trading bot has it.

        In a folder whose names have no time it stands alone.
        """
        timed = _TIMED.fullmatch(like.file_name) if like else None
        file_name = f"{version}{separator(like)}{name}.py"
        if "." in version and (like is None or timed):
            name = name.replace("_", "-")
            file_name = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H-%M-%S}-{version}-{name}.py"
        elif timed and len(version) == 14:
            name = name.replace("_", "-")
            day, time = (
                (version[:4], version[4:6], version[6:8]),
                (version[8:10], version[10:12], version[12:]),
            )
            file_name = f"{'-'.join(day)}T{'-'.join(time)}-{name}.py"
        quoted = {"version": version, "name": name, "description": described(name)}
        return {file_name: TEMPLATE.format_map({key: text.replace('"', "'") for key, text in quoted.items()})}


class _Module:
    """A module's syntax tree, and how its places are told."""

    def __init__(self, text: Text) -> None:
        self.text = text
        try:
            self.tree = ast.parse(text.text, str(text.path))
        except SyntaxError as error:
            place = f"{text.path}:{error.lineno or 1}:{error.offset or 1}"
            raise DbopsError(f"{place}: {error.msg}", hint="mend the file: it is not Python") from None

    def constants(self) -> dict[str, object]:
        """The variables that mean something here.

        :raises DbopsError: for one that is not written out, or not of its type.
        """
        found = {}
        for name, value in _assigned(self.tree):
            if name in _CONSTANTS:
                found[name] = self._constant(name, value)
        return found

    def _constant(self, name: str, value: ast.expr) -> object:
        wanted = _CONSTANTS[name]
        given = getattr(value, "value", None) if isinstance(value, ast.Constant) else None
        if type(given) not in wanted:
            kind = {bool: "True or False", str: "a text in quotation marks"}[wanted[0]]
            raise self.error(
                value,
                f"{name} must be {kind}, written out",
                "write the value itself: the file is read without being run",
            )
        return given

    def functions(self) -> tuple[Defined, Defined | None]:
        """The function that goes up, and the one that goes down if there is one.

        :raises DbopsError: where there is none, or more than one of either.
        """
        if _is_alembic(self.tree):
            raise DbopsError(
                f"{self.text.path} is a revision of Alembic", hint="bin/migrate adopt renders it as SQL"
            )
        names = [name for pair in _PAIRS.items() for name in pair]
        defined: dict[str, Defined] = {
            node.name: node
            for node in self.tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in names
        }
        found = [name for name in names if name in defined]
        forward = [name for name in _PAIRS if name in defined]
        if not forward or set(found) - {forward[0], _PAIRS[forward[0]]}:
            raise self._misshapen(found)
        for name in found:
            self._check(defined[name])
        return defined[forward[0]], defined.get(_PAIRS[forward[0]])

    def _misshapen(self, found: list[str]) -> DbopsError:
        has = f"has {' and '.join(found)}" if found else "has no function up(db)"
        return DbopsError(
            f"{self.text.path} {has}; a migration has up(db) and down(db), or upgrade() and downgrade()",
            hint="define them at the module's top level; a file that is no migration may be named _name.py",
        )

    def _check(self, function: Defined) -> None:
        """:raises DbopsError: for a function that cannot be called with the db object or nothing."""
        if isinstance(function, ast.AsyncFunctionDef):
            raise self.error(
                function,
                f"async def {function.name}: db is not asynchronous",
                "write def, and take every await out",
            )
        given = function.args
        needed = len(given.posonlyargs + given.args) - len(given.defaults)
        keywords = sum(1 for default in given.kw_defaults if default is None)
        if needed > 1 or keywords:
            raise self.error(
                function, f"{function.name} is called with db alone", f"write def {function.name}(db)"
            )

    def section(self, function: Defined, constants: Mapping[str, object]) -> Section:
        """The section that calls a function."""
        from dbops.migrations.content import Code, Section

        given = function.args
        takes_db = bool(given.posonlyargs or given.args or given.vararg)
        checksum = hashlib.sha256(self.with_version("").encode()).hexdigest()
        code = Code(self.text.text, function.name, function.lineno, takes_db, constants, checksum)
        return Section("", self.text.path, function.lineno, dialect=self.text.dialect, code=code)

    def with_version(self, version: str) -> str:
        """The text with another value of the variable `version`, where it has one."""
        lines = self.text.text.split("\n")
        for value in (value for name, value in _assigned(self.tree) if name == "version"):
            line = lines[value.lineno - 1].encode()
            end = value.end_col_offset if value.end_lineno == value.lineno else None
            written = line[: value.col_offset] + repr(version).replace("'", '"').encode() + line[end:]
            lines[value.lineno - 1] = written.decode()
        return "\n".join(lines)

    def error(self, node: ast.expr | ast.stmt, message: str, hint: str | None = None) -> DbopsError:
        """An error with the place of a node; its column counts characters."""
        line = self.text.text.split("\n")[node.lineno - 1].encode()
        column = len(line[: node.col_offset].decode()) + 1
        return DbopsError(f"{self.text.path}:{node.lineno}:{column}: {message}", hint=hint)


def with_version(text: Text, version: str) -> str:
    """A module's text with another value of its variable `version`; the same where it has none.

    :raises DbopsError: it is not Python.
    """
    return _Module(text).with_version(version)


def _assigned(tree: ast.Module) -> list[tuple[str, ast.expr]]:
    """The variables of the module's top level with what they are set to."""
    found = []
    for node in tree.body:
        if isinstance(node, ast.Assign):
            found += [(target.id, node.value) for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            found.append((node.target.id, node.value))
    return found


def _is_alembic(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "alembic"
        for node in tree.body
    )


def _check_version(module: _Module, file: MigrationFile, constants: Mapping[str, object]) -> None:
    """:raises DbopsError: where the module says another version than its name."""
    given = constants.get("version")
    if given is not None and Version.named(str(given)) != file.version:
        value = next(value for name, value in reversed(_assigned(module.tree)) if name == "version")
        raise module.error(
            value,
            f"version is {given!r}, and the file's name says {file.version.text!r}",
            "make them agree; the order of the folder is that of the names",
        )


def _settings(module: _Module, constants: Mapping[str, object]) -> FileSettings:
    from dbops.config.values import seconds
    from dbops.migrations.content import FileSettings

    times: dict[str, Any] = {
        name: seconds(str(constants[name]), f"{name} in {module.text.path}", off=name != "deadline")
        for name in ("lock_timeout", "statement_timeout", "deadline")
        if name in constants
    }
    return FileSettings(no_transaction=not constants.get("transactional", True), **times)


def _description(constants: Mapping[str, object], tree: ast.Module) -> str | None:
    """What it says, else the first line of its documentation."""
    given = constants.get("description") or (ast.get_docstring(tree) or "").partition("\n")[0]
    return str(given) or None
