"""The proof of a database's content: taken with a backup, compared after a restore."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator
from typing import Any, Literal, TypeVar

from dbops.backups import contents_json
from dbops.engines.contents import Contents, LargeObjects, Position, SequenceRange, TableContent
from dbops.engines.postgres.rowhash import ALGORITHM
from dbops.engines.sqlite import fingerprint as sqlite_fingerprint
from dbops.errors import AnswerIsNo, DbopsError
from dbops.events import plural

ProofLevel = Literal["full", "counts"]

_KNOWN = {ALGORITHM, sqlite_fingerprint.ALGORITHM}

Sided = TypeVar("Sided", TableContent, SequenceRange)


class What(enum.Enum):
    """In which way two proofs differ."""

    MISSING = "missing"
    EXTRA = "extra"
    ROWS = "rows"
    COLUMNS = "columns"
    CONTENT = "content"
    SEQUENCE = "sequence"
    LARGE_OBJECTS = "large objects"


@dataclasses.dataclass(frozen=True)
class Difference:
    """One thing that is not as the proof says.  `name` is the object's; `expected` and `found` are for people."""

    what: What
    name: str
    expected: str
    found: str

    def sentence(self) -> str:
        """One line without a final period."""
        match self.what:
            case What.MISSING:
                return f"{self.name} is missing, expected with {self.expected}"
            case What.EXTRA:
                return f"{self.name} ({self.found}) is not in the proof"
            case What.CONTENT:
                return f"{self.name}: other content in the {self.found}"
            case _:
                return f"{self.name}: expected {self.expected}, found {self.found}"


@dataclasses.dataclass(frozen=True)
class Proof:
    """What a database held in one snapshot.

    :param level: "full" with fingerprints, "counts" with numbers of rows alone.
    :param algorithm: the number of the way in which rows were hashed; each engine has its own.
    """

    level: ProofLevel
    contents: Contents
    algorithm: int = ALGORITHM

    def to_json(self) -> dict[str, Any]:
        """JSON values for `from_json`."""
        contents = contents_json.write(self.contents)
        return {"level": self.level, "algorithm": self.algorithm, "contents": contents}

    @classmethod
    def from_json(cls, data: object) -> Proof:
        """Read what `to_json` made, wherever it has been meanwhile.

        :raises AnswerIsNo: it is malformed.
        :raises DbopsError: it is of an algorithm that this version of dbops does not know.
        """
        try:
            return cls(*_read(data))
        except contents_json.Malformed as error:
            raise AnswerIsNo(
                f"the proof is malformed: {error}", hint="bin/backup list shows which others are proven"
            ) from error

    def summary(self) -> str:
        """`12 tables, 4300000 rows, fingerprints`, for people."""
        text = f"{plural(len(self.contents.tables), 'table')}, {plural(self.contents.rows, 'row')}"
        if self.contents.large_objects and self.contents.large_objects.count:
            text += f", {plural(self.contents.large_objects.count, 'large object')}"
        return text + (", fingerprints" if self.level == "full" else ", counted only")


def _read(data: object) -> tuple[ProofLevel, Contents, int]:
    fields = contents_json.record(data, "proof", Proof)
    algorithm = contents_json.number(fields["algorithm"], "algorithm")
    if algorithm not in _KNOWN:
        known = " and ".join(map(str, sorted(_KNOWN)))
        raise DbopsError(
            f"the proof was made with algorithm {algorithm}, and this dbops knows {known}",
            hint="use the version of dbops that made it",
        )
    contents = contents_json.read(fields["contents"])
    hashed = [table.fingerprint is not None for table in contents.tables]
    level = fields["level"]
    if level == "full" and all(hashed):
        return "full", contents, algorithm
    if level == "counts" and not any(hashed):
        return "counts", contents, algorithm
    raise contents_json.Malformed("level does not fit the fingerprints")


def compare(expected: Proof, found: Proof) -> tuple[Difference, ...]:
    """How the found content differs from the expected one; none where it is equal.

    Where one of the two only counted, or hashed in another way, fingerprints are left out of it.
    """
    hashes = expected.level == found.level == "full" and expected.algorithm == found.algorithm
    return (
        *_compare_tables(expected.contents, found.contents, hashes=hashes),
        *_compare_sequences(expected.contents, found.contents),
        *_compare_large_objects(expected.contents.large_objects, found.contents.large_objects, hashes=hashes),
    )


