"""The launchers in bin/ and dbops/bootstrap.sh, on a small copy of the project.

A `uv` of our own on the PATH stands in for the installers: it makes a real (empty) virtual environment, writes
the .pth file of an editable install, and notes what it was asked.  Nothing is loaded from anywhere.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]

UV = """#!/bin/sh
echo "$*" >>"$UV_NOTES"
case "$*" in
    --version) ;;
    venv*) exec "$REAL_PYTHON" -I -m venv --without-pip .venv ;;
    *requirements/*)
        [ ! -e "$UV_NOTES.hold" ] || { : >"$UV_NOTES.held"; exec sleep 60; }
        [ ! -e "$UV_NOTES.slow" ] || : >"$UV_NOTES.held"
        while [ -e "$UV_NOTES.slow" ]; do sleep 0.1; done ;;
    *'-e .') for site in .venv/lib/python*/site-packages; do pwd >"$site/fake.pth"; done ;;
esac
"""

SAYS_WHAT_IT_GOT = """
import os, sys
print(*sys.argv[1:], sep="|")
print(os.environ["DBOPS_PROJECT"])
"""


@dataclasses.dataclass(frozen=True)
class Clone:
    """A copy of what starts the project, with a harmless `python -m dbops`."""

    root: Path
    outside: Path  # home, PATH and notes of the fake installer

    @property
    def environ(self) -> dict[str, str]:
        return {
            "HOME": str(self.outside),
            "PATH": f"{self.outside}:/usr/local/bin:/usr/bin:/bin",
            "UV_NOTES": str(self.outside / "notes"),
            "REAL_PYTHON": sys.executable,
            "DBOPS_PYTHON": sys.executable,
        }

    def start(self, *argv: str | Path, **environ: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(part) for part in argv],
            env=self.environ | environ,
            cwd=self.outside,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *argv: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
        with self.start(*argv, **environ) as process:
            out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(argv, process.returncode, out, err)

    def migrate(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return self.run(self.root / "bin" / "migrate", *arguments, **environ)

    def installs(self) -> int:
        """How often something was installed from the lock file."""
        notes = self.outside / "notes"
        return notes.read_text().count("-r requirements/lock.txt") if notes.exists() else 0

    def switch(self, name: str) -> Path:
        """A file that changes what the fake installer does while it is there."""
        path = self.outside / f"notes.{name}"
        path.touch()
        return path


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """A bare clone in a folder with a space and a quote in its name."""
    root, outside = tmp_path / "trading engine's", tmp_path / "outside"
    outside.mkdir()
    (outside / "uv").write_text(UV)
    (outside / "uv").chmod(0o755)
    (root / "dbops").mkdir(parents=True)
    shutil.copytree(ROOT / "bin", root / "bin")
    shutil.copytree(ROOT / "requirements", root / "requirements")
    shutil.copy(ROOT / "pyproject.toml", root)
    shutil.copy(ROOT / "dbops" / "bootstrap.sh", root / "dbops")
    (root / "dbops" / "__init__.py").touch()
    (root / "dbops" / "__main__.py").write_text(SAYS_WHAT_IT_GOT)
    return Clone(root, outside)


@pytest.fixture
def installed(clone: Clone) -> Clone:
    """A clone after its first run."""
    first = clone.migrate("status")
    assert first.returncode == 0, first.stderr
    return clone


def _later(path: Path) -> None:
    """Give a file a time after any stamp's, without waiting for it."""
    later = time.time() + 5
    os.utime(path, (later, later))


def test_first_run_installs_and_says_so(clone: Clone) -> None:
    """The first run makes .venv, tells about it on stderr only, and hands on the arguments as they are."""
    first = clone.migrate("up", "a b", "")
    assert first.returncode == 0, first.stderr
    assert first.stdout == f"migrate|up|a b|\n{clone.root}\n"
    assert [line[:4] for line in first.stderr.splitlines()] == ["==> ", "==> "]
    assert clone.installs() == 1


