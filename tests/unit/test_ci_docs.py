"""docs/ci.md: its YAML is well formed, its command lines are ones that dbops understands, its secrets stay secret."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from dbops.cli import backup, migrate
from dbops.cli.options import Parser, with_verb
from tests.unit.test_docs import ROOT

PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n# (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^dbops (\S+)(.*)$")
WORKFLOWS = dict(BLOCKS)


class _Lines:
    """The lines of a YAML document as (indentation, text), read from the front."""

    def __init__(self, text: str) -> None:
        assert "\t" not in text
        self.rest = [
            (len(line) - len(line.lstrip()), line.strip()) for line in text.splitlines() if line.strip()
        ]

    @property
    def depth(self) -> int:
        return self.rest[0][0] if self.rest else -1


def _value(lines: _Lines, depth: int) -> Any:
    """What is at one depth: a list of `- ` entries, or a mapping of `key:` lines.  Scalars stay text."""
    if lines.depth < depth:
        return None
    depth = lines.depth
    if lines.rest[0][1].startswith("- "):
        found = []
        while lines.depth == depth and lines.rest[0][1].startswith("- "):
            entry = lines.rest.pop(0)[1][2:]
            if re.match(r"[\w-]+:( |$)", entry):
                lines.rest.insert(0, (depth + 2, entry))
                found.append(_value(lines, depth + 2))
            else:
                found.append(_scalar(entry))
        return found
    return _mapping(lines, depth)


def _mapping(lines: _Lines, depth: int) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    while lines.depth == depth:
        key, colon, value = lines.rest.pop(0)[1].partition(":")
        assert colon, f"{key!r} is no key"
        assert re.fullmatch(r"[\w-]+", key), key
        assert key not in found, f"{key} is there twice"
        found[key] = _scalar(value.strip()) if value else _value(lines, depth + 1)
    assert lines.depth < depth, f"{lines.rest[0][1]!r} is indented too far"
    return found


def _scalar(text: str) -> str:
    assert text[:1] not in {"@", "`", "%", "&", "*", "!", "|", ">"}, text
    if text[:1] in "[{\"'":
        assert text[-1] == {"[": "]", "{": "}"}.get(text[0], text[0]), text
        return text
    assert ": " not in text, text
    assert " #" not in text, text
    return text


def _runs(value: Any) -> Iterator[str]:
    """The command lines of a workflow."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "run":
                yield inner
            else:
                yield from _runs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _runs(inner)


def _read(path: str) -> Any:
    return _value(_Lines(WORKFLOWS[path]), 0)


def test_both_are_there() -> None:
    """One workflow for each service, each with its three jobs."""
    assert list(WORKFLOWS) == [".github/workflows/database.yml", ".circleci/config.yml"]
    for path in WORKFLOWS:
        assert list(_read(path)["jobs"]) == ["migrations", "qa", "prod"]


@pytest.mark.parametrize("path", WORKFLOWS)
def test_every_command_line_is_one(path: str) -> None:
    """The real parsers take every `dbops ...` of the workflows, whole."""
    lines = [found for found in map(COMMAND.match, _runs(_read(path))) if found]
    assert len(lines) == 15
    for found in lines:
        words = shlex.split(found[2])
        parser: Parser = {"migrate": migrate.parser, "backup": backup.parser}[found[1]]()
        if found[1] == "backup":
            words = with_verb(words, parser, backup.VERBS, backup.CREATE)
        assert parser.parse_args(words).verb is not None


@pytest.mark.parametrize("path", WORKFLOWS)
@pytest.mark.parametrize("name", ["qa", "prod"])
def test_a_deploy(path: str, name: str) -> None:
    """Plan, up, check, then the application; a backup before production; one at a time, and none cancelled."""
    read = _read(path)
    ran = list(_runs(read["jobs"][name]))
    backup_line = [line for line in ran if line.startswith("dbops backup")]
    migrating = [line for line in ran if line.startswith("dbops migrate")]
    assert migrating == [f"dbops migrate {verb} --env {name}" for verb in ("plan", "up", "status --check")]
    assert bool(backup_line) == (name == "prod")
    assert all(ran.index(line) < ran.index(migrating[1]) for line in backup_line)
    assert ran[-1] == f"./deploy {name}"
    if "github" in path:
        assert read["jobs"][name]["concurrency"] == {
            "group": f"database-{name}",
            "cancel-in-progress": "false",
        }
        assert read["jobs"][name]["environment"] == name
        variable = f"{name.upper()}_DATABASE_URL"
        assert read["jobs"][name]["env"] == {variable: f"${{{{ secrets.{variable} }}}}"}
    else:
        job = next(one[name] for one in read["workflows"]["database"]["jobs"] if name in one)
        assert (job["context"], job["serial-group"].endswith(f"database-{name}")) == (name, True)


@pytest.mark.parametrize("path", WORKFLOWS)
def test_no_secret_is_shown(path: str) -> None:
    """No command line holds the URL of a shared database, echoes it, or traces what it runs."""
    for line in _runs(_read(path)):
        assert not re.search(r"DATABASE_URL|secrets\.|echo|set -x|printenv|--database-url|--conn", line), line


@pytest.mark.parametrize(
    "text",
    ["a: 1\n   b: 2\n", "a:\n  - b\n c: 1\n", "a: 1\na: 2\n", "a:\n\t- b\n", "a: b: c\n", 'a: "b\n'],
)
def test_what_is_not_well_formed(text: str) -> None:
    """The reader of these tests finds wrong indentation, keys that are there twice, tabs, open quotation marks."""
    with pytest.raises(AssertionError):
        _value(_Lines(text), 0)
