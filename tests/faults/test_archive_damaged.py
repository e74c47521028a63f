"""Backups that are damaged or edited: verify and restore say so, name the file, and nothing is made of them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dbops.backups import archive, packing, unpacking
from dbops.backups import manifest as manifests
from dbops.backups.compression import Compression
from dbops.backups.entries import Damaged, read_entry, read_manifest
from dbops.backups.manifest import Manifest, PostgresManifest
from dbops.errors import AnswerIsNo
from dbops.events import ignore
from dbops.restore.content import Archive, Reading
from tests.conftest import Project
from tests.faults.restoring import BACKUP, Ground
from tests.servers import Database

pytestmark = pytest.mark.one_major

FORMS = {
    "directory": ("directory", "zstd"),
    "custom": ("custom", "zstd"),
    "custom.none": ("custom", "none"),
    "plain.gz": ("plain", "gzip"),
    "plain.zst": ("plain", "zstd"),
    "plain": ("plain", "none"),
}
SEED = 20260118
MOST = 800
"""Bytes of one file that are changed, one after the other; of a smaller one all."""
_WORDS = "CREATE TABLE t (id int PRIMARY KEY, what text); INSERT INTO t SELECT n, 'word ' || n FROM generate_series(1, 30) n"


def _read_whole(folder: Path) -> Manifest:
    """What verify and restore do before they make anything.

    :raises AnswerIsNo: the backup is damaged.
    """
    entry = read_entry(folder)
    if isinstance(entry, Damaged):
        raise entry.error
    made = read_manifest(folder)
    assert isinstance(made, PostgresManifest)
    Archive(folder.name, folder, made, Reading((), 1), ignore)
    archive.check(folder, made.archive, threads=1)
    return made


def _recompress(folder: Path, to: Compression) -> None:
    """Let the archive, which is one file, be compressed in another way, and the manifest know of it."""
    made = read_manifest(folder)
    (member,) = made.archive.members
    content = _unpacked(folder / member.path)
    (folder / member.path).unlink()
    name = member.path.removesuffix(".zst").removesuffix(".gz") + to.suffix
    with packing.Writer(folder / name, to) as sink:
        sink.write(content)
        sink.finish()
    found = (folder / name).read_bytes()
    member = manifests.Member(name, len(found), hashlib.sha256(found).hexdigest())
    info = dataclasses.replace(made.archive, compression=to.value, members=(member,))
    _rewrite(folder, dataclasses.replace(made, archive=info))


def _unpacked(path: Path) -> bytes:
    with unpacking.open_for_reading(path) as file:
        return file.read()


def _rewrite(folder: Path, made: Manifest) -> None:
    """A manifest whose own checksum is right."""
    (folder / manifests.MANIFEST).write_text("".join(manifests.to_json(made)))


@pytest.fixture
def small(configured: Project, database: Database, connect: Callable[..., Any]) -> Project:
    """A project on a database with one table of thirty rows."""
    connect(database).execute(_WORDS)
    return configured


@pytest.mark.parametrize("form", FORMS)
def test_every_byte(small: Project, form: str) -> None:
    """One bit of any byte of any file is another: the check says which file; the same for the manifest."""
    kind, wanted = FORMS[form]
    assert small.run("backup", "b", "--format", kind).code == 0
    folder = small.folder / "backups" / "b"
    if kind != "directory" and read_manifest(folder).archive.compression != wanted:
        _recompress(folder, next(one for one in Compression if one.value == wanted))
    chance = random.Random(SEED)
    whole = _read_whole(folder)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        path.chmod(0o600)
        for at in chance.sample(range(len(content)), min(len(content), MOST)):
            changed = bytearray(content)
            changed[at] ^= 1 << chance.randrange(8)
            path.write_bytes(changed)
            try:
                found = _read_whole(folder)
            except AnswerIsNo as error:
                assert path.name in error.message, error.message  # noqa: PT017  # others must not pass
            else:  # another spelling of the same
                assert (path.name, found) == (manifests.MANIFEST, whole), at
        path.write_bytes(content)
    assert _read_whole(folder) == whole


# -- through the commands ----------------------------------------------------------------------------------------------


def _flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def _cut(path: Path, length: int) -> None:
    os.truncate(path, length)


def _pad(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"\0")


def _replaced(path: Path, how: str) -> None:
    content = path.read_bytes()
    path.unlink()
    if how == "link":
        beside = path.parents[3] / "beside"  # the same content, elsewhere
        beside.write_bytes(content)
        path.symlink_to(beside)
    elif how == "FIFO":
        os.mkfifo(path)
    elif how == "folder":
        path.mkdir()


def _harms(folder: Path) -> Iterator[tuple[str, Callable[[Path], object]]]:
    """What is done to which file, the path relative to the backup's folder."""
    chance = random.Random(SEED)
    members = sorted(path for path in folder.rglob("*") if path.is_file() and path.parent != folder)
    for path in members:
        size = path.stat().st_size
        name = str(path.relative_to(folder))
        place, length = chance.randrange(size), chance.randrange(size)
        yield name, lambda path, place=place: _flip(path, place)  # type: ignore[misc]
        yield name, lambda path, length=length: _cut(path, length)  # type: ignore[misc]
    toc, data = "archive/toc.dat", max(members, key=lambda path: path.stat().st_size)
    for length in (0, 4, data.stat().st_size // 2, data.stat().st_size - 1):
        yield str(data.relative_to(folder)), lambda path, length=length: _cut(path, length)  # type: ignore[misc]
    for name in (toc, str(data.relative_to(folder))):
        yield name, _pad
        yield name, Path.unlink
        for how in ("link", "FIFO", "folder"):
            yield name, lambda path, how=how: _replaced(path, how)  # type: ignore[misc]
    yield "archive/9999.dat", lambda path: path.write_bytes(b"1\n")
    yield (
        "manifest.json",
        lambda path: path.write_text(path.read_text().replace('"rows": 2000', '"rows": 2001')),
    )
    yield "manifest.json", lambda path: path.write_text(path.read_text()[:-200])


def test_harmed_files(ground: Ground, tmp_path: Path) -> None:
    """Whatever is done to one of its files: verify and restore exit 3 and name it; live untouched, nothing made."""
    kept = tmp_path / "kept"
    shutil.copytree(ground.folder, kept)
    for number, (name, harm) in enumerate(_harms(kept)):
        shutil.rmtree(ground.folder)
        shutil.copytree(kept, ground.folder)
        harm(ground.folder / name)
        with pytest.raises(AnswerIsNo, match=Path(name).name):
            _read_whole(ground.folder)
        if number % 4 == 0:  # each costs a process
            assert Path(name).name in ground.ran(*ground.confirmed, code=3).stderr
            verified = ground.ran("backup", "verify", BACKUP, "--checksums-only", code=3)
            assert Path(name).name in verified.stderr
    ground.untouched()


def _edited(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """The manifest with a change, and with its own checksum made right again."""
    path = folder / manifests.MANIFEST
    document = json.loads(path.read_text())
    change(document)
    del document["self_sha256"]
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    document["self_sha256"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(document))


def _another_fingerprint(document: dict[str, Any]) -> None:
    (table,) = (one for one in document["proof"]["contents"]["tables"] if one["name"] == "orders")
    table["fingerprint"] = str(int(table["fingerprint"]) + 1)


def test_a_proof_that_differs(ground: Ground) -> None:
    """One fingerprint is another, the manifest is right otherwise: restore stops at the proof; verify remembers it."""
    _edited(ground.folder, _another_fingerprint)
    outcome = ground.ran(*ground.confirmed, code=3)
    assert "differs from its proof" in outcome.stderr
    assert "orders" in outcome.stderr
    ground.untouched()
    ground.ran("backup", "verify", BACKUP, "--restore-on", ground.url, code=3)
    ground.untouched()
    (row,) = ground.ran("backup", "list", "--json").json["backups"]
    assert "FAILED" in row["proven"]
    assert "no proven backup" in ground.ran("restore", "latest", "--confirm", ground.live.name, code=1).stderr
    ground.ran("backup", "b2")
    planned = ground.ran("backup", "prune", "--keep-last", "1", "--json").json["decisions"]
    reasons = {one["name"]: " ".join(one["reasons"]) for one in planned}
    assert "last" in reasons["b2"], reasons
    assert "last" not in reasons[BACKUP], reasons


def test_another_content_with_its_checksums(ground: Ground) -> None:
    """A row of the archive is another, and all checksums are made right: only restoring it tells, before the swap."""
    made = read_manifest(ground.folder)
    contents = {member: _unpacked(ground.folder / member.path) for member in made.archive.members}
    member, content = next((one, text) for one, text in contents.items() if b"order 1999" in text)
    path = ground.folder / member.path
    path.unlink()
    with packing.Writer(path, Compression.ZSTD if path.suffix == ".zst" else Compression.NONE) as sink:
        sink.write(content.replace(b"order 1999", b"order 1998x"))
        sink.finish()
    found = path.read_bytes()
    new = manifests.Member(member.path, len(found), hashlib.sha256(found).hexdigest())
    members = tuple(new if one == member else one for one in made.archive.members)
    assert new in members
    _rewrite(
        ground.folder, dataclasses.replace(made, archive=dataclasses.replace(made.archive, members=members))
    )
    ground.ran("backup", "verify", BACKUP, "--checksums-only")
    outcome = ground.ran(*ground.confirmed, code=3)
    assert "orders" in outcome.stderr
    ground.untouched()


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1}'])
def test_verified_json_edited(ground: Ground, text: str) -> None:
    """What verify wrote is unreadable: the backup does not count as proven until verify writes it anew."""
    path = ground.folder / manifests.VERIFIED
    ground.ran("backup", "verify", BACKUP, "--checksums-only")
    path.write_text(text)
    (row,) = ground.ran("backup", "list", "--json").json["backups"]
    assert row["proven"] == "verified.json damaged"
    if text:
        return
    ground.ran("restore", "latest", "--confirm", ground.live.name, code=1)
    ground.ran("backup", "verify", BACKUP, "--checksums-only")
    (row,) = ground.ran("backup", "list", "--json").json["backups"]
    assert "checked" in row["proven"]
    ground.untouched()
