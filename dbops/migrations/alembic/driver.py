"""Run by the interpreter that has Alembic: renders revisions in Alembic's offline mode and prints them as JSON.

A program of its own, which imports nothing of dbops: that interpreter may be
another one, with the project's packages and of another version of Python.
It reads a request from its input (`ini`, `toml`, `values`, `dialect`,
`revisions`: id to file) and starts the project's env.py once for all of them.

Alembic's own `--sql` leaves to env.py what makes the SQL right, and changes
some of it; here parameters are always written as literals, `%` is not doubled,
tabs stay, and what `get_bind().execute()` is given is bound.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any

from alembic import util
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text as text_clause
from sqlalchemy.engine.mock import MockConnection
from sqlalchemy.schema import DDLElement
from sqlalchemy.sql.expression import Insert, TextClause, Update

# Our folder is no place for the project's imports.  Its own comes last: it may hold a package named alembic.
sys.path[:] = [*sys.path[1:], os.getcwd()]


class Unanswered(Exception):
    """A revision wants to know what a statement answers."""


class NoAnswer:
    """What a statement gives that is written down instead of being run."""

    def __init__(self, statement: str) -> None:
        self._statement = " ".join(statement.split())[:200]

    def _ask(self, *_: object) -> Any:
        raise Unanswered("it reads what the database answers to: " + self._statement)

    __iter__ = __next__ = __bool__ = __len__ = __getitem__ = _ask

    def __getattr__(self, name: str) -> Any:
        return self._ask()


class Recorder:
    """What offline mode would print, piece by piece: SQL, text as it is, and where transactions begin and end."""

    def __init__(self) -> None:
        self.items: list[list[str]] = []

    def take(self) -> list[list[str]]:
        """What has come since the last time."""
        items, self.items = self.items, []
        return items

    def attach(self, context: MigrationContext) -> None:
        """Let everything that the context would print come here."""
        # Until 2.1 SQLAlchemy doubles backslashes unless a server has told it that strings are the standard's.
        context.dialect._backslash_escapes = False  # type: ignore[attr-defined]  # noqa: SLF001
        implementation: Any = context.impl
        run = implementation._exec = self._statement(context)  # noqa: SLF001  # through which all of it goes
        implementation.static_output = lambda text: self.items.append(["text", text])
        implementation.emit_begin = lambda: self.items.append(["begin", ""])
        implementation.emit_commit = lambda: self.items.append(["commit", ""])

        def execute(construct: Any, *given: Any, **named: Any) -> Any:
            return run(construct, None, *(given[:1] or ([named] if named else [])))

        connection: Any = MockConnection(context.dialect, execute)
        context.connection = implementation.connection = connection

    def _statement(self, context: MigrationContext) -> Callable[..., NoAnswer]:
        def execute(
            construct: Any, execution_options: Any = None, multiparams: Any = None, params: Any = None
        ) -> NoAnswer:
            if isinstance(construct, str):
                construct = text_clause(construct)
            given = multiparams or params
            rows = [given] if isinstance(given, dict) else list(given or [None])
            text = ""
            for row in rows:
                text = compiled(construct if not row else bound(construct, row), context.dialect)
                self.items.append(["sql", text])
            return NoAnswer(text)

        return execute


def compiled(construct: Any, dialect: Any) -> str:
    """The text of a statement, its parameters as literals."""
    literal = {} if isinstance(construct, DDLElement) else {"compile_kwargs": {"literal_binds": True}}
    return str(construct.compile(dialect=dialect, **literal)).strip()


def bound(construct: Any, row: dict[str, Any]) -> Any:
    """A statement with what it is executed with."""
    if isinstance(construct, (Insert, Update)):
        return construct.values(**row)
    if isinstance(construct, TextClause):
        return construct.bindparams(**row)
    return construct.params(row)


class Environment:
    """What env.py finds as `alembic.context`, but for two of its functions."""

    def __init__(self, config: Config, script: ScriptDirectory, request: dict[str, Any]) -> None:
        self._request = request
        self._recorder = Recorder()
        self._asks = False
        self.result: dict[str, Any] = {}
        self.context = EnvironmentContext(
            config, script, as_sql=True, starting_rev="base", destination_rev="heads"
        )
        self._configure: Any = self.context.configure
        # A subclass would not do: Alembic gives the module the functions of its own class alone.
        vars(self.context).update(
            configure=self.configure,
            run_migrations=self.run_migrations,
            is_offline_mode=self.is_offline_mode,
        )

    def configure(self, *target: Any, **options: Any) -> None:
        """As env.py says, but for the dialect, which is the target's: nothing is connected to."""
        for name in ("connection", "url", "dialect", "dialect_opts", "dialect_name"):
            options.pop(name, None)
        options["literal_binds"] = True
        self._configure(
            dialect_name=self._request["dialect"], dialect_opts={"paramstyle": "named"}, **options
        )
        self._recorder.attach(self.context.get_context())

    def is_offline_mode(self) -> bool:
        """It is.  A revision that asks may do less than it does with a database."""
        self._asks = True
        return True

    def run_migrations(self, **options: Any) -> None:
        """Render all that is asked for."""
        if self.result:
            raise util.CommandError("env.py runs the migrations of several databases")
        context = self.context.get_context()
        before = [item for item in self._recorder.take() if item[0] not in ("begin", "commit")]
        self.result = {
            "version_table": context.version_table,
            "version_table_schema": context.version_table_schema,
            "before": before,
            "revisions": {},
        }
        with Operations.context(context):
            for revision, path in self._request["revisions"].items():
                self.result["revisions"][revision] = self._rendered(path, options)

    def _rendered(self, path: str, options: dict[str, Any]) -> dict[str, Any]:
        try:
            module = util.load_python_file(os.path.dirname(path), os.path.basename(path))
        except Exception as error:  # noqa: BLE001  # a revision may raise anything, and is then named
            return {way: failure(error, path) for way in ("up", "down")}
        up = self._direction(getattr(module, "upgrade", None), path, options)
        return {"up": up, "down": self._direction(getattr(module, "downgrade", None), path, options)}

    def _direction(self, function: Any, path: str, options: dict[str, Any]) -> dict[str, Any]:
        self._recorder.take()
        self._asks = False
        if function is None:
            return {"irreversible": True}
        try:
            function(**options)
        except Exception as error:  # noqa: BLE001  # as above
            return failure(error, path)
        return {"items": self._recorder.take(), "asks": self._asks}


