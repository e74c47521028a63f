"""Checksums over the token stream: what must change them, and what must not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbops.engines.postgres import tokens
from dbops.engines.postgres.statements import split
from dbops.engines.statements import UnreadableSql


def checksum(sql: str) -> str:
    """What is stored of a section when it is applied."""
    return split(sql).checksum


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT 1; SELECT 2", "-- c\nSELECT\t1 ;\r\n\r\n/* /* x */ */ SELECT 2"),
        ("SELECT 1", "SELECT 1;"),
        ("SELECT 1; SELECT 2", ";;SELECT 1;; ;SELECT 2;"),
        ("SELECT 'a\nb'", "SELECT 'a\r\nb'"),
        ("DO $$\nBEGIN\nEND\n$$", "DO $$\r\nBEGIN\r\nEND\r\n$$"),
        ("SELECT a+1", "SELECT a + 1"),
        ("SELECT 'a'\n'b'", "SELECT 'a'\n\n    'b'"),
        ("SELECT 'a'\n'b'", "SELECT 'ab'"),
        ("SELECT 'it''s'\r\n'b'", "SELECT 'it''sb'"),
        ("SELECT E'a\\''\n'b'", "SELECT E'a\\'b'"),
        ("", "-- nothing"),
    ],
)
def test_what_does_not_count(one: str, other: str) -> None:
    """White space, comments, line ends, empty statements, a string continued on the next line."""
    assert checksum(one) == checksum(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT 'ab' 'c'", "SELECT 'a' 'bc'"),
        ("SELECT 'a b'", "SELECT 'a  b'"),
        ("SELECT '--a'", "SELECT '--b'"),
        ("SELECT '/* a */'", "SELECT '/* b */'"),
        ("SELECT '\n'", "SELECT ''"),
        ("SELECT a", "SELECT A"),
        ("SELECT ab", "SELECT a b"),
        ("SELECT 1", "SELECT 2"),
        ("SELECT 1; SELECT 2", "SELECT 1 SELECT 2"),
        ("SELECT 'a''\n''b'", "SELECT 'ab'"),
        ("SELECT $$a$$", "SELECT 'a'"),
        ('SELECT "a"', "SELECT 'a'"),
        ("DO $$ a -- b\n$$", "DO $$ a \n$$"),
        ("SELECT 1", ""),
    ],
)
def test_what_counts(one: str, other: str) -> None:
    """Anything that could change the meaning, and whatever stands inside a string or a body."""
    assert checksum(one) != checksum(other)


def test_checksum_of_a_statement_does_not_depend_on_its_place() -> None:
    """The same statement alone and in a file with others and CRLF: one checksum, of 64 digits."""
    alone = split("INSERT INTO t\nVALUES ('a\nb')").statements[0]
    second = split("SELECT 'é';\r\n -- x\r\nINSERT INTO t VALUES ('a\r\nb') ;").statements[1]
    assert alone.checksum == second.checksum
    assert len(alone.checksum) == 64


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([";", "a", "'x'\n'y'", "$$;\r\n$$", "(", "é", "-- c\n", "/**/"]), max_size=20)
)
def test_windows_do_not_change_the_checksum(parts: list[str]) -> None:
    """A text read in tiny windows, with semicolons at the cuts: the checksum of one window."""
    sql = " ".join(parts)
    whole = checksum(sql)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens, "WINDOW", 3)
        assert checksum(sql) == whole


def test_unreadable_text_has_no_checksum() -> None:
    """An open comment: an error with its place, not a checksum of half the text."""
    with pytest.raises(UnreadableSql) as caught:
        checksum("SELECT 1 /* open")
    assert caught.value.offset == 9
