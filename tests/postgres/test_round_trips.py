"""Backed up and restored: what comes back is what was there, on every version and from each to the others.

Judged by the description of the zoo, which knows nothing of dbops, beside dbops' own proof.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import zoo
from tests.conftest import FAILED, SERVERS, Project
from tests.postgres.rounds import Rounds, described, properties, superuser_sql
from tests.servers import Database, Server
from tests.zoo.description import differences
from tests.zoo.known import unexpected


@pytest.fixture
def rounds(project: Project, database: Database, request: pytest.FixtureRequest) -> Iterator[Rounds]:
    """The databases that a test makes are dropped when it passes."""
    made = Rounds(project, database)
    yield made
    if not request.node.stash.get(FAILED, False):
        made.clear(request.config.stash[SERVERS])


PROPERTIES = (
    "COMMENT ON DATABASE {name} IS 'production of the zoo'",
    "ALTER DATABASE {name} CONNECTION LIMIT 17",
    "ALTER DATABASE {name} SET work_mem = '3MB'",
    "ALTER ROLE {owner} IN DATABASE {name} SET datestyle = 'SQL, DMY'",
    "REVOKE CONNECT ON DATABASE {name} FROM PUBLIC",
    "GRANT CONNECT ON DATABASE {name} TO {owner}",
)


def _set_properties(database: Database) -> None:
    for statement in PROPERTIES:
        superuser_sql(database, statement.format(name=database.name, owner=database.user))


def test_everything_over_the_live_database(rounds: Rounds) -> None:
    """A superuser puts everything back over a live database that has changed: content as backed up, properties as live."""
    database = rounds.database
    zoo.build(database, zoo.EVERYTHING)
    before = described(database)
    rounds.ran("backup", "whole")
    superuser_sql(database, "DROP TABLE zoo.texts CASCADE; DELETE FROM zoo.numbers")
    _set_properties(database)
    live = properties(database)
    told = rounds.restored("whole", database, "--json").json
    found = differences(before, described(database))
    assert unexpected(found, database.server.major, database.server.major) == []
    assert properties(database) == live
    assert told["proof"]
    assert rounds.databases() == {database.name, told["displaced"]}


@pytest.mark.parametrize("options", [(), ("--format", "plain", "--compress", "zstd")], ids=["auto", "plain"])
def test_as_its_ordinary_owner(rounds: Rounds, options: tuple[str, ...]) -> None:
    """The owner, who may create databases, backs up and restores what an ordinary role can make, without a superuser."""
    database = rounds.database
    zoo.build(database)
    superuser_sql(database, f"ALTER ROLE {database.user} CREATEDB")
    _set_properties(database)
    before, live = described(database), properties(database)
    rounds.ran("backup", "mine", *options, user=True)
    rounds.ran("restore", "mine", "--confirm", database.name, user=True)
    found = differences(before, described(database))
    assert unexpected(found, database.server.major, database.server.major) == []
    assert properties(database) == live


FORMATS = {
    "custom": ("--format", "custom"),
    "custom gzip": ("--format", "custom", "--compress", "gzip"),
    "plain": ("--format", "plain"),
    "plain zstd": ("--format", "plain", "--compress", "zstd"),
    "directory none": ("--format", "directory", "--compress", "none", "--jobs", "1"),
}


@pytest.mark.one_major
def test_every_format(rounds: Rounds) -> None:
    """However it is packed, the same comes back."""
    database = rounds.database
    zoo.build(database, zoo.EVERYTHING)
    before = described(database)
    for name, options in FORMATS.items():
        rounds.ran("backup", name, *options)
        copy = rounds.beside(name)
        told = rounds.restored(name, copy, "--json").json
        assert told["proof"], name
        found = differences(before, described(copy))
        assert unexpected(found, database.server.major, database.server.major) == [], name


def test_to_other_versions(rounds: Rounds, other_servers: tuple[Server, ...]) -> None:
    """On every other server, newer or older, it is what the zoo made anew there is, and equal to its proof."""
    database = rounds.database
    made = zoo.build(database, zoo.PORTABLE)
    rounds.ran("backup", "whole")
    for target in other_servers:
        made.furnish(target)
        copy, twin = rounds.beside("copy", target), rounds.beside("twin", target)
        rounds.restored(rounds.path("whole"), copy)
        superuser_sql(
            copy, f'CREATE DATABASE "{twin.name}" OWNER "{twin.user}" TEMPLATE template0', "postgres"
        )
        zoo.twin(made, twin)
        found = differences(described(twin), described(copy))
        assert unexpected(found, database.server.major, target.major) == [], target
