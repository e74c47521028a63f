"""Splitting: every character of a section belongs to a statement or is white space, comment or semicolon."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbops.engines.postgres import statements as module
from dbops.engines.postgres import tokens
from dbops.engines.postgres.statements import split
from dbops.engines.statements import Kind, Statements, UnreadableSql, position

ATOMIC = """CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql
BEGIN ATOMIC
  SELECT 1; SELECT CASE WHEN a > 0 THEN 1 ELSE 2 END;
END"""
RULE = "CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO u VALUES (1); DELETE FROM v)"

NASTY = [
    "SELECT 'a;b'",
    'SELECT ";" FROM "t;u"',
    "SELECT $$ ; $$, $tag$ $$;$$ ; $tag$",
    r"SELECT E'\';', 'it''s;', U&'\0061;', x'1f', B'01'",
    'SELECT U&"d\\0061t;a" FROM t',
    "SELECT /* ; /* nested; */ ; */ 1",
    "SELECT 1 -- ; comment\n + 1",
    "SELECT 'größe', \"straße\"",
    "SELECT '日本;語'",
    "SELECT 'two\r\nlines;', $$\r\n;\r\n$$",
    "SELECT 'con'\n  'tinued;'",
    ATOMIC,
    ATOMIC.replace("END;", "END AS end;"),
    RULE,
    "DO $body$ BEGIN PERFORM 1; IF true THEN NULL; END IF; END; $body$",
    "INSERT INTO t VALUES (1, ';'), (2, ')')",
    "CREATE TABLE begin_atomic (a int DEFAULT (1))",
    "foo bar 'baz;'",
    "\\i other.sql",
    "\x01",
]

SEPARATORS = [";", " ;\r\n", ";;", ";-- é;\n", ";/*;*/"]


def rest(sql: str, found: Statements) -> str:
    """What stands between the statements, after a check that each is where it says."""
    at, between = 0, []
    for statement in found.statements:
        assert sql[statement.offset : statement.offset + len(statement.text)] == statement.text
        assert statement.offset >= at
        between.append(sql[at : statement.offset])
        at = statement.offset + len(statement.text)
    return "\0".join([*between, sql[at:]])


@pytest.mark.parametrize("text", NASTY)
def test_statement_between_others_is_found_whole(text: str) -> None:
    """A statement full of traps between two plain ones, with comments around: three statements, unchanged."""
    found = split(f"-- é; first\nSELECT 1;\n/* ; */ {text} /* end */ ;;\r\nSELECT 2 -- no semicolon")
    assert [statement.text for statement in found.statements] == ["SELECT 1", text, "SELECT 2"]


@pytest.mark.parametrize("sql", ["", "  \r\n", "-- only a comment", "/* a; */ ;; -- b\n;"])
def test_section_without_statements(sql: str) -> None:
    """Nothing but white space, comments and semicolons: no statements, and nothing that is not understood."""
    assert split(sql) == Statements((), parsed=True)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(NASTY), st.sampled_from(SEPARATORS))))
def test_any_sequence_is_split_and_put_together(parts: list[tuple[str, str]]) -> None:
    """Any sequence of statements and separators: the same statements come out, the rest is separators."""
    sql = "".join(statement + separator for statement, separator in parts)
    found = split(sql)
    assert [statement.text for statement in found.statements] == [statement for statement, _ in parts]
    assert rest(sql, found) == "\0".join(["", *(separator for _, separator in parts)])


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="ab1'\"$;()-/*\\\n\r é.:&EU=", max_size=40))
def test_any_text_is_accounted_for_or_refused(sql: str) -> None:
    """Arbitrary characters: refused with a place in the text, or only separators are left out."""
    refused_at = None
    found = Statements((), parsed=True)
    try:
        found = split(sql)
    except UnreadableSql as error:
        refused_at = error.offset
    if refused_at is not None:
        assert 0 <= refused_at <= len(sql)
        return
    between = rest(sql, found).replace("\0", " \n")
    assert split(between) == Statements((), parsed=True)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([*NASTY, "-- c", "1.5", "<=", "$1", "a$b"]), max_size=12), st.integers(1, 40))
def test_windows_do_not_change_tokens(parts: list[str], window: int) -> None:
    """A text scanned in tiny windows: the same tokens as at once, wherever the cuts fall."""
    data = "\n;".join(parts).encode()
    whole = [span for found in tokens.spans(data) for span in found]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens, "WINDOW", window)
        assert [span for found in tokens.spans(data) for span in found] == whole


def test_large_section_is_parsed_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """A section beyond the batch size: the same statements and checksums as in one batch."""
    sql = ";\n".join([*NASTY, "CREATE INDEX CONCURRENTLY i ON t (a)"])
    whole = split(sql)
    monkeypatch.setattr(module, "_BATCH", 64)
    monkeypatch.setattr(tokens, "WINDOW", 50)
    in_batches = split(sql)
    assert [s.text for s in in_batches.statements] == [s.text for s in whole.statements]
    assert [s.checksum for s in in_batches.statements] == [s.checksum for s in whole.statements]
    assert in_batches.statements[-1].kind is Kind.ALONE


@pytest.mark.parametrize(
    ("sql", "message", "offset"),
    [
        ("SELECT 1;\nSELECT 'é; SELECT", "unterminated quoted string", 17),
        ("SELECT 'é', /* x", "unterminated /* comment", 12),
        ("SELECT é, $a$ ... $b$", "unterminated dollar-quoted string", 10),
        ('SELECT "a', "unterminated quoted identifier", 7),
        ("SELECT E'\\'", "unterminated quoted string", 7),
        ("é\0", "a NUL character, which PostgreSQL does not accept", 1),
        ("é\ud800", "half of a surrogate pair, which UTF-8 cannot hold", 1),
    ],
)
def test_unreadable_text_names_the_place(sql: str, message: str, offset: int) -> None:
    """Text that cannot be cut into tokens: the message without an excerpt, the place in characters."""
    with pytest.raises(UnreadableSql) as caught:
        split(sql)
    assert (caught.value.message, caught.value.offset) == (message, offset)


def test_unterminated_string_far_into_a_large_text() -> None:
    """An open quote after more than one window of text with wide characters: its place in characters."""
    begin = "SELECT 'é';\n" * (tokens.WINDOW // 11)
    with pytest.raises(UnreadableSql) as caught:
        split(begin + "SELECT 'open")
    assert caught.value.offset == len(begin) + 7


def test_unknown_syntax_does_not_hide_the_rest() -> None:
    """A statement that the parser does not know: it is UNKNOWN, the others are classified as ever."""
    found = split("SELECT 1; REINVENT TABLE t; VACUUM t; COMMIT")
    assert [s.kind for s in found.statements] == [Kind.TRANSACTIONAL, Kind.UNKNOWN, Kind.ALONE, Kind.COMMIT]
    assert not found.parsed


def test_syntax_of_a_newer_server_than_the_machine_is_known() -> None:
    """A virtual generated column (PostgreSQL 18): parsed, though older servers refuse it."""
    assert split("CREATE TABLE t (a int GENERATED ALWAYS AS (b) VIRTUAL, b int)").parsed


def test_deep_expression_is_left_to_the_server() -> None:
    """A sum of 5,000 terms: one statement, never a RecursionError."""
    found = split("SELECT " + "+".join(["1"] * 5_000))
    assert [s.kind for s in found.statements] == [Kind.UNKNOWN]


@pytest.mark.parametrize(
    ("offset", "expected"), [(0, (1, 1)), (1, (1, 2)), (4, (2, 1)), (5, (2, 2)), (7, (3, 1)), (8, (4, 1))]
)
def test_position(offset: int, expected: tuple[int, int]) -> None:
    """Places in a text with CRLF, LF and a wide character: lines and columns from 1."""
    assert position("éa\r\nbc\n\nx"[:2] + "\r\nbc\n\nx", offset) == expected
