"""`migrate diagram` on either engine: what is drawn, and the file that it is kept in."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from tests.contract.site import Site

SCHEMA = """
CREATE TABLE users (id integer PRIMARY KEY NOT NULL, email varchar(80) NOT NULL UNIQUE, boss integer REFERENCES users (id));
CREATE TABLE profiles (user_id integer PRIMARY KEY NOT NULL REFERENCES users (id), bio text);
CREATE TABLE badges (id integer PRIMARY KEY NOT NULL, user_id integer UNIQUE REFERENCES users (id));
CREATE TABLE orders (user_id integer NOT NULL REFERENCES users (id), number integer NOT NULL, PRIMARY KEY (user_id, number));
CREATE TABLE lines (
    id integer PRIMARY KEY NOT NULL, user_id integer NOT NULL, number integer,
    FOREIGN KEY (user_id, number) REFERENCES orders (user_id, number)
);
"""
DRAWN = """\
erDiagram
    "badges" {
        integer id PK
        integer user_id FK, UK
    }
    "lines" {
        integer id PK
        integer user_id FK
        integer number FK
    }
    "orders" {
        integer user_id PK, FK
        integer number PK
    }
    "profiles" {
        integer user_id PK, FK
        text bio
    }
    "users" {
        integer id PK
        varchar(80) email UK
        integer boss FK
    }
    "users" |o..o| "badges" : "user_id"
    "orders" |o..o{ "lines" : "user_id, number"
    "users" ||--o{ "orders" : "user_id"
    "users" ||--o| "profiles" : "user_id"
    "users" |o..o{ "users" : "boss"
"""


def drawn(site: Site) -> str:
    """What is expected: SQLite's types are in capitals."""
    if site.engine.url.startswith("sqlite"):
        return re.sub(r"^ {8}(integer|text)\b", lambda found: found[0].upper(), DRAWN, flags=re.MULTILINE)
    return DRAWN


@pytest.fixture
def drawable(site: Site) -> Site:
    """With the schema above, applied."""
    site.migration("001_a", SCHEMA)
    site.ran("up")
    return site


def test_what_is_drawn(drawable: Site) -> None:
    """Columns, keys, who refers to whom and how often; not the tables of the tracking, whatever they are called."""
    assert drawable.ran("diagram").stdout == drawn(drawable)
    told = drawable.ran("diagram", "--json").json
    assert told["diagram"] == drawn(drawable)
    assert (told["tables"], told["references"], told["drawn_as"], told["file"]) == (5, 5, "mermaid", None)

    other = ("--tracking-table", "own_history")
    drawable.ran("baseline", "001", *other)
    assert "own_history" not in drawable.ran("diagram", *other).stdout


def test_a_part_of_it(drawable: Site) -> None:
    """Two tables, and the one that they refer to by its name alone; one that is not there is an error of usage."""
    lines = drawable.ran("diagram", "--table", "profiles", "--table", "badges").stdout.splitlines()
    assert '    "users"' in lines
    assert '    "profiles" {' in lines
    assert not any("orders" in line for line in lines)
    refused = drawable.run("diagram", "--table", "nothing")
    assert refused.code == 2
    assert "no table 'nothing'" in refused.stderr


def test_a_file_is_kept_up_to_date(drawable: Site) -> None:
    """Written, up to date, then behind a migration: --check tells with the difference, --dry-run writes nothing."""
    path = drawable.project.folder / "schema.mmd"
    options = ("diagram", "--output", "schema.mmd")
    assert drawable.run(*options, "--check").code == 3
    assert not path.exists()
    drawable.ran(*options)
    assert path.read_text(encoding="utf-8") == drawn(drawable)
    assert "up to date" in drawable.ran(*options, "--check").stdout

    drawable.migration("002_b", "CREATE TABLE extra (id integer);")
    drawable.ran("up")
    behind = drawable.run(*options, "--check")
    assert behind.code == 3
    assert '+    "extra" {' in behind.stdout
    assert "is not the diagram of the schema" in behind.stderr
    drawable.ran(*options, "--dry-run")
    assert path.read_text(encoding="utf-8") == drawn(drawable)
    told = drawable.ran(*options, "--json").json
    assert (told["written"], told["changed"]) == (True, True)
    assert '"extra"' in path.read_text(encoding="utf-8")


def test_between_the_marks_of_a_readme(drawable: Site) -> None:
    """The diagram stands in a block of code between the marks; all else stays byte for byte, line ends too."""
    before, after = "# Ours\r\n<!-- dbops:diagram -->", "<!-- /dbops:diagram -->\r\nrest\r\n"
    path = drawable.project.write("README.md", f"{before}old{after}")
    options = ("diagram", "--output", "README.md")
    assert drawable.run(*options, "--check").code == 3
    drawable.ran(*options)
    block = f"\n```mermaid\n{drawn(drawable)}```\n".replace("\n", "\r\n")
    assert path.read_bytes().decode() == before + block + after
    drawable.ran(*options, "--check")


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("# No marks\n", (), "has no place for the diagram"),
        ("<!-- dbops:diagram -->\nno end", (), "has no place for the diagram"),
        ("<!-- /dbops:diagram --> <!-- dbops:diagram -->", (), "has no place for the diagram"),
        ("<!-- dbops:diagram --><!-- /dbops:diagram -->", ("--format-out", "svg"), "SVG does not go into"),
    ],
)
def test_no_place_in_a_readme(drawable: Site, text: str, options: tuple[str, ...], message: str) -> None:
    """Refused with what to do; the file stays as it is."""
    path = drawable.project.write("README.md", text)
    refused = drawable.run("diagram", "--output", "README.md", *options)
    assert refused.code == 2
    assert message in refused.stderr
    assert path.read_bytes().decode() == text


def test_the_file_cannot_be(drawable: Site) -> None:
    """A README that is not there, a folder that is not there, a check of nothing."""
    assert drawable.run("diagram", "--output", "none.md").code == 1
    failed = drawable.run("diagram", "--output", "no/such/folder/a.svg")
    assert failed.code == 1
    assert "cannot be written" in failed.stderr
    nothing = drawable.run("diagram", "--check")
    assert nothing.code == 2
    assert "--check needs a file" in nothing.stderr


def test_a_picture(drawable: Site) -> None:
    """A FILE.svg is a picture, the same each time, with every table, column and reference."""
    drawable.ran("diagram", "--output", "schema.svg")
    text = (drawable.project.folder / "schema.svg").read_text(encoding="utf-8")
    assert drawable.ran("diagram", "--format-out", "svg").stdout == text
    texts = {one.text for one in ET.fromstring(text).iter() if one.text}
    assert {"users", "profiles", "badges", "orders", "lines", "bio", "boss", "email"} <= texts
    assert "orders (user_id) refers to users (id): any number to one" in texts
    assert "lines (user_id, number) refers to orders (user_id, number): any number to zero or one" in texts


def test_nothing_there(site: Site) -> None:
    """A database whose only tables are those of the tracking is no error."""
    site.ran("init")
    assert site.ran("diagram").stdout == "erDiagram\n"
