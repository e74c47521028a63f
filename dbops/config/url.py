"""Connection URLs and key=value strings: from text to libpq's keywords."""

from __future__ import annotations

from dbops.config import spelling
from dbops.config.model import SECRET_PARTS
from dbops.config.values import part_problem
from dbops.errors import ConfigError


def parse(text: str, origin: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """The keywords that a URL or key=value string gives (empty values left out), and warnings.

    Query parameters that begin with `x-` are golang-migrate's; they are left
    out with a warning.  The reading itself is libpq's.

    :param origin: where the text comes from, for errors, which never show a piece of it that could be secret.
    :raises ConfigError: libpq could not read it, or would misread it.
    """
    spelling.check_scheme(text, origin)
    if spelling.is_url(text):
        spelling.check_url(text, origin)
        cleaned, foreign = _checked_query(text, origin)
    else:
        _check_pairs(text, origin)
        cleaned, foreign = text, []
    parts = _read_by_libpq(cleaned, origin)
    for keyword, value in parts.items():
        if problem := part_problem(keyword, value):
            raise ConfigError(f"the {keyword} in the value from {origin} {problem[0]}", hint=problem[1])
    warning = f"{origin}: the query parameter {{}} is golang-migrate's and is not used"
    return parts, tuple(warning.format(name) for name in foreign)


def _checked_query(text: str, origin: str) -> tuple[str, list[str]]:
    """The URL without foreign query parameters, and the names of those."""
    base, parameters = spelling.split_query(text, origin)
    known = _keywords() | {"ssl", "requiressl"}
    foreign = [name for name, _ in parameters if name.startswith("x-")]
    kept = [(name, piece) for name, piece in parameters if not name.startswith("x-")]
    for name, piece in kept:
        if name not in known:
            raise ConfigError(
                f"the URL from {origin} has a query parameter {name!r} that PostgreSQL does not know",
                hint=_advice(name, known),
            )
        if name == "ssl" and piece != "ssl=true":
            raise ConfigError(
                f"the URL from {origin} has a query parameter 'ssl' that is not true",
                hint="write sslmode=disable",
            )
    return base + ("?" + "&".join(piece for _, piece in kept) if kept else ""), foreign


def _check_pairs(text: str, origin: str) -> None:
    """Refuse a keyword that libpq does not know; it is named only where no password can have run into it."""
    known = _keywords() | {"requiressl"}
    secret_before = False
    for name, place in spelling.pairs(text, origin):
        if name not in known:
            shown = f" {name!r}" if name.isidentifier() and not secret_before else ""
            raise ConfigError(
                f"the value from {origin} has at character {place} an unknown keyword{shown}",
                hint="write a value with spaces in single quotes" if secret_before else _advice(name, known),
            )
        secret_before = secret_before or name in SECRET_PARTS


def _advice(name: str, known: set[str]) -> str:
    import difflib

    if name in ("schema", "search_path", "currentSchema"):
        return "write options=-csearch_path%3DSCHEMA"
    close = difflib.get_close_matches(name.lower(), sorted(known), n=1)
    return f"did you mean {close[0]}?" if close else "leave it out; it belongs to another library"


def _keywords() -> set[str]:
    """The connection keywords of the libpq at hand."""
    from psycopg import pq

    return {option.keyword.decode() for option in pq.Conninfo.get_defaults()}


def _read_by_libpq(text: str, origin: str) -> dict[str, str]:
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        read = conninfo_to_dict(text)
    except (ProgrammingError, UnicodeError):
        # libpq's message may quote a piece of the password: not shown, not chained.
        raise ConfigError(
            f"the value from {origin} cannot be read by PostgreSQL's client library",
            hint=f"write {spelling.EXAMPLE}, every special character percent-encoded",
        ) from None
    return {keyword: str(value) for keyword, value in read.items() if value not in (None, "")}
