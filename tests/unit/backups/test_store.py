"""The folder of backups: what appears in it, what is refused, and what becomes of what was left."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dbops.backups.entries import Backup, Damaged, Unproven
from dbops.backups.store import Store
from dbops.errors import (
    AnswerIsNo,
    ConfigError,
    DbopsError,
    LockNotAcquired,
    Refused,
    UsageError,
)
from dbops.events import Event
from tests.stored import CONTENT, NOON, fill, manifest, publish, verification


@pytest.fixture
def told() -> list[str]:
    """What the store said."""
    return []


@pytest.fixture
def store(tmp_path: Path, told: list[str]) -> Store:
    """A store whose folder is not there yet."""

    def listen(event: Event) -> None:
        told.append(event.sentence())

    return Store(tmp_path / "deep" / "backups", listen)


def names(store: Store, *, hidden: bool = False) -> list[str]:
    """What the folder holds, by name, but for the lock."""
    return sorted(name for name in os.listdir(store.folder) if (hidden or name[0] != ".") and name != ".lock")


def make(store: Store, change: Callable[[Path], object]) -> Backup:
    """A backup called x, after something was done to its unfinished folder."""
    with store.begin("x") as partial:
        fill(partial.path)
        change(partial.path)
        return partial.publish(manifest("x"))


def paths(folder: Path) -> Iterator[Path]:
    """A folder and all that is in it."""
    return iter([folder, *folder.rglob("*")])


def test_a_backup_appears_under_its_name(store: Store) -> None:
    """Published, it is found with its manifest and its files, and nothing else is left in the folder."""
    made = publish(store)
    assert store.entries() == [made]
    assert store.find("before_release") == made
    assert made.manifest == manifest()
    assert made.proven
    assert names(store, hidden=True) == ["before_release"]
    assert sorted(os.listdir(made.path)) == ["archive", "manifest.json"]
    assert (made.path / "archive" / "toc.dat").read_bytes() == CONTENT


def test_nobody_else_may_read_it(store: Store) -> None:
    """Folders are 0700 and files 0600, whatever the umask and whatever a program made inside."""
    before = os.umask(0)
    try:
        with store.begin("x") as partial:
            fill(partial.path)
            (partial.path / "archive").chmod(0o777)
            (partial.path / "archive" / "toc.dat").chmod(0o666)
            partial.publish(manifest("x"))
    finally:
        os.umask(before)
    for path in paths(store.folder):
        assert stat.S_IMODE(path.lstat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_folder_that_others_may_write_in_is_told(store: Store, told: list[str]) -> None:
    """It stays as it is, and a warning says what others could do."""
    store.folder.mkdir(parents=True)
    store.folder.chmod(0o777)
    publish(store)
    assert [text for text in told if "other accounts may write" in text and text.startswith("warning")]
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o777


def test_what_is_not_published_leaves_nothing(store: Store) -> None:
    """A failure in the middle of a backup removes its folder; no name was ever there."""

    def fail(path: Path) -> None:
        assert store.entries() == []
        assert path.parent == store.folder
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        make(store, fail)
    assert names(store, hidden=True) == []


@pytest.mark.parametrize("kind", ["backup", "empty folder", "file", "link"])
def test_a_name_that_is_there_is_refused(store: Store, kind: str) -> None:
    """Also the name of an empty folder, a file or a link to nowhere; what is there stays as it was."""
    publish(store, "other")
    target = store.folder / "x"
    if kind == "backup":
        publish(store, "x")
    elif kind == "empty folder":
        target.mkdir()
    elif kind == "file":
        target.write_text("mine")
    else:
        target.symlink_to("nowhere")
    before = target.lstat()
    with pytest.raises(Refused, match="exists already"):
        store.begin("x")
    assert os.path.samestat(before, target.lstat())
    assert [name for name in names(store, hidden=True) if name[0] == "."] == []


@pytest.mark.parametrize("kind", ["empty folder", "file"])
def test_a_name_that_appears_meanwhile_is_not_replaced(store: Store, kind: str) -> None:
    """Whoever made it, publishing onto it is refused, and the backup that came too late is removed."""
    target = store.folder / "x"
    with pytest.raises(Refused, match="exists already"):
        make(store, lambda path: target.touch() if kind == "file" else target.mkdir())
    assert names(store, hidden=True) == ["x"]
    assert not list(store.folder.glob("x/*"))


def test_two_of_one_name_are_refused_at_the_beginning(store: Store) -> None:
    """While one is being made, a second of its name is refused, one of another name is not."""
    with store.begin("x") as first:
        with pytest.raises(Refused, match="being made right now"):
            store.begin("x")
        with store.begin("x-y") as second:
            assert second.path != first.path
        assert store.taken() == {"x"}
        fill(first.path)
        first.publish(manifest("x"))
    assert store.taken() == {"x"}


def test_a_name_is_checked(store: Store) -> None:
    """A path is no name, and nothing is made."""
    with pytest.raises(UsageError):
        store.begin("../x")
    assert not store.folder.exists()


def test_what_was_left_is_swept_and_what_lives_stays(store: Store, told: list[str]) -> None:
    """Of two unfinished backups the one whose lock is free goes at the next beginning, whatever their ages."""
    store.begin("dead")._release()
    (store.folder / ".pruned-old-12345678" / "archive").mkdir(parents=True)
    (store.folder / ".partial-locked-never-12345678").mkdir()
    with store.begin("alive") as alive:
        os.utime(alive.path, (0, 0))
        publish(store, "x")
        assert names(store, hidden=True) == [alive.path.name, "x"]
    assert "removed what an interrupted backup left: dead" in told


def test_a_full_disk_leaves_no_entry(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """No space for the manifest: an error that says so, and neither a name nor a partial stays."""

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DbopsError, match=r"cannot write .*No space left") as caught:
        make(store, lambda path: monkeypatch.setattr(os, "fsync", full))
    assert caught.value.hint == f"make room: df -h {store.folder}"
    assert names(store, hidden=True) == []


def test_a_manifest_that_does_not_fit_is_not_published(store: Store) -> None:
    """A file of another size than the manifest says, or none at all, ends before there is a name."""
    with pytest.raises(AnswerIsNo, match=r"toc\.dat has 20 bytes, and 21"):
        make(store, lambda path: (path / "archive" / "toc.dat").write_bytes(CONTENT[:-1]))
    with pytest.raises(AnswerIsNo, match=r"toc\.dat is missing"):
        make(store, lambda path: (path / "archive" / "toc.dat").unlink())
    assert names(store, hidden=True) == []


def test_a_pipe_does_not_become_part_of_a_backup(store: Store) -> None:
    """Something that is neither file nor folder in it is an error, not a backup that blocks its reader."""
    with pytest.raises(DbopsError, match="neither a file nor a folder"):
        make(store, lambda path: os.mkfifo(path / "archive" / "1.dat"))


# -- reading -----------------------------------------------------------------------------------------------------------


def test_a_folder_that_is_not_there_has_no_entries(store: Store) -> None:
    """Nothing is made by looking."""
    assert store.entries() == []
    assert store.latest() is None
    assert not store.folder.exists()


def test_a_file_for_a_folder_is_said(tmp_path: Path) -> None:
    """--backups-dir that names a file is wrong configuration."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="is not a folder"):
        Store(tmp_path / "file").entries()
    with pytest.raises(DbopsError):
        Store(tmp_path / "file").begin("x")


