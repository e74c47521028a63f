"""Verify sections: which query a mark belongs to, and what an answer means."""

from __future__ import annotations

import pytest

from dbops.engines.base import Answer
from dbops.engines.dialect import by_name
from dbops.errors import DbopsError
from dbops.migrations.checks import Expected, checks_of, what_is_wrong
from dbops.migrations.content import Section


def expected(sql: str) -> list[str]:
    """What is expected of each query of a section, by the first letter: n(o rows), z(ero), or nothing."""
    checks = checks_of(Section(sql, None), by_name("postgresql").split(sql).statements)
    return [check.expected.name[0].replace("N", "n") if check.expected.value else "" for check in checks]


@pytest.mark.parametrize(
    ("sql", "marks"),
    [
        ("SELECT 1; SELECT 2;", ["", ""]),
        ("-- expect zero\nSELECT 1; SELECT 2;", ["Z", ""]),
        ("SELECT 1; -- expect zero\nSELECT 2;", ["Z", ""]),
        ("SELECT 1; -- why\n-- expect zero\nSELECT 2;", ["", "Z"]),
        ("SELECT 1\n-- expect zero\n; SELECT 2;", ["Z", ""]),
        ("SELECT 1 /* expect zero */; SELECT 2", ["Z", ""]),
        ("SELECT 1; /* expect zero */ SELECT 2", ["Z", ""]),
        ("-- Expect ZERO.\n-- why\n\nSELECT 1;", ["Z"]),
        ("-- ==== expect no rows ====\nSELECT 1;\n-- expect zero\nSELECT 2", ["n", "Z"]),
        ("BEGIN;\n-- expect zero\nSELECT 1;\nROLLBACK;", ["Z"]),
        ("SELECT '-- expect zero';", [""]),
        ("(SELECT 1) UNION SELECT 2; VALUES (1); WITH a AS (SELECT 1) SELECT * FROM a; TABLE t;", [""] * 4),
        ("", []),
    ],
)
def test_which_query_a_mark_belongs_to(sql: str, marks: list[str]) -> None:
    """The one behind it, or the one before it on whose last line it stands."""
    assert expected(sql) == marks


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT 1;\n-- expect one row\nSELECT 2;", "2:1: -- expect one row is not known"),
        ("SELECT 1;\n-- expect zero\n", "2:1: -- expect zero has no query behind it"),
        ("SELECT 1;\n ALTER TABLE t ADD a int;", "2:2: ALTER in a verify section"),
        ("VACUUM t;", "1:1: VACUUM in a verify section"),
        ("COPY t FROM stdin;", "1:1: COPY in a verify section"),
        ("CREATE INDEX CONCURRENTLY ON t (a);", "CREATE in a verify section"),
    ],
)
def test_what_does_not_belong_there(sql: str, message: str) -> None:
    """Refused with its place."""
    with pytest.raises(DbopsError) as caught:
        expected(sql)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("wanted", "answer", "wrong"),
    [
        (Expected.NOTHING_FALSE, Answer(0), None),
        (Expected.NOTHING_FALSE, Answer(2, ("1",)), None),
        (Expected.NOTHING_FALSE, Answer(2, ("t",), ("f", None)), "it returned (f, NULL)"),
        (Expected.NO_ROWS, Answer(0), None),
        (Expected.NO_ROWS, Answer(1, ("a\n  b",)), "expected no rows, and it returned 1 row (a b)"),
        (Expected.ZERO, Answer(1, ("0",)), None),
        (Expected.ZERO, Answer(1, ("0.0",)), None),
        (Expected.ZERO, Answer(1, ("-0",)), None),
        (Expected.ZERO, Answer(1, ()), "expected zero, and it returned ()"),
        (Expected.ZERO, Answer(0), "expected zero, and it returned no row"),
        (Expected.ZERO, Answer(1, ("0", "x")), None),
    ],
)
def test_what_an_answer_means(wanted: Expected, answer: Answer, wrong: str | None) -> None:
    """In words, with the row, or nothing."""
    assert what_is_wrong(wanted, answer) == wrong
