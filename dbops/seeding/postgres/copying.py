"""Rows by COPY, and what is done to tables before and after; what the server refuses, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dbops.engines.catalog import TableName
from dbops.engines.postgres import bulk
from dbops.errors import LockNotAcquired
from dbops.events import Listener
from dbops.seeding.fill.model import Destination, FillOptions, Part
from dbops.seeding.fill.progress import Progress
from dbops.seeding.postgres import preparing
from dbops.seeding.postgres.refusal import refused

if TYPE_CHECKING:
    import psycopg


@contextmanager
def prepared(
    connection: psycopg.Connection[Any],
    coming: Mapping[TableName, int],
    options: FillOptions,
    progress: Progress,
    listen: Listener,
) -> Iterator[None]:
    """Tables made ready for rows (`preparing`), with the session's limits lifted.

    :raises SeedFailed: the rows break what is built or checked at the end.
    :raises LockNotAcquired: naming what is held.
    :raises psycopg.Error: the server refuses for another reason, or is gone.
    """
    import psycopg

    limits = {"statement_timeout": "0", "lock_timeout": f"{options.patience * 1000:.0f}ms"}
    try:
        with (
            bulk.settings(connection, limits),
            preparing.prepared(connection, coming, options, progress, listen),
        ):
            yield
    except psycopg.errors.LockNotAvailable as error:
        raise LockNotAcquired(
            f"another session holds what a row needs: {error.diag.message_primary}",
            detail=error.diag.context,
            hint="wait for it, or end it, and run the command again",
        ) from error
    except psycopg.Error as error:
        told = refused(error)
        if told is None:
            raise
        raise told from error


def copy(
    connection: psycopg.Connection[Any], into: Destination, parts: Iterator[Part], progress: Progress
) -> None:
    """Write parts with one COPY.

    :raises SeedFailed: the server refuses a row.
    :raises psycopg.Error: the server has another reason, or is gone.
    """
    import psycopg

    before = progress.rows(into.table)
    try:
        with bulk.copying(connection, into.table, into.columns) as write_text:
            for _, rows, text in parts:
                write_text(text)
                progress.written(into.table, rows)
        progress.spent(into.table)
    except psycopg.Error as error:
        told = refused(error, into.table, before)
        if told is None:
            raise
        raise told from error
