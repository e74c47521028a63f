"""Command lines without a verb: the default one is put in where it belongs."""

from __future__ import annotations

import pytest

from dbops.cli import backup
from dbops.cli.options import with_verb
from dbops.errors import UsageError


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("", "create"),
        ("name", "create name"),
        ("create name", "create name"),
        ("list", "list"),
        ("--json list", "--json list"),
        ("--json name", "--json create name"),
        ("--backups-dir list name", "--backups-dir list create name"),
        ("--backups-dir=list name", "--backups-dir=list create name"),
        ("--format custom --table list", "--format custom --table list create"),
        ("--conn postgresql://h/list list", "--conn postgresql://h/list list"),
        ("name --dry-run", "create name --dry-run"),
        ("-v -q", "-v -q create"),
        ("--help", "--help"),
        ("--version", "--version"),
        ("--json -h", "--json -h"),
        ("-", "create -"),
        ("-- -name", "create -- -name"),
        ("-- list", "create -- list"),
    ],
)
def test_where_the_verb_goes(typed: str, meant: str) -> None:
    """Before the first word that is no option and no option's value."""
    assert with_verb(typed.split(), backup.parser(), backup.VERBS, backup.CREATE) == meant.split()


@pytest.mark.parametrize("typed", ["--backups-dir", "--jobs"])
def test_an_option_without_its_value(typed: str) -> None:
    """The default verb is not taken for the value."""
    main_parser = backup.parser()
    with pytest.raises(UsageError, match="expected one argument"):
        main_parser.parse_args(with_verb(typed.split(), main_parser, backup.VERBS, backup.CREATE))


@pytest.mark.parametrize(
    ("typed", "name"),
    [("", None), ("b", "b"), ("create b", "b"), ("--json b --jobs 2", "b"), ("-- list", "list")],
)
def test_what_is_understood(typed: str, name: str | None) -> None:
    """Options before and after the verb and the name."""
    main_parser = backup.parser()
    arguments = main_parser.parse_args(with_verb(typed.split(), main_parser, backup.VERBS, backup.CREATE))
    assert arguments.verb == "create"
    assert arguments.name == name
