"""What helps against the errors that newcomers meet: pure functions from an error to the next step."""

from __future__ import annotations

import re
from collections.abc import Callable

from dbops.config.model import Target
from dbops.engines.base import ServerError

DUPLICATES = frozenset({"42P07", "42710", "42701", "42P06", "42723", "42P04", "42P03"})

# Names that users meet before they know that an extension makes them.
EXTENSION_OF = {
    **dict.fromkeys(
        ("uuid_generate_v1", "uuid_generate_v4", "uuid_generate_v5", "uuid_generate_v3"), "uuid-ossp"
    ),
    **dict.fromkeys(
        ("gin_trgm_ops", "gist_trgm_ops", "similarity", "word_similarity", "show_trgm"), "pg_trgm"
    ),
    **dict.fromkeys(
        ("crypt", "gen_salt", "digest", "hmac", "pgp_sym_encrypt", "pgp_sym_decrypt"), "pgcrypto"
    ),
    **dict.fromkeys(("citext",), "citext"),
    **dict.fromkeys(("hstore",), "hstore"),
    **dict.fromkeys(("unaccent",), "unaccent"),
    **dict.fromkeys(("ltree", "lquery", "gist_ltree_ops"), "ltree"),
    **dict.fromkeys(("cube",), "cube"),
    **dict.fromkeys(("ll_to_earth", "earth_distance", "earth_box"), "earthdistance"),
    **dict.fromkeys(("levenshtein", "soundex", "metaphone", "dmetaphone"), "fuzzystrmatch"),
    **dict.fromkeys(("gin__int_ops", "gist__int_ops"), "intarray"),
    **dict.fromkeys(("crosstab",), "tablefunc"),
    **dict.fromkeys(
        ("geometry", "geography", "st_geomfromtext", "st_point", "st_makepoint", "st_distance"), "postgis"
    ),
    **dict.fromkeys(("vector", "vector_l2_ops", "vector_cosine_ops", "vector_ip_ops", "halfvec"), "vector"),
    **dict.fromkeys(("create_hypertable", "time_bucket"), "timescaledb"),
}


def statement_hint(error: ServerError, version: str) -> str | None:
    """The next step after a migration failed with this error, or None where the server's words must do.

    :param version: the migration's, for the commands in the hint.
    """
    if error.sqlstate in DUPLICATES:
        return (
            f"if it was made by hand or by another tool: bin/migrate mark {version} records just this migration; "
            "otherwise write IF NOT EXISTS into the file"
        )
    if extension := missing_extension(error):
        return (
            f'the extension "{extension}" provides it: write extensions = ["{extension}"] under [tool.dbops] in '
            f"pyproject.toml and run bin/setup-dev-db, or CREATE EXTENSION {_quoted(extension)} in a migration before it"
        )
    return remedy(error)


def remedy(error: ServerError) -> str | None:
    """The next step after an error that any statement may meet, None where the server's words must do."""
    found = _BY_SQLSTATE.get(error.sqlstate or "")
    return found(error) if found else None


def missing_extension(error: ServerError) -> str | None:
    """The extension that makes the function, type or operator class that the server misses; None if unknown."""
    if error.sqlstate not in {"42883", "42704"}:
        return None
    if "operator class for access method" in error.message:
        method = error.message.rsplit('access method "', 1)[-1].partition('"')[0]
        return {"gist": "btree_gist", "gin": "btree_gin"}.get(method)
    words = re.findall(r"\w+", error.message.lower())
    return next((EXTENSION_OF[word] for word in words if word in EXTENSION_OF), None)


