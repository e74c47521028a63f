"""Which entries of an archive are asked for: all, the schema alone, or some tables with what belongs to them."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Sequence

from dbops.backups.toc import Entry, Section
from dbops.errors import UsageError

_RELATIONS = frozenset({"TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "SEQUENCE"})
_DATA = frozenset({"TABLE DATA", "SEQUENCE SET", "BLOBS", "BLOB METADATA", "MATERIALIZED VIEW DATA"})
_WITHOUT_SCHEMA = frozenset({"BLOB", "BLOB METADATA", "BLOBS", "MATERIALIZED VIEW DATA", "STATISTICS DATA"})
_ABOUT = frozenset({"ACL", "COMMENT", "SECURITY LABEL"})
# What belongs to a table, and is worth nothing without it.
_PARTS = _DATA | {
    "ACL", "CHECK CONSTRAINT", "COMMENT", "CONSTRAINT", "DEFAULT", "FK CONSTRAINT", "INDEX", "INDEX ATTACH", "POLICY",
    "ROW SECURITY", "RULE", "SECURITY LABEL", "SEQUENCE OWNED BY", "STATISTICS", "STATISTICS DATA", "TABLE ATTACH",
    "TRIGGER",
}  # fmt: skip


def wanted(entries: Sequence[Entry], tables: Collection[str], *, schema_only: bool) -> Sequence[Entry]:
    """The entries that are asked for, in the archive's order.

    :param tables: names or `schema.name`, with `*` and `?`; empty for everything.  A table comes with its parts
        (data, indexes, constraints, privileges) and with what it cannot be made without (types, sequences,
        parents, these without their data).  A foreign key to a table that does not come is left out.
    :raises UsageError: no table of the archive has such a name.
    """
    if tables:
        ids = _tables(entries, tables)
        entries = [entry for entry in entries if entry.dump_id in ids]
    if schema_only:
        entries = [entry for entry in entries if not _is_data(entry)]
    return entries


def _is_data(entry: Entry) -> bool:
    of_large_object = entry.desc in _ABOUT and entry.tag.startswith(("LARGE OBJECT ", "LARGE OBJECTS "))
    return entry.section is Section.DATA or entry.desc in _WITHOUT_SCHEMA or of_large_object


def _tables(entries: Sequence[Entry], tables: Collection[str]) -> set[int]:
    """The numbers of the tables and all that goes with them."""
    chosen: set[int] = set()
    for pattern in tables:
        matching = {
            entry.dump_id for entry in entries if entry.desc in _RELATIONS and _matches(entry, pattern)
        }
        if not matching:
            raise UsageError(
                f"the archive has no table {pattern}",
                hint="bin/backup show NAME lists the tables of a backup",
            )
        chosen |= matching
    by_id = {entry.dump_id: entry for entry in entries}
    owned = {entry.dump_id for entry in entries if _names_sequence_of(entry, chosen)}
    found = _with_needs(chosen | owned, by_id)
    mine = set(chosen) | {one for number in owned for one in by_id[number].dependencies if one in found}
    while True:
        new = [
            entry for entry in entries
            if entry.dump_id not in found and entry.desc in _PARTS and not mine.isdisjoint(entry.dependencies)
            and _can_be_made(entry, by_id, found)
        ]  # fmt: skip
        if not new:
            return found
        mine |= {entry.dump_id for entry in new}
        found |= _with_needs({entry.dump_id for entry in new}, by_id)


def _matches(entry: Entry, pattern: str) -> bool:
    schema, dot, name = pattern.rpartition(".")
    return fnmatch.fnmatchcase(entry.tag, name if dot else pattern) and (
        not dot or fnmatch.fnmatchcase(entry.namespace, schema)
    )


def _names_sequence_of(entry: Entry, chosen: set[int]) -> bool:
    """Whether it ties a sequence to a chosen table."""
    return entry.desc == "SEQUENCE OWNED BY" and not chosen.isdisjoint(entry.dependencies)


def _with_needs(numbers: set[int], by_id: dict[int, Entry]) -> set[int]:
    """With all that they depend on, except other tables' data."""
    found: set[int] = set()
    left = list(numbers)
    while left:
        number = left.pop()
        if number in found or number not in by_id:
            continue
        found.add(number)
        left += [one for one in by_id[number].dependencies if one in by_id and by_id[one].desc not in _DATA]
    return found


def _can_be_made(entry: Entry, by_id: dict[int, Entry], found: set[int]) -> bool:
    """A foreign key, rule, trigger, or the like must not draw in tables that nobody asked for."""
    others = (by_id[one] for one in entry.dependencies if one in by_id)
    return all(
        one.dump_id in found or one.desc not in _RELATIONS | {"CONSTRAINT", "TABLE DATA"} for one in others
    )
