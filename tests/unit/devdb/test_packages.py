"""Packages that bring extensions."""

from __future__ import annotations

import pytest

from dbops.devdb import packages


@pytest.mark.parametrize(
    ("extension", "platform", "package"),
    [
        ("pg_trgm", "linux", "postgresql-contrib"),
        ("postgis", "linux", "postgresql-16-postgis-3"),
        ("postgis_topology", "linux", "postgresql-16-postgis-3"),
        ("vector", "linux", "postgresql-16-pgvector"),
        ("some_thing", "linux", "postgresql-16-some-thing"),
        ("pg_trgm", "darwin", "postgresql@16"),
        ("vector", "darwin", "pgvector"),
    ],
)
def test_the_command_names_the_package(extension: str, platform: str, package: str) -> None:
    """The package of the server's own major version, by the platform's names."""
    assert package in packages.command_for(extension, 16, platform)


def test_the_error_names_all_that_are_missing_and_who_asked() -> None:
    """Two are missing: both named, with the place that asks for them."""
    error = packages.missing_error(
        ["postgis", "vector"], 16, "pyproject.toml [tool.dbops] extensions", bundled=True
    )
    assert "postgis, vector" in error.message
    assert "[tool.dbops]" in error.message
    assert "contrib" in str(error.detail)
