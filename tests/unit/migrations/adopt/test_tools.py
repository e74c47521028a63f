"""What other tools compute: the keys of their locks and their checksums, against values that they have printed."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from dbops.migrations.adopt import tools
from dbops.migrations.adopt.model import FoundTable, TableName
from dbops.migrations.adopt.tools.alembic import Alembic
from dbops.migrations.adopt.tools.golang_migrate import lock_key
from dbops.migrations.model import MigrationFile
from dbops.migrations.version import Version

TABLE = TableName("public", "schema_migrations")


def test_lock_keys_that_were_seen_in_logs() -> None:
    """golang-migrate's library and program on `coder`, sqlx on `matrixauthenticationservice`, goose, Atlas."""
    assert tools.by_name("golang-migrate").lock_keys(TABLE, "coder") == (2080378551, 4187539795)
    assert lock_key(TABLE, "coder") == 4187539795
    key = (438033630 << 32) + 3765090638
    assert tools.by_name("sqlx").lock_keys(TABLE, "matrixauthenticationservice") == (key,)
    assert tools.by_name("goose").lock_keys(TABLE, "x") == (4097083626,)
    assert tools.by_name("atlas").lock_keys(TABLE, "x") == (2686470616,)


def test_flyways_key_hashes_as_java_does() -> None:
    """`"a"."b"` as Java hashes text: 31 times what was, plus the letter, in 32 bits with a sign."""
    value = 0
    for letter in '"a"."b"':
        value = (31 * value + ord(letter)) & 0xFFFFFFFF
    signed = value - 2**32 if value >= 2**31 else value
    assert tools.by_name("flyway").lock_keys(TableName("a", "b"), "x") == (77431708279161 + signed,)


def _file(folder: Path, name: str, raw: bytes) -> MigrationFile:
    (folder / name).write_bytes(raw)
    return MigrationFile(Version.parse(name[:1]), name[2:-4], "single", str(folder), name)


def test_flyways_checksum_ignores_line_ends(tmp_path: Path) -> None:
    """CRC32 with a sign, without a byte order mark, and the same for every kind of line end."""
    flyway = tools.by_name("flyway")
    files = [
        _file(tmp_path, f"{number}_x.sql", raw)
        for number, raw in enumerate(
            [b"SELECT 1;\nSELECT 2;", b"SELECT 1;\r\nSELECT 2;\r\n", b"\xef\xbb\xbfSELECT 1;\rSELECT 2;"], 1
        )
    ]
    assert len(set(flyway.checksums(files).values())) == 1
    # crc32 of "123456789" is 0xCBF43926 by definition
    check = _file(tmp_path, "9_x.sql", b"12345\n6789\n")
    assert flyway.checksums([check]) == {"9": str(0xCBF43926 - 2**32)}


def test_graphiles_hashes(tmp_path: Path) -> None:
    """What graphile-migrate itself has written into the headers of two files; a message is not part of it."""
    first, second = (
        "sha1:b05403de21430b21b5e333275473c8103c9b2a8e",
        "sha1:7f0d66465240ffa97037b0f336c245de077235af",
    )
    files = [
        _file(
            tmp_path,
            "1_a.sql",
            f"--! Previous: -\n--! Hash: {first}\n\ncreate table if not exists a (id int);\n".encode(),
        ),
        _file(
            tmp_path,
            "2_b.sql",
            f"--! Previous: {first}\n--! Hash: {second}\n--! Message: Second one\n\n"
            "create table if not exists b (id int);\n".encode(),
        ),
    ]
    assert list(tools.by_name("graphile-migrate").checksums(files).values()) == [first, second]


def test_atlas_checksums_are_cumulative(tmp_path: Path) -> None:
    """Each is over the names and bytes of all files so far; an ignored file gives its name alone."""
    files = [
        _file(tmp_path, "1_a.sql", b"SELECT 1;"),
        _file(tmp_path, "2_b.sql", b"-- atlas:sum ignore\n\nSELECT 2;"),
        _file(tmp_path, "3_c.sql", b"SELECT 3;"),
    ]
    expected = hashlib.sha256(b"1_a.sqlSELECT 1;2_b.sql3_c.sqlSELECT 3;").digest()
    found = tools.by_name("atlas").checksums(files)
    assert found.keys() == {"1", "3"}
    assert found["3"] == base64.b64encode(expected).decode()


def test_tables_are_told_apart_by_their_columns() -> None:
    """One column of text is dbmate's, or Rails' beside its other table; one of integers, called so, is tern's."""
    text, integer = {"version": "character varying"}, {"version": "integer"}
    rails = frozenset({"ar_internal_metadata"})
    for found, expected in [
        (FoundTable(TABLE, text), ["dbmate"]),
        (FoundTable(TABLE, text, rails), ["Rails"]),
        (FoundTable(TableName("x", "schema_version"), integer), ["tern"]),
        (FoundTable(TableName("x", "anything"), text), []),
        (FoundTable(TABLE, {"version": "bigint", "dirty": "boolean"}), ["golang-migrate"]),
        (FoundTable(TableName("public", "migrations"), dict.fromkeys(("id", "name"), "text")), []),
    ]:
        assert [name for name in tools.NAMES if tools.by_name(name).finds(found)] == expected


def test_alembic_without_its_revisions() -> None:
    """What is applied cannot be told."""
    with pytest.raises(Exception, match="the revisions of Alembic are not among the files"):
        Alembic().read(lambda query, parameters: [("2",)], TableName("public", "alembic_version"))
