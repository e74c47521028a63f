"""The project of every format, its SQL in SQLite's words, migrated up, down and up again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dbops.migrations.formats import NAMES
from tests.contract.site import Site

DATA = Path(__file__).resolve().parents[1] / "data" / "formats"
UP_ONLY = {"graphile-migrate", "pgmigrate"}
TRIGGER = (
    "CREATE TRIGGER accounts_touch AFTER UPDATE ON accounts BEGIN\n"
    "    UPDATE accounts SET name = upper(name) || ';' WHERE id = new.id;\nEND;"
)
# What the projects hold of PostgreSQL's own.
TRANSLATED = (
    (r"CREATE FUNCTION touch\(\).*?\$\$.*?\$\$;?", TRIGGER),
    (r"CREATE TRIGGER accounts_touch BEFORE.*?touch\(\);?", "SELECT 1;"),
    (r"DROP TRIGGER accounts_touch ON accounts", "DROP TRIGGER accounts_touch"),
    (r"DROP FUNCTION touch\(\)", "SELECT 1"),
    (r" CONCURRENTLY", ""),
)
LOOK = "SELECT type, name, sql FROM sqlite_master WHERE tbl_name NOT LIKE 'schema_migr%' AND sql IS NOT NULL ORDER BY 1, 2"


def copy_project(name: str, site: Site) -> list[str]:
    """Write the project's files, translated; the options that it needs."""
    case = DATA / name / "project"
    for path in (case / "migrations").rglob("*"):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            for pattern, by in TRANSLATED:
                text = re.sub(pattern, by, text, flags=re.DOTALL)
            site.project.write(str(path.relative_to(case)), text)
    variables = case / "variables.txt"
    return [f"--var={line}" for line in (variables.read_text().split() if variables.exists() else ())]


@pytest.mark.parametrize("name", NAMES)
def test_up_down_and_up_again(name: str, site: Site) -> None:
    """All is there after the first up, nothing after the down, and the same after the second up."""
    options = copy_project(name, site)
    site.ran("up", *options)
    made = site.engine.query(LOOK)
    assert [row[:2] for row in made] == [
        ("index", "accounts_name"),
        ("table", "accounts"),
        ("trigger", "accounts_touch"),
    ]
    site.engine.mark()
    if name in UP_ONLY:
        assert "has no down section" in site.run("down", *options).stderr
        return
    site.ran("down", "--to", "0", *options)
    assert site.engine.query(LOOK) == []
    site.ran("up", *options)
    assert site.engine.query(LOOK) == made
