"""Every folder below tests/data/formats/FORMAT/: how it is read, or why it is not, as its golden.txt says.

`bin/test tests/unit/migrations --update-golden` writes those files; look at the difference before it goes in.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dbops.config.model import Setting
from dbops.errors import DbopsError
from dbops.migrations.content import FileSettings, Section
from dbops.migrations.discovery import discover
from dbops.migrations.formats import NAMES
from dbops.migrations.prepare import split, verifying
from dbops.migrations.report import place
from dbops.migrations.texts import read

DATA = Path(__file__).resolve().parents[3] / "data" / "formats"
CASES = sorted(path.parent for path in DATA.glob("*/*/migrations"))


def variables_of(case: Path) -> dict[str, str]:
    """The lines of a case's variables.txt."""
    path = case / "variables.txt"
    if not path.exists():
        return {}
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_a_folder_is_read_as_expected(case: Path, request: pytest.FixtureRequest) -> None:
    """The format that is recognised, the migrations in order, their sections cut into statements; or the error."""
    found = "\n".join(_read(case)).replace(str(case), "CASE").rstrip() + "\n"
    golden = case / "golden.txt"
    if request.config.option.update_golden:
        golden.write_text(found)
    assert found == golden.read_text()


def test_every_format_has_its_cases() -> None:
    """A project of three migrations, at least."""
    assert {path.parent.name for path in CASES if path.name == "project"} == set(NAMES)


def _read(case: Path) -> Iterator[str]:
    try:
        folder = discover(Setting(case / "migrations"), variables=variables_of(case))
        yield folder.read_as
        for name, reason in folder.passed_over:
            yield f"passed over: {name}, {reason}"
        for file in folder.files:
            migration = read(file)
            yield f"\n=== {file.version} [{file.version.key}] {file.name} ({file.format})"
            if migration.code is not None:
                yield f"{migration.file.name}: {migration.description}"
            yield from _section("up", migration.up, migration.up_settings)
            if migration.down is None:
                yield "--- no down"
            else:
                yield from _section("down", migration.down, migration.down_settings)
            for check in verifying(migration.verify):
                assert migration.verify is not None  # it holds the query
                line, _ = place(migration.verify, check.statement.offset)
                yield f"--- verify, {check.expected.value or 'nothing false'}"
                yield f"{line}: {check.statement.text};"
    except DbopsError as error:
        yield f"error {error.exit_code}: {error.message}"
        yield f"hint: {error.hint}"


def _section(word: str, section: Section, settings: FileSettings) -> Iterator[str]:
    statements = split(section).statements
    if section.code is not None:
        times = (settings.lock_timeout, settings.statement_timeout, settings.deadline)
        yield f"{section.line}: {section.code}, timeouts {times}"
        return
    yield f"--- {word}{', no transaction' if settings.no_transaction else ''}"
    for statement in statements:
        line = section.line + section.sql.count("\n", 0, statement.offset)
        yield f"{line}: {statement.text};"
        if statement.data is not None:
            yield f"data: {statement.data!r}"
