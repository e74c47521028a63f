"""The `results` library, which compares; nothing else of dbops sees what it is made of."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from dbops.engines.postgres.libpg_query import Refusal
from dbops.engines.postgres.statements import split
from dbops.errors import ProgramFailed

if TYPE_CHECKING:
    import psycopg


def statements(here: psycopg.Connection[Any], there: psycopg.Connection[Any]) -> list[str]:
    """What leads from one schema to the other as far as the library sees, in its order, without semicolons.

    It asks the catalogs through these connections, as their transactions see them.  Privileges are not asked for.

    :raises ProgramFailed: it is not installed, or cannot make anything of these schemas.
    """
    try:
        from results.dbdiff import Migration
        from results.schemainspect import PostgreSQL
    except ImportError as error:
        raise ProgramFailed(
            f"schemas are compared by the results library, which is not installed ({error})",
            hint=f"{sys.executable} -m pip install 'dbops[diff]'",
        ) from error
    from psycopg.rows import tuple_row

    with contextlib.ExitStack() as stack:
        cursors = [
            stack.enter_context(connection.cursor(row_factory=tuple_row)) for connection in (here, there)
        ]
        try:
            schemas = [PostgreSQL(cursor) for cursor in cursors]
            for table in (table for schema in schemas for table in schema.tables.values()):
                table.partition_spec = table.partition_def  # it asks for the one name, and has only the other
            migration = Migration(*schemas, ignore_extension_versions=True)
            migration.add_all_changes_ordered()
        except (ValueError, KeyError, AttributeError) as error:
            raise ProgramFailed(f"results cannot compare these schemas: {error!r}") from error
    return [one for text in migration.statements for one in _parsed(text)]


def _parsed(text: str) -> list[str]:
    """The statements of a text that PostgreSQL's grammar has read; a setting of the session is left out."""
    try:
        found = split(text).statements
    except (Refusal, ValueError) as error:
        raise ProgramFailed(f"results made a statement that cannot be read: {text}") from error
    return [
        one.text.rstrip().removesuffix(";") for one in found if not one.text.lower().startswith("set ")
    ]