def test_dumps_without_manifest_are_listed(store: Store) -> None:
    """The original scripts' files by their endings, custom archives by their first bytes, folders by their toc.dat."""
    publish(store, "real")
    for name in ("a.sql.gz", "b.SQL", "c.dump", "d.tar", "e.sql.zst", "README.md", "notes.txt"):
        (store.folder / name).write_text("x")
    (store.folder / "unnamed").write_bytes(b"PGDMP\x01\x0f")
    (store.folder / "by_pg_dump").mkdir()
    (store.folder / "by_pg_dump" / "toc.dat").write_bytes(b"PGDMP")
    (store.folder / "somebody's folder").mkdir()
    found = {entry.name: entry for entry in store.entries()}
    formats = {name: entry.format for name, entry in found.items() if isinstance(entry, Unproven)}
    assert formats == {
        "a.sql.gz": "plain",
        "b.SQL": "plain",
        "by_pg_dump": "directory",
        "c.dump": "custom",
        "d.tar": "tar",
        "e.sql.zst": "plain",
        "unnamed": "custom",
    }
    assert set(found) - set(formats) == {"real"}
    with pytest.raises(UsageError, match="without a manifest"):
        store.backup("a.sql.gz")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: (path / "manifest.json").write_text("{"), "is damaged: it is not JSON"),
        (lambda path: (path / "manifest.json").write_bytes(b"\xff"), "it is not UTF-8"),
        (lambda path: (path / "manifest.json").unlink(), "manifest.json is missing"),
        (lambda path: (path / "archive" / "toc.dat").unlink(), "toc.dat is missing"),
        (lambda path: (path / "archive" / "toc.dat").write_bytes(b""), "toc.dat has 0 bytes, and 21"),
        (lambda path: _replace_by_link(path / "archive" / "toc.dat"), "toc.dat is not a file"),
        (lambda path: _replace_by_link(path / "archive"), "archive is a symbolic link"),
        (lambda path: _replace_by_link(path / "manifest.json"), "cannot be read"),
        (lambda path: _replace_by_pipe(path / "manifest.json"), "is not a file"),
        (lambda path: os.truncate(path / "manifest.json", 2**29), "is larger than 256 MB"),
        (lambda path: _edit(path / "manifest.json"), "edited by hand"),
    ],
)
def test_damage_is_listed_with_its_reason(store: Store, damage, said: str) -> None:  # type: ignore[no-untyped-def]
    """What was a backup stays in the list, its reason beside it; who asks for it gets that reason as an error."""
    made = publish(store)
    damage(made.path)
    (entry,) = store.entries()
    assert isinstance(entry, Damaged)
    assert said in entry.reason
    with pytest.raises(AnswerIsNo, match="before_release"):
        store.backup("before_release")


