"""`bin/backup` list, show and prune, as a user sees them; no database is asked."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dbops.backups.store import Store
from dbops.cli import backup_read
from dbops.cli.options import Parser, shared
from dbops.cli.output import Output
from dbops.engines.inventory import (
    DatabaseProperties,
    Extension,
    Inventory,
    Membership,
    MigrationState,
    Role,
    TableSize,
)
from dbops.errors import AnswerIsNo, DbopsError, UsageError
from tests.stored import manifest, publish, verification

Run = Callable[..., str]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """The project's folder of backups."""
    return Store(tmp_path / "backups")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a verb in the project's folder and gives what it printed on stdout."""
    monkeypatch.setenv("DBOPS_PROJECT", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def run_verb(verb: str, *argv: str) -> str:
        summary, configure = backup_read.VERBS[verb]
        assert summary
        parser = Parser(prog="bin/backup", parents=[shared(after_verb=False)])
        for option in ("--backups-dir", "--migrations-dir"):
            parser.add_argument(option)
        for add_options in configure:
            add_options(parser)
        arguments = parser.parse_args(argv)
        out = Output("backup", as_json=arguments.json, quiet=arguments.quiet, verbose=arguments.verbose)
        assert backup_read.FUNCTIONS[verb](arguments, out) == 0
        return capsys.readouterr().out

    return run_verb


def ago(days: float) -> datetime.datetime:
    """So many days before now."""
    return datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)


def result(text: str) -> dict[str, Any]:
    """The last line of --json."""
    found: dict[str, Any] = json.loads(text.splitlines()[-1])
    return found


def five(store: Store) -> None:
    """Four backups of four days, and a dump without a manifest."""
    for number in range(4):
        publish(store, f"d{number}", created_at=ago(number + 0.01))
    (store.folder / "old.sql.gz").write_bytes(b"x" * 2000)


def test_an_empty_folder_says_what_to_do(run: Run, store: Store) -> None:
    """No folder, no backups, no error, and nothing is made."""
    assert run("list") == "no backups in backups; bin/backup makes one\n"
    assert run("prune", "--keep-last", "1") == "no backups in backups\n"
    assert not store.folder.exists()


def test_list_is_a_table(run: Run, store: Store) -> None:
    """One line for each, what is damaged with its reason, and a summary."""
    five(store)
    (publish(store, "broken").path / "archive" / "toc.dat").unlink()
    lines = run("list").splitlines()
    assert lines[0].split() == [
        "name",
        "age",
        "database",
        "version",
        "size",
        "format",
        "proven",
        "kept",
        "by",
    ]
    assert [line.split()[0] for line in lines[1:7]] == ["d3", "d2", "d1", "d0", "old.sql.gz", "broken"]
    assert (
        "d0          14 min  trading_engine           21 B    directory, zstd  at backup    last proven"
        in lines
    )
    assert "no manifest" in lines[5]
    assert any("toc.dat is missing" in line for line in lines)
    assert lines[-1] == "6 entries, 4 proven, 2.1 kB; folder backups"


def test_list_shows_why_each_would_stay(run: Run, store: Store) -> None:
    """With rules, the reasons that a prune by them would give."""
    five(store)
    assert [line.split("at backup")[1].strip() for line in run("list", "--keep-last", "2").splitlines()[1:5]] == [
        "", "", "last", "last, last proven",
    ]  # fmt: skip


def test_list_as_json(run: Run, store: Store) -> None:
    """Every column as data, times with their zone."""
    five(store)
    data = result(run("list", "--json"))
    assert data["folder"] == "backups"
    newest = data["backups"][3]
    assert (newest["name"], newest["state"], newest["is_proven"]) == ("d0", "backup", True)
    assert newest["created_at"] == store.backup("d0").summary.created_at.isoformat()
    assert (newest["bytes"], newest["kept_by"]) == (21, ["last proven"])
    assert data["backups"][4]["state"] == "no manifest"


def rich(**fields: Any) -> dict[str, Any]:
    """The fields of a manifest with something to show."""
    role = Role(
        "app", superuser=False, inherit=True, create_role=False, create_database=True, login=True,
        replication=False, bypass_row_security=False, member_of=(Membership("readers", admin=False),),
    )  # fmt: skip
    tables = tuple(TableSize("public", f"t{number}", 10_000 * number) for number in range(1, 13))
    inventory = Inventory(
        "15.18 (Debian)", 150018, "1",
        DatabaseProperties("trading_engine", "app", "UTF8", "de_DE.utf8", "C", "icu", "de-AT", bytes=5_000_000),
        (Extension("plpgsql", "1.0", "pg_catalog"), Extension("pg_trgm", "1.6", "public")), (role,), ("fast",),
        MigrationState("public.schema_migrations", version="007", name="seven", applied=7, partial=("008",)), tables,
    )  # fmt: skip
    proof = {"level": "full", "tables": [{"schema": "public", "name": "t12", "rows": 3}]}
    return {
        "inventory": inventory,
        "proof": proof,
        "git_commit": "abc123",
        "notes": ("mind the gap",),
        **fields,
    }


