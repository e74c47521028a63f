"""Run by the interpreter that has the project's models: prints the statements that make their tables, as JSON.

A program of its own, which imports nothing of dbops: that interpreter may be another one, with the project's packages
and of another version of Python.  It connects to nothing.  It reads `module` and `name` from its input.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import traceback
from collections.abc import Iterator
from typing import Any


def main() -> None:
    """Answer one request."""
    with output_set_apart() as answer:
        json.dump(answered(json.load(sys.stdin)), answer)


@contextlib.contextmanager
def output_set_apart() -> Iterator[Any]:
    """Our output, while whatever is printed goes to stderr, by other libraries and programs, too."""
    ours = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    yield ours
    ours.close()


def answered(request: dict[str, str]) -> dict[str, Any]:
    """The statements, or else why there are none."""
    try:
        import sqlalchemy  # noqa: F401  # is it there?
    except ModuleNotFoundError:
        return {"error": "no SQLAlchemy", "no_sqlalchemy": True}
    # Our folder is no place for the project's imports; a project without packaging has its own in src/.
    here = os.getcwd()
    sys.path[:] = [here, os.path.join(here, "src"), *sys.path[1:]]
    try:
        found: Any = importlib.import_module(request["module"])
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a module may raise anything, and is then named
        return {**failure(error), "imports": True}
    try:
        for name in request["name"].split("."):
            found = getattr(found, name)
        metadata = getattr(found, "metadata", found)
        if not hasattr(metadata, "sorted_tables"):
            return {"error": f"{request['name']} is neither a MetaData nor a declarative base"}
        return described(metadata)
    except (Exception, SystemExit) as error:  # noqa: BLE001  # as above
        return failure(error)


def described(metadata: Any) -> dict[str, Any]:
    """The statements of `create_all`, for PostgreSQL, with the schemas that they need."""
    from sqlalchemy import create_mock_engine

    if not metadata.tables:
        return {"error": "it has no table: the modules with the models are not imported there"}
    statements: list[str] = []

    def execute(construct: Any, *_: Any, **__: Any) -> None:
        statements.append(str(construct.compile(dialect=engine.dialect)).strip())

    engine: Any = create_mock_engine("postgresql://", execute, paramstyle="named")
    engine.dialect._backslash_escapes = False  # noqa: SLF001  # doubled otherwise unless a server says no
    schemas = {table.schema or metadata.schema or "public" for table in metadata.tables.values()}
    metadata.create_all(engine, checkfirst=False)
    quote = engine.dialect.identifier_preparer.quote
    made = [f"CREATE SCHEMA IF NOT EXISTS {quote(name)}" for name in sorted(schemas)]
    return {"statements": made + statements, "schemas": sorted(schemas)}


def failure(error: BaseException) -> dict[str, Any]:
    """What was raised, and the last line of the project's own code that led to it."""
    said = str(error).strip().split("\n")[0]
    answer: dict[str, Any] = {"error": f"{type(error).__name__}: {said}" if said else type(error).__name__}
    if isinstance(error, SyntaxError):
        return {**answer, "file": error.filename, "line": error.lineno, "source": (error.text or "").rstrip()}
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if is_the_projects(frame.filename)]
    if own:
        answer.update(file=os.path.relpath(own[-1].filename), line=own[-1].lineno, source=own[-1].line)
    return answer


def is_the_projects(filename: str) -> bool:
    """Whether a file is below the project's folder, and no installed package's."""
    path = os.path.abspath(filename)
    return os.path.isfile(path) and path.startswith(os.getcwd() + os.sep) and "site-packages" not in path


if __name__ == "__main__":
    main()
