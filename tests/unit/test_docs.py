"""What the handbook says agrees with the parsers and the exit codes, and its links lead somewhere."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from dbops.cli import backup, migrate, migrate_options, restore, seed_test_data, setup_dev_db, spellings
from dbops.cli.options import Parser
from dbops.engines.records import Action
from dbops.errors import ExitCode
from dbops.migrations.model import State

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    "backup": ROOT / "docs" / "backup.md",
    "migrate": ROOT / "docs" / "migrate.md",
    "restore": ROOT / "docs" / "restore.md",
    "seed-test-data": ROOT / "docs" / "seed-test-data.md",
    "setup-dev-db": ROOT / "docs" / "setup-dev-db.md",
}
PARSERS = {
    "backup": backup.parser,
    "migrate": migrate.parser,
    "restore": restore.parser,
    "seed-test-data": seed_test_data.parser,
    "setup-dev-db": setup_dev_db._parser,
}
SECTIONED = [
    (command, verb)
    for command, verbs in (
        ("backup", backup.VERBS),
        ("migrate", migrate_options.VERBS),
        ("restore", restore.VERBS),
        ("seed-test-data", seed_test_data.VERBS),
    )
    for verb in verbs
]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "tests" / "benchmarks").glob("*.md")]
)

HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
# A command line ends where the shell's does, at the end of a code span, and at the words of a sentence or table.
COMMAND = re.compile(r"bin/(backup|migrate|restore|seed-test-data|setup-dev-db)\b([^\n;|&`#<>)]*)")


def _verbs(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    subparsers = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return dict(subparsers.choices)


def _options(parser: argparse.ArgumentParser) -> set[str]:
    """The long options of a parser; of a verb's parser also those that it shares with the others."""
    return {flag for action in parser._actions for flag in action.option_strings if flag.startswith("--")}


def _mentions(text: str, option: str) -> bool:
    return re.search(rf"`[^`\n]*{re.escape(option)}(?![\w-])[^`\n]*`", text) is not None


def _section(page: str, verb: str) -> str:
    """What stands under the heading of a verb."""
    found = re.search(rf"^### {verb}$(.*?)(?=^##)", page, re.MULTILINE | re.DOTALL)
    assert found is not None, f"no heading for {verb}"
    return found[1]


def _anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    headings = HEADING.findall(FENCED.sub("", path.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _commands() -> Iterator[tuple[Path, str, list[str]]]:
    """Every command line in the documents: where, which command, its words."""
    for path in DOCUMENTS:
        for command, rest in COMMAND.findall(path.read_text(encoding="utf-8").replace("\\|", "/")):
            yield path, command, _words(rest)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # the quotation marks of a sentence
        return text.split()


@pytest.mark.parametrize("command", PAGES)
def test_every_option_is_on_the_page_of_its_command(command: str) -> None:
    """An option that a parser knows and the page does not mention: the page is behind."""
    parser, page = PARSERS[command](), PAGES[command].read_text(encoding="utf-8")
    known = _options(parser).union(*map(_options, _verbs(parser).values()))
    assert {option for option in known if not _mentions(page, option)} == set()


@pytest.mark.parametrize("command", PAGES)
def test_every_verb_is_on_the_page_of_its_command(command: str) -> None:
    """A verb that the page does not name as code: the page is behind."""
    page = PAGES[command].read_text(encoding="utf-8")
    assert {verb for verb in _verbs(PARSERS[command]()) if f"`{verb}`" not in page} == set()


@pytest.mark.parametrize(("command", "verb"), SECTIONED)
def test_every_verb_has_a_section_with_its_own_options(command: str, verb: str) -> None:
    """Each verb has a heading, and below it every option that not all verbs have."""
    options = {name: _options(parser) for name, parser in _verbs(PARSERS[command]()).items()}
    own = {option for option in options[verb] if any(option not in others for others in options.values())}
    section = _section(PAGES[command].read_text(encoding="utf-8"), verb)
    assert {option for option in own if not _mentions(section, option)} == set()


def test_every_command_line_in_the_documents_can_be_parsed() -> None:
    """`bin/migrate up --only 4`: the verb exists, and so do the options, in the parser of that verb."""
    found = list(_commands())
    assert len(found) > 100
    assert [line for line in found if _unknown(line[1], line[2])] == []


def _unknown(command: str, words: list[str]) -> set[str]:
    """What a command's parser does not know: its verb, or options."""
    parser: Parser = PARSERS[command]()
    verbs = _verbs(parser)
    if command == "migrate":
        words = spellings.migrate(words)
        at = spellings.verb_at(words)
        verb = None if at is None else words[at]
    else:
        verb = next((word for word in words if word in verbs), None)
    # A sentence may go on behind the command, so that only a word that looks like a verb can be judged.
    if command == "migrate" and verb is not None and verb not in verbs:
        return {verb} if re.fullmatch("[a-z]{4,}", verb) else set()
    known = _options(verbs.get(verb or "", parser)) | {"--version", "--help"}
    given = {re.split("[=/]", word)[0].rstrip(".,:") for word in words if word.startswith("--")}
    return given - known


def test_links_lead_somewhere() -> None:
    """Every link between pages names a file that is there, and a heading in it."""
    broken = []
    for path in DOCUMENTS:
        for link in LINK.findall(FENCED.sub("", path.read_text(encoding="utf-8"))):
            if "://" in link:
                continue
            name, _, anchor = link.partition("#")
            target = (path.parent / name).resolve() if name else path
            if not target.exists() or (anchor and anchor not in _anchors(target)):
                broken.append(f"{path.relative_to(ROOT)}: {link}")
    assert broken == []


def test_every_page_is_linked_from_the_readme() -> None:
    """A page that README does not lead to is not found."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in (ROOT / "docs").glob("*.md") if f"(docs/{path.name})" not in readme] == []


def test_exit_codes_are_those_of_the_code() -> None:
    """The table on the page is `ExitCode`: numbers, names, order."""
    page = (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", page, re.MULTILINE)
    assert [(int(number), name) for number, name in rows] == [(int(code), code.name) for code in ExitCode]


def test_states_and_actions_are_named() -> None:
    """Every state that status shows and every action of the event log stands on the page of migrate."""
    page = PAGES["migrate"].read_text(encoding="utf-8")
    words = [*(state.value for state in State), *(action.value for action in Action)]
    assert [word for word in words if f"`{word}`" not in page] == []