def connect_hint(target: Target, reason: str) -> str:
    """The next step after a connection failed for this reason, in the words of libpq and the server."""
    user, database = target.get("user") or "your account", target.get("dbname") or ""
    remedies = (
        ("password authentication failed", "check DB_PASSWORD (or the password in DATABASE_URL)"),
        ("no password supplied", "set DB_PASSWORD, or add the server to ~/.pgpass"),
        ("does not exist", f"bin/setup-dev-db makes it; or: CREATE DATABASE {_quoted(database)}"),
        (
            "no pg_hba.conf entry",
            "the server's pg_hba.conf does not let this user in from here; ask its administrator",
        ),
        ("server does not support SSL", "set DB_SSLMODE=disable, if the network may be trusted"),
        ("could not translate host name", "check DB_HOST (or the host in DATABASE_URL)"),
        ("Connection refused", "bin/setup-dev-db starts a server of your own; or check host and port"),
        ("No such file or directory", "bin/setup-dev-db starts a server of your own; or set DB_HOST"),
        ("Permission denied", "check the permissions of the socket's folder, or set DB_HOST=127.0.0.1"),
        ("timeout expired", "check host and port, and that no firewall stands between"),
    )
    if "role" in reason and "does not exist" in reason:
        return f"set DB_USER to a role of that server, or: CREATE ROLE {_quoted(user)} LOGIN"
    return next((remedy for text, remedy in remedies if text in reason), "check the connection details")


def _permission(error: ServerError) -> str:
    if "for schema " in error.message:
        schema = error.message.partition("for schema ")[2].strip('"')
        return f"as the schema's owner: GRANT CREATE, USAGE ON SCHEMA {_quoted(schema)} TO the role that migrates"
    if "must be owner" in error.message:
        return "run it as the owner of the object, or make the role that migrates a member of the owner: GRANT owner TO role"
    _, of_object, name = error.message.partition("permission denied for ")
    if of_object:
        return f"run it as the owner of {name}, or as its owner GRANT the missing privilege to the role that migrates"
    return "run it as a role that may, or have the missing privilege granted"


def _no_role(error: ServerError) -> str | None:
    name = re.match(r'role "(.+)" does not exist', error.message)
    if name is None:
        return None
    return (
        f"roles belong to the server, not the database: CREATE ROLE {_quoted(name[1])} first, or name another"
    )


def _in_use(error: ServerError) -> str | None:
    name = re.search(r'database "(.+)" is being', error.message)
    if name is None:
        return None
    literal = name[1].replace("'", "''")
    return (
        "end the sessions that use it (SELECT pid, usename, application_name, query FROM pg_stat_activity "  # noqa: S608  # words for people
        f"WHERE datname = '{literal}' shows them), then run the command again"
    )


def _not_available(error: ServerError) -> str | None:
    name = re.match(r'extension "(.+)" is not available', error.message)
    if name is None:
        return None
    return (
        f'the server does not have "{name[1]}": install the package that holds it on the server\'s machine '
        "(for PostgreSQL's own extensions postgresql-contrib), then run the command again"
    )


def _syntax(error: ServerError) -> str | None:
    if not error.message.endswith('near "\\"'):
        return None
    return "psql's own commands (\\i, \\copy, \\connect) cannot be in a migration: take it out"


def _cancelled(error: ServerError) -> str | None:
    if "statement timeout" not in error.message:
        return None  # somebody did it on purpose
    return (
        "statement_timeout ended it: raise it with --statement-timeout, or in the file with "
        "-- dbops: statement-timeout 1h"
    )


_BY_SQLSTATE: dict[str, Callable[[ServerError], str | None]] = {
    "42501": _permission,
    "42601": _syntax,
    "42704": _no_role,
    "0A000": _not_available,
    "55006": _in_use,
    "55P04": lambda error: (
        "a new enum value can be used only after its transaction: move the use to the next migration, "
        "or write -- dbops: no-transaction at the head of the file"
    ),
    "57014": _cancelled,
    "25006": lambda error: (
        "this server or database is read-only (a standby, or default_transaction_read_only): use the primary"
    ),
    "53100": lambda error: "the server's disk is full: make room, then run the command again",
}


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'
