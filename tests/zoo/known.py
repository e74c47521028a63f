"""What differs after a restore by PostgreSQL's own programs, and why; everything else is an error.

Found by restoring the zoo with stock pg_dump and pg_restore of 15.18, 16.14
and 18.4, later with 14.23 and 17.10.  "First" is the original (or its twin, made anew on the server of
the restore), "second" the restored database.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from fnmatch import fnmatchcase

_LATEST = 99


@dataclasses.dataclass(frozen=True)
class Known:
    """Patterns over the lines of `differences`, and the reason for them.

    `crossing` limits it to restores from an older major version to this one or a newer; `until` to servers
    older than this one.
    """

    why: str
    patterns: tuple[str, ...]
    crossing: int = 0
    until: int = _LATEST
    since: int = 0

    def covers(self, line: str, source: int, target: int) -> bool:
        """Whether the line is this difference."""
        if not self.since <= target < self.until or (self.crossing and not source < self.crossing <= target):
            return False
        return any(fnmatchcase(line, pattern) for pattern in self.patterns)


KNOWN = (
    Known(
        "inherited columns come first, in their parents' order, whatever ALTER TABLE added when",
        ("column order: zoo.adopted: *", "column order: zoo.dogs: *", "column order: zoo.lap_dogs: *"),
    ),
    Known(
        "LIKE ... INCLUDING IDENTITY makes a bigint sequence for a smallint column; pg_dump does not say so",
        ("pg_sequence: sequence zoo.alike_by_default_seq type *int: only in the *",),
    ),
    Known(
        "the multirange type that comes with a range stays with the role that restores; 18 gives it the owner",
        tuple(
            f"pg_type: type zoo.{name}: {fact}: *"
            for name in ("many_floats*", "words_multirange*")
            for fact in ("typacl", "typowner")
        ),
        until=18,
    ),
    Known(
        "18 names and keeps NOT NULL constraints; the dump of an older server does not know how they would be called",
        (
            "pg_constraint: *_not_null on table *: only in the *",
            "pg_depend: *_not_null on table *: only in the *",
        ),
        crossing=18,
    ),
    Known(
        "17 has the privilege MAINTAIN: GRANT ALL to an owner of before does not have it, what was never revoked does;"
        " and a pg_dump of before writes all that there was as ALL",
        (
            "pg_class: table zoo.hens: relacl: *",
            "pg_class: table zoo.audit: relacl: *",
            "pg_class: table zoo.revoked: relacl: *",
            "pg_default_acl: * belonging to role zoo_writer_*: defaclacl: *",
        ),
        crossing=17,
    ),
    Known(
        "a child's NOT NULL that is not valid comes back as the child's own as well as its parent's",
        ("pg_constraint: constraint late_not_null on table zoo.since18_child: conislocal: *",),
        since=18,
    ),
    Known(
        'before 15 everybody might make things in the schema "public", a superuser\'s: pg_dump keeps it so',
        ("pg_namespace: schema public: nsp*",),
        crossing=15,
    ),
    Known(
        "an older server takes what its owner has said of the schema, too",
        ("pg_namespace: schema public: nsp*", "pg_description: schema public: *"),
        until=15,
    ),
)


def unexpected(lines: Iterable[str], source: int, target: int) -> list[str]:
    """The lines of `differences` that nobody knows a reason for; major versions of the servers."""
    return [line for line in lines if not any(known.covers(line, source, target) for known in KNOWN)]
