"""A process that fills tables without end, to be ended by the tests: `python -m tests.faults.filling URL JOBS`."""

from __future__ import annotations

import sys

from tests.postgres.filling import Family

BLOCKS = 1_000_000


def main() -> None:
    """Fill until somebody ends it."""
    import psycopg

    from dbops.seeding.fill import FillOptions, fill
    from dbops.seeding.postgres.engine import Postgres

    url, jobs, rebuild = sys.argv[1:]
    source = Family(blocks=BLOCKS, size=4096, at=-1)
    with (
        psycopg.connect(url, autocommit=True, application_name="filling") as connection,
        connection.transaction(),
    ):
        fill(Postgres(connection), source, FillOptions(jobs=int(jobs), rebuild=rebuild))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
