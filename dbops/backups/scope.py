"""What an archive holds rows of: told by its table of contents, or by what pg_dump said while it wrote plain SQL."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from dbops.backups.toc import Toc
from dbops.engines.contents import Name
from dbops.errors import DbopsError

Encode = Callable[[Sequence[str]], Sequence[bytes]]
"""Texts in the encoding of the database: pg_dump writes names so, whatever we speak with the server."""

# The name stands there as schema.name without any quoting, and may hold a line end.
_ROWS = re.compile(r'pg_dump: dumping contents of table "(.*)')
_MADE = re.compile(r'pg_dump: creating (TABLE|SEQUENCE) "(.*)')
_SET = re.compile(r"pg_dump: executing SEQUENCE SET (.*)")
_LARGE_OBJECTS = re.compile(r"pg_dump: saving (?:large objects|blobs)")


@dataclasses.dataclass(frozen=True)
class Scope:
    """Tables with their rows, tables whose definition alone is there, and the same of sequences and positions."""

    tables: frozenset[Name]
    empty_tables: frozenset[Name]
    sequences: frozenset[Name]
    new_sequences: frozenset[Name]
    large_objects: bool


class Names:
    """Finds tables and sequences of the database by what an archive or pg_dump calls them."""

    def __init__(self, tables: Iterable[Name], sequences: Iterable[Name], encode: Encode) -> None:
        self.tables, self.sequences = list(tables), list(sequences)
        every = [*self.tables, *self.sequences]
        texts = sorted({text for name in every for text in name})
        self._bytes = {text: text.encode() for text in texts}
        if foreign := [text for text in texts if not text.isascii()]:
            self._bytes.update(zip(foreign, encode(foreign), strict=True))
        self._by_bytes = {self.written(name): name for name in every}

    def written(self, name: Name) -> tuple[bytes, bytes]:
        """A name as pg_dump writes it."""
        return self._bytes[name[0]], self._bytes[name[1]]

    def named(self, schema: str, name: str) -> Name:
        """By what the table of contents says; the same where the database has no such thing."""
        key = (schema.encode(errors="surrogateescape"), name.encode(errors="surrogateescape"))
        return self._by_bytes.get(key, (schema, name))


def of_toc(toc: Toc, names: Names) -> Scope:
    """What a custom or directory archive holds."""
    found: defaultdict[str, set[Name]] = defaultdict(set)
    for entry in toc.entries:
        if entry.desc in ("TABLE DATA", "TABLE", "SEQUENCE SET", "SEQUENCE"):
            found[entry.desc].add(names.named(entry.namespace, entry.tag))
    return Scope(
        frozenset(found["TABLE DATA"]),
        frozenset(found["TABLE"] & set(names.tables) - found["TABLE DATA"]),
        frozenset(found["SEQUENCE SET"]),
        frozenset(found["SEQUENCE"] - found["SEQUENCE SET"]),
        any(entry.desc == "BLOBS" for entry in toc.entries),
    )


def of_lines(lines: Iterable[str], names: Names) -> Scope:
    """What a plain archive holds, by the lines of pg_dump --verbose.

    :raises DbopsError: a name in them stands for two tables, of which one is in the archive.
    """
    rows: Counter[str] = Counter()
    made: Mapping[str, Counter[str]] = {"TABLE": Counter(), "SEQUENCE": Counter()}
    positions: set[str] = set()
    large_objects = False
    for line in lines:
        if match := _ROWS.match(line):
            rows[match[1]] += 1
        elif match := _MADE.match(line):
            made[match[1]][match[2]] += 1
        elif match := _SET.match(line):
            positions.add(match[1])
        large_objects = large_objects or _LARGE_OBJECTS.match(line) is not None
    tables = _resolved(rows, names, names.tables)
    defined = _resolved(made["TABLE"], names, names.tables)
    begun = _resolved(made["SEQUENCE"], names, names.sequences)
    sequences = {name for name in begun if _first_line(names.written(name)[1]) in positions}
    return Scope(tables, defined - tables, frozenset(sequences), begun - sequences, large_objects)


def concerns(line: str) -> bool:
    """Whether `of_lines` wants this line."""
    return any(pattern.match(line) for pattern in (_ROWS, _MADE, _SET, _LARGE_OBJECTS))


def table_of(line: str) -> str | None:
    """The table whose rows are written from now on, where the line says so."""
    match = _ROWS.match(line)
    return match[1].removesuffix('"') if match else None


def _resolved(labels: Counter[str], names: Names, candidates: Iterable[Name]) -> frozenset[Name]:
    by_label: defaultdict[str, list[Name]] = defaultdict(list)
    for name in candidates:
        by_label[_first_line(b".".join(names.written(name)) + b'"')].append(name)
    found: set[Name] = set()
    for label, count in labels.items():
        meant = by_label[label]
        if len(meant) > count:
            raise DbopsError(
                f"pg_dump does not say which of {' and '.join('.'.join(one) for one in meant)} is in the backup",
                hint="--format custom tells them apart",
            )
        found.update(meant)
    return frozenset(found)


def _first_line(written: bytes) -> str:
    """As a line of pg_dump's arrives here."""
    return written.split(b"\n")[0].decode(errors="replace").rstrip()
