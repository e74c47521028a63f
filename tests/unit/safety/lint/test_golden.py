"""Every file below tests/data/lint/RULE/: what lint finds in it without a database, as its golden.txt says.

`bin/test tests/unit/safety/lint --update-golden` writes those files; look at the difference before it goes in.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from dbops import config
from dbops.config.model import Options
from dbops.migrations.model import MigrationFile, State, Status
from dbops.migrations.version import Version
from dbops.safety.lint.model import Finding
from dbops.safety.lint.rules import NAMES
from dbops.safety.lint.run import lint
from dbops.safety.lint.squawk import program

DATA = Path(__file__).resolve().parents[3] / "data" / "lint"
RULES = sorted(path.name for path in DATA.iterdir())


def found_in(path: Path, project: Path) -> Sequence[Finding]:
    """What is found in one file."""
    version = Version.parse("1")
    file = MigrationFile(version, path.stem, "single", str(path.parent), path.name)
    squawk = program(os.environ.get("PATH", ""))
    assert squawk is not None, "the extra dev brings squawk"
    status = Status(version, path.stem, State.PENDING, file)
    settings = config.load(Options(), {}, project)
    return lint([status], frozenset({version.key}), settings, None, squawk)


@pytest.mark.parametrize("rule", RULES)
def test_what_is_found(rule: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Of each file every finding of every level, with its place; the rule itself finds something in bad files alone."""
    lines = []
    for path in sorted((DATA / rule).glob("*.sql")):
        lines.append(f"=== {path.name}")
        found = found_in(path, tmp_path)
        lines += [f"{one.line}:{one.column} {one.level.label} {one.rule}: {one.message}" for one in found]
        if rule != "squawk":
            assert any(one.rule == rule for one in found) == path.name.startswith("bad"), path
    text = "\n".join(lines) + "\n"
    golden = DATA / rule / "golden.txt"
    if request.config.option.update_golden:
        golden.write_text(text)
    assert text == golden.read_text()


def test_every_rule_has_its_cases() -> None:
    """Bad ones and good ones; and squawk's rules are no rules of ours, but have theirs, too."""
    assert set(RULES) == {*NAMES, "squawk"}
    for rule in RULES:
        names = [path.name for path in (DATA / rule).glob("*.sql")]
        assert any(name.startswith("bad") for name in names), rule
        assert any(name.startswith("good") for name in names), rule