def notes(expected: Proof, found: Proof) -> tuple[str, ...]:
    """What is not as it was, or cannot be compared, and yet no failure: one sentence each."""
    told = []
    rows = {(schema, name): count for schema, name, count in found.contents.materialized_views}
    for schema, name, count in expected.contents.materialized_views:
        now = rows.get((schema, name))
        if count is not None and now != count:
            says = "is not populated" if now is None else f"has {plural(now, 'row')}"
            told.append(f"materialized view {schema}.{name} {says}; when backed up: {plural(count, 'row')}")
    if foreign := expected.contents.foreign_tables:
        named = ", ".join(".".join(name) for name in foreign[:10])
        more = f" and {len(foreign) - 10} more" if len(foreign) > 10 else ""
        told.append(f"the content of foreign tables is elsewhere and was not compared: {named}{more}")
    if expected.level == found.level == "full" and expected.algorithm != found.algorithm:
        told.append("the backup's fingerprints were made in another way; only rows were compared")
    return tuple(told)


def _paired(
    expected: tuple[Sided, ...], found: tuple[Sided, ...]
) -> Iterator[tuple[str, Sided | None, Sided | None]]:
    left = {(one.schema, one.name): one for one in expected}
    right = {(one.schema, one.name): one for one in found}
    for key in sorted(left.keys() | right.keys()):
        yield ".".join(key), left.get(key), right.get(key)


def _compare_tables(expected: Contents, found: Contents, *, hashes: bool) -> Iterator[Difference]:
    for label, was, now in _paired(expected.tables, found.tables):
        name = f"table {label}"
        if now is None:
            assert was is not None
            yield Difference(What.MISSING, name, plural(was.rows, "row"), "nothing")
        elif was is None:
            yield Difference(What.EXTRA, name, "nothing", plural(now.rows, "row"))
        elif was.rows != now.rows:
            yield Difference(What.ROWS, name, plural(was.rows, "row"), plural(now.rows, "row"))
        elif hashes and was.columns != now.columns:
            yield _other_columns(name, was, now)
        elif hashes and was.fingerprint != now.fingerprint:
            yield Difference(What.CONTENT, name, str(was.fingerprint), plural(now.rows, "row"))


def _other_columns(name: str, was: TableContent, now: TableContent) -> Difference:
    lost = [column for column in was.columns if column not in now.columns]
    new = [column for column in now.columns if column not in was.columns]
    expected = f"the columns {', '.join(lost)}" if lost else "no more columns"
    return Difference(
        What.COLUMNS, name, expected, f"the columns {', '.join(new)}" if new else "none of them"
    )


def _compare_sequences(expected: Contents, found: Contents) -> Iterator[Difference]:
    for label, was, now in _paired(expected.sequences, found.sequences):
        name = f"sequence {label}"
        if now is None:
            assert was is not None
            yield Difference(What.MISSING, name, _at(was.before), "nothing")
        elif was is None:
            yield Difference(What.EXTRA, name, "nothing", _at(now.after))
        elif not lies_within(was, now.after):
            between = "" if was.before == was.after else f"between {_at(was.before)} and "
            yield Difference(What.SEQUENCE, name, between + _at(was.after), _at(now.after))


def lies_within(span: SequenceRange, position: Position) -> bool:
    """Whether a sequence that went from `before` to `after` may have been read like this in between.

    What the next call gives is what counts, in the direction of the sequence.  One that came round lies after the one
    or before the other.  One that was set back meanwhile may have been anywhere.
    """
    if span.before == span.after:
        return position == span.before
    sign = 1 if span.increment > 0 else -1
    low, at, high = (
        sign * (value + (span.increment if called else 0))
        for value, called in (span.before, position, span.after)
    )
    if low <= high:
        return low <= at <= high
    return at >= low or at <= high if span.cycles else True


def _at(position: Position) -> str:
    value, called = position
    return f"{value}" if called else f"{value} (not called yet)"


def _compare_large_objects(
    was: LargeObjects | None, now: LargeObjects | None, *, hashes: bool
) -> Iterator[Difference]:
    if was is None or now is None:
        return
    if was.count != now.count:
        yield Difference(What.LARGE_OBJECTS, "large objects", str(was.count), str(now.count))
    elif hashes and was.fingerprint != now.fingerprint:
        yield Difference(What.CONTENT, "large objects", str(was.fingerprint), plural(now.count, "object"))
