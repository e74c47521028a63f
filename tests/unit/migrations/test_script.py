"""How a section runs: in one transaction, or unit by unit."""

from __future__ import annotations

import pytest

from dbops.engines.postgres.statements import split
from dbops.migrations.script import Mode, Script, ScriptError, plan_script


def script(sql: str, *, no_transaction: bool = False) -> Script:
    """The script of a section."""
    return plan_script(split(sql).statements, no_transaction=no_transaction)


def units(sql: str) -> list[tuple[list[str], str | None, bool]]:
    """Texts, BEGIN and loneliness of each unit."""
    return [(unit.texts, unit.begin, unit.alone) for unit in script(sql).units]


def test_ordinary_statements_are_one_transaction() -> None:
    """All of them are one unit."""
    made = script("CREATE TABLE a (); CREATE TABLE b ();")
    assert (made.mode, made.reason, len(made.units)) == (Mode.TRANSACTION, "", 1)
    assert made.units[0].texts == ["CREATE TABLE a ()", "CREATE TABLE b ()"]


def test_an_empty_section_is_a_transaction_of_nothing() -> None:
    """It is recorded all the same."""
    made = script("-- nothing")
    assert (made.mode, [unit.texts for unit in made.units]) == (Mode.TRANSACTION, [[]])


def test_a_file_with_its_own_begin_and_commit_is_one_transaction() -> None:
    """Its BEGIN is kept, with its isolation level; SETs may stand before it."""
    made = script("SET a.b = 1; BEGIN ISOLATION LEVEL SERIALIZABLE; CREATE TABLE a (); COMMIT;")
    assert made.mode is Mode.TRANSACTION
    assert made.units[0].begin == "BEGIN ISOLATION LEVEL SERIALIZABLE"
    assert made.units[0].texts == ["SET a.b = 1", "CREATE TABLE a ()"]


def test_what_cannot_be_in_a_transaction_makes_it_stepwise() -> None:
    """Each statement is a unit; only the one that must is outside a transaction."""
    made = script("CREATE TABLE a (id int); CREATE INDEX CONCURRENTLY i ON a (id); CREATE TABLE b ();")
    assert made.mode is Mode.STEPWISE
    assert made.reason == "CREATE INDEX CONCURRENTLY cannot run in a transaction"
    assert [unit.alone for unit in made.units] == [False, True, False]
    assert len(list(made.statements)) == 3


def test_stepwise_because_the_file_says_so() -> None:
    """`-- dbops: no-transaction` with statements that could be in one."""
    made = script("CREATE TABLE a (); CREATE TABLE b ();", no_transaction=True)
    assert (made.mode, made.reason) == (Mode.STEPWISE, "the file says no-transaction")
    assert [unit.alone for unit in made.units] == [False, False]


def test_several_transactions_of_its_own() -> None:
    """Each BEGIN ... COMMIT is a unit, also one that is chained, and what stands between them is one each."""
    assert units("BEGIN; SELECT 1; SELECT 2; COMMIT; SELECT 3; BEGIN READ WRITE; SELECT 4; COMMIT;") == [
        (["SELECT 1", "SELECT 2"], "BEGIN", False),
        (["SELECT 3"], None, False),
        (["SELECT 4"], "BEGIN READ WRITE", False),
    ]
    assert [
        texts for texts, _, _ in units("BEGIN; SELECT 1; COMMIT AND CHAIN; SELECT 2; COMMIT; SELECT 3;")
    ] == [
        ["SELECT 1"],
        ["SELECT 2"],
        ["SELECT 3"],
    ]


def test_what_the_server_told_to_be_alone() -> None:
    """Offsets of statements that it did not want in a transaction."""
    statements = split("SELECT 1; CALL p();").statements
    made = plan_script(statements, alone=frozenset({statements[1].offset}))
    assert made.mode is Mode.STEPWISE
    assert [unit.alone for unit in made.units] == [False, True]


def test_the_checksum_of_a_unit_follows_its_meaning() -> None:
    """White space changes nothing, another value does."""
    (one,), (same,), (other,) = (script(sql).units for sql in ("SELECT 1;", "SELECT  1 ;", "SELECT 2;"))
    assert one.checksum == same.checksum != other.checksum


@pytest.mark.parametrize(
    ("sql", "message", "at"),
    [
        ("SELECT 1; ROLLBACK;", "a ROLLBACK in a migration", "ROLLBACK"),
        ("BEGIN; SELECT 1; ROLLBACK AND CHAIN; COMMIT;", "a ROLLBACK in a migration", "ROLLBACK"),
        ("SELECT 1; BEGIN; SELECT 2;", "this BEGIN has no COMMIT", "BEGIN"),
        ("BEGIN; VACUUM; COMMIT;", "VACUUM cannot run between BEGIN and COMMIT", "VACUUM"),
        ("BEGIN; SELECT 1; PREPARE TRANSACTION 'x';", "would leave a transaction open", "PREPARE"),
    ],
)
def test_refusals_name_the_statement(sql: str, message: str, at: str) -> None:
    """What cannot be carried out is refused with its place and what to write in its place."""
    with pytest.raises(ScriptError, match=message) as caught:
        script(sql)
    assert sql[caught.value.offset :].startswith(at)
    assert caught.value.hint
