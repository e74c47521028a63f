"""The swap: two databases change places in one transaction, under the eyes of clients."""

from __future__ import annotations

import itertools
import threading
import time
from typing import Any, Self

import psycopg
import pytest

from dbops.engines.postgres import lock
from dbops.errors import LockNotAcquired, Refused
from dbops.events import ignore
from dbops.restore import names, undo
from dbops.restore.plan import Swapped
from dbops.restore.swap import put_in_place, swap
from tests.postgres.restoring import AT, Live, live_database
from tests.servers import Server
from tests.watching import until


def _swap(live: Live, incoming: str, user: str | None = None, deadline: float = 10.0) -> Swapped:
    with live.held(user) as connection:
        target = live.target_as(user or live.owner)
        return swap(connection, target, live.exchange(incoming), ignore, deadline)


class Client:
    """Connects and queries every 10 ms, in a thread; remembers when it got which answer."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.answers: list[tuple[float, str]] = []
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        until(lambda: self.answers, "the first answer")
        return self

    def __exit__(self, *error: object) -> None:
        until(lambda: self.answers[-1][1] == "restored", "an answer of the restored database")
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self._live.connect(user=self._live.owner) as connection:
                    row = connection.execute("SELECT what FROM content").fetchone()
                assert row is not None
                self.answers.append((time.monotonic(), row[0]))
            except psycopg.OperationalError as error:
                self.failures.append(str(error))
            time.sleep(0.01)

    def longest_gap(self) -> float:
        times = [at for at, _ in self.answers]
        return max(after - before for before, after in itertools.pairwise(times))


def test_clients_see_one_or_the_other(live: Live) -> None:
    """Clients hammer, others idle or work: a moment without answers, first the one and then the other."""
    side = live.side()
    idle = [live.connect(user=live.owner) for _ in range(20)]
    working = live.connect(user=live.owner)
    working.execute("BEGIN")
    working.execute("CREATE TABLE unfinished AS SELECT generate_series(1, 10000)")
    with Client(live) as client:
        time.sleep(0.2)
        done = _swap(live, side)
    gap = client.longest_gap()
    print(f"gap {gap:.3f} s, inside {done.seconds:.3f} s, failures {len(client.failures)}")
    assert gap < 5  # 0.1 s; more where the machine has other things to do
    assert done.ended is not None
    assert done.ended >= 21
    contents = [what for _, what in client.answers]
    assert contents == sorted(contents)
    assert set(contents) == {"live", "restored"}
    assert live.content() == "restored"
    assert live.content(done.displaced) == "live"
    assert set(live.databases()) == {live.name, done.displaced}
    for connection in [*idle, working]:
        connection.close()


def test_a_name_of_63_bytes(server: Server) -> None:
    """Names at the limit, of several bytes a character, quoted: the names made from them fit, and are found again."""
    with live_database(server, 'Lö"we x' + "é" * 23) as live:
        assert len(live.name.encode()) == 63
        side = live.side()
        done = _swap(live, side)
        assert max(len(name.encode()) for name in live.databases()) == 63
        assert live.content() == "restored"
        with live.held() as connection:
            (found,) = undo.displaced(connection, live.name)
        assert found.name == done.displaced
        assert found.displacement == names.Displacement(live.name, AT, "b1")


@pytest.mark.parametrize("comment", [None, "orders\nenvironment=development", "the shop's database"])
def test_the_comment_goes_with_the_name(live: Live, comment: str | None) -> None:
    """The live name keeps its comment; the displaced database keeps it, too, with a line that says what it is."""
    if comment:
        live.sql(f"""COMMENT ON DATABASE "{live.name}" IS '{comment.replace("'", "''")}'""")
    done = _swap(live, live.side())
    comments = live.databases()
    assert comments[live.name] == comment
    assert names.without_marks(comments[done.displaced]) == comment
    assert names.read_displaced(comments[done.displaced]) is not None


def test_a_session_that_cannot_be_ended(live: Live) -> None:
    """A superuser is in the database: nobody else is kept waiting, it is named at the deadline, nothing has changed."""
    side = live.side()
    with live.connect(), pytest.raises(LockNotAcquired, match="may not end") as caught:
        _swap(live, side, deadline=0.5)
    assert live.server.user in caught.value.message
    assert set(live.databases()) == {live.name, side}
    assert live.content() == "live"
    assert names.is_restoring(live.databases()[side], live.name)


