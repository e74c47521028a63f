"""The command line of `bin/migrate`: help, options on either side of the verb, and what is wrong with a command."""

from __future__ import annotations

import importlib
import json

import pytest

from dbops.cli import app, spellings
from dbops.cli.migrate import ordered, parser
from dbops.cli.migrate_options import VERBS
from dbops.cli.options import own_options, settings_options


def run(*argv: str) -> int:
    """Run `bin/migrate ARGV` in this process; help ends it as argparse does."""
    try:
        return app.run("migrate", list(argv), lambda: importlib.import_module("dbops.cli.migrate"))
    except SystemExit as ended:
        return int(ended.code or 0)


WHILE_IT_RUNS = ["--no-analyze", "--vacuum", "--terminate-blockers"]
OPTIONS = {
    "init": ["--dry-run"],
    "up": [
        "N",
        "--steps",
        "--to",
        "--only",
        "--out-of-order",
        "--single-transaction",
        "--check",
        "--require-rehearsal",
        "--backups-dir",
        "--dry-run",
        *WHILE_IT_RUNS,
    ],
    "down": ["N", "--steps", "--to", "--through", "--dry-run", "--started-statement", *WHILE_IT_RUNS],
    "goto": [
        "VERSION",
        "--out-of-order",
        "--single-transaction",
        "--backups-dir",
        "--dry-run",
        *WHILE_IT_RUNS,
    ],
    "redo": ["N", "--steps", "--through", "--dry-run", *WHILE_IT_RUNS],
    "plan": [
        "N",
        "--steps",
        "--to",
        "--only",
        "--check",
        "--trace",
        "--from-backup",
        "--scratch-url",
        "--backups-dir",
    ],
    "status": ["--check"],
    "current": ["--check"],
    "heads": [],
    "drift": ["--accept", "--dry-run"],
    "schema": ["--output", "--check", "--dry-run"],
    "diff": ["--to", "NAME", "--rename", "--no-rename", "--check", "--scratch-url", "--dry-run"],
    "diagram": ["--output", "--format-out", "--schema", "--table", "--check", "--dry-run"],
    "history": ["--markdown"],
    "verify": ["--applied", "VERSION", "--all", "--empty", "--twice", "--scratch-url"],
    "new": ["NAME", "--format", "--timestamp"],
    "renumber": ["VERSION", "FILE", "--to", "--dry-run"],
    "force": ["VERSION", "--dry-run"],
    "baseline": ["VERSION", "--dry-run"],
    "mark": ["VERSION", "--not-applied", "--dry-run"],
    "repair": ["VERSION", "--dry-run"],
    "adopt": [
        "--from",
        "--table",
        "--dirty-applied",
        "--dirty-reverted",
        "--accept-changed",
        "--mirror",
        "--dry-run",
    ],
    "validate": ["schema", "migration", "rollback"],
    "lint": ["VERSION", "--all", "--level", "--format-out", "--no-database"],
    "unlock": ["--yes"],
}
SHARED = [
    "--database-url",
    "--conn",
    "--env",
    "--json",
    "--verbose",
    "--quiet",
    "--yes",
    "--confirm",
    "--migrations-dir",
]


def test_every_verb_is_tested_here() -> None:
    """A new verb needs a line above."""
    assert set(OPTIONS) == set(VERBS)


