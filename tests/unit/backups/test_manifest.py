"""The manifest: what is written is read again, and whatever else is read ends in one clear error."""

from __future__ import annotations

import dataclasses
import datetime
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dbops.backups import manifest as manifests
from dbops.backups.decoding import Malformed
from dbops.backups.manifest import ArchiveInfo, Manifest, SqliteManifest, Verification
from dbops.engines.inventory import (
    DatabaseProperties,
    DatabaseSetting,
    Extension,
    FileInventory,
    FileProperties,
    Inventory,
    Membership,
    MigrationState,
    Role,
    TableSize,
)
from dbops.errors import AnswerIsNo
from tests.stored import NOON, manifest, member, verification

PLACE = "backups/x/manifest.json"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def written(value: Manifest) -> str:
    """The text of the file."""
    return "".join(manifests.to_json(value))


def rich_manifest() -> Manifest:
    """One that has something in every field."""
    database = DatabaseProperties(
        "Ünï \"q\"", "o'x", "UTF8", "de_DE.utf8", "C", "icu", "de-AT", "&a<b", "153.1", "fast", 7,
        ("=Tc/o", "app=CTc/o"), "two\nlines", (DatabaseSetting("work_mem", "64MB", "app"),), 2**40,
    )  # fmt: skip
    role = Role(
        "app", superuser=False, inherit=True, create_role=False, create_database=True, login=True,
        replication=False, bypass_row_security=False, connection_limit=3, valid_until="infinity",
        member_of=(Membership("g", admin=True, set_role=False),),
    )  # fmt: skip
    state = MigrationState("public.schema_migrations", "dbops", "007", "seven", 7, ("008",))
    inventory = Inventory(
        "18.4", 180004, None, database, (Extension("pg_trgm", "1.6", "public"),), (role,), ("fast",), state,
        (TableSize("public", "orders", 8192),),
    )  # fmt: skip
    archive = ArchiveInfo("plain", "gzip", (member("archive.sql.gz"),), None, ("--table=orders",))
    return manifest(
        inventory=inventory, archive=archive, git_commit="abc", notes=("a note",), proof={"level": "full", "x": [1.5, None]},
    )  # fmt: skip


@pytest.mark.parametrize("value", [manifest(), rich_manifest(), manifest(proof=None)])
def test_what_is_written_is_read(value: Manifest) -> None:
    """Every field comes back as it was, and times in UTC."""
    text = written(value)
    assert manifests.from_json(text, PLACE) == value
    assert json.loads(text)["format"] == 1
    assert text == written(manifests.from_json(text, PLACE))


def test_the_file_is_for_people_too() -> None:
    """Sorted keys, one to a line."""
    keys = list(json.loads(written(manifest())))
    assert keys == sorted(keys)
    assert '\n "created_at": "2026-01-18T12:00:00+00:00",\n' in written(manifest())


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace('"alice"', '"mallory"'),
        lambda text: text.replace('"bytes": 21', '"bytes": 22'),
        lambda text: text.replace('"level": "full"', '"level": "counts"'),
        lambda text: text.replace('"format": 1', '"format": 1, "added": true'),
    ],
)
def test_an_edit_by_hand_is_noticed(edit: Callable[[str], str]) -> None:
    """One changed, added or removed value, and the manifest does not match its own checksum."""
    text = written(manifest())
    assert edit(text) != text
    with pytest.raises(AnswerIsNo, match=rf"{PLACE} was edited by hand"):
        manifests.from_json(edit(text), PLACE)


def test_another_layout_of_the_same_content_is_the_same_manifest() -> None:
    """A formatter that touches spaces and order changes nothing."""
    document = json.loads(written(manifest()))
    shuffled = json.dumps(dict(reversed(document.items())))
    assert manifests.from_json(shuffled, PLACE) == manifest()


