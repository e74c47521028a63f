"""The graph of Alembic's revisions and the project's configuration, read without running anything."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from dbops import config
from dbops.config import Options
from dbops.errors import ConfigError, DbopsError
from dbops.events import ignore
from dbops.migrations.alembic import graph, project, update
from dbops.migrations.alembic.graph import Graph, Revision
from dbops.migrations.alembic.project import Source


def some(*edges: str) -> list[Revision]:
    """`b<a` is a revision b with the parent a, `c<a+b` a merge, `d` a root."""
    found = []
    for edge in edges:
        one, _, parents = edge.partition("<")
        found.append(Revision(one, Path(f"{one}.py"), tuple(filter(None, parents.split("+")))))
    return found


def valid(tree: Graph, ordered: Iterable[str]) -> bool:
    """Whether every revision comes after all that it needs."""
    seen: set[str] = set()
    for one in ordered:
        if not seen.issuperset(tree.needs(one)):
            return False
        seen.add(one)
    return len(seen) == len(tree.revisions)


def test_what_a_file_says() -> None:
    """Texts, tuples, annotations, None; the docstring's first paragraph and date; nothing is run."""
    text = '''"""Add orders
and their notes.

Revision ID: ab12
Create Date: 2025-01-31 12:30:00
"""
import nothing.of.the.kind
revision: str = "ab12"
down_revision: tuple = ("c1", "c2")
branch_labels = "orders"
depends_on = ["d1"]
raise SystemExit("not run")
'''
    sources = [Source(Path("ab12.py"), text.encode())]
    sources += [Source(Path(f"{one}.py"), f"revision = {one!r}".encode()) for one in ("c1", "c2", "d1")]
    sources.append(Source(Path("tools.py"), b"x = 1"))
    tree = graph.read(sources)
    one = tree.revisions["ab12"]
    assert (one.parents, one.depends_on, one.labels) == (("c1", "c2"), ("d1",), ("orders",))
    assert (one.description, one.date) == ("Add orders and their notes.", "2025-01-31 12:30:00")
    assert tree.needs("ab12") == ("c1", "c2", "d1")
    assert len(tree.revisions) == 4


def test_line_ends_do_not_change_a_revision() -> None:
    """What git gives a file on another system has the same checksum."""
    assert Source(Path("a"), b"x\ny\n").checksum == Source(Path("a"), b"x\r\ny\r\n").checksum


@pytest.mark.parametrize(
    ("revisions", "words"),
    [
        (some("a", "b<x"), ("b.py", "needs x")),
        (some("a<b", "b<a"), ("a.py", "b.py", "need each other")),
        ([*some("a"), Revision("a", Path("other.py"))], ("a.py and other.py", "revision a")),
        ([Revision("a", Path("a.py"), labels=("x",)), Revision("b", Path("b.py"), labels=("x",))], ("the name x",)),
        ([Revision("a", Path("a.py"), depends_on=("gone",))], ("a.py", "needs gone")),
    ],
)  # fmt: skip
def test_what_makes_no_graph(revisions: list[Revision], words: tuple[str, ...]) -> None:
    """A parent or a dependence that is not there, a circle, two of one name: an error with the files."""
    with pytest.raises(ConfigError) as raised:
        Graph(revisions)
    assert all(word in raised.value.message for word in words), raised.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("revision = make()", "x.py:1: revision is not a text"),
        ("revision = 'a'\ndown_revision = base.revision", "x.py:2: down_revision is not a text"),
        ("revision = 'a'\ndef (", "x.py:2: cannot be read as Python"),
    ],
)
def test_what_cannot_be_read(text: str, words: str) -> None:
    """A value that only running the file would tell, and no Python: the file, the line, the name."""
    with pytest.raises(DbopsError, match=words):
        graph.read([Source(Path("x.py"), text.encode())])


def test_the_order_of_many_random_branches() -> None:
    """Sixty revisions with branches and merges, in twenty graphs: valid, the same again, and new ones come behind."""
    numbers = random.Random(5)
    for _ in range(20):
        revisions: list[Revision] = []
        for number in range(60):
            before = [one.id for one in revisions]
            parents = tuple(numbers.sample(before, min(len(before), numbers.choice((0, 1, 1, 1, 1, 2, 3)))))
            depends = tuple(numbers.sample(before, min(len(before), numbers.choice((0, 0, 0, 0, 1)))))
            name = f"{numbers.getrandbits(48):012x}"
            date = f"2025-01-{numbers.randint(1, 28):02d}"
            revisions.append(Revision(name, Path(f"{number}.py"), parents, depends, date=date))
        early = Graph(revisions[:40])
        head = numbers.choice(revisions[:40]).id
        first = early.ancestors([head])
        rendered = early.order(first=first)
        assert valid(early, rendered)
        assert set(rendered[: len(first)]) == first
        numbers.shuffle(revisions)
        whole = Graph(revisions)
        ordered = whole.order(before=rendered)
        assert valid(whole, ordered)
        assert ordered[:40] == rendered
        assert Graph(reversed(revisions)).order(before=rendered) == ordered


