"""What an archive holds, told by what pg_dump says."""

from __future__ import annotations

import pytest

from dbops.backups import scope
from dbops.backups.scope import Names
from dbops.errors import DbopsError

TABLES = [
    ("public", "t"),
    ("public", "u"),
    ("größe", "x"),
    ("a.b", "c"),
    ("a", "b.c"),
    ("public", "we \nird"),
]
SEQUENCES = [("public", "s"), ("a", "s2")]


def names() -> Names:
    return Names(TABLES, SEQUENCES, lambda texts: [text.encode("latin1") for text in texts])


def of(*said: str) -> scope.Scope:
    return scope.of_lines([f"pg_dump: {line}" for line in said], names())


def test_tables_with_and_without_rows() -> None:
    """A table that was made and whose rows were not dumped is there empty."""
    found = of(
        'creating TABLE "public.t"', 'creating TABLE "public.u"', 'dumping contents of table "public.t"'
    )
    assert found.tables == {("public", "t")}
    assert found.empty_tables == {("public", "u")}


def test_sequences_with_and_without_positions() -> None:
    """A sequence whose position was not set begins anew."""
    found = of('creating SEQUENCE "public.s"', 'creating SEQUENCE "a.s2"', "executing SEQUENCE SET s")
    assert found.sequences == {("public", "s")}
    assert found.new_sequences == {("a", "s2")}


def test_large_objects() -> None:
    """Said in one way or another by every version."""
    assert of("saving large objects").large_objects
    assert of('saving large objects "16409"').large_objects
    assert not of("reading large objects").large_objects


def test_another_encoding() -> None:
    """A name comes in the database's encoding, and was read as UTF-8."""
    line = 'pg_dump: dumping contents of table "größe.x"'.encode("latin1").decode(errors="replace")
    assert scope.of_lines([line], names()).tables == {("größe", "x")}


def test_a_line_end_in_a_name() -> None:
    """The rest of the name is on the next line."""
    assert of('dumping contents of table "public.we').tables == {("public", "we \nird")}


def test_names_that_look_alike() -> None:
    """Both dumped: both are meant; one dumped: nobody knows which."""
    line = 'dumping contents of table "a.b.c"'
    assert of(line, line).tables == {("a.b", "c"), ("a", "b.c")}
    with pytest.raises(DbopsError, match="does not say which"):
        of(line)


def test_the_table_of_a_line() -> None:
    """For the line of progress."""
    assert scope.table_of('pg_dump: dumping contents of table "public.t"') == "public.t"
    assert scope.table_of("pg_dump: reading schemas") is None