def failure(error: Exception, path: str) -> dict[str, Any]:
    """Why a function of a revision failed; `irreversible`, where it raises that itself."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if os.path.realpath(frame.filename) == os.path.realpath(path)]
    raised = bool(own) and frames[-1] is own[-1] and (own[-1].line or "").startswith("raise")
    reason = str(error).strip().split("\n")[0]
    if not isinstance(error, Unanswered):
        reason = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
    return {"error": reason, "line": own[-1].lineno if own else None, "irreversible": raised}


def configuration(request: dict[str, Any]) -> Config:
    """Alembic's own reading of its files."""
    config = Config(request["ini"])
    if request["toml"]:
        config.toml_file_name = request["toml"]
    return config


@contextlib.contextmanager
def output_set_apart() -> Iterator[Any]:
    """Our output, while whatever is printed goes to stderr, by other libraries and programs, too."""
    ours = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    yield ours
    ours.close()


def main() -> None:
    """Answer one request."""
    with output_set_apart() as answer:
        request = json.load(sys.stdin)
        config = configuration(request)
        script = ScriptDirectory.from_config(config)
        environment = Environment(config, script, request)
        with environment.context:
            script.run_env()
        if not environment.result:
            raise util.CommandError("env.py does not call context.run_migrations()")
        json.dump(environment.result, answer)


if __name__ == "__main__":
    main()