@pytest.mark.parametrize("verb", OPTIONS)
def test_help_of_every_verb(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0, with the verb's own options and those of all commands."""
    assert run(verb, "--help") == 0
    shown = capsys.readouterr().out
    for option in (*OPTIONS[verb], *SHARED):
        assert option in shown


def test_help_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Every verb with its summary, examples, and the other tools' spellings; -h, --help and -help alike."""
    for option in ("-h", "--help", "-help"):
        assert run(option) == 0
        shown = capsys.readouterr().out
        for verb in VERBS:
            assert f"    {verb} " in shown
        assert "examples:" in shown
        assert "migrate -cmd up" in shown


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--version, and -version as golang-migrate has it."""
    for option in ("--version", "-version"):
        assert run(option) == 0
        assert capsys.readouterr().out.startswith("dbops ")


@pytest.mark.parametrize(
    ("argv", "message", "hint"),
    [
        ([], "what shall be done?", "bin/migrate --help"),
        (["frobnicate"], "'frobnicate' is not a verb", "bin/migrate --help lists the verbs"),
        (["stats"], "'stats' is not a verb", "did you mean bin/migrate status?"),
        (["diff"], "what shall it lead to?", "bin/migrate diff --help"),
        (["validate", "rollback"], "of which version", "validate rollback VERSION"),
        (["validate", "all"], "validate all is not known", "validate migration VERSION"),
        (["up", "--frob"], "unrecognized arguments: --frob", "--help"),
        (["up", "1", "2"], "unrecognized arguments: 2", "--help"),
        (["goto"], "the following arguments are required: VERSION", "bin/migrate goto --help"),
        (["new"], "required", "bin/migrate new --help"),
        (["up", "--to"], "expected one argument", "bin/migrate up --help"),
        (["up", "--steps", "many"], "invalid int value: 'many'", "bin/migrate up --help"),
        (["mark", "1", "--dryrun"], "unrecognized arguments: --dryrun", "--help"),
        (["status", "--che"], "unrecognized arguments: --che", "--help"),
        (
            ["plan", "--require-rehearsal"],
            "--require-rehearsal is an option of up, not of plan",
            "plan --help",
        ),
        (["--from-backup=x", "up"], "--from-backup is an option of plan, not of up", "bin/migrate up --help"),
        (["--backups-dir", "x"], "an option of up, goto and plan, and no verb is given", "bin/migrate up"),
        (["--frob", "up"], "unrecognized arguments: --frob", "--help"),
        (["--backups-dir", "x", "stats"], "'stats' is not a verb", "did you mean bin/migrate status?"),
        (["-cmd"], "what shall be done?", "bin/migrate --help"),
        (["rollback"], "rollback which version?", "bin/migrate rollback VERSION"),
    ],
)
def test_wrong_usage(argv: list[str], message: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2 with one line that says what is wrong, and a hint; no traceback, nothing on stdout."""
    assert run(*argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert len(lines) == 2, captured.err
    assert lines[0].startswith("error: ")
    assert message in lines[0]
    assert lines[1].startswith("hint: ")


def test_wrong_usage_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Also an argv that cannot be parsed is answered in JSON when it asks for it."""
    assert run("frob", "--json") == 2
    captured = capsys.readouterr()
    assert captured.err == ""
    answer = json.loads(captured.out)
    assert (answer["type"], answer["code"], answer["command"]) == ("error", 2, "migrate")
    assert answer["hint"]


@pytest.mark.parametrize(
    "option",
    [
        ("--database-url", "U"),
        ("--conn", "U"),
        ("--env", "qa"),
        ("--confirm", "db"),
        ("--migrations-dir", "d"),
        ("--tracking-table", "t"),
        ("--lock-timeout", "1s"),
        ("--statement-timeout", "1s"),
        ("--deadline", "1s"),
    ],
)
def test_options_before_and_after_the_verb(option: tuple[str, str]) -> None:
    """They mean the same on either side, and the later one wins."""
    name, value = option
    before = settings_options(parser().parse_args([name, value, "up"]))
    after = settings_options(parser("up").parse_args(["up", name, value]))
    both = settings_options(parser().parse_args([name, "other", "up", name, value]))
    assert before == after == both
    assert value in vars(before).values() if hasattr(before, "__dict__") else True
    assert before != settings_options(parser().parse_args(["up"]))


@pytest.mark.parametrize("flag", ["--json", "-v", "--verbose", "-q", "--quiet", "--yes"])
def test_flags_before_and_after_the_verb(flag: str) -> None:
    """A flag before the verb is not taken back by the verb's default."""
    nothing = vars(parser().parse_args(["up"]))
    before = vars(parser().parse_args([flag, "up"]))
    after = vars(parser().parse_args(["up", flag]))
    assert before == after != nothing


@pytest.mark.parametrize(
    ("typed", "means"),
    [
        ("--backups-dir X plan", "plan --backups-dir X"),
        ("--backups-dir=X plan 2", "plan 2 --backups-dir X"),
        ("--json --to 3 --check up", "up --json --to 3 --check"),
        ("--to 3 --json up --to 4", "up --json --to 4"),
        ("--backups-dir up plan", "plan --backups-dir up"),
        ("--require-fresh-backup up 2", "up 2 --require-fresh-backup"),
        ("--require-fresh-backup 30min up 2", "up 2 --require-fresh-backup 30min"),
        ("--dirty-applied 3 4 adopt --from flyway", "adopt --from flyway --dirty-applied 3 4"),
        ("--applied verify", "verify --applied"),
        ("--trace upgrade head", "up --trace"),
        ("--backups-dir X -path D upgrade head", "up --backups-dir X --migrations-dir D"),
        ("--single-transaction -cmd up", "up --single-transaction"),
    ],
)
def test_options_of_the_verb_before_it(typed: str, means: str) -> None:
    """They mean what they mean after it, whether they take a value, may take one, or take several."""
    assert read(typed) == read(means)


def read(line: str) -> tuple[object, object]:
    """What a command line means: what is set, and what is not known."""
    words = spellings.migrate(ordered(spellings.long_options(line.split())))
    at = spellings.verb_at(words)
    arguments, unknown = parser(None if at is None else words[at]).parse_known_args(words)
    return vars(arguments), unknown


def test_an_option_takes_as_much_in_every_verb() -> None:
    """Before the verb it is not known yet which verb's option it is."""
    takes: dict[str, object] = {}
    for options in (options for _, options in VERBS.values()):
        for action in own_options(options)._actions:
            for name in action.option_strings:
                assert takes.setdefault(name, action.nargs) == action.nargs, name