def _replace_by_link(path: Path) -> None:
    """The same content, but elsewhere."""
    elsewhere = path.parent.parent.parent / f"elsewhere-{path.name}"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def _replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _edit(path: Path) -> None:
    document = json.loads(path.read_text())
    document["proof"] = {"level": "counts"}
    path.write_text(json.dumps(document))


def test_a_link_in_the_folder_is_not_followed(store: Store) -> None:
    """A link to a backup elsewhere is named as such, with the path that can be restored."""
    made = publish(store, "real")
    elsewhere = store.folder.parent / "elsewhere"
    made.path.rename(elsewhere)
    (store.folder / "linked").symlink_to(elsewhere)
    (entry,) = store.entries()
    assert isinstance(entry, Damaged)
    assert "symbolic link" in entry.reason
    assert str(elsewhere) in str(entry.error.hint)


def test_a_name_that_is_not_there_gets_a_suggestion(store: Store) -> None:
    """A typo leads to the name that was meant; a path or a hidden name leads nowhere."""
    publish(store)
    with pytest.raises(UsageError, match="no backup 'before_relaese'") as caught:
        store.find("before_relaese")
    assert "did you mean before_release?" in str(caught.value.hint)
    (store.folder / "foreign").mkdir()
    with pytest.raises(UsageError, match="nothing that can be restored") as caught:
        store.find("foreign")
    assert "did you mean" not in str(caught.value.hint)
    for name in (
        "",
        ".",
        "..",
        ".lock",
        "../backups/before_release",
        "before_release/archive",
        "a\0b",
        "x" * 300,
    ):
        with pytest.raises(UsageError):
            store.find(name)


def test_a_moved_backup_is_found_by_its_folder(store: Store) -> None:
    """Renamed by hand it is the same backup under another name."""
    made = publish(store)
    made.path.rename(store.folder / "renamed")
    assert isinstance(found := store.find("renamed"), Backup)
    assert found.manifest.name == "before_release"


def test_latest_is_by_the_time_of_the_manifest(store: Store, told: list[str]) -> None:
    """Not by file times or names; refuted and damaged ones are passed over, and that is said."""
    hour = NOON.replace(hour=9)
    publish(store, "a", created_at=NOON)
    publish(store, "b", created_at=hour)
    publish(store, "c", created_at=NOON, database="other")
    newest = publish(store, "d", created_at=NOON.replace(hour=13))
    assert store.latest("trading_engine") == newest
    store.record(newest, verification("failed", hours=2))
    (publish(store, "e", created_at=NOON.replace(hour=20)).path / "manifest.json").write_text("")
    found = store.latest("trading_engine")
    assert found is not None
    assert found.name == "a"
    assert "warning: d is passed over: its last verify failed" in told
    assert any(text.startswith("warning: e is not considered") for text in told)
    assert store.latest("nothing") is None
    publish(store, "f", created_at=NOON.replace(year=9999))
    assert store.latest("trading_engine") == found
    assert "warning: f is passed over: its time lies in the future" in told


