"""Loading an archive into an empty database, with every error a failure.

`plan` decides, `load` does.  An archive goes through pg_restore, several jobs at once where the format allows it;
its compressed files are unpacked on the way (`staging`).  SQL goes through psql, which may not run programs then
(`sqlfeed`): that is how plain dumps are loaded, how a pg_restore that is too new for the server is used, and how
everything happens in one transaction.

Whatever goes wrong, the database is left half loaded, for the caller to drop; in one transaction, it is as it was.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbops.backups import compression, loadcommands, temporary, unpacking
from dbops.backups.loadplan import LoadPlan, plan
from dbops.backups.progress import Progress
from dbops.backups.said import LoadFailed, Said
from dbops.backups.source import Kind
from dbops.backups.sqlfeed import SqlFeed
from dbops.backups.sqlscript import SqlScript
from dbops.backups.staging import Staging
from dbops.backups.tocbytes import Damaged
from dbops.engines.postgres import destination, servicefile
from dbops.errors import DbopsError, ProgramFailed
from dbops.events import Listener, Note, Warned
from dbops.process import POSTGRES_ENVIRON, Stream

if TYPE_CHECKING:
    import psycopg

__all__ = ["LoadFailed", "LoadPlan", "load", "plan"]

# Nobody uses the database yet: a crash means loading it anew, and the swap waits for the disk.
_SETTINGS = "-c synchronous_commit=off -c maintenance_work_mem=256MB"
_LOOK_EVERY = 0.02


def load(
    plan: LoadPlan,
    connection: psycopg.Connection[Any],
    *,
    application: str,
    listen: Listener,
    total: int | None = None,
    on_roles: Callable[[tuple[str, ...]], object] = lambda made: None,
) -> None:
    """Load into the database of a connection, which has to be empty.

    :param connection: in autocommit mode; where it leads, the programs go, too.  Missing roles are created on it,
        and stay whatever happens.
    :param total: bytes of the archive before compression, for progress.
    :param on_roles: told which roles were created.
    :raises LoadFailed: pg_restore or psql did; its first error is told.
    :raises Damaged: a file of the archive is not whole.
    :raises DbopsError: one of the plan's obstacles.
    """
    for warning in plan.warnings:
        listen(Warned(warning))
    _tell_left_out(plan, listen)
    if plan.obstacles:
        raise DbopsError(plan.obstacles[0], detail="\n".join(plan.obstacles[1:]) or None)
    if plan.source.kind is Kind.TAR:
        plan.source.check_tar()
    if plan.roles_to_create:
        destination.create_roles(connection, plan.roles_to_create)
        on_roles(plan.roles_to_create)
        listen(Note(f"created roles that may not log in: {', '.join(plan.roles_to_create)}"))
    with temporary.folder() as folder:
        loading = _Loading(plan, connection, folder, application, listen, total)
        if plan.source.kind is Kind.PLAIN:
            loading.plain()
        elif plan.sql_client is not None:
            loading.through_psql()
        else:
            loading.directly()


def _tell_left_out(plan: LoadPlan, listen: Listener) -> None:
    if plan.filtered is not None:
        for one in plan.filtered.left_out:
            listen(Note(one.sentence()))


class _Loading:
    """One load: the programs it runs, and their folder."""

    def __init__(
        self,
        plan: LoadPlan,
        connection: psycopg.Connection[Any],
        folder: Path,
        application: str,
        listen: Listener,
        total: int | None,
    ) -> None:
        self._plan = plan
        self._source = plan.source
        self._connection = connection
        self._folder = folder
        self._listen = listen
        options = f"{connection.info.options} {_SETTINGS}".strip()
        self._environ = servicefile.environ(connection, folder, application=application, options=options)
        self._progress = Progress(listen)
        self._progress.begin("loading", total)

    def directly(self) -> None:
        """pg_restore connects by itself."""
        said = Said(self._listen)
        with self._archive() as (place, staging):
            argv = self._pg_restore(f"--jobs={self._plan.jobs}", "--dbname", self._service(), *place)
            piped = not place
            with Stream(argv, environ=self._environ, stdin=piped, on_line=said.line) as program:
                if staging is not None:
                    staging.start(program.end)
                if piped:
                    self._feed_archive(program, self._progress)
                    _close(program)
                self._wait(program, staging)
                completed = program.wait()
            if staging is not None:
                staging.check()
        if completed.code != 0:
            raise said.failure(completed)
        self._afterwards()

    def through_psql(self) -> None:
        """pg_restore writes SQL, psql runs it."""
        said, said_of_sql = Said(self._listen), Said(self._listen)
        with self._archive() as (place, staging):
            argv = self._pg_restore("--file=-", *place)
            environ = dict(POSTGRES_ENVIRON)
            with (
                Stream(self._psql(), environ=self._environ, stdin=True, on_line=said_of_sql.line) as psql,
                Stream(argv, environ=environ, stdin=not place, stdout=True, on_line=said.line) as program,
                self._feeding(program, piped=not place),
            ):
                if staging is not None:
                    staging.start(program.end)
                feed = SqlFeed(str(self._source.path), self._server_major)
                portions = feed.portions(unpacking.chunks(program.stdout), check_end=False)
                if _send(psql, self._followed(portions), self._progress):
                    # the end is only sent once all else has been looked at
                    completed = program.wait()
                    if staging is not None:
                        staging.check()
                    if completed.code != 0:
                        raise said.failure(completed)
                    _send(psql, itertools.chain(self._last_words(), self._commit()), None)
                self._finish_psql(psql, said_of_sql)

    def plain(self) -> None:
        """psql runs the file."""
        said = Said(self._listen)
        feed = SqlFeed(str(self._source.path), self._server_major)
        with (
            self._source.open() as stream,
            Stream(self._psql(), environ=self._environ, stdin=True, on_line=said.line) as psql,
        ):
            try:
                portions = feed.portions(unpacking.chunks(stream))
                if _send(psql, self._followed(portions), self._progress):
                    _send(psql, self._commit(), None)
            except unpacking.damaged() as error:
                raise Damaged(f"{self._source.archive} is damaged: {error}") from error
            self._finish_psql(psql, said)

    def _followed(self, portions: Iterator[bytes]) -> Iterator[bytes]:
        """In one transaction, what the SQL says of transactions must not reach psql."""
        if not self._plan.one_transaction:
            return portions
        return SqlScript(str(self._source.path)).passed(portions)

    @property
    def _server_major(self) -> int:
        return self._connection.info.server_version // 10000

    def _service(self) -> str:
        return f"service={self._environ['PGSERVICE']}"

    def _pg_restore(self, *words: str | Path) -> list[str]:
        """The command line, with what it is to restore in a file."""
        assert self._plan.filtered is not None
        use_list = self._folder / "list"
        use_list.write_text(self._plan.filtered.list_file(), encoding="ascii")
        return loadcommands.pg_restore(self._plan, use_list, *map(str, words))

    def _psql(self) -> list[str]:
        return loadcommands.psql(self._plan, self._service())

    @contextlib.contextmanager
    def _archive(self) -> Iterator[tuple[list[Path], Staging | None]]:
        """What pg_restore is given to read: a path, or nothing where it reads its input."""
        if self._source.kind is Kind.DIRECTORY:
            with Staging(
                self._source.archive, self._source.toc, self._folder, jobs=self._plan.jobs
            ) as staging:
                yield [staging.folder], staging
        elif self._source.compression is compression.Compression.NONE:
            yield [self._source.archive], None
        else:
            yield [], None

    def _feed_archive(self, program: Stream, progress: Progress | None) -> None:
        """Write an archive that is compressed as a whole into a program."""
        try:
            with self._source.open() as stream:
                _send(program, map(bytes, unpacking.chunks(stream)), progress)
        except unpacking.damaged() as error:
            program.end()
            raise Damaged(f"{self._source.archive} is damaged: {error}") from error

    @contextlib.contextmanager
    def _feeding(self, program: Stream, *, piped: bool) -> Iterator[None]:
        """The same from a thread, where we read what the program writes meanwhile."""
        if not piped:
            yield
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1, thread_name_prefix="feed") as pool:
            feeding = pool.submit(self._feed_and_close, program)
            try:
                yield
            except (ProgramFailed, Damaged):
                program.end()
                feeding.result()  # a damaged file is the cause of all that followed
                raise
            finally:
                program.end()
            feeding.result()

    def _feed_and_close(self, program: Stream) -> None:
        self._feed_archive(program, None)
        _close(program)

    def _wait(self, program: Stream, staging: Staging | None) -> None:
        seen = 0
        while program.running:
            time.sleep(_LOOK_EVERY)
            if staging is not None:
                self._progress.add(staging.bytes_read - seen)
                seen = staging.bytes_read

    def _finish_psql(self, psql: Stream, said: Said) -> None:
        _close(psql)
        completed = psql.wait()
        if completed.code != 0:
            raise said.failure(completed)

    def _last_words(self) -> Iterator[bytes]:
        assert self._plan.filtered is not None
        for statement in self._plan.filtered.afterwards:
            yield statement.encode("utf-8", "surrogateescape") + b"\n"

    def _commit(self) -> Iterator[bytes]:
        """psql's --single-transaction would commit wherever its input ends, also because we were killed.

        What comes before it may lack its semicolon.
        """
        if self._plan.one_transaction:
            yield b"\n;\nCOMMIT;\n"

    def _afterwards(self) -> None:
        """What remains of privileges that were left out."""
        import psycopg

        if not self._plan.filtered or not self._plan.filtered.afterwards:
            return
        encoding = self._source.toc.encoding
        try:
            with self._connection.transaction():
                self._connection.execute(
                    "select pg_catalog.set_config('client_encoding', %s, true)", [encoding]
                )
                for statement in self._plan.filtered.afterwards:
                    self._connection.execute(statement.encode("utf-8", "surrogateescape"))
        except psycopg.Error as error:
            raise LoadFailed(f"the privileges cannot be restored: {error}") from error


def _send(program: Stream, portions: Iterator[bytes], progress: Progress | None) -> bool:
    """Write into a program; False where it has ended and does not read any more."""
    try:
        for portion in portions:
            program.stdin.write(portion)
            if progress is not None:
                progress.add(len(portion))
        program.stdin.flush()
    except BrokenPipeError:
        return False
    return True


def _close(program: Stream) -> None:
    with contextlib.suppress(BrokenPipeError):
        program.stdin.close()
