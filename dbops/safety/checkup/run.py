"""Runs the checks on a session; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dbops.safety.checkup import rows
from dbops.safety.checkup.asking import Asker, NotKnown, not_known
from dbops.safety.checkup.catalog import CHECKS
from dbops.safety.checkup.model import Check, Finding


def checkup(ask: Asker, checks: Sequence[Check] = CHECKS) -> Iterator[Finding]:
    """Everything that is wrong with what is there.

    Each check is a transaction of its own, so that none of them keeps VACUUM from its work for longer than it takes.

    :raises psycopg.Error: a query is wrong.
    """
    for check in checks:
        query = check.query.strip()
        try:
            for about, said, mend in ask.rows(query):
                yield Finding(check.name, check.level, about, said, query, mend)
        except NotKnown as reason:
            yield not_known(check.name, "it", reason, query)
    yield from rows.orphans(ask)