def test_later_runs_install_nothing(installed: Clone) -> None:
    """Once installed, every launcher goes straight to Python and is silent."""
    for launcher in ("migrate", "setup-dev-db"):
        again = installed.run(installed.root / "bin" / launcher, "status")
        assert (again.returncode, again.stderr) == (0, "")
        assert again.stdout == f"{launcher}|status\n{installed.root}\n"
    assert installed.installs() == 1


def test_launchers_differ_in_one_word() -> None:
    """bin/migrate and bin/setup-dev-db are one text but for the command's name."""
    migrate = (ROOT / "bin" / "migrate").read_text()
    assert migrate.replace("migrate", "setup-dev-db") == (ROOT / "bin" / "setup-dev-db").read_text()


@pytest.mark.parametrize("shell", SHELLS)
def test_any_shell_runs_them(installed: Clone, shell: str) -> None:
    """dash, bash in its POSIX mode and busybox read the launchers and the bootstrap alike."""
    (installed.root / ".venv" / "dbops-stamp").unlink()
    words = {"bash": ["bash", "--posix"], "busybox": ["busybox", "sh"]}.get(shell, [shell])
    done = installed.run(*words, installed.root / "bin" / "migrate", "status")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "migrate|status"), done.stderr
    bootstrap = installed.run(*words, installed.root / "dbops" / "bootstrap.sh")
    assert (bootstrap.returncode, bootstrap.stdout, bootstrap.stderr) == (0, "", "")


def test_found_through_symlinks(installed: Clone) -> None:
    """A chain of links, a relative one among them, leads to the clone, also with CDPATH set."""
    folder = installed.outside / "bin"
    folder.mkdir()
    (folder / "first").symlink_to(installed.root / "bin" / "migrate")
    (folder / "second").symlink_to("first")
    (installed.outside / "third").symlink_to("bin/second")
    for argv in ([installed.outside / "third"], ["sh", "third"], ["sh", "bin/second"]):
        done = installed.run(*argv, "status", CDPATH=str(installed.root))
        assert done.stdout == f"migrate|status\n{installed.root}\n", done.stderr


def test_project_of_the_user_is_kept(installed: Clone) -> None:
    """DBOPS_PROJECT that is set already is not replaced by the clone's folder."""
    assert installed.migrate("status", DBOPS_PROJECT="/elsewhere").stdout.splitlines()[1] == "/elsewhere"


def test_configuration_edited(installed: Clone) -> None:
    """A change in [tool.dbops] installs nothing; the new time of the file is noted once."""
    pyproject = installed.root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('"trading_engine"', '"other"'))
    done = installed.migrate("status")
    assert (done.returncode, done.stderr, installed.installs()) == (0, "", 1)


def test_lock_file_changed(installed: Clone) -> None:
    """Another lock file is installed into the .venv that is there."""
    lock = installed.root / "requirements" / "lock.txt"
    lock.write_text(lock.read_text() + "# another\n")
    _later(lock)
    done = installed.migrate("status")
    assert (done.returncode, installed.installs()) == (0, 2), done.stderr
    assert "making .venv" not in done.stderr


def test_moved_clone(installed: Clone) -> None:
    """After `mv` the .venv points at the old place: it is made anew, and the new place is what runs."""
    moved = dataclasses.replace(installed, root=installed.root.with_name("moved"))
    installed.root.rename(moved.root)
    done = moved.migrate("status")
    assert done.stdout == f"migrate|status\n{moved.root}\n", done.stderr
    assert "starting .venv over" in done.stderr


def test_python_gone(installed: Clone) -> None:
    """The Python that .venv was made with has been removed: it is made anew with another."""
    python = installed.root / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nonexistent/python3")
    done = installed.migrate("status")
    assert (done.returncode, installed.installs()) == (0, 2), done.stderr


def test_killed_install_is_started_over(clone: Clone) -> None:
    """kill -9 while libraries are installed: no stamp, and the next run starts over and finishes."""
    hold = clone.switch("hold")
    with clone.start(clone.root / "bin" / "migrate", "status") as first:
        _wait_for(clone.outside / "notes.held")
        os.killpg(first.pid, signal.SIGKILL)
    assert not (clone.root / ".venv" / "dbops-stamp").exists()
    hold.unlink()
    done = clone.migrate("status")
    assert done.returncode == 0, done.stderr
    assert "starting .venv over" in done.stderr


