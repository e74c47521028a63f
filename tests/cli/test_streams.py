"""What becomes of a command when its output goes nowhere, and of names that a terminal would obey."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import Project

pytestmark = pytest.mark.one_major


def _shell(project: Project, redirected: str) -> tuple[int, str]:
    """Run `migrate` through sh with redirections; the exit code and what came out all the same."""
    line = f'"{sys.executable}" -I -m dbops migrate {redirected}'
    ended = subprocess.run(
        ["sh", "-c", line],
        cwd=project.folder,
        env=dict(project.environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-", "<&-", "| head -c 1 >/dev/null"])
def test_closed_streams_change_nothing_about_the_work(configured: Project, redirection: str) -> None:
    """The migration is applied and the code is 0, whichever stream is closed."""
    configured.write("migrations/001_t.sql", "CREATE TABLE t ();")

    code, shown = _shell(configured, f"up {redirection}")

    assert (code, "bug" in shown) == (0, False)
    assert configured.run("migrate", "current").stdout == "001 t\n"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("backup list", 0),
        ("backup --help", 0),
        ("backup show nothing", 2),
        ("backup b", 0),
        ("restore nothing", 2),
    ],
)
def test_a_pipe_without_a_reader_leaves_the_code(configured: Project, words: str, code: int) -> None:
    """`2>&1 | head -1` that has gone: the exit code is the command's own."""
    line = f'{{ "{sys.executable}" -I -m dbops {words}; echo $? >code; }} 2>&1 | exec 0<&-'
    subprocess.run(
        ["sh", "-c", line], cwd=configured.folder, env=dict(configured.environ), timeout=60, check=False
    )

    assert (configured.folder / "code").read_text() == f"{code}\n"


def test_a_result_that_cannot_be_written_is_a_failure(configured: Project) -> None:
    """stdout is a full disk: exit 1 and one sentence, no bug report."""
    configured.write("migrations/001_t.sql", "CREATE TABLE t ();")

    code, shown = _shell(configured, "status > /dev/full")

    assert code == 1
    assert "the output could not be written: No space left on device" in shown


def test_control_characters_of_a_server_message_are_spelled_out(configured: Project) -> None:
    """An error that would clear the screen is shown with its escape sequence as text."""
    configured.write("migrations/001_t.sql", "DO $$ BEGIN RAISE EXCEPTION E'a\\033[2Jb'; END $$;")

    outcome = configured.run("migrate", "up")

    assert "a\\x1b[2Jb" in outcome.stderr
    assert "\x1b" not in outcome.stderr


@pytest.mark.parametrize(
    ("name", "why"), [(b"002_\xff.sql", "is not UTF-8"), (b"002_a\nb.sql", "control character")]
)
def test_a_name_that_nothing_could_show_is_refused(configured: Project, name: bytes, why: str) -> None:
    """Exit 5 with the name spelled out; nothing is run."""
    configured.write("migrations/001_t.sql", "CREATE TABLE t ();")
    path = os.path.join(os.fsencode(configured.folder / "migrations"), name)
    with open(path, "wb") as file:
        file.write(b"SELECT 1;")

    outcome = configured.run("migrate", "up")

    assert outcome.code == 5
    assert why in outcome.stderr


def test_dry_run_is_understood_before_the_verb(configured: Project) -> None:
    """`--dry-run up` and the trading engine's `-dry-run -cmd up` show the plan and change nothing."""
    configured.write("migrations/001_t.sql", "CREATE TABLE t ();")
    for argv in (("--dry-run", "up"), ("-dry-run", "-cmd", "up"), ("up", "--dry-run")):
        outcome = configured.run("migrate", *argv)
        assert (outcome.code, outcome.stdout.startswith("up would run 1 step")) == (0, True), argv
    assert configured.run("migrate", "current").stdout.startswith("none")


def test_goto_does_not_pass_over_a_migration_that_stopped(configured: Project) -> None:
    """005 is partial: `goto 4` says so instead of finding nothing to do."""
    configured.write("migrations/004_t.sql", "CREATE TABLE t ();")
    configured.write("migrations/005_u.sql", "CREATE TABLE u (); VACUUM; SELECT 1/0;")
    assert configured.run("migrate", "up").code == 4

    outcome = configured.run("migrate", "goto", "4")

    assert outcome.code == 13
    assert "the up of version 005 stopped in the middle" in outcome.stderr