def test_show_tells_what_people_want(run: Run, store: Store) -> None:
    """Database, time, who, versions, files, proof, tables by size, roles and extensions."""
    made = publish(store, "x", created_at=ago(2), **rich())
    store.record(made, verification("failed", "restored"))
    text = run("show", "x")
    for words in (
        "trading_engine on localhost:5432, 5.0 MB, owner app",
        "2 d old, in 1.5 s",
        "alice on laptop, dbops 0.1.0",
        "abc123",
        "at 007 seven, 7 applied, stopped in 008",
        "PostgreSQL 15.18 (Debian)",
        "pg_dump (PostgreSQL) 15.18",
        "UTF8, de_DE.utf8, ctype C, icu de-AT",
        "directory, zstd, 21 B of 100 B, 1 file",
        "everything",
        "PostgreSQL 15 and later; an older one may not know all that is in it",
        "archive/toc.dat",
        "FAILED verify",
        "FAILED: restored on PostgreSQL 15.18",
        "orders has 3 rows, 4 were expected",
        "1 table, 3 rows",
        "public.t12  3     120 kB",
        "and 2 more tables; -v shows all",
        "app (login, createdb, member of readers)",
        "pg_trgm 1.6",
        "fast",
        "note: mind the gap",
    ):
        assert words in text, words
    assert "public.t1 " not in text
    assert "public.t1 " in run("show", "x", "-v")
    assert "made as" not in text


def test_show_of_little(run: Run, store: Store) -> None:
    """No proof, no migrations, a part only, moved by hand."""
    archive = manifest().archive
    part = type(archive)("plain", "gzip", archive.members, options=("--table=orders",))
    publish(store, "x", proof=None, archive=part).path.rename(store.folder / "moved")
    text = run("show", "moved")
    assert run("show", "latest") == text
    assert "moved (made as x)" in text
    assert "holds       --table=orders" in text
    assert "migrations  none recorded" in text
    assert "proof       no" in text
    assert "a restore needs" not in text


def test_show_as_json_has_the_manifest(run: Run, store: Store) -> None:
    """All of it, as it is in the file."""
    made = publish(store, "x", **rich())
    data = result(run("show", "x", "--json"))
    written = json.loads((made.path / "manifest.json").read_text())
    del written["format"]
    assert data["manifest"] == written
    assert (data["is_proven"], data["verifications"]) == (True, [])


def test_show_of_what_cannot_be_shown(run: Run, store: Store) -> None:
    """A dump tells what its file tells; a damaged backup is an error with its reason, and no name a usage error."""
    five(store)
    assert "a dump without a manifest" in run("show", "old.sql.gz")
    assert result(run("show", "old.sql.gz", "--json"))["bytes"] == 2000
    (store.folder / "d0" / "manifest.json").write_text("{")
    with pytest.raises(AnswerIsNo, match="is damaged"):
        run("show", "d0")
    with pytest.raises(UsageError, match="no backup 'nothing'"):
        run("show", "nothing")


@pytest.mark.parametrize("options", [(), ("--yes", "--dry-run"), ("--dry-run",)])
def test_prune_shows_and_changes_nothing(run: Run, store: Store, options: tuple[str, ...]) -> None:
    """Without --yes, or with --dry-run: each entry with its reason, and all of them stay."""
    five(store)
    text = run("prune", "--keep-last", "2", *options)
    lines = {line.split()[0]: line for line in text.splitlines() if line}
    assert "remove  no rule keeps it" in lines["d3"]
    assert "keep    last, last proven" in lines["d0"]
    assert "keep    no manifest, so its age is not known: prune leaves it" in lines["old.sql.gz"]
    assert "would remove 2 of 5 and free 42 B; nothing was changed, --yes does it" in text
    assert len(store.entries()) == 5


def test_prune_removes_with_yes(run: Run, store: Store) -> None:
    """What no rule keeps is gone, all else is there; what is being read stays and is said to be in use."""
    five(store)
    with store.lock_shared(store.find("d2")):
        text = run("prune", "--keep-last", "2", "--yes")
    assert "in use" in text
    assert "removed 1 of 5, 21 B freed; folder backups" in text
    assert [entry.name for entry in store.entries()] == ["d0", "d1", "d2", "old.sql.gz"]
    data = result(run("prune", "--keep-within", "1w", "--yes", "--json"))
    assert data["changed"] is False
    assert data["decisions"][0]["reasons"] == ["within 7 days"]


def test_prune_takes_what_is_unproven_only_when_told(run: Run, store: Store) -> None:
    """--include-unproven removes an older backup without proof."""
    publish(store, "new", created_at=ago(1))
    publish(store, "old", created_at=ago(9), proof=None)
    assert "not proven: prune leaves it" in run("prune", "--keep-last", "1", "--yes")
    run("prune", "--keep-last", "1", "--yes", "--include-unproven")
    assert [entry.name for entry in store.entries()] == ["new"]


@pytest.mark.parametrize(
    "argv",
    [
        (),
        ("--yes",),
        ("--keep-last", "0"),
        ("--keep-daily", "-1"),
        ("--keep-daily", "x"),
        ("--keep-within", "1m"),
    ],
)
def test_prune_without_a_good_rule_is_wrong_usage(run: Run, store: Store, argv: tuple[str, ...]) -> None:
    """No rule, zero, negative or no numbers: nothing is removed."""
    five(store)
    with pytest.raises(UsageError):
        run("prune", *argv)
    assert len(store.entries()) == 5


def test_names_that_a_terminal_would_obey_are_made_visible(run: Run, store: Store) -> None:
    """A file whose name holds escape sequences cannot draw on the terminal."""
    store.folder.mkdir()
    (store.folder / "\x1b[2Jx.sql").write_text("")
    assert "\x1b" not in run("list")


def test_a_folder_by_option(run: Run, store: Store, tmp_path: Path) -> None:
    """--backups-dir names another folder; a file is an error."""
    five(store)
    store.folder.rename(tmp_path / "elsewhere")
    assert "5 entries" in run("list", "--backups-dir", "elsewhere")
    with pytest.raises(DbopsError, match="is not a folder"):
        run("list", "--backups-dir", "elsewhere/old.sql.gz")
