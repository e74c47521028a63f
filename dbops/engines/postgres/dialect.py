"""PostgreSQL's SQL, read by its own parser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dbops.engines.postgres.literals import redacted, secrets
from dbops.engines.postgres.statements import Characters, split, statement_spans
from dbops.engines.postgres.tokens import encode, spans
from dbops.engines.statements import Statements


class PostgresDialect:
    """See `Dialect`."""

    def split(self, sql: str) -> Statements:
        """As `statements.split`."""
        return split(sql)

    def statement_spans(self, sql: str) -> Iterator[tuple[int, int]]:
        """As `statements.statement_spans`."""
        return statement_spans(sql)

    def tokens(self, sql: str) -> Iterator[tuple[int, int]]:
        """As `tokens.spans`, in characters."""
        data = encode(sql)
        characters = Characters(data, is_ascii=len(sql) == len(data))
        for window in spans(data):
            for start, end in window:
                yield characters.before(start), characters.before(end)

    def comment_end(self, sql: str, at: int) -> int:
        """Block comments nest (PostgreSQL manual, "Comments")."""
        depth = 0
        while at < len(sql):
            if sql.startswith("/*", at):
                depth, at = depth + 1, at + 2
            elif sql.startswith("*/", at):
                depth, at = depth - 1, at + 2
                if depth == 0:
                    return at
            else:
                following = [found for found in (sql.find("/*", at), sql.find("*/", at)) if found >= 0]
                at = min(following, default=len(sql))
        return at

    def tree(self, sql: str) -> tuple[str, Mapping[str, Any]] | None:
        """By the server's own parser.

        :raises Refusal: it does not know the statement.
        """
        from dbops.engines.postgres.libpg_query import parse

        trees = parse(sql.encode())
        if not trees:
            return None
        ((kind, node),) = trees[0]["stmt"].items()
        return kind, node

    def reaches_beyond(self, sql: str) -> bool:
        """As `beyond.reaches_beyond`."""
        from dbops.engines.postgres.beyond import reaches_beyond

        return reaches_beyond(sql)

    def redacted(self, sql: str) -> str:
        """As `literals.redacted`."""
        return redacted(sql)

    def secrets(self, sql: str) -> tuple[str, ...]:
        """As `literals.secrets`."""
        return secrets(sql)


DIALECT = PostgresDialect()
