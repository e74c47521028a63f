"""`[tool.dbops.hooks]`: when hooks run, what they are told, and what becomes of their failures."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.conftest import Project
from tests.postgres.hooking import TELL, environ, forget, hook, ran, told
from tests.postgres.migrating import applied, mark_as_development, single, write_tables
from tests.postgres.restoring import live_database
from tests.servers import Database, Server

Connect = Callable[..., psycopg.Connection[Any]]
pytestmark = pytest.mark.one_major


@pytest.fixture
def hooked(configured: Project) -> Project:
    """Two migrations, and hooks before and after migrating that keep what they are told."""
    write_tables(configured, "t", "u")
    hook(configured, before_migrate=TELL, after_migrate=TELL)
    return configured


def test_up_tells_both_hooks(hooked: Project, database: Database) -> None:
    """Before: what is planned.  After: what is done, the version before and after, and that it went well."""
    assert hooked.run("migrate", "up", "1").code == 0
    forget(hooked)
    outcome = hooked.run("migrate", "up")
    assert outcome.code == 0, outcome
    assert ran(hooked) == ["before-migrate", "after-migrate"]
    both = {
        "COMMAND": "migrate up",
        "DATABASE": database.name,
        "TARGET": f"{database.user}@{database.server.host}:{database.server.port}/{database.name}",
        "FROM_VERSION": "001",
        "VERSIONS": "002",
        "WITHIN_HOOKS": "migrate",
    }
    assert told(hooked, "before-migrate") == {**both, "HOOK": "before-migrate", "TO_VERSION": "001"}
    assert told(hooked, "after-migrate") == {
        **both,
        "HOOK": "after-migrate",
        "TO_VERSION": "002",
        "OUTCOME": "done",
        "EXIT_CODE": "0",
    }


def test_a_failure_is_told(hooked: Project, database: Database, connect: Connect) -> None:
    """The third of three fails: the after-hook hears of the two that are done, of the error and its code."""
    hooked.write("migrations/003_v.sql", "SELECT nonsense;")
    outcome = hooked.run("migrate", "up")
    assert outcome.code == 1, outcome
    after = told(hooked, "after-migrate")
    assert (after["OUTCOME"], after["EXIT_CODE"]) == ("failed", "1")
    assert (after["VERSIONS"], after["TO_VERSION"], "FROM_VERSION" in after) == ("001 002", "002", False)
    assert 'column "nonsense" does not exist' in after["MESSAGE"]
    assert told(hooked, "before-migrate")["VERSIONS"] == "001 002 003"
    assert applied(connect(database)) == ["001", "002"]


def test_partly_applied_is_told(hooked: Project) -> None:
    """A migration that stops between its statements: the outcome is `partly`, exit code 4."""
    hooked.write("migrations/003_v.sql", "CREATE TABLE v (id int);\nVACUUM v;\nSELECT nonsense;")
    assert hooked.run("migrate", "up").code == 4
    after = told(hooked, "after-migrate")
    assert (after["OUTCOME"], after["EXIT_CODE"], after["TO_VERSION"]) == ("partly", "4", "002")


def test_down_and_records(hooked: Project, database: Database) -> None:
    """Down lowers the version that is told; verbs that run no SQL have hooks, too; a refusal comes before them."""
    hooked.run("migrate", "up")
    forget(hooked)
    assert hooked.run("migrate", "down").code == 13
    assert ran(hooked) == []
    assert hooked.run("migrate", "down", "--confirm", database.name).code == 0
    after = told(hooked, "after-migrate")
    assert (after["COMMAND"], after["VERSIONS"], after["FROM_VERSION"], after["TO_VERSION"]) == (
        "migrate down",
        "002",
        "002",
        "001",
    )
    assert hooked.run("migrate", "mark", "002").code == 0
    after = told(hooked, "after-migrate")
    assert (after["COMMAND"], after["VERSIONS"], after["TO_VERSION"]) == ("migrate mark", "002", "002")


def test_no_hooks_where_nothing_is_done(hooked: Project) -> None:
    """A dry run, a look, a check, a failure while planning, nothing pending, `--no-hooks`: no hook runs."""
    for words in (["up", "--dry-run"], ["plan"], ["status"], ["up", "--check"], ["up", "--only", "009"]):
        hooked.run("migrate", *words)
    assert hooked.run("migrate", "up", "--no-hooks").code == 0
    assert hooked.run("migrate", "up").code == 0
    assert ran(hooked) == []


def test_a_before_hook_that_fails_stops(hooked: Project, database: Database, connect: Connect) -> None:
    """Exit 12, nothing changed; the after-hook runs all the same, since a part of the before-hook has."""
    hook(hooked, before_migrate="echo maintenance on; echo no key >&2; exit 7", after_migrate=TELL)
    outcome = hooked.run("migrate", "up")
    assert outcome.code == 12, outcome
    assert "hook before-migrate ended with code 7; nothing was changed" in outcome.stderr
    assert "  maintenance on\n  no key\n" in outcome.stderr
    assert outcome.stdout == ""
    assert connect(database).execute(
        "select to_regclass('t'), to_regclass('schema_migrations')"
    ).fetchone() == (
        None,
        None,
    )
    after = told(hooked, "after-migrate")
    assert (after["OUTCOME"], after["EXIT_CODE"], "VERSIONS" in after) == ("refused", "12", False)


def test_an_after_hook_that_fails(hooked: Project, database: Database, connect: Connect) -> None:
    """Exit 12 although all is applied, which is said; where the work failed, its own error stays the error."""
    hook(hooked, after_migrate="exit 3")
    outcome = hooked.run("migrate", "up")
    assert outcome.code == 12, outcome
    assert "hook after-migrate ended with code 3; migrate up itself is done" in outcome.stderr
    assert outcome.stdout.startswith("up: 2 done")
    assert applied(connect(database)) == ["001", "002"]
    hooked.write("migrations/003_v.sql", "SELECT nonsense;")
    outcome = hooked.run("migrate", "up", "--json")
    assert (outcome.code, outcome.json["code"]) == (1, 1)
    assert "nonsense" in outcome.json["message"]
    warnings = [one["sentence"] for one in outcome.events if one.get("level") == "warning"]
    assert warnings == ["warning: hook after-migrate ended with code 3"]


def test_a_hook_that_does_not_exist(hooked: Project) -> None:
    """The shell's own words, and exit 12."""
    hook(hooked, before_migrate="no-such-program --really")
    outcome = hooked.run("migrate", "up", "-q")
    assert outcome.code == 12
    assert "no-such-program: not found" in outcome.stderr
    assert "ended with code 127" in outcome.stderr


