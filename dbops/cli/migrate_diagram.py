"""`bin/migrate diagram`: the schema as a picture, printed or in a file."""

from __future__ import annotations

import argparse
from pathlib import Path

from dbops.cli import migrate_show as show
from dbops.cli.connect import connected, on_postgres
from dbops.cli.output import Output
from dbops.config.model import Settings
from dbops.engines.catalog import Catalog
from dbops.engines.dialect import SQLITE
from dbops.engines.session import Session
from dbops.errors import AnswerIsNo, ExitCode, UsageError
from dbops.events import plural
from dbops.safety.diagram.mermaid import mermaid
from dbops.safety.diagram.model import Diagram
from dbops.safety.diagram.model import diagram as made_of
from dbops.safety.diagram.place import in_file


def diagram(arguments: argparse.Namespace, out: Output) -> int:
    """Draw it, and print it or write the file.

    :raises AnswerIsNo: with --check, the file is not what it would be.
    """
    if arguments.check and arguments.output is None:
        raise UsageError("--check needs a file to check", hint="bin/migrate diagram --check --output FILE")
    with connected(arguments, out) as (session, settings):
        drawn = made_of(_catalog(session, settings), arguments.schemas or (), arguments.tables or ())
        identity = show.identity(session.identity)
    form = _form(arguments)
    text = _text(drawn, form)
    told = {
        "drawn_as": form,
        "tables": len(drawn.boxes),
        "references": len(drawn.links),
        "database": identity,
    }
    if arguments.output is None:
        out.result({**told, "file": None, "diagram": text}, text.splitlines())
        return ExitCode.DONE
    return _into_file(Path(arguments.output), text, told, arguments, out)


def _into_file(
    path: Path, text: str, told: dict[str, object], arguments: argparse.Namespace, out: Output
) -> int:
    from dbops.safety import schema_file

    whole = in_file(path, text, fenced=told["drawn_as"] == "mermaid")
    found = schema_file.difference(path, whole)
    writes = bool(found) and not arguments.check and not arguments.dry_run
    if writes:
        schema_file.write(path, whole)
    state = "written" if writes else "not up to date" if found else "up to date"
    lines = found if arguments.check or arguments.dry_run else []
    data = {**told, "file": str(path), "changed": bool(found), "written": writes, "difference": found}
    counted = (
        f"{plural(int(str(told['tables'])), 'table')}, {plural(int(str(told['references'])), 'reference')}"
    )
    out.result(data, [*lines, f"{path}: {state}; {counted}"])
    if arguments.check and found:
        raise AnswerIsNo(
            f"{path} is not the diagram of the schema", hint=f"bin/migrate diagram --output {path}"
        )
    return ExitCode.DONE


def _form(arguments: argparse.Namespace) -> str:
    """What was asked for, else what the file's name says."""
    given: str | None = arguments.format_out
    svg = arguments.output is not None and Path(arguments.output).suffix.lower() == ".svg"
    return given or ("svg" if svg else "mermaid")


def _text(drawn: Diagram, form: str) -> str:
    if form == "mermaid":
        return mermaid(drawn)
    from dbops.safety.diagram.svg import svg

    return svg(drawn)


def _catalog(session: Session, settings: Settings) -> Catalog:
    """All tables but those of the tracking."""
    from dbops.cli.seed_generate import tracking_tables

    without = tracking_tables(settings)
    if session.dialect == SQLITE:
        from dbops.engines.sqlite import catalog as sqlite_catalog
        from dbops.engines.sqlite.session import Session as SqliteSession

        assert isinstance(session, SqliteSession)  # by its dialect
        return sqlite_catalog.read(session.connection, without).catalog
    from dbops.engines.postgres import catalog

    return catalog.read(on_postgres(session, "this").connection, without)
