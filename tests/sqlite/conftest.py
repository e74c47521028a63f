"""Fixtures of the tests on SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Project
from tests.contract.site import Site, Sqlite


@pytest.fixture
def site(project: Project, tmp_path: Path) -> Site:
    """A project without migrations, for a file that is not there yet."""
    engine = Sqlite(tmp_path / "app.db")
    project.environ["DATABASE_URL"] = engine.url
    return Site(project, engine)


@pytest.fixture
def file(site: Site) -> Path:
    """The file of the database."""
    assert isinstance(site.engine, Sqlite)
    return site.engine.path
