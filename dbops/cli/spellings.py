"""The spellings that users of other tools have in their fingers, turned into ours: pure rewriting of argv."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dbops.errors import UsageError

# Options with one dash, of the trading engine's tool and of golang-migrate.
_LONG = {
    "-cmd": "",
    "-conn": "--database-url",
    "-database": "--database-url",
    "-path": "--migrations-dir",
    "-dir": "--migrations-dir",
    "-source": "--migrations-dir",
    "-dry-run": "--dry-run",
    "-verbose": "--verbose",
    "-version": "--version",
    "-help": "--help",
}
# Those of ours that take a value, to tell a verb from a value that stands before it.
VALUED = frozenset(
    {
        "--database-url",
        "--conn",
        "--env",
        "--confirm",
        "--migrations-dir",
        "--tracking-table",
        "--format",
        "--var",
        "--alembic-python",
        "--lock-timeout",
    }
    | {"--statement-timeout", "--deadline"}
)

Rewrite = Callable[[list[str]], list[str]]


def migrate(argv: Sequence[str]) -> list[str]:
    """`migrate -cmd up`, `upgrade head`, `rollback 1.0.2` and the like as `up`, `up`, `down --through 1.0.2`.

    :raises UsageError: for a spelling whose meaning does not exist here.
    """
    words = long_options(argv)
    at = verb_at(words)
    if at is None:
        return words
    rewrite = VERBS.get(words[at])
    return words if rewrite is None else words[:at] + rewrite(words[at + 1 :])


def long_options(argv: Sequence[str]) -> list[str]:
    """One-dash options as ours; `-cmd up` as the verb alone."""
    words: list[str] = []
    for word in argv:
        name, equals, value = word.partition("=")
        long = _LONG.get(name)
        if long is None:
            words.append(word)
        elif long == "":
            words += [value] if equals else []
        else:
            value = value.removeprefix("file://")
            words.append(f"{long}={value}" if equals else long)
    return [word.removeprefix("file://") for word in words]


def verb_at(words: Sequence[str]) -> int | None:
    """Where the verb stands: the first word that is neither an option nor the value of one."""
    value_follows = False
    for at, word in enumerate(words):
        if value_follows:
            value_follows = False
        elif word.startswith("-"):
            value_follows = word in VALUED
        else:
            return at
    return None


def _target(rest: list[str]) -> tuple[str | None, list[str]]:
    """The first word that is no option (`-1` is one of Alembic's targets), and the others."""
    for at, word in enumerate(rest):
        if at and rest[at - 1] in VALUED:
            continue
        if not word.startswith("-") or word[1:].isdigit():
            return word, rest[:at] + rest[at + 1 :]
    return None, rest


def _upgrade(rest: list[str]) -> list[str]:
    target, others = _target(rest)
    if target in {None, "head", "heads"}:
        return ["up", *others]
    assert target is not None  # the line above
    return ["up", "--steps" if target.startswith("+") else "--to", target.lstrip("+"), *others]


def _downgrade(rest: list[str]) -> list[str]:
    target, others = _target(rest)
    if target is None:
        raise UsageError("downgrade to what?", hint="bin/migrate downgrade -1, or a version, or base")
    if target == "base":
        return ["down", "--to", "0", *others]
    return ["down", "--steps" if target.startswith("-") else "--to", target.lstrip("-"), *others]


def _stamp(rest: list[str]) -> list[str]:
    target, others = _target(rest)
    if target is None:
        raise UsageError("stamp which version?", hint="bin/migrate stamp VERSION")
    return ["force", {"base": "0"}.get(target, target), *others]


def _revision(rest: list[str]) -> list[str]:
    if "--autogenerate" in rest:
        raise UsageError(
            "revision --autogenerate has to be told where the models are",
            hint="bin/migrate diff --to models:package.module:Base.metadata NAME; or alembic revision --autogenerate, "
            "which bin/migrate up renders",
        )
    others, message = list(rest), None
    for at, word in enumerate(rest):
        option, equals, value = word.partition("=")
        if option == "--message" and equals:
            message, others = value, rest[:at] + rest[at + 1 :]
        elif word in {"-m", "--message"}:
            message, others = "".join(rest[at + 1 : at + 2]), rest[:at] + rest[at + 2 :]
    if not message:
        raise UsageError("revision needs a message", hint="bin/migrate revision -m 'add order notes'")
    return ["new", message, *others]


def _rollback(rest: list[str]) -> list[str]:
    target, others = _target(rest)
    if target is None:
        raise UsageError(
            "rollback which version?",
            hint="bin/migrate rollback VERSION, or bin/migrate down for the last one",
        )
    return ["down", "--through", target, *others]


def _create(rest: list[str]) -> list[str]:
    """golang-migrate's `create -ext sql -dir DIR -seq NAME`, the trading bot's `create VERSION NAME`."""
    words = [word for word in rest if word != "-seq"]
    is_pair = "-ext" in words
    for option in ("-ext", "-digits", "-format", "-tz"):
        if option in words:
            at = words.index(option)
            del words[at : at + 2]
    return ["new", *(("--format", "pairs") if is_pair else ()), *words]


VERBS: dict[str, Rewrite] = {
    "upgrade": _upgrade,
    "downgrade": _downgrade,
    "stamp": _stamp,
    "revision": _revision,
    "rollback": _rollback,
    "create": _create,
    "run": lambda rest: ["up", *rest],
    "version": lambda rest: ["current", *rest],
}
