"""A failed migration as a compiler would show it: file, line, column, the line itself, and what helps."""

from __future__ import annotations

from dbops.engines.base import ServerError, Stage, StatementFailed
from dbops.engines.postgres.literals import redacted
from dbops.engines.postgres.remedies import statement_hint
from dbops.engines.postgres.statements import Statement, position
from dbops.migrations.content import Section


def place(section: Section, offset: int) -> tuple[int, int]:
    """Line and column in the file of a character of the section."""
    line, column = position(section.sql, offset)
    return section.line + line - 1, column + (section.column - 1 if line == 1 else 0)


def headline(section: Section, statement: Statement | None, failure: StatementFailed) -> str:
    """`file:line:column: the server's message`."""
    error = failure.error
    if failure.stage is Stage.COMMIT:
        return f"{section.label}: at the commit: {error.message}"
    if statement is None or failure.stage is not Stage.STATEMENT:
        return f"{section.label}: while recording it: {error.message}"
    line, column = place(section, _offset(statement, error))
    return f"{section.label}:{line}:{column}: {error.message}"


def excerpt(section: Section, statement: Statement | None, failure: StatementFailed) -> str:
    """The line with a mark under the place, and the rest of what the server said.

    Without passwords: what a terminal shows ends in the logs of a pipeline.
    """
    error = failure.error
    lines = []
    if statement is not None and failure.stage is Stage.STATEMENT:
        offset = _offset(statement, error)
        line, _ = place(section, offset)
        start = section.sql.rfind("\n", 0, offset) + 1
        text = section.sql[start:].partition("\n")[0].rstrip("\r")
        before = "".join(letter if letter == "\t" else " " for letter in section.sql[start:offset])
        width = len(str(line))
        if statement.redacted == statement.text or text.strip() in statement.redacted:
            lines += [f"{line} | {text[:200]}", f"{' ' * width} | {before[:200]}^"]
        else:
            lines.append(f"{line} | (not shown, since it holds a password)")
    for name, value in (
        ("detail", error.detail),
        ("server's hint", error.hint),
        ("context", error.context and _without_passwords(error.context)),
        ("query", error.internal_query and _without_passwords(error.internal_query)),
        ("SQLSTATE", error.sqlstate),
    ):
        if value:
            lines.append(f"  {name}: {value}")
    return "\n".join(lines)


def _without_passwords(said: str) -> str:
    """The server's words; it quotes whole statements, whose literals show only without those quotes."""
    bare = said.replace('"', " ")
    hidden = redacted(bare)
    return said if hidden == bare else hidden


def hint(failure: StatementFailed, version: str) -> str:
    """The next step: a remedy for the kind of error, else to mend the file."""
    return statement_hint(failure.error, version) or "mend the file, then run bin/migrate up again"


def _offset(statement: Statement, error: ServerError) -> int:
    """Where the server points to, within the section; the statement's beginning where it does not."""
    return statement.offset + (error.position - 1 if error.position else 0)
