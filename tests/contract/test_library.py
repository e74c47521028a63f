"""The face for Python, on every engine."""

from __future__ import annotations

import subprocess
import sys
import textwrap

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