def test_json_stays_clean(hooked: Project) -> None:
    """What hooks write to stdout comes as events; the result is the last line, after the after-hook."""
    hook(hooked, before_migrate="echo to stdout", after_migrate="printf 'out \\033[1m\\n'; echo err >&2")
    outcome = hooked.run("migrate", "up", "--json")
    assert outcome.code == 0, outcome
    said = [(one["hook"], one["line"]) for one in outcome.events if one.get("event") == "hook_said"]
    assert said == [
        ("before-migrate", "to stdout"),
        ("after-migrate", "out \x1b[1m"),
        ("after-migrate", "err"),
    ]
    assert [one["type"] for one in outcome.events].index("result") == len(outcome.events) - 1
    assert outcome.stderr == ""


def test_stdout_is_the_result_alone(hooked: Project) -> None:
    """For people, what a hook writes goes to stderr, as it comes and without control characters."""
    hook(hooked, before_migrate="echo first; echo second; printf '\\033[31mred\\n'")
    outcome = hooked.run("migrate", "up")
    assert outcome.code == 0
    assert "first" not in outcome.stdout
    assert "  first\n  second\n  \\x1b[31mred\n" in outcome.stderr


def test_the_users_own_environment(hooked: Project, database: Database) -> None:
    """A hook has libpq's variables, which dbops itself does not use, the project's folder, and the user's umask."""
    hook(hooked, before_migrate=TELL + "; pwd > here; cat > nothing")
    given = {"PGAPPNAME": "mine", "PGOPTIONS": "-c work_mem=1MB", "LOCAL": "é", "DBOPS_OUTCOME": "stale"}
    before = os.umask(0o022)
    try:
        assert hooked.run("migrate", "up", environ=given).code == 0
    finally:
        os.umask(before)
    had = environ(hooked, "before-migrate")
    assert (had["PGAPPNAME"], had["PGOPTIONS"], had["LOCAL"]) == ("mine", "-c work_mem=1MB", "é")
    assert had["DATABASE_URL"] == database.url
    assert "DBOPS_OUTCOME" not in had
    assert (hooked.folder / "here").read_text().strip() == str(hooked.folder)
    assert (hooked.folder / "nothing").read_text() == ""
    assert stat.S_IMODE((hooked.folder / "here").stat().st_mode) & 0o044 != 0


def test_commands_in_hooks(hooked: Project, database: Database) -> None:
    """An after-hook may use what needs the lock; a hook of migrating that migrates does not run itself."""
    dbops = f"{sys.executable} -m dbops"
    hook(
        hooked,
        before_migrate=f"{TELL}; {dbops} migrate up 1 -v",
        after_migrate=f"{TELL}; {dbops} backup inside",
        after_backup=TELL,
    )
    outcome = hooked.run("migrate", "up")
    assert outcome.code == 0, outcome
    assert ran(hooked) == ["before-migrate", "after-migrate", "after-backup"]
    assert told(hooked, "after-backup")["WITHIN_HOOKS"] == "migrate backup"
    assert "planned again" in outcome.stderr