def test_branches_are_in_order_of_time() -> None:
    """Of what may come next the oldest comes first."""
    made = [Revision("z", Path(), date="2025-01-01"), Revision("a", Path(), ("z",), date="2025-03-01")]
    made.append(Revision("b", Path(), ("z",), date="2025-02-01"))
    assert Graph(made).order() == ("z", "b", "a")


def test_a_revision_that_was_put_on_another_one_loses_its_place() -> None:
    """`down_revision` was edited to come after what is behind it: it goes behind that, with all that need it."""
    tree = Graph(some("a", "b<d", "c<b", "d<a"))
    assert tree.kept(["a", "b", "c", "d"]) == ("a", "d")
    assert tree.order(before=tree.kept(["a", "b", "c", "d"])) == ("a", "d", "b", "c")


def test_a_head_that_no_file_has() -> None:
    """The database is at a revision of a branch that is not here: it is named."""
    with pytest.raises(ConfigError, match="the database is at revision gone"):
        Graph(some("a")).ancestors(["gone"])


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A file stands where the folder shall be: what had to be rendered is named, with the way out."""
    (tmp_path / "file").write_text("")
    change = update.Change({"0004_x.up.sql": ""}, rendered=("0004_x",))
    with pytest.raises(ConfigError, match=r"0004_x have to be rendered into .*, which cannot be written"):
        update._carry_out(tmp_path / "file", change, ignore)


# -- the configuration -------------------------------------------------------------------------------------------------


def load(folder: Path, **environ: str) -> config.Settings:
    """The settings of a command in this folder."""
    return config.load(Options(), {"DBOPS_PROJECT": str(folder), **environ}, folder)


def test_an_ini_file(tmp_path: Path) -> None:
    """%(here)s, several places of revisions, the URL without its driver; a value that env.py gives is left out."""
    for name in ("scripts", "a", "b c"):
        (tmp_path / name).mkdir()
    (tmp_path / "alembic.ini").write_text(
        "[alembic]\nscript_location = %(here)s/scripts\nversion_locations = %(here)s/a:b c:gone\n"
        "path_separator = :\nsqlalchemy.url = postgresql+asyncpg://app:p%%25w@db.example:5433/shop\nx = %(secret)s\n"
    )
    settings = load(tmp_path)
    assert settings.alembic is not None
    assert project.scripts(settings.alembic) == tmp_path / "scripts"
    assert project.version_folders(settings.alembic) == [tmp_path / "a", tmp_path / "b c"]
    assert settings.target.describe() == "app@db.example:5433/shop"
    assert settings.target.get("password") == "p%w"
    assert settings.target.parts["host"].origin == "alembic.ini sqlalchemy.url"


def test_the_url_of_an_ini_file_is_the_weakest(tmp_path: Path) -> None:
    """Any other source that names a server replaces it; a database's name alone does not; a placeholder is none."""
    ini = tmp_path / "alembic.ini"
    ini.write_text("[alembic]\nscript_location = x\nsqlalchemy.url = postgresql://app@db.example/shop\n")
    assert load(tmp_path, DB_NAME="other").target.describe() == "app@db.example:5432/other"
    other = load(tmp_path, DATABASE_URL="postgresql://localhost/mine").target
    assert other.describe() == "localhost:5432/mine"
    ini.write_text("[alembic]\nscript_location = x\nsqlalchemy.url = driver://user:pass@localhost/dbname\n")
    assert not load(tmp_path).target.names_server


def test_pyproject_as_well(tmp_path: Path) -> None:
    """`[tool.alembic]` alone, or for what the ini file does not say; a package's folder; no Alembic is None."""
    assert load(tmp_path).alembic is None
    (tmp_path / "src" / "shop" / "migrations" / "versions").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.alembic]\nscript_location = "shop:migrations"\nx = "100%"\n'
    )
    settings = load(tmp_path)
    assert settings.alembic is not None
    assert settings.alembic.ini is None
    versions = tmp_path / "src" / "shop" / "migrations" / "versions"
    assert project.version_folders(settings.alembic) == [versions]
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/other\n")
    settings = load(tmp_path)
    assert settings.alembic is not None
    assert project.scripts(settings.alembic) == tmp_path / "other"


def test_an_ini_file_elsewhere(tmp_path: Path) -> None:
    """`alembic-ini` names it, and paths count from its folder; one that is not there is an error with its origin."""
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "alembic.ini").write_text("[alembic]\nscript_location = scripts\n")
    (tmp_path / "pyproject.toml").write_text('[tool.dbops]\nalembic-ini = "db/alembic.ini"\n')
    settings = load(tmp_path)
    assert settings.alembic is not None
    assert project.scripts(settings.alembic) == tmp_path / "db" / "scripts"
    (tmp_path / "db" / "alembic.ini").unlink()
    with pytest.raises(ConfigError, match=r"alembic-ini\)"):
        load(tmp_path)


def test_a_file_that_is_no_ini(tmp_path: Path) -> None:
    """Text without a section: the file and the line."""
    (tmp_path / "alembic.ini").write_text("script_location = x\n")
    with pytest.raises(ConfigError, match="line: 1"):
        load(tmp_path)
