"""Runs statements of a migration on a connection, watched: timeouts, interrupts, and what must hold before a commit."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbops.engines.base import Blocker, ServerError, Stage, StatementFailed, Trouble
from dbops.engines.sqlite.dialect import BEFORE_TRANSACTION, pragma
from dbops.engines.sqlite.failure import named, server_error
from dbops.engines.sqlite.holders import writers
from dbops.engines.sqlite.tokens import Token, texts, tokens
from dbops.engines.sqlite.tracking import quoted
from dbops.events import plural

if TYPE_CHECKING:
    import sqlite3

# Instructions of SQLite's machine between two looks at the clock: a tenth of a millisecond or so.
_LOOK_EVERY = 10_000
# Seconds that SQLite waits for a lock by itself: meanwhile it heeds no Ctrl-C.
_AT_ONCE = 0.25
_MISMATCH = "foreign key mismatch"
_OFF = frozenset({"OFF", "0", "FALSE", "NO"})

Parameters = Sequence[Any] | Mapping[str, Any]
Orphans = dict[tuple[str, str], tuple[int, int | None]]
"""Rows whose parent is missing, by table and parent: how many, and the rowid of one.

Of a key that SQLite cannot check, its words stand in the parent's place."""


class Runner:
    """Runs statements one by one on a connection; `stained` says whether one of them has set something for it."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._ends = float("inf")
        self._emptied: dict[str, tuple[int, int]] = {}
        self._orphans: Orphans | None = None
        self.timeout = 0.0
        """Seconds that a statement may take; 0 is no limit."""
        self.stained = False
        self._waits = -1.0
        connection.set_progress_handler(self._is_over, _LOOK_EVERY)

    @property
    def waits(self) -> float:
        """Seconds to wait for another program's lock."""
        return self._waits

    @waits.setter
    def waits(self, seconds: float) -> None:
        if seconds != self._waits:
            self._connection.execute(f"pragma busy_timeout = {min(seconds, _AT_ONCE) * 1000:.0f}")
            self._waits = seconds

    def begin(self, begin: str | None, statements: Sequence[str]) -> frozenset[int]:
        """Open a transaction that may write; returns which statements were run already, since they count only before.

        :raises StatementFailed: another program is writing.
        """
        before = _before_transaction(statements)
        for index, runs in before.items():
            if runs:
                self.run(statements[index], index)
        self._emptied = {}
        mode = "exclusive" if begin and "EXCLUSIVE" in begin.upper() else "immediate"
        self.run(f"begin {mode}", 0, Stage.STATEMENT if statements else Stage.RECORD)
        checked = self._connection.execute("pragma foreign_keys").fetchone()[0]
        self._orphans = None if checked else self._find_orphans()
        return frozenset(before)

    def run(self, text: str, index: int, stage: Stage = Stage.STATEMENT) -> None:
        """Run a statement to its end, rows and all.

        :raises StatementFailed: what is open stays open.
        :raises KeyboardInterrupt: as it was, in the middle of the statement.
        """
        ends = time.monotonic() + self._waits
        while True:
            try:
                with self.watched(text, index, stage):
                    for _ in self._connection.execute(text):
                        pass
                    return
            except StatementFailed as failure:
                # Within a transaction nothing but all of it can be tried again.
                is_locked = failure.error.trouble is Trouble.LOCKED and not self._connection.in_transaction
                if not is_locked or time.monotonic() >= ends:
                    raise

    def rows(self, text: str, parameters: Parameters = ()) -> tuple[list[tuple[Any, ...]], int]:
        """As `run`: the rows of a statement, and how many it returned or changed, -1 where that makes no sense."""
        with self.watched(text, 0, Stage.STATEMENT):
            cursor = self._connection.execute(text, parameters)
            found = cursor.fetchall()
            return found, len(found) if cursor.description else cursor.rowcount

    def many(self, text: str, rows: Iterable[Parameters]) -> int:
        """As `run`, once for each row of parameters; how many rows were changed."""
        with self.watched(text, 0, Stage.STATEMENT):
            return self._connection.executemany(text, rows).rowcount

    @contextlib.contextmanager
    def watched(self, text: str, index: int, stage: Stage) -> Iterator[None]:
        """Around a call of the driver: its failures as those of a statement.

        :param index: which statement it is, for the failure; `stage` likewise.
        :raises StatementFailed: and KeyboardInterrupt, as `run`.
        """
        import sqlite3

        table = self._dropped(text) if stage is Stage.STATEMENT else None
        changes = self._connection.total_changes
        self.stained = self.stained or text[:6].lower() == "pragma"
        self._ends = time.monotonic() + self.timeout if self.timeout else float("inf")
        try:
            yield
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise self._failed(error, text, index, stage) from error
        finally:
            self._ends = float("inf")
        if table is not None:
            lost = self._connection.total_changes - changes - table[1]
            if lost > 0:
                self._emptied[table[0]] = (lost, index)

    def commit(self) -> None:
        """:raises StatementFailed: a row refers to one that is not there, or others still read."""
        import sqlite3

        try:
            self._connection.execute("commit")
        except sqlite3.Error as error:
            told = server_error(error, self._connection, "")
            if self._connection.in_transaction and told.trouble is not Trouble.LOCKED:
                self._refuse_orphans({})
            raise StatementFailed(told, stage=Stage.COMMIT, blockers=self._blockers(told)) from error

    def check(self, stage: Stage, *, ends: bool = True) -> None:
        """What must hold before a commit.

        :param stage: COMMIT where the statements came one by one, and none of them is at hand.
        :param ends: nothing of the migration follows that could make a dropped table anew.
        :raises StatementFailed: a row refers to one that is not there and none did before, which SQLite does not
            see while foreign keys are off; or a table was made anew and rows that referred to it have gone with it.
        """
        if self._orphans is not None:
            self._refuse_orphans(self._orphans)
        for table, (lost, index) in self._emptied.items():
            if not ends or self._exists(table):
                why = "the table is made anew" if ends else "the file runs statement by statement"
                words = f"DROP TABLE {table} has deleted or changed {plural(lost, 'row')} of tables that refer to it, and {why}"
                raise StatementFailed(ServerError(words), stage=stage, index=index)

    def _exists(self, table: str) -> bool:
        named = "select 1 from main.sqlite_master where type = 'table' and name = ? collate nocase"
        return self._connection.execute(named, [table]).fetchone() is not None

    def _is_over(self) -> int:
        return time.monotonic() > self._ends

    def _failed(
        self, error: sqlite3.Error | sqlite3.Warning, text: str, index: int, stage: Stage
    ) -> StatementFailed:
        if getattr(error, "sqlite_errorname", None) == "SQLITE_INTERRUPT":
            if not self._is_over():
                raise KeyboardInterrupt from error  # it came while SQLite was at work
            return StatementFailed(
                ServerError(f"statement timeout: it took longer than {self.timeout:g} s"),
                stage=stage,
                index=index,
            )
        told = server_error(error, self._connection, text)
        return StatementFailed(told, stage=stage, index=index, blockers=self._blockers(told))

    def _blockers(self, told: ServerError) -> tuple[Blocker, ...]:
        return writers(self._path.resolve()) if told.trouble is Trouble.LOCKED else ()

    def _dropped(self, text: str) -> tuple[str, int] | None:
        """The table that a statement drops, and its rows, where dropping it may change rows of others, too."""
        if text[:4].lower() != "drop":
            return None
        name = _dropped_table(list(tokens(text)))
        if (
            name is None
            or self._orphans is not None
            or not self._exists(name)
            or not self._is_referred_to(name)
        ):
            return None
        rows = self._connection.execute(f"select count(*) from {quoted(name)}").fetchone()[0]  # noqa: S608  # quoted
        return name, rows

    def _is_referred_to(self, table: str) -> bool:
        """Whether other tables change their rows when its own go."""
        return bool(
            self._connection.execute(
                """
                select 1 from main.sqlite_master as child join pragma_foreign_key_list(child.name, 'main') as key
                where child.type = 'table' and child.name <> ? collate nocase and key."table" = ? collate nocase
                    and key.on_delete in ('CASCADE', 'SET NULL', 'SET DEFAULT')
                """,
                [table, table],
            ).fetchone()
        )

    def _find_orphans(self) -> Orphans:
        import sqlite3

        found: Orphans = {}
        for (table,) in self._connection.execute(
            "select name from main.sqlite_master where type = 'table'"
        ).fetchall():
            try:
                for _, rowid, parent, _ in self._connection.execute(
                    f"pragma main.foreign_key_check({quoted(table)})"
                ):
                    count, first = found.get((table, parent), (0, rowid))
                    found[table, parent] = count + 1, first
            except sqlite3.OperationalError as error:
                if not str(error).startswith(_MISMATCH):
                    raise
                found[table, str(error)] = 1, None
        return found

    def _refuse_orphans(self, before: Orphans) -> None:
        for (table, parent), (count, rowid) in self._find_orphans().items():
            if count > before.get((table, parent), (0, None))[0]:
                row = "" if rowid is None else f", the first with rowid {rowid}"
                words = f"{plural(count, 'row')} of {table} refer{'s' if count == 1 else ''} to rows of {parent} that are not there{row}"
                of_rows = not parent.startswith(_MISMATCH)
                if not of_rows:
                    words = f"{parent}: what it refers to is not unique"
                raise StatementFailed(
                    ServerError(
                        words,
                        detail="SQLITE_CONSTRAINT_FOREIGNKEY",
                        trouble=Trouble.ROWS if of_rows else None,
                        table=named(table),
                    ),
                    stage=Stage.COMMIT,
                )


def _before_transaction(statements: Iterable[str]) -> dict[int, bool]:
    """Statements that count only before a transaction, by their place, and whether they are run there.

    Foreign keys are off for the whole of a section that puts them off anywhere, and back on after it.
    """
    found: dict[str, list[tuple[int, bool]]] = {}
    for index, text in enumerate(statements):
        if text[:6].lower() == "pragma":
            read = texts(text)
            name, has_value = pragma(read)
            if name in BEFORE_TRANSACTION and has_value:
                is_off = any(word.strip("'\"").upper() in _OFF for word in read[-2:])
                found.setdefault(name, []).append((index, is_off))
    chosen = {next((index for index, is_off in all_of if is_off), all_of[0][0]) for all_of in found.values()}
    return {index: index in chosen for all_of in found.values() for index, _ in all_of}


def _dropped_table(read: list[Token]) -> str | None:
    """The name in DROP TABLE [IF EXISTS] [main.]name."""
    if [token.word for token in read[:2]] != ["DROP", "TABLE"]:
        return None
    rest = read[4:] if [token.word for token in read[2:4]] == ["IF", "EXISTS"] else read[2:]
    return rest[-1].name if rest and (len(rest) == 1 or rest[0].word == "MAIN") else None
