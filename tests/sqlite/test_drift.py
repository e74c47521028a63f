"""The schema of a SQLite file, where drift and the schema file are not as on PostgreSQL."""

from __future__ import annotations

from tests.contract.site import Site


def test_what_sqlite_makes_is_no_drift(site: Site) -> None:
    """Neither the tables of ANALYZE nor the one of the first AUTOINCREMENT, whenever they came."""
    site.migration(
        "001_a", "CREATE TABLE a (id INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT); CREATE INDEX i ON a (b);"
    )
    site.ran("up")
    site.engine.query("INSERT INTO a (b) VALUES ('x')")
    site.engine.query("ANALYZE")
    assert site.ran("drift", "--json").json["drifted"] is False
    site.engine.query("DROP INDEX i")
    assert site.run("drift").code == 3


def test_a_schema_file_is_not_written(site: Site) -> None:
    """It is said so without naming a command that would not write it either; the migrations run."""
    site.project.write("pyproject.toml", '[tool.dbops]\nschema-file = "schema.sql"\n')
    site.migration("001_a", "CREATE TABLE a (id INTEGER);")
    said = site.ran("up").stderr
    assert "schema.sql is not written: it is a dump of PostgreSQL" in said
    assert "bin/migrate schema" not in said
