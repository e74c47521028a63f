"""Which package of the operating system brings a PostgreSQL extension."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from dbops.errors import DbopsError

# https://www.postgresql.org/docs/current/contrib.html
CONTRIB = frozenset(
    """
    amcheck autoinc bloom btree_gin btree_gist citext cube dblink dict_int dict_xsyn earthdistance
    file_fdw fuzzystrmatch hstore insert_username intagg intarray isn lo ltree moddatetime pageinspect
    pg_buffercache pg_freespacemap pg_prewarm pg_stat_statements pg_surgery pg_trgm pg_visibility
    pg_walinspect pgcrypto pgrowlocks pgstattuple postgres_fdw refint seg sslinfo tablefunc tcn
    tsm_system_rows tsm_system_time unaccent uuid-ossp xml2
    """.split()  # noqa: SIM905  # a list of fifty strings is no easier to read
)

_DEBIAN = {
    "hypopg": "postgresql-{major}-hypopg",
    "pg_cron": "postgresql-{major}-cron",
    "pg_partman": "postgresql-{major}-partman",
    "pg_repack": "postgresql-{major}-repack",
    "pgaudit": "postgresql-{major}-pgaudit",
    "pgrouting": "postgresql-{major}-pgrouting",
    "plpython3u": "postgresql-plpython3-{major}",
    "plperl": "postgresql-plperl-{major}",
    "plperlu": "postgresql-plperl-{major}",
    "postgis": "postgresql-{major}-postgis-3",
    "timescaledb": "timescaledb-2-postgresql-{major}",
    "vector": "postgresql-{major}-pgvector",
}
_HOMEBREW = {"postgis": "postgis", "vector": "pgvector", "timescaledb": "timescaledb"}


def command_for(extension: str, major: int, platform: str = sys.platform) -> str:
    """The command that installs an extension where the server runs: apt's names, or Homebrew's on macOS."""
    family = "postgis" if extension.startswith(("postgis", "address_standardizer")) else extension
    if platform == "darwin":
        contrib = f"postgresql@{major}"
        return f"brew install {contrib if family in CONTRIB else _HOMEBREW.get(family, family)}"
    if family in CONTRIB:
        return f"sudo apt-get install postgresql-contrib postgresql-{major}"
    name = family.replace("_", "-").lower()
    return f"sudo apt-get install {_DEBIAN.get(family, 'postgresql-{major}-' + name).format(major=major)}"


def missing_error(missing: Sequence[str], major: int, origin: str, *, bundled: bool) -> DbopsError:
    """The error for extensions that the server does not have.

    :param origin: where the extensions are asked for.
    :param bundled: the private server's programs come from the `server` extra, which has no extensions.
    """
    names = ", ".join(missing)
    plural = "extensions" if len(missing) > 1 else "extension"
    detail = None
    if bundled:
        detail = (
            "the private server would run from the server extra, which is built without contrib extensions"
        )
    return DbopsError(
        f"the server (PostgreSQL {major}) does not have the {plural} {names}, asked for in {origin}",
        hint=f"where the server runs: {command_for(missing[0], major)}",
        detail=detail,
    )