def test_a_newer_format_is_told_from_damage() -> None:
    """A manifest of the future says that it is one, whatever else is in it."""
    with pytest.raises(AnswerIsNo, match="made by a newer dbops") as caught:
        manifests.from_json('{"format": 3, "all": "different"}', PLACE)
    assert caught.value.hint == "use the dbops that made it, or a newer one"


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd", "../x", "archive/../../x", "archive/..", ".", "", "archive//x", "archive/", "a\\b", "a\nb",
        "archive/\0", "manifest.json", "verified.json", "a/b/c", "x" * 1001, "./archive",
    ],
)  # fmt: skip
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    """A member's path stays in the backup's folder, also in a manifest that carries a right checksum."""
    document = json.loads(written(manifest()))
    document["archive"]["members"][0]["path"] = path
    with pytest.raises(AnswerIsNo, match=f"{PLACE} is damaged: archive.members\\[0\\]"):
        manifests.from_json(json.dumps(document), PLACE)
    with pytest.raises(Malformed):
        member(path)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"created_at": "2026-01-18T12:00:00"}, "created_at is not a time with a time zone"),
        ({"created_at": "0001-01-01T00:00:00+14:00"}, "created_at is not a time"),
        ({"created_at": 5}, "created_at is not a text"),
        ({"duration": "1"}, "duration is not a number"),
        ({"duration": True}, "duration is not a number"),
        ({"min_restore_major": 15.0}, "min_restore_major is not a whole number"),
        ({"min_restore_major": 2**63}, "min_restore_major is not a whole number"),
        ({"min_restore_major": True}, "min_restore_major is not a whole number"),
        ({"proof": []}, "proof is not an object"),
        ({"inventory": None}, "inventory is not an object"),
        ({"inventory": {}}, "inventory.server_version is missing"),
        ({"archive": {"format": "zip"}}, "archive.format is none of directory"),
        ({"archive": {"format": "plain", "compression": "none", "members": []}}, "an archive without files"),
        ({"archive": {"format": "plain", "compression": "none", "members": {}}}, "members is not a list"),
        ({"who": "\ud800"}, "who holds half a character"),
        ({"format": 0}, "format is missing"),
        ({"format": True}, "format is missing"),
        ({"notes": "text"}, "notes is not a list"),
        ({"notes": [1]}, r"notes\[0\] is not a text"),
    ],
)
def test_a_wrong_type_names_its_place(fields: dict[str, Any], said: str) -> None:
    """The error names the file and the field."""
    document = {**json.loads(written(manifest())), **fields}
    with pytest.raises(AnswerIsNo, match=f"{PLACE} is damaged: .*{said}"):
        manifests.from_json(json.dumps(document), PLACE)


@pytest.mark.parametrize(
    "text",
    [
        "", "null", "[]", "{", '{"format": NaN}', '{"format": 1e999}', '{"format": Infinity}', '{"format": 1, "format": 1}',
        "[" * 100_000, '{"a":' * 100_000, '{"format": ' + "9" * 5000 + "}", '"\\ud800"',
    ],
)  # fmt: skip
def test_what_is_no_manifest_is_damaged(text: str) -> None:
    """No JSON, numbers that are none, names given twice, bottomless nesting: one error, no crash."""
    with pytest.raises(AnswerIsNo, match=f"{PLACE} is damaged"):
        manifests.from_json(text, PLACE)


def test_a_member_twice_is_refused() -> None:
    """Two members of one path."""
    document = json.loads(written(manifest()))
    document["archive"]["members"] *= 2
    with pytest.raises(AnswerIsNo, match="named twice"):
        manifests.from_json(json.dumps(document), PLACE)


@given(JSON)
def test_any_json_is_an_error_of_ours(value: object) -> None:
    """Whatever JSON is there, with NaN and all, reading it raises the error for a damaged manifest."""
    with pytest.raises(AnswerIsNo, match=PLACE):
        manifests.from_json(json.dumps(value), PLACE)


@settings(max_examples=200)
@given(st.data())
def test_any_value_in_any_place_is_an_error_of_ours(data: st.DataObject) -> None:
    """One value of a good manifest replaced by any other JSON is noticed, at the latest by the checksum."""
    document = json.loads(written(rich_manifest()))
    at: Any = document
    while True:
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        if not isinstance(at[key], dict | list) or not at[key] or data.draw(st.booleans()):
            break
        at = at[key]
    value = data.draw(JSON)
    same = value == at[key] and type(value) is type(at[key])
    at[key] = value
    if not same:
        with pytest.raises(AnswerIsNo, match=PLACE):
            manifests.from_json(json.dumps(document), PLACE)


