"""The command lines of the programs that load an archive.  None holds a password: a service file has it."""

from __future__ import annotations

import secrets
from pathlib import Path

from dbops.backups.loadplan import LoadPlan


def pg_restore(plan: LoadPlan, use_list: Path, *words: str) -> list[str]:
    """pg_restore, which ends at the first error.

    :param use_list: the file that says which entries are restored.
    :param words: where from, and where to.
    """
    assert plan.filtered is not None
    return [
        str(plan.client.program("pg_restore")), "--exit-on-error", f"--use-list={use_list}",
        *(["--no-password"] if "--file=-" not in words else []),
        *(["--no-owner"] if plan.options.no_owner else []),
        *(["--no-tablespaces"] if plan.filtered.no_tablespaces else []),
        *words,
    ]  # fmt: skip


def psql(plan: LoadPlan, service: str) -> list[str]:
    """psql reading its input, in one transaction where the plan says so.

    The key of `\\restrict` keeps a file, which was there before it, from allowing itself what it likes.
    """
    assert plan.sql_client is not None
    return [
        str(plan.sql_client.program("psql")), "--no-psqlrc", "--no-password", "--quiet",
        "--set=ON_ERROR_STOP=1", f"--dbname={service}",
        *(["--command=BEGIN"] if plan.one_transaction else []),
        *(["--command", plan.before] if plan.before else []),
        f"--command=\\restrict {secrets.token_hex(24)}", "--file=-",
    ]  # fmt: skip
