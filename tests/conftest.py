"""Fixtures that every test may use: servers, a database of one's own, a project folder.

- `server`: every major version in turn (ids `pg15`, `pg16`, ...); with the mark
  `one_major`, or as `any_server`, only one of them.
- `database`: a fresh empty database on `server`, owned by an ordinary role.
- `everywhere`: such a database on each version at once.
- `firms`: makes databases with the trading engine's schema.
- `connect(database)`: an autocommit connection that is closed after the test.
- `watch`: what that database shows of its sessions and of the migrations.
- `project`: a project folder and a clean environment in which commands run; `configured`: for `database`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import sql

from tests import servers
from tests.forking import DBOPS, LANG, Forker, Request, started
from tests.servers import Database, Farm, Server
from tests.watching import Watch

if TYPE_CHECKING:
    from tests.firms import Firms

ROOT = Path(__file__).resolve().parent.parent
FARM = pytest.StashKey[Farm]()
SERVERS = pytest.StashKey[tuple[Server, ...]]()
FAILED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--keep-servers", action="store_true", help="leave the servers running, to look at a kept database"
    )
    parser.addoption(
        "--server-bindir",
        action="append",
        type=Path,
        default=[],
        metavar="DIR",
        help="run on the PostgreSQL whose programs are in this folder, not on those found; may be given again",
    )
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write what was read as what is expected, to be looked at",
    )


def pytest_configure(config: pytest.Config) -> None:
    """The controller starts the servers; a worker of pytest-xdist is told of them."""
    config.addinivalue_line(
        "markers", "one_major: run on one PostgreSQL version only, not on every one found"
    )
    _forget_users_settings()
    _heed_signals()
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        config.stash[SERVERS] = servers.from_json(worker["servers"])
    elif config.option.help or config.option.version or _needs_no_server(config):
        config.stash[SERVERS] = ()
    else:
        farm = _start_servers(config.option.server_bindir)
        config.stash[FARM] = farm
        config.stash[SERVERS] = farm.servers
        if not farm.servers:
            farm.stop()
            pytest.exit(
                "no PostgreSQL found to test with: sh dbops/bootstrap.sh --extra server", returncode=1
            )


def _start_servers(bindirs: list[Path]) -> Farm:
    bindirs = [bindir.resolve() for bindir in bindirs]
    # what is tested finds them there, too
    os.environ["PATH"] = os.pathsep.join([*map(str, bindirs), os.environ.get("PATH", os.defpath)])
    try:
        return servers.start(bindirs)
    except ValueError as error:
        raise pytest.UsageError(f"--server-bindir {error}") from error


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["servers"] = servers.to_json(node.config.stash[SERVERS])


def pytest_unconfigure(config: pytest.Config) -> None:
    servers.close_admins()
    farm = config.stash.get(FARM, None)
    if farm is None:
        return
    if config.option.keep_servers:
        sys.stderr.write(f"servers left running; to end them: {farm.leave_running()}\n")
    else:
        farm.stop()


def pytest_report_header(config: pytest.Config) -> str:
    named = [f"{server.major} ({server.bindir})" for server in config.stash[SERVERS]]
    return "PostgreSQL: " + (", ".join(named) or "none started, no test that was asked for needs one")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "server" not in metafunc.fixturenames:
        return
    found = metafunc.config.stash[SERVERS]
    if not found:
        raise pytest.UsageError(
            f"{metafunc.definition.nodeid} needs a server: it does not belong in tests/unit"
        )
    if metafunc.definition.get_closest_marker("one_major"):
        found = (_usual(found),)
    metafunc.parametrize("server", found, ids=[f"pg{server.major}" for server in found], scope="session")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture(scope="session")
def any_server(request: pytest.FixtureRequest) -> Server:
    """One server: the machine's own PostgreSQL where there is one, else the newest."""
    return _usual(request.config.stash[SERVERS])