def test_nan_is_not_written() -> None:
    """A proof with NaN in it would make a file that nobody reads."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        written(manifest(proof={"level": math.nan}))


def test_the_summary_is_of_the_manifest() -> None:
    """Database, version of migrations, sizes and the proof's level are taken from their places."""
    summary = manifests.from_json(written(rich_manifest()), PLACE).summary()
    assert (summary.database, summary.version, summary.bytes) == ('Ünï "q"', "007", 21)
    assert (summary.format, summary.compression, summary.options) == ("plain", "gzip", ("--table=orders",))
    assert (summary.engine, summary.proof_level, len(summary.self_sha256 or "")) == ("postgresql", "full", 64)


def test_verifications_are_read_in_order() -> None:
    """The side file keeps what verify found, the oldest first, and belongs to one manifest."""
    late, early = verification(hours=5), verification("failed", hours=2)
    text = manifests.verifications_to_json((late, early), "abc")
    assert manifests.verifications_from_json(text, "v", "abc") == (early, late)
    with pytest.raises(AnswerIsNo, match="v speaks of another manifest"):
        manifests.verifications_from_json(text, "v", "def")


@pytest.mark.parametrize(
    "verifications",
    [None, {}, [1], [{"at": "now"}], [{"at": NOON.isoformat(), "how": "guessed", "outcome": "passed"}]],
)
def test_a_damaged_side_file_is_an_error(verifications: object) -> None:
    """Wrong types and unknown words are not taken for a verify that passed."""
    text = json.dumps({"format": 1, "manifest_sha256": None, "verifications": verifications})
    with pytest.raises(AnswerIsNo, match="v is damaged"):
        manifests.verifications_from_json(text, "v", None)


def test_times_are_kept_in_utc() -> None:
    """A time of another zone is the same moment when it is read."""
    zone = datetime.timezone(datetime.timedelta(hours=-8))
    one = dataclasses.replace(verification(), at=NOON.astimezone(zone))
    (read,) = manifests.verifications_from_json(manifests.verifications_to_json((one,), None), "v", None)
    assert isinstance(read, Verification)
    assert (read.at, read.at.tzinfo) == (NOON, datetime.UTC)


def sqlite_manifest(**fields: Any) -> SqliteManifest:
    """Of a SQLite database."""
    file = FileProperties("app.db", 8192, 4096, "UTF-8", 7, 0, "wal")
    common = {
        one.name: getattr(manifest(), one.name)
        for one in dataclasses.fields(Manifest)
        if one.name != "self_sha256"
    }
    archive = ArchiveInfo("file", "zstd", (member("archive.db.zst"),), raw_bytes=8192)
    inventory = FileInventory("3.40.1", file, MigrationState("schema_migrations", version="007", applied=7))
    return SqliteManifest(**{**common, "archive": archive, "inventory": inventory, **fields})


def test_of_a_sqlite_database() -> None:
    """It is read back as it was, in a format that older versions know to be newer, without what only a server has."""
    text = written(sqlite_manifest())
    document = json.loads(text)
    assert (document["format"], document["engine"]) == (2, "sqlite")
    assert {"client_version", "min_restore_major"}.isdisjoint(document)
    found = manifests.from_json(text, PLACE)
    assert found == sqlite_manifest()
    summary = found.summary()
    assert (summary.engine, summary.database, summary.version) == ("sqlite", "app.db", "007")
    assert (summary.system_identifier, summary.server) == (None, "localhost:5432")


def test_of_postgresql_the_format_stays() -> None:
    """Older versions read what this one writes."""
    document = json.loads(written(manifest()))
    assert document["format"] == 1
    assert "engine" not in document


@pytest.mark.parametrize("engine", ["postgresql", "oracle", 5, None])
def test_another_engines_manifest(engine: object) -> None:
    """A manifest that says another engine than it has the fields of is damaged, and not taken for the wrong one."""
    document = json.loads(written(sqlite_manifest()))
    document["engine"] = engine
    with pytest.raises(AnswerIsNo, match="is damaged"):
        manifests.from_json(json.dumps(document), PLACE)