def test_the_session_leaves_in_time(live: Live) -> None:
    """It goes away while the swap waits: then it goes on."""
    side = live.side()
    session = live.connect()
    timer = threading.Timer(0.5, session.close)
    timer.start()
    _swap(live, side)
    assert live.content() == "restored"


def test_a_member_of_pg_signal_backend_ends_other_roles_sessions(live: Live) -> None:
    """Sessions of a role that the owner is no member of are ended where it may."""
    other = live.role("other")
    side = live.side()
    with live.connect(user=other), pytest.raises(LockNotAcquired):
        _swap(live, side, deadline=0.2)
    live.sql(f'GRANT pg_signal_backend TO "{live.owner}"')
    with live.connect(user=other):
        assert _swap(live, side).ended == 1


def test_a_prepared_transaction(live: Live) -> None:
    """It is named, and clients are not kept waiting for it."""
    side = live.side()
    connection = live.connect(user=live.owner)
    connection.execute("BEGIN")
    connection.execute("DELETE FROM content")
    connection.execute(f"PREPARE TRANSACTION 'p_{live.tag}'")
    connection.close()
    with pytest.raises(LockNotAcquired, match=f"p_{live.tag}"):
        _swap(live, side, deadline=0.3)
    assert live.content() == "live"


def test_a_migration_at_work_is_waited_for(live: Live) -> None:
    """A session that holds the migration lock is not cut off: at the deadline it is named."""
    side = live.side()
    with live.connect(user=live.owner) as migrator:
        lock.acquire(migrator, 1.0, ignore)
        with pytest.raises(LockNotAcquired, match="migration or a backup"):
            _swap(live, side, deadline=0.3)
        assert migrator.execute("SELECT 1").fetchone() == (1,)


def test_a_failure_inside_rolls_back(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transaction fails after the live database was renamed: both are as they were."""
    side = live.side()

    def fail(*_: Any) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(names, "mark_displaced", fail)
    with pytest.raises(KeyboardInterrupt):
        _swap(live, side)
    assert set(live.databases()) == {live.name, side}
    assert live.content() == "live"


def test_side_takes_a_name_that_nobody_has(live: Live) -> None:
    """No live database: the side database gets the name, and no mark stays on it."""
    side = live.side()
    live.sql(f'DROP DATABASE "{live.name}"')
    with live.held() as connection:
        put_in_place(connection, live.target, live.name, ignore)
    assert side not in live.databases()
    assert live.databases()[live.name] is None
    assert live.content() == "restored"


def test_undo_and_undo_again(live: Live) -> None:
    """The displaced database comes back, then the restored one again; settings made meanwhile stay with the name."""
    done = _swap(live, live.side())
    live.sql(f"ALTER DATABASE \"{live.name}\" SET work_mem = '5MB'")
    for content, other in (("live", "restored"), ("restored", "live")):
        with live.held() as connection:
            (there,) = undo.displaced(connection, live.name)
            undo.check(connection, live.name, there.name)
            exchange = live.exchange(there.name, None)
            displaced = undo.new_name(connection, live.name, AT)
            exchange = type(exchange)(live.name, there.name, displaced, AT, None)
            undo.undo(connection, live.target, exchange, ignore, 10.0)
        assert live.content() == content
        assert live.sql("SHOW work_mem", live.name) == [("5MB",)]
        (name,) = set(live.databases()) - {live.name}
        assert live.content(name) == other
        assert live.databases()[live.name] is None
    assert done.displaced == names.displaced(live.name, AT)


def test_undo_finds_what_it_may_not_carry(live: Live) -> None:
    """A setting that only a superuser may make, made since: named with the grant, nothing has changed."""
    done = _swap(live, live.side())
    live.sql(f'ALTER DATABASE "{live.name}" SET log_min_duration_statement = 250')
    with live.held() as connection, pytest.raises(Refused) as caught:
        undo.check(connection, live.name, done.displaced)
    assert "GRANT SET ON PARAMETER log_min_duration_statement" in (caught.value.hint or "")
    assert live.content() == "restored"


def test_discard(live: Live) -> None:
    """Displaced databases are listed with their sizes and dropped; what was brought back meanwhile is not."""
    _swap(live, live.side())
    with live.held() as connection:
        (there,) = undo.displaced(connection, live.name)
        assert there.bytes is not None
        assert there.bytes > 1_000_000
        assert undo.displaced(connection, "another") == []
        (gone,) = undo.discard(connection, [there], ignore)
        assert gone.database == there.name
    assert set(live.databases()) == {live.name}
    assert live.content() == "restored"
