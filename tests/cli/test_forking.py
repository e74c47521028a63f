"""What runs most commands of the tests is to be no different from starting Python for each."""

from __future__ import annotations

import subprocess
import threading
from pathlib import Path

import pytest

from tests.conftest import Project
from tests.forking import Request, started
from tests.postgres.migrating import write_tables
from tests.servers import Database
from tests.watching import Watch

pytestmark = pytest.mark.one_major


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["--help"], 0),
        (["migrate", "status", "--json"], 0),
        (["migrate", "--no-such-option"], 2),
        (["migrate", "up", "--check"], 3),
        (["backup", "show", "nothing"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_says_the_same(configured: Project, argv: list[str], code: int) -> None:
    """Exit code, output and errors of one that is forked are those of one that is started."""
    write_tables(configured, "a", "b")
    request = Request(argv, configured.folder, configured.environ)
    assert request.forks()
    forked, other = configured.forker.run(request, 60), started(request, 60)
    assert (forked.returncode, forked.stdout, forked.stderr) == (other.returncode, other.stdout, other.stderr)
    assert forked.returncode == code


def test_several_at_once(configured: Project) -> None:
    """Each has its own environment, and gets its own answer."""
    found: dict[str, str] = {}

    def ask(name: str) -> None:
        outcome = configured.run(
            "migrate", "status", environ={"DATABASE_URL": f"postgresql://{name}.invalid/x"}
        )
        found[name] = outcome.stderr

    threads = [threading.Thread(target=ask, args=(f"host{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(name in said for name, said in found.items())


def test_one_that_takes_too_long_is_killed(configured: Project, database: Database, watch: Watch) -> None:
    """As `subprocess.run` does it; the next ones run."""
    configured.write("migrations/001_slow.sql", "SELECT pg_sleep(600);")
    with pytest.raises(subprocess.TimeoutExpired):
        configured.run("migrate", "up", timeout=1)
    watch.lock_is_free()
    for _ in range(2):
        assert configured.run("--version").code == 0


def test_what_python_reads_at_its_start(configured: Project) -> None:
    """Another locale or time zone needs a Python that starts with it; a long input a pipe that somebody feeds."""
    given = configured.environ
    assert Request([], Path("/"), given).forks()
    assert not Request([], Path("/"), {**given, "LC_ALL": "C"}).forks()
    assert not Request([], Path("/"), {**given, "TZ": "Asia/Tokyo"}).forks()
    assert not Request([], Path("/"), {name: given[name] for name in given if name != "LANG"}).forks()
    assert not Request([], Path("/"), given, b"x" * 5000).forks()
