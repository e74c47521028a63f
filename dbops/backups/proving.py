"""The proof of a backup that is being made: taken while pg_dump works, or of just what a selection has brought."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from dbops.backups import dump as dumps
from dbops.backups.plan import DumpPlan
from dbops.backups.scope import Names, Scope
from dbops.config.model import Target
from dbops.engines.contents import Contents, Name, SequenceRange, TableContent
from dbops.engines.postgres import fingerprint, rowhash
from dbops.engines.postgres.pinned import told
from dbops.engines.postgres.relations import SEQUENCE, TABLE
from dbops.engines.postgres.snapshot import Snapshot
from dbops.errors import CannotConnect, DbopsError, LockNotAcquired, UsageError
from dbops.events import Listener

_SELECTING = ("--table=", "--schema=", "--exclude-table=", "--exclude-schema=")


class Proving:
    """The proof of one attempt.  As a context manager it works beside pg_dump; an exception there ends it."""

    def __init__(self, plan: DumpPlan, target: Target, held: Snapshot, listen: Listener) -> None:
        self._plan = plan
        self._target = target
        self._held = held
        self._listen = listen
        self._stop = threading.Event()
        self._beside: Future[Contents] | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="proof")

    def __enter__(self) -> Self:
        if self._plan.proof != "none" and not self._plan.selects:
            self._beside = self._pool.submit(self._measured, None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            self._stop.set()
        self._pool.shutdown(cancel_futures=True)

    def check(self) -> None:
        """Raise what has made the proof fail, as soon as that is known."""
        if self._beside is not None and self._beside.done():
            self._beside.result()

    def names(self) -> Names:
        """The tables and sequences of the snapshot, as pg_dump calls them."""
        tables = [info.key for info in self._held.tables if info.kind == TABLE]
        return Names(tables, [info.key for info in self._held.sequences], self._encoded)

    def contents(self, scope: Scope) -> Contents:
        """The proof of what the archive holds; pg_dump has ended.

        :raises DbopsError: the archive does not hold just the tables of the database, or any of what `measure` raises.
        """
        if self._beside is not None:
            contents = self._beside.result()
            _require_same({(one.schema, one.name) for one in contents.tables}, scope.tables)
            return dataclasses.replace(contents, sequences=self._held.sequence_ranges())
        selected = any(option.startswith(_SELECTING) for option in self._plan.options)
        if selected and not (scope.tables or scope.empty_tables or scope.sequences or scope.new_sequences):
            raise UsageError(
                "nothing is selected: there is no table in the archive; the backup was not kept",
                hint="look at --table, --schema and --exclude-...; --proof none keeps definitions alone",
            )
        contents = self._measured(scope.tables, large_objects=scope.large_objects)
        _require_same({(one.schema, one.name) for one in contents.tables}, scope.tables)
        tables = (*contents.tables, *self._empty(scope.empty_tables))
        return dataclasses.replace(
            contents,
            tables=tuple(sorted(tables, key=lambda one: (one.schema, one.name))),
            sequences=self._sequences(scope, self._held.sequence_ranges()),
        )

    def _measured(self, only: Collection[Name] | None, *, large_objects: bool = True) -> Contents:
        assert self._plan.proof != "none"  # then nobody asks
        try:
            return fingerprint.measure(
                self._target, self._held, self._plan.proof, self._plan.jobs, self._listen, only,
                large_objects=large_objects, stop=self._stop,
            )  # fmt: skip
        except LockNotAcquired as error:  # what keeps the proof's sessions out will keep pg_dump's out, too
            raise dumps.TableLocked(error.message, hint=error.hint) from error
        except CannotConnect as error:
            error.hint = error.hint or dumps.FEWER_SESSIONS
            raise

    def _empty(self, tables: Collection[Name]) -> list[TableContent]:
        """What is restored of tables whose definition alone is in the archive."""
        infos = [info for info in self._held.tables if info.key in tables]
        full = self._plan.proof == "full"
        columns = {}
        if full and infos:
            with told():
                columns = rowhash.columns_of(self._held.connection, [info.oid for info in infos])
        names = {info.oid: tuple(one.name for one in columns.get(info.oid, ())) for info in infos}
        return [
            TableContent(info.schema, info.name, 0, rowhash.OF_NO_ROWS if full else None, names[info.oid])
            for info in infos
        ]

    def _sequences(self, scope: Scope, ranges: Sequence[SequenceRange]) -> tuple[SequenceRange, ...]:
        """The sequences of the archive; one whose position is not in it begins anew."""
        with told():
            rows = self._held.connection.execute(
                "select seqrelid, seqstart from pg_catalog.pg_sequence"
            ).fetchall()
        starts = dict(rows)
        new = {
            info.key: (int(starts[info.oid]), False)
            for info in self._held.sequences
            if info.kind == SEQUENCE and info.key in scope.new_sequences
        }
        return tuple(
            dataclasses.replace(one, before=new[key], after=new[key])
            if (key := (one.schema, one.name)) in new
            else one
            for one in ranges
            if (one.schema, one.name) in scope.sequences | scope.new_sequences
        )

    def _encoded(self, texts: Sequence[str]) -> list[bytes]:
        with told():
            rows = self._held.connection.execute(
                "select pg_catalog.convert_to(text, pg_catalog.getdatabaseencoding())"
                " from unnest(%s::text[]) with ordinality as given(text, number) order by number",
                [list(texts)],
            ).fetchall()
        return [bytes(row[0]) for row in rows]


def _require_same(proven: set[Name], dumped: frozenset[Name]) -> None:
    if proven == dumped:
        return
    one = min(proven ^ dumped)
    where = "the proof and not in the archive" if one in proven else "the archive and not in the proof"
    raise DbopsError(
        f"the table {'.'.join(one)} is in {where}; the backup was not kept",
        hint="run it again; if it stays so, please report it with the table's definition",
    )
