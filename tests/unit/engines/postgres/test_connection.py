"""What a connection that fails is told as, from libpq's words alone."""

from __future__ import annotations

from dbops.config.model import Target
from dbops.engines.postgres.connection import connect_error
from dbops.errors import ConfigError


def test_a_server_older_than_dbops_works_with() -> None:
    """PostgreSQL 13, in any language, knows a parameter of our session not: too old, and what helps."""
    words = (
        'connection failed: connection to server at "127.0.0.1", port 5432 failed:'
        " FATAL:  nicht erkannter Konfigurationsparameter »idle_session_timeout«"
    )
    for message in (words, words.replace("»", '"').replace("«", '"')):
        error = connect_error(Target(), message)
        assert isinstance(error, ConfigError)
        assert "older than PostgreSQL 14" in error.message
        assert "setup-dev-db --server private" in (error.hint or "")
