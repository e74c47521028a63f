"""The face for Python, on every engine."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import pytest

from dbops import Migrator, UsageError
from tests.contract.site import Site

ON_START = """
from dbops import Migrator, migrate_on_start

print(*migrate_on_start().applied)
with Migrator() as migrator:
    print(*(status.version for status in migrator.status() if status.is_applied))
"""


def _python(site: Site) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(ON_START)], cwd=site.project.folder, text=True,
        env={**site.project.environ, "AUTO_MIGRATE": "true"}, stdout=subprocess.PIPE,
    )  # fmt: skip


def test_eight_that_start_at_once(abc: Site) -> None:
    """Each migration is applied by one of them, and all come up with everything applied."""
    children = [_python(abc) for _ in range(8)]
    said = [child.communicate(timeout=60)[0].splitlines() for child in children]
    assert [child.returncode for child in children] == [0] * 8
    assert [lines[1] for lines in said] == ["001 002 003"] * 8
    assert sorted(word for lines in said for word in lines[0].split()) == ["001", "002", "003"]
    assert abc.applied() == ["001", "002", "003"]


@pytest.mark.parametrize("steps", [0, -1])
def test_steps_count_from_one(abc: Site, steps: int) -> None:
    """A negative number is no slice: `down(steps=-1)` would undo all but one. An error, and nothing is done."""
    with Migrator(abc.engine.url, migrations_dir=abc.project.folder / "migrations") as migrator:
        for change in (migrator.plan, migrator.up):
            with pytest.raises(UsageError, match="steps counts from 1"):
                change(steps=steps)
        assert migrator.up().versions == ("001", "002", "003")
        for undo in (migrator.down, migrator.redo):
            with pytest.raises(UsageError, match="steps counts from 1"):
                undo(steps=steps, confirm=abc.engine.name)
    assert abc.applied() == ["001", "002", "003"]


def test_one_thread_after_the_other(abc: Site) -> None:
    """A block's verbs may come from different threads, as with asyncio.to_thread, as long as it is one at a time."""
    with Migrator(abc.engine.url, migrations_dir=abc.project.folder / "migrations") as migrator:
        assert migrator.current() is None
        with ThreadPoolExecutor(1) as other:
            assert other.submit(migrator.up).result().versions == ("001", "002", "003")
        assert migrator.current() == "003"
        with ThreadPoolExecutor(1) as other:
            assert other.submit(migrator.current).result() == "003"