def test_interrupted_install_leaves_nothing(clone: Clone) -> None:
    """Ctrl-C in the first install: exit 130, and no .venv, as before."""
    clone.switch("hold")
    with clone.start(clone.root / "bin" / "migrate", "status") as first:
        _wait_for(clone.outside / "notes.held")
        os.killpg(first.pid, signal.SIGINT)
        _, err = first.communicate(timeout=30)
    assert first.returncode == 130
    assert "interrupted" in err
    assert not list(clone.root.glob(".venv*/"))


def test_two_first_runs_at_once(clone: Clone) -> None:
    """The second waits, says so, and uses what the first has installed."""
    slow = clone.switch("slow")
    migrate = clone.root / "bin" / "migrate"
    with clone.start(migrate, "one") as one:
        _wait_for(clone.outside / "notes.held")
        with clone.start(migrate, "two") as two:
            assert two.stderr is not None
            while "waiting for it" not in (line := two.stderr.readline()):
                assert line, "it does not wait"
            slow.unlink()
            results = [process.communicate(timeout=60) for process in (one, two)]
    assert [one.returncode, two.returncode] == [0, 0], results
    assert [out.splitlines()[0] for out, _ in results] == ["migrate|one", "migrate|two"]
    assert "waiting for it" not in results[0][1]
    assert clone.installs() == 1


def test_python_too_old(clone: Clone) -> None:
    """A Python before 3.11 is refused with exit 12, what was found, and what to do; nothing is made."""
    old = clone.outside / "python3.9"
    old.write_text("#!/bin/sh\necho 3.9 /opt/python3.9\nexit 3\n")
    old.chmod(0o755)
    done = clone.migrate("status", DBOPS_PYTHON=str(old))
    assert (done.returncode, done.stdout) == (12, "")
    assert "needs Python 3.11 or later" in done.stderr
    assert "3.9 (/opt/python3.9)" in done.stderr
    assert "hint: " in done.stderr
    assert not list(clone.root.glob(".venv*"))


def test_python_missing(clone: Clone) -> None:
    """A DBOPS_PYTHON that does not run is named, exit 12."""
    done = clone.migrate("status", DBOPS_PYTHON="/nonexistent/python")
    assert done.returncode == 12
    assert "DBOPS_PYTHON=/nonexistent/python does not run" in done.stderr


def test_environment_of_the_user_is_used(clone: Clone) -> None:
    """A .venv that the user made gets the libraries and keeps everything that is in it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", clone.root / ".venv"], check=True)
    own = clone.root / ".venv" / "own"
    own.touch()
    done = clone.migrate("status")
    assert done.returncode == 0, done.stderr
    assert "using the .venv that is there" in done.stderr
    assert own.exists()


def test_foreign_folder_is_not_touched(clone: Clone) -> None:
    """A .venv that is no environment is neither used nor removed: exit 12 and the command that moves it away."""
    (clone.root / ".venv").mkdir()
    (clone.root / ".venv" / "notes").touch()
    done = clone.migrate("status")
    assert done.returncode == 12
    assert "hint: mv .venv .venv.old" in done.stderr
    assert [path.name for path in (clone.root / ".venv").iterdir()] == ["notes"]


def test_without_network(clone: Clone) -> None:
    """uv and pip both fail: exit 12 with pip's own words, and no .venv is left."""
    (clone.outside / "uv").write_text("#!/bin/sh\nexit 1\n")
    done = clone.migrate("status", PIP_NO_INDEX="1", PIP_FIND_LINKS="")
    assert (done.returncode, done.stdout) == (12, "")
    assert "error: installing from requirements/lock.txt failed" in done.stderr
    assert "No matching distribution" in done.stderr
    assert not list(clone.root.glob(".venv*/"))


def _wait_for(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.02)
