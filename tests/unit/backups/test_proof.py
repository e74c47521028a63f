"""Proofs compared, told, written and read back."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbops.backups.proof import Difference, Proof, What, compare, lies_within, notes
from dbops.engines.contents import Contents, LargeObjects, SequenceRange, TableContent
from dbops.errors import DbopsError

USERS = TableContent("public", "users", 3, "-12345", ("id", "name"))
ORDERS = TableContent("public", "orders", 0, "0", ())
IDS = SequenceRange("public", "users_id_seq", (3, True), (5, True), 1, cycles=False)
CONTENTS = Contents(
    tables=(ORDERS, USERS),
    sequences=(IDS,),
    large_objects=LargeObjects(2, "77"),
    materialized_views=(("public", "totals", 4), ("public", "never", None)),
    foreign_tables=(("far", "away"),),
)
PROOF = Proof("full", CONTENTS)


def _with(**changes: Any) -> Proof:
    return Proof("full", dataclasses.replace(CONTENTS, **changes))


def _restored(position: tuple[int, bool] = (4, True), **changes: Any) -> Proof:
    """What is found after a restore: a sequence has one reading."""
    return _with(**{"sequences": (dataclasses.replace(IDS, before=position, after=position),), **changes})


def test_equal_contents() -> None:
    """Nothing differs, whatever the order of the tables; materialized views and foreign tables do not count."""
    found = _restored(tables=(USERS, ORDERS), materialized_views=(), foreign_tables=())
    assert compare(PROOF, found) == ()


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (_restored(tables=(ORDERS,)), "table public.users is missing, expected with 3 rows"),
        (
            _restored(tables=(ORDERS, USERS, TableContent("public", "z", 1, "5"))),
            "table public.z (1 row) is not in the proof",
        ),
        (
            _restored(tables=(ORDERS, dataclasses.replace(USERS, rows=2))),
            "table public.users: expected 3 rows, found 2 rows",
        ),
        (
            _restored(tables=(ORDERS, dataclasses.replace(USERS, fingerprint="12345"))),
            "table public.users: other content in the 3 rows",
        ),
        (
            _restored(tables=(ORDERS, dataclasses.replace(USERS, columns=("id", "title"), fingerprint="1"))),
            "table public.users: expected the columns name, found the columns title",
        ),
        (
            _restored((6, True)),
            "sequence public.users_id_seq: expected between 3 and 5, found 6",
        ),
        (_restored(sequences=()), "sequence public.users_id_seq is missing, expected with 3"),
        (_restored(large_objects=LargeObjects(1, "77")), "large objects: expected 2, found 1"),
        (_restored(large_objects=LargeObjects(2, "78")), "large objects: other content in the 2 objects"),
    ],
)
def test_one_difference(found: Proof, sentence: str) -> None:
    """Each kind is found and told in one sentence."""
    assert [difference.sentence() for difference in compare(PROOF, found)] == [sentence]


def test_counts_alone() -> None:
    """Against a proof that only counted, content cannot differ; the numbers of rows still can."""
    tables = tuple(dataclasses.replace(table, fingerprint=None, columns=()) for table in CONTENTS.tables)
    counted = Proof(
        "counts", dataclasses.replace(CONTENTS, tables=tables, large_objects=LargeObjects(2, None))
    )
    assert compare(counted, _restored()) == ()
    (difference,) = compare(counted, _restored(tables=(USERS,)))
    assert difference.what is What.MISSING


def test_another_algorithm() -> None:
    """Fingerprints that were made in another way are not compared, and that is said."""
    other = dataclasses.replace(
        _restored(tables=(ORDERS, dataclasses.replace(USERS, fingerprint="1"))), algorithm=2
    )
    assert compare(PROOF, other) == ()
    assert "the backup's fingerprints were made in another way; only rows were compared" in notes(
        PROOF, other
    )


def test_notes() -> None:
    """What restores may change without harm is told apart from what they may not."""
    found = _restored(materialized_views=(("public", "totals", 5), ("public", "never", 1)))
    assert notes(PROOF, found) == (
        "materialized view public.totals has 5 rows; when backed up: 4 rows",
        "the content of foreign tables is elsewhere and was not compared: far.away",
    )
    emptied = _restored(materialized_views=(("public", "totals", None),), foreign_tables=())
    assert "materialized view public.totals is not populated; when backed up: 4 rows" in notes(PROOF, emptied)
    assert notes(_with(materialized_views=(), foreign_tables=()), found) == ()


@pytest.mark.parametrize(
    ("before", "after", "increment", "cycles", "inside", "outside"),
    [
        ((5, True), (5, True), 1, False, [(5, True)], [(4, True), (6, True), (5, False), (6, False)]),
        ((1, False), (1, False), 1, False, [(1, False)], [(1, True)]),
        (
            (1, False),
            (3, True),
            1,
            False,
            [(1, False), (1, True), (3, True)],
            [(4, True), (-1, True), (5, False)],
        ),
        ((-1, True), (-9, True), -2, False, [(-1, True), (-5, True), (-9, True)], [(1, True), (-11, True)]),
        ((8, True), (2, True), 1, True, [(8, True), (9, True), (1, True), (2, True)], [(5, True), (3, True)]),
        ((8, True), (1, False), 1, False, [(8, True), (1, False), (50, True)], []),
        ((-8, True), (-2, True), -1, True, [(-9, True), (-1, True)], [(-5, True)]),
    ],
)
def test_sequences_lie_between(
    before: Any, after: Any, increment: int, cycles: bool, inside: Any, outside: Any
) -> None:
    """Direction, step, first call and coming round are considered; one that was set back may be anywhere."""
    span = SequenceRange("s", "q", before, after, increment, cycles)
    assert [position for position in inside if not lies_within(span, position)] == []
    assert [position for position in outside if lies_within(span, position)] == []


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
INT8 = st.integers(-(2**63), 2**63 - 1)


@given(
    names=st.lists(st.tuples(NAMES, NAMES), unique=True, max_size=6),
    rows=st.integers(0, 2**63 - 1),
    total=st.integers(-(10**40), 10**40),
    columns=st.lists(NAMES, max_size=3),
    position=st.tuples(INT8, st.booleans()),
)
def test_through_json(
    names: list[tuple[str, str]], rows: int, total: int, columns: list[str], position: tuple[int, bool]
) -> None:
    """Whatever is written is read back as it was."""
    thirds = names[::3], names[1::3], names[2::3]
    contents = Contents(
        tuple(TableContent(*name, rows, str(total), tuple(columns)) for name in thirds[0]),
        tuple(SequenceRange(*name, position, position, 1, cycles=True) for name in thirds[1]),
        LargeObjects(rows, str(total)),
        tuple((*name, rows) for name in thirds[2]),
    )
    proof = Proof("full", contents)
    assert Proof.from_json(json.loads(json.dumps(proof.to_json()))) == proof
    whole = Proof("counts", Contents((), large_objects=None, foreign_tables=tuple(names)))
    assert Proof.from_json(json.loads(json.dumps(whole.to_json()))) == whole


def _edited(path: str, value: Any) -> Any:
    """The proof as JSON with one part replaced, or taken out where the value is `...`."""
    data = json.loads(json.dumps(PROOF.to_json()))
    *steps, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    part = data
    for step in steps:
        part = part[step]
    if value is ...:
        del part[last]
    else:
        part[last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("level", "half", "level does not fit"),
        ("level", "counts", "level does not fit"),
        ("level", ..., "proof.level is missing"),
        ("more", 1, "proof.more is unknown"),
        ("algorithm", "1", "algorithm is not a number"),
        ("contents", [], "contents is not an object"),
        ("contents.tables", {}, "contents.tables is not a list"),
        ("contents.tables.0", None, "contents.tables[0] is not an object"),
        ("contents.tables.1.rows", -1, "contents.tables[1].rows is out of bounds"),
        ("contents.tables.1.rows", 1e3, "contents.tables[1].rows is not a number"),
        ("contents.tables.1.rows", True, "contents.tables[1].rows is not a number"),
        ("contents.tables.1.rows", float("nan"), "contents.tables[1].rows is not a number"),
        ("contents.tables.1.rows", 10**30, "contents.tables[1].rows is out of bounds"),
        ("contents.tables.1.name", 7, "contents.tables[1].name is not a text"),
        ("contents.tables.1.columns", "id", "contents.tables[1].columns is not a list"),
        ("contents.tables.1.columns.0", None, "contents.tables[1].columns[0] is not a text"),
        ("contents.tables.1.fingerprint", "0x1", "contents.tables[1].fingerprint is not a fingerprint"),
        ("contents.tables.1.fingerprint", "9" * 61, "contents.tables[1].fingerprint is not a fingerprint"),
        ("contents.tables.1.fingerprint", "", "contents.tables[1].fingerprint is not a fingerprint"),
        ("contents.tables.1.fingerprint", None, "level does not fit"),
        ("contents.tables.1.name", "orders", "contents names a relation twice"),
        ("contents.sequences.0.before", [1], "contents.sequences[0].before is not a list of 2"),
        ("contents.sequences.0.before", [1, 1], "contents.sequences[0].before is neither true nor false"),
        ("contents.sequences.0.cycles", None, "contents.sequences[0].cycles is neither true nor false"),
        ("contents.large_objects", 0, "contents.large_objects is not an object"),
        ("contents.large_objects.count", None, "contents.large_objects.count is not a number"),
        ("contents.materialized_views.0", ["a", "b"], "contents.materialized_views[0] is not a list of 3"),
        ("contents.foreign_tables.0.1", 5, "contents.foreign_tables[0] is not a text"),
    ],
)
def test_malformed(path: str, value: Any, said: str) -> None:
    """Each part that is not what it should be is an error that says where."""
    with pytest.raises(DbopsError) as failed:
        Proof.from_json(_edited(path, value))
    assert failed.value.message.startswith("the proof is malformed: ")
    assert said in failed.value.message


@pytest.mark.parametrize("data", [None, [], "full", 1, {}])
def test_something_else(data: object) -> None:
    """What is no proof at all is an error, too."""
    with pytest.raises(DbopsError, match="the proof is malformed"):
        Proof.from_json(data)


def test_a_newer_algorithm() -> None:
    """The proof of a newer dbops is not taken for a broken one."""
    with pytest.raises(DbopsError, match="algorithm 2, and this dbops knows 1") as failed:
        Proof.from_json(_edited("algorithm", 2))
    assert failed.value.hint is not None


def test_summary() -> None:
    """What the last line of a backup says of its proof."""
    assert PROOF.summary() == "2 tables, 3 rows, 2 large objects, fingerprints"
    assert Proof("counts", Contents(())).summary() == "0 tables, 0 rows, counted only"


def test_a_difference_is_data() -> None:
    """It can be kept with a backup's verifications."""
    difference = Difference(What.ROWS, "table public.t", "1 row", "2 rows")
    assert dataclasses.astuple(difference) == (What.ROWS, "table public.t", "1 row", "2 rows")
