"""A project's own checks, `[tool.dbops.checks]`: a query, what it must return, and what to say where it does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from dbops.config.model import ProjectCheck
from dbops.errors import DbopsError
from dbops.safety.checkup.model import Finding, Level

if TYPE_CHECKING:
    import psycopg


def look(connection: psycopg.Connection[Any], checks: Iterable[ProjectCheck], of: str) -> Iterator[Finding]:
    """Ask those of one form of `validate`, each in a transaction that can only read; what lacks its tables is told.

    :param of: schema, migration or rollback.
    :raises DbopsError: a query fails; names the check.
    """
    import psycopg

    for check in checks:
        if of not in check.on:
            continue
        try:
            with connection.transaction():
                connection.execute("set transaction read only")
                cursor = connection.execute(check.query.encode())
                rows = cursor.fetchmany(2) if cursor.description else []
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
            said = f"cannot be asked yet: {error.diag.message_primary}"
            yield Finding(check.name, Level.HINT, "it", said, check.query.strip())
            continue
        except psycopg.Error as error:
            raise DbopsError(
                f"the check {check.name} of [tool.dbops.checks] fails: {error.diag.message_primary or error}",
                hint="mend its query in pyproject.toml",
            ) from None
        if not _as_expected(check.expect, rows):
            said = check.message or f"expected {check.expect}"
            yield Finding(check.name, Level.PROBLEM, _shown(rows), said, check.query.strip())


def _as_expected(expect: str, rows: list[tuple[Any, ...]]) -> bool:
    if expect == "no rows":
        return not rows
    if not rows:
        return False
    return rows[0][0] == 0 if expect == "zero" else bool(rows[0][0])


def _shown(rows: list[tuple[Any, ...]]) -> str:
    """The first row, shortened."""
    if not rows:
        return "no row"
    text = ", ".join("NULL" if value is None else str(value) for value in rows[0])
    return text if len(text) <= 60 else f"{text[:57]}..."
