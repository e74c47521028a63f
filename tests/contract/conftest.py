"""Fixtures: a test with `site` runs once on each engine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import Project, fresh_database
from tests.contract.site import Engine, Postgres, Site, Sqlite
from tests.contract.storing import Shop, build, clear
from tests.servers import Server


@pytest.fixture(params=["postgresql", "sqlite"])
def site(
    request: pytest.FixtureRequest, project: Project, tmp_path: Path, any_server: Server
) -> Iterator[Site]:
    """A project without migrations on an empty database."""
    with ExitStack() as stack:
        engine: Engine
        if request.param == "sqlite":
            engine = Sqlite(tmp_path / "app.db")
        else:
            engine = Postgres(stack.enter_context(fresh_database(any_server)))
        project.environ["DATABASE_URL"] = engine.url
        yield Site(project, engine)


@pytest.fixture
def abc(site: Site) -> Site:
    """With the migrations 001_a, 002_b and 003_c, each of which makes a table and drops it again."""
    for number, name in enumerate("abc", start=1):
        site.migration(f"{number:03d}_{name}", f"CREATE TABLE {name} (id integer);", f"DROP TABLE {name};")
    return site


@pytest.fixture
def shop(site: Site) -> Iterator[Shop]:
    """Two tables in the state `first`, to be backed up and restored."""
    made = build(site)
    yield made
    clear(made)