def test_the_backup_before_migrating(hooked: Project, database: Database) -> None:
    """`--require-fresh-backup`: taken after the before-hook, and the after-hook is told its name."""
    assert hooked.run("migrate", "up", "--require-fresh-backup").code == 0
    name = told(hooked, "after-migrate")["BACKUP"]
    assert (hooked.folder / "backups" / name).is_dir()
    assert "BACKUP" not in told(hooked, "before-migrate")


def test_backup(configured: Project, database: Database) -> None:
    """Both hooks know the name; a name that is taken is told as refused; listing and pruning have no hooks."""
    hook(configured, before_backup=TELL, after_backup=TELL)
    assert configured.run("backup", "first", "--dry-run").code == 0
    assert ran(configured) == []
    outcome = configured.run("backup", "first")
    assert outcome.code == 0, outcome
    after = told(configured, "after-backup")
    assert (after["COMMAND"], after["BACKUP"], after["OUTCOME"]) == ("backup", "first", "done")
    assert configured.run("backup", "first").code == 13
    assert told(configured, "after-backup")["OUTCOME"] == "refused"
    forget(configured)
    configured.run("backup", "list")
    assert ran(configured) == []


def test_seed(configured: Project, database: Database, connect: Connect) -> None:
    """The sets are told, for sets, demo data and generated rows; consent is asked for before any hook."""
    connect(database).execute("create table people (id int primary key)")
    configured.write("seeds/dev/people.csv", "id\n1\n")
    hook(configured, before_seed=TELL, after_seed=TELL)
    assert configured.run("seed-test-data").code == 13
    assert ran(configured) == []
    mark_as_development(database)
    outcome = configured.run("seed-test-data")
    assert outcome.code == 0, outcome
    after = told(configured, "after-seed")
    assert (after["COMMAND"], after["SEED_SETS"], after["OUTCOME"]) == ("seed-test-data", "dev", "done")
    assert configured.run("seed-test-data", "--scale", "1").code != 0
    assert told(configured, "after-seed")["OUTCOME"] == "failed"
    forget(configured)
    outcome = configured.run("seed-test-data", "generate", "--rows", "3")
    assert outcome.code == 0, outcome
    assert told(configured, "after-seed")["COMMAND"] == "seed-test-data generate"
    assert "rows" in outcome.stdout
    connect(database).execute("create table nothing (x int not null check (x > 1 and x < 2))")
    outcome = configured.run("seed-test-data", "generate", "--rows", "3")
    assert (outcome.code, "rows" in outcome.stdout) == (3, True), outcome
    after = told(configured, "after-seed")
    assert (after["OUTCOME"], after["EXIT_CODE"]) == ("done", "3")


def test_a_failed_migration_in_quiet(hooked: Project) -> None:
    """With -q the hooks' lines are not shown, unless the hook fails."""
    hook(hooked, before_migrate="echo fine", after_migrate="echo broken; exit 1")
    outcome = hooked.run("migrate", "up", "-q")
    assert outcome.code == 12
    assert "fine" not in outcome.stderr
    assert "broken" in outcome.stderr


def test_single_transaction(hooked: Project) -> None:
    """All in one transaction that fails: nothing is told as done."""
    hooked.write("migrations/003_v.sql", single("SELECT nonsense;"))
    assert hooked.run("migrate", "up", "--single-transaction").code == 1
    after = told(hooked, "after-migrate")
    assert (after["OUTCOME"], "VERSIONS" in after, "TO_VERSION" in after) == ("failed", False, False)


def test_restore_undo_and_discard(project: Project, any_server: Server) -> None:
    """Each has its hooks, which know the backup; a restore that fails is told as failed."""
    with live_database(any_server) as live:
        project.environ.update(
            DB_HOST=live.server.host, DB_PORT=str(live.server.port), DB_USER=live.owner,
            DB_PASSWORD=live.password, DB_NAME=live.name,
        )  # fmt: skip
        assert project.run("backup", "b1").code == 0
        hook(project, before_restore=TELL, after_restore=TELL)
        assert project.run("restore", "b1", "--dry-run").code == 0
        assert project.run("restore", "b1").code == 13
        assert ran(project) == []
        for words, backup in (
            (["restore", "b1"], "b1"),
            (["restore", "undo"], None),
            (["restore", "discard"], None),
        ):
            outcome = project.run(*words, "--confirm", ",".join(live.databases()))
            assert outcome.code == 0, outcome
            assert ran(project) == ["before-restore", "after-restore"]
            after = told(project, "after-restore")
            assert (after["COMMAND"], after["OUTCOME"]) == (" ".join(words).removesuffix(" b1"), "done")
            assert (after["DATABASE"], after.get("BACKUP")) == (live.name, backup)
            forget(project)
        project.write("migrations/001_v.sql", "SELECT nonsense;")
        outcome = project.run("restore", "b1", "--migrate", "--confirm", live.name)
        assert outcome.code == 1, outcome
        assert told(project, "after-restore")["OUTCOME"] == "failed"
        assert live.content() == "live"
