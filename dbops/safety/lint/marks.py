"""Comments that ask not to be told: `-- dbops: ignore RULE`, `-- squawk-ignore RULE`, and both for a whole file."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from dbops.engines import dialect as dialects
from dbops.engines.statements import position
from dbops.migrations import texts
from dbops.safety.lint.model import Finding
from dbops.safety.lint.reading import File, Part
from dbops.safety.lint.rules import NAMES, by_name

_FOREIGN = ("squawk-ignore-file", "squawk-ignore")
_OWN = ("dbops: ignore-file", "dbops: ignore")


@dataclasses.dataclass(frozen=True)
class Mark:
    """One of them.

    :param word: as it is written, without the rules.
    :param rules: what it names; without any, all of squawk's.
    :param statement: the offset of the statement that it stands in or before; None for squawk's, which are for a line.
    """

    word: str
    rules: tuple[str, ...]
    path: str
    line: int
    column: int
    down: bool
    statement: int | None

    def covers(self, finding: Finding) -> bool:
        """Whether it is about what was found."""
        if finding.path != self.path or not (
            finding.rule in self.rules or (finding.foreign and not self.rules)
        ):
            return False
        if self.word.endswith("-file"):
            return True
        if finding.down != self.down:
            return False
        if self.word in _FOREIGN:
            return finding.line in (self.line, self.line + 1)
        return self.statement is not None and finding.statement == self.statement


def marks(file: File) -> Iterator[Mark]:
    """The marks of a migration's files."""
    for part in file.parts:
        if part.section.path is None or part.section.code is not None:
            continue
        if not part.down or part.section.path != file.up.section.path:
            yield from _in_header(part)
        for start, _, comment in comments(part.section.sql, part.section.dialect):
            yield from _mark(part, comment, part.place(start), start)


def comments(sql: str, dialect: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and text of each comment with a mark, those within statements, too."""
    if "ignore" not in sql:
        return
    words, before = dialects.by_name(dialect), 0
    for start, end in (*words.tokens(sql), (len(sql), len(sql))):
        at = before
        while (at := _next(sql, at, start)) < start:
            stop = _end(sql, at) if sql.startswith("--", at) else words.comment_end(sql, at)
            if "ignore" in sql[at:stop]:
                yield at, stop, sql[at:stop]
            at = stop
        before = end


def _next(sql: str, at: int, end: int) -> int:
    """Where the next comment begins before a place; that place, where none does."""
    return min((found for mark in ("--", "/*") if (found := sql.find(mark, at, end)) >= 0), default=end)


def _end(sql: str, at: int) -> int:
    end = sql.find("\n", at)
    return len(sql) if end < 0 else end


def is_foreign(comment: str) -> bool:
    """Whether squawk would heed it."""
    return _inner(comment).startswith(_FOREIGN)


def unused(found: Iterable[Mark], findings: Iterable[Finding], *, squawk_ran: bool) -> Iterator[Finding]:
    """Each name of a mark that hides nothing."""
    findings = list(findings)
    for mark in found:
        if not mark.rules and squawk_ran and not any(map(mark.covers, findings)):
            yield _useless(mark, "")
        for rule in mark.rules:
            only = dataclasses.replace(mark, rules=(rule,))
            judged = squawk_ran or rule in NAMES
            if judged and not any(map(only.covers, findings)):
                yield _useless(mark, f" {rule}")


def _useless(mark: Mark, rule: str) -> Finding:
    about = by_name("unused-ignore")
    message = f"{mark.word}{rule} hides nothing"
    return Finding(
        about.name, about.level, "", mark.path, mark.line, mark.column, message, about.instead, about.page
    )


def _in_header(part: Part) -> Iterator[Mark]:
    """The marks before a section, as above its banner."""
    section = part.section
    if section.line == 1 and section.column == 1:
        return
    assert section.path is not None  # marks() has asked
    lines = texts.read_text(section.path).text.split("\n")
    header = "\n".join([*lines[: section.line - 1], lines[section.line - 1][: section.column - 1]])
    for start, _, comment in comments(header, section.dialect):
        yield from _mark(part, comment, position(header, start), -1)


def _mark(part: Part, comment: str, place: tuple[int, int], offset: int) -> Iterator[Mark]:
    words = _inner(comment)
    word = next((word for word in (*_FOREIGN, *_OWN) if words.startswith(word)), None)
    if word is None or (word in _OWN and not comment.startswith("--")):
        return
    rest = words.removeprefix(word).partition("--")[0]
    rules = tuple(rest.replace(",", " ").split())
    if rules or word == "squawk-ignore-file":
        statement = None if word in _FOREIGN else _statement(part, offset)
        yield Mark(word, rules, str(part.section.path), *place, part.down, statement)


def _inner(comment: str) -> str:
    return comment.removeprefix("--").removeprefix("/*").removesuffix("*/").strip()


def _statement(part: Part, offset: int) -> int | None:
    """The statement that a mark stands in, or behind on its last line, or else before."""
    for one in part.statements:
        end = one.offset + len(one.statement.text)
        if end > offset or "\n" not in part.section.sql[end:offset]:
            return one.offset
    return None
