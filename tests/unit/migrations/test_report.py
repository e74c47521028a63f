"""How a failure is shown: the place in the file, the statement, and a caret under the right column."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbops.engines.base import ServerError, Stage, StatementFailed
from dbops.engines.postgres.statements import split
from dbops.migrations import report
from dbops.migrations.content import Section


def shown(sql: str, at: str, *, line: int = 1, column: int = 1, number: int = 0) -> tuple[str, list[str]]:
    """Headline and excerpt for an error of which the server names the place of `at` in statement `number`."""
    section = Section(sql, Path("/m/1_a.sql"), line, column)
    statement = split(sql).statements[number]
    position = statement.text.index(at) + 1
    failure = StatementFailed(ServerError("no", "42000", position=position), index=number)
    excerpt = report.excerpt(section, statement, failure).splitlines()
    assert excerpt.pop() == "  SQLSTATE: 42000"
    return report.headline(section, statement, failure), excerpt


def test_place_line_and_caret() -> None:
    """The second statement of a file, at its third word."""
    headline, excerpt = shown("SELECT 1;\nSELECT 2 frm t;", "frm", number=1)
    assert headline == "/m/1_a.sql:2:10: no"
    assert excerpt == ["2 | SELECT 2 frm t;", "  |          ^"]


def test_a_section_that_begins_within_a_file() -> None:
    """Lines count from the file's beginning, columns of its first line from where the section begins."""
    headline, excerpt = shown("SELECT 2 frm t;", "frm", line=12, column=4)
    assert headline == "/m/1_a.sql:12:13: no"
    assert excerpt == ["12 | SELECT 2 frm t;", "   |          ^"]


def test_tabs_stay_tabs() -> None:
    """The caret stands under its letter, however wide the terminal's tabs are."""
    _, excerpt = shown("SELECT\t1,\tnosuch;", "nosuch")
    assert excerpt == ["1 | SELECT\t1,\tnosuch;", "  |       \t  \t^"]


@pytest.mark.parametrize(
    ("before", "blank"), [("'日本'", " " * 6), ("'e\u0301'", " " * 3), ("'ä'", " " * 3), ("'ｶﾅ'", " " * 4)]
)
def test_wide_and_combining_letters(before: str, blank: str) -> None:
    """Letters of East Asia take two columns, an accent of its own none."""
    _, excerpt = shown(f"SELECT {before}, nosuch;", "nosuch")
    assert excerpt[1] == f"  |        {blank}  ^"


def test_a_statement_of_several_lines() -> None:
    """From its first line to the place; with many lines those between are left out."""
    _, excerpt = shown("SELECT a,\n  b,\n  nosuch\nFROM t;", "nosuch")
    assert excerpt == ["1 | SELECT a,", "2 |   b,", "3 |   nosuch", "  |   ^"]
    many = "SELECT\n" + "".join(f"  c{number},\n" for number in range(20)) + "  nosuch;"
    _, excerpt = shown(many, "nosuch")
    assert excerpt[:2] == [" 1 | SELECT", "   | ..."]
    assert excerpt[-2:] == ["22 |   nosuch;", "   |   ^"]
    assert len(excerpt) == 7


def test_windows_line_ends() -> None:
    """They are no letters of a line."""
    _, excerpt = shown("SELECT 1,\r\n  nosuch,\r\n  2;", "nosuch")
    assert excerpt == ["1 | SELECT 1,", "2 |   nosuch,", "  |   ^"]


def test_a_long_line_is_cut_around_the_place() -> None:
    """The caret still stands under its letter, and the lines stay short."""
    _, excerpt = shown("SELECT " + "1, " * 200 + "nosuch" + ", 2" * 200 + ";", "nosuch")
    text, caret = excerpt
    assert text[caret.index("^") :].startswith("nosuch")
    assert "..." in text[:8]
    assert len(text) < 180


def test_passwords_are_hidden_and_the_caret_is_right() -> None:
    """The literal is shown as '***', also where the server repeats it; the caret moves with the text."""
    sql = "CREATE ROLE x PASSWORD 'hunter2' NONSENSE;"
    _, excerpt = shown(sql, "NONSENSE")
    assert excerpt == ["1 | CREATE ROLE x PASSWORD '***' NONSENSE;", "  |                              ^"]
    statement = split(sql).statements[0]
    told = StatementFailed(
        ServerError("error near \"'hunter2'\"", "42601", "hunter2", "hunter2", "hunter2", 1, "hunter2"),
        index=3,
    )
    clean = report.without_secrets(told, statement)
    assert "hunter2" not in str(clean.error)
    assert (clean.index, clean.error.sqlstate, clean.error.position) == (3, "42601", 1)


def test_what_else_the_server_said() -> None:
    """Detail, hint, context and the inner query, each with its name."""
    statement = split("SELECT 1;").statements[0]
    section = Section("SELECT 1;", None)
    failure = StatementFailed(ServerError("no", "P0001", "because", "try", "at line 1", None, "SELECT x"))
    assert report.headline(section, statement, failure) == "the stored down section:1:1: no"
    assert report.excerpt(section, statement, failure).splitlines() == [
        "1 | SELECT 1;",
        "  | ^",
        "  detail: because",
        "  server's hint: try",
        "  context: at line 1",
        "  query: SELECT x",
        "  SQLSTATE: P0001",
    ]


def test_failures_outside_a_statement() -> None:
    """At the commit, and while dbops records: there is no line to show."""
    statement = split("SELECT 1;").statements[0]
    section = Section("SELECT 1;", Path("/m/1_a.sql"))
    at_commit = StatementFailed(ServerError("deferred", "23503"), stage=Stage.COMMIT)
    assert report.headline(section, statement, at_commit) == "/m/1_a.sql: at the commit: deferred"
    assert report.excerpt(section, statement, at_commit) == "  SQLSTATE: 23503"
    recording = StatementFailed(ServerError("no table", "42P01"), stage=Stage.RECORD)
    assert report.headline(section, None, recording) == "/m/1_a.sql: while recording it: no table"