@pytest.fixture
def database(server: Server, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A fresh empty database; dropped when the test passes, kept and its URL printed when it fails."""
    made = _make_database(server)
    yield made
    if request.node.stash.get(FAILED, False):
        print(f"kept (until the servers stop; see --keep-servers): {made.url}")
    else:
        _drop_database(made)


@pytest.fixture
def everywhere(request: pytest.FixtureRequest) -> Iterator[tuple[Database, ...]]:
    """A fresh empty database on every server found, for what must be equal between versions."""
    made = tuple(_make_database(server) for server in request.config.stash[SERVERS])
    yield made
    for one in made:
        _drop_database(one)


@pytest.fixture(scope="session")
def _all_firms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firms]:
    from tests.firms import Firms

    made = Firms(tmp_path_factory.mktemp("firms"))
    yield made
    made.close()


@pytest.fixture
def firms(_all_firms: Firms, request: pytest.FixtureRequest) -> Iterator[Firms]:
    """Makes databases with the trading engine's schema; dropped when the test passes."""
    yield _all_firms
    made, _all_firms.made = _all_firms.made, []
    for one in made:
        if request.node.stash.get(FAILED, False):
            print(f"kept (until the servers stop; see --keep-servers): {one.url}")
        else:
            _all_firms.drop(one)


@pytest.fixture
def connect() -> Iterator[Callable[..., psycopg.Connection[Any]]]:
    """Opens autocommit connections as the database's owner (or with other keywords) and closes them."""
    opened: list[psycopg.Connection[Any]] = []

    def open_connection(database: Database, **keywords: Any) -> psycopg.Connection[Any]:
        opened.append(psycopg.connect(**{"autocommit": True, **database.keywords, **keywords}))
        return opened[-1]

    yield open_connection
    for connection in opened:
        connection.close()


@pytest.fixture
def watch(database: Database, connect: Callable[..., psycopg.Connection[Any]]) -> Watch:
    """What the database shows, seen by its owner."""
    return Watch(connect(database))


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """The lines of `--json`."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def json(self) -> dict[str, Any]:
        """The last line of `--json`: the result or the error."""
        return self.events[-1]


@dataclasses.dataclass(frozen=True)
class Project:
    """A project folder with `migrations/`, and the whole environment that its commands see."""

    folder: Path
    environ: dict[str, str]
    forker: Forker
    begun: list[subprocess.Popen[str]] = dataclasses.field(default_factory=list)
    """What `popen` has started."""

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project, line ends as given."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return path

    def use(self, database: Database) -> None:
        """Configure the database by DATABASE_URL."""
        self.environ["DATABASE_URL"] = database.url

    def run(
        self,
        *argv: str | Path,
        environ: Mapping[str, str] | None = None,
        stdin: str = "",
        timeout: float = 60,
    ) -> Outcome:
        """Run `dbops ARGV` to its end; `environ` adds to the project's."""
        request = Request(
            [str(word) for word in argv], self.folder, {**self.environ, **(environ or {})}, stdin.encode()
        )
        ended = self.forker.run(request, timeout) if request.forks() else started(request, timeout)
        return Outcome(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    def popen(self, *argv: str | Path, environ: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start `dbops ARGV` in a process group of its own; the test ends it, or where it fails its end does."""
        child = subprocess.Popen(
            [*DBOPS, *map(str, argv)], cwd=self.folder, env={**self.environ, **(environ or {})}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        self.begun.append(child)
        return child

    def end(self) -> None:
        """Kill what still runs of what was started.  One that stays would be a failure of some later test."""
        for child in self.begun:
            child.kill()
            child.wait()
            for pipe in (child.stdout, child.stderr):
                assert pipe is not None
                pipe.close()


@pytest.fixture(scope="session")
def forker() -> Iterator[Forker]:
    """The process that runs most commands: see `tests/forking.py`."""
    made = Forker()
    yield made
    made.close()


@pytest.fixture
def project(tmp_path: Path, forker: Forker) -> Iterator[Project]:
    """A project in a folder with a space in its name; no variable of the user's reaches its commands."""
    folder = tmp_path / "a project"
    (folder / "migrations").mkdir(parents=True)
    home = tmp_path / "home"
    home.mkdir()
    environ = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LANG": LANG,
        "NO_COLOR": "1",
        "DBOPS_PROJECT": str(folder),
    }
    made = Project(folder, environ, forker)
    yield made
    made.end()


@pytest.fixture
def configured(project: Project, database: Database) -> Project:
    """The project, configured for the database."""
    project.use(database)
    return project


def _usual(found: tuple[Server, ...]) -> Server:
    if not found:
        raise pytest.UsageError("this test needs a server: it does not belong in tests/unit")
    return max(found, key=lambda server: (server.own, server.major))


def _needs_no_server(config: pytest.Config) -> bool:
    without = [ROOT / "tests" / name for name in ("unit", "sqlite")]
    places = [(config.invocation_params.dir / arg.partition("::")[0]).resolve() for arg in config.args]
    return bool(places) and all(any(place.is_relative_to(one) for one in without) for place in places)


def _forget_users_settings() -> None:
    for name in list(os.environ):
        if name.startswith(("PG", "DB_", "DBOPS_", "POSTGRES_")) or name.endswith("DATABASE_URL"):
            del os.environ[name]
    # libpq would still read the files of the user's home
    os.environ["PGPASSFILE"] = os.environ["PGSERVICEFILE"] = os.devnull


def _heed_signals() -> None:
    """A shell lets what it runs in the background ignore Ctrl-C, and nohup a hang-up: what we start would, too."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@contextmanager
def fresh_database(server: Server) -> Iterator[Database]:
    """A fresh empty database for a fixture that several tests share; dropped at the end."""
    made = _make_database(server)
    try:
        yield made
    finally:
        _drop_database(made)


def _make_database(server: Server) -> Database:
    made = Database(
        server, f"t_{secrets.token_hex(5)}", f"r_{secrets.token_hex(5)}", secrets.token_urlsafe(9)
    )
    connection = servers.admin(server)
    role, password = sql.Identifier(made.user), sql.Literal(servers.verifier(made.password))
    connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, password))
    servers.create_database(connection, made)
    return made


def _drop_database(made: Database) -> None:
    connection = servers.admin(made.server)
    role, name = sql.Identifier(made.user), sql.Identifier(made.name)
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
    connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(role))
