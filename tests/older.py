"""SQL of the tests on a PostgreSQL that does not know all of it."""

from __future__ import annotations

import re

_SINCE_15 = (
    (re.compile(r"\s+NULLS NOT DISTINCT", re.IGNORECASE), ""),
    (re.compile(r"(ON DELETE SET (?:NULL|DEFAULT)) \([^)]*\)", re.IGNORECASE), r"\1"),  # of some columns only
    (
        re.compile(r"(FOR TABLE \w+) \([^)]*\) WHERE \([^)]*\)"),
        r"\1",
    ),  # of a publication: some columns and rows
    (re.compile(r"security_invoker = true"), "security_barrier = true"),
    (re.compile(r"numeric\((?:\d+, *-\d+|3, *5)\)", re.IGNORECASE), "numeric"),  # digits beyond the precision
)


def known_to(version: int, text: str) -> str:
    """The text less what this version of PostgreSQL does not know and the tests can do without.

    :param version: as the server says it, 140023 for 14.23.
    """
    if version < 150000:
        for pattern, instead in _SINCE_15:
            text = pattern.sub(instead, text)
    return text
