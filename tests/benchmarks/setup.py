"""How long `setup-dev-db` takes: the first run on a machine without a server, and a run with nothing to do."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.contestants import PYTHON, environ
from tests.benchmarks.ground import ROOT
from tests.benchmarks.measure import Command, Taken, say, timed

FIRST_BOUND = 5.0
AGAIN_BOUND = 0.5
MODULE = (PYTHON, "-I", "-m", "dbops", "setup-dev-db")


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3, help="fresh projects (default: 3)")
    options.add_argument("--again", type=int, default=5, help="runs with nothing to do in each (default: 5)")
    given = options.parse_args()
    if not (ROOT / "dbops" / "cli" / "setup_dev_db.py").exists():
        sys.exit("setup-dev-db is not in this clone: nothing to measure")
    launcher = ROOT / "bin" / "setup-dev-db"
    ways: list[tuple[str, tuple[str, ...]]] = [("python -m dbops setup-dev-db", MODULE)]
    if launcher.exists() and (ROOT / ".venv" / "dbops-stamp").exists():
        ways.append(("bin/setup-dev-db", (str(launcher),)))
    first: dict[str, list[Taken]] = {name: [] for name, _ in ways}
    again: dict[str, list[Taken]] = {name: [] for name, _ in ways}
    for _ in range(given.rounds):
        for name, argv in ways:
            with _project() as folder:
                first[name].append(timed(_command(folder, argv)))
                again[name] += [timed(_command(folder, argv)) for _ in range(given.again)]
            say(f"{name}: first {first[name][-1].seconds:.2f} s, again {again[name][-1].seconds:.3f} s")
    print(
        f"\nthe schema of this clone in both databases, private server with settings as shipped; {given.rounds} rounds"
    )
    for name, _ in ways:
        _print(name, "first run", first[name], FIRST_BOUND)
        _print(name, "nothing to do", again[name], AGAIN_BOUND)


@contextlib.contextmanager
def _project() -> Iterator[Path]:
    """A project without a server; the private one that it gets is destroyed in the end."""
    with tempfile.TemporaryDirectory(prefix="dbops-s-", dir="/tmp") as made:
        folder = Path(made)
        shutil.copytree(ROOT / "migrations", folder / "migrations")
        shutil.copy(ROOT / "pyproject.toml", folder)
        try:
            yield folder
        finally:
            timed(_command(folder, MODULE, "destroy", "--yes"))


def _command(folder: Path, argv: tuple[str, ...], *words: str) -> Command:
    """`--server private`: a server that happens to answer on localhost is not what is measured."""
    return Command((*argv, *words, "--server", "private"), environ(folder, DBOPS_PROJECT=str(folder)), folder)


def _print(name: str, what: str, runs: list[Taken], bound: float) -> None:
    seconds = sorted(taken.seconds for taken in runs)
    judged = "kept" if seconds[0] <= bound else "MISSED"
    print(
        f"{name:28}  {what:14} minimum {seconds[0]:6.3f} s  median {seconds[len(seconds) // 2]:6.3f} s"
        f"   bound {bound:g} s: {judged}"
    )


if __name__ == "__main__":
    main()