# -- verifications -----------------------------------------------------------------------------------------------------


def test_a_failed_verify_takes_the_proof_away(store: Store) -> None:
    """Until one passes that looked at least as closely: checksums do not outdo a restore that differed."""
    made = publish(store)
    assert store.record(made, verification("passed", "checksums", 1)).proven
    assert not store.record(made, verification("failed", "restored", 2)).proven
    assert not store.record(made, verification("passed", "checksums", 3)).proven
    last = store.record(made, verification("passed", "restored", 4))
    assert last.proven
    assert store.entries() == [last]
    assert [one.outcome for one in last.verifications] == ["passed", "failed", "passed", "passed"]
    assert stat.S_IMODE((made.path / "verified.json").stat().st_mode) == 0o600


def test_a_side_file_of_another_backup_proves_nothing(store: Store) -> None:
    """Copied from elsewhere, or damaged, it leaves the backup listed and unproven; the next verify writes it anew."""
    first, second = publish(store, "a"), publish(store, "b", who="bob")
    store.record(first, verification())
    (second.path / "verified.json").write_bytes((first.path / "verified.json").read_bytes())
    found = store.backup("b")
    assert not found.proven
    assert "speaks of another manifest" in str(found.verifications_problem)
    assert store.record(found, verification()).proven
    assert store.backup("b").proven


def test_only_the_newest_verifications_are_kept(store: Store) -> None:
    """A verify every night for years does not make the side file grow without end."""
    made = publish(store)
    for number in range(55):
        made = store.record(made, verification(hours=number))
    assert len(store.backup("before_release").verifications) == 50
    assert made.verifications[-1].at == verification(hours=54).at


# -- locks and removing ------------------------------------------------------------------------------------------------


def test_what_is_being_read_is_not_removed(store: Store) -> None:
    """Two may read at once; while one does, removing answers no and changes nothing."""
    made = publish(store)
    with store.lock_shared(made), Store(store.folder).lock_shared(made):
        assert not store.remove(made)
        assert store.find("before_release") == made
    assert store.remove(made)
    assert names(store, hidden=True) == []
    with pytest.raises(UsageError, match="no longer there"):
        store.remove(made)
    with pytest.raises(UsageError, match="no longer there"), store.lock_shared(made):
        pass


def test_what_is_being_removed_is_not_read(store: Store) -> None:
    """A restore that begins while prune holds the entry is told so."""
    made = publish(store)
    with open(made.path / "manifest.json", "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(LockNotAcquired, match="being removed"), store.lock_shared(made):
            pass


def test_a_dump_without_manifest_can_be_locked(store: Store) -> None:
    """Restoring from a file or a folder of pg_dump's locks it as well."""
    publish(store, "x")
    (store.folder / "a.sql.gz").write_text("x")
    (store.folder / "d").mkdir()
    (store.folder / "d" / "toc.dat").write_text("x")
    for name in ("a.sql.gz", "d"):
        with store.lock_shared(store.find(name)):
            assert not store.remove(store.find(name))


def test_an_interrupted_removal_is_finished_by_the_next_sweep(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ended after the rename, the name is gone at once, and the rest with the next sweep."""
    made = publish(store)

    def interrupted(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("dbops.backups.removal.remove_tree", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.remove(made)
    assert store.entries() == []
    assert len(names(store, hidden=True)) == 1
    store.sweep()
    assert names(store, hidden=True) == []


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_without_locks_is_named(
    store: Store, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Nothing is begun there, and the error says what to do instead."""

    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(ConfigError, match="file system without locks") as caught:
        store.begin("x")
    assert "--backups-dir" in str(caught.value.hint)
    assert names(store, hidden=True) == []


def test_the_lock_file_is_not_followed(store: Store) -> None:
    """A link that somebody put for the lock does not make us open his target."""
    store.folder.mkdir(parents=True)
    target = store.folder.parent / "target"
    (store.folder / ".lock").symlink_to(target)
    with pytest.raises(DbopsError, match="cannot open"):
        store.begin("x")
    assert not target.exists()
