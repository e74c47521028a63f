"""The verbs of `bin/backup` that need no database: list, show, prune."""

from __future__ import annotations

import argparse
import datetime
from collections.abc import Callable

from dbops.backups import names, retention
from dbops.backups.entries import Damaged, Entry, Unproven
from dbops.backups.retention import Decision, Policy
from dbops.backups.store import Store
from dbops.cli import backup_show, backup_tables
from dbops.cli.connect import database_and_engine, load_settings
from dbops.cli.options import AddOption, option
from dbops.cli.output import Output
from dbops.errors import ExitCode
from dbops.events import Note, Warned

_KEEP = ("last", "hourly", "daily", "weekly", "monthly", "yearly")


def list_(arguments: argparse.Namespace, out: Output) -> int:
    """Every entry of the folder, the oldest first."""
    from dbops.backups import listing

    store, now = _store(arguments, out), _now()
    rows = listing.rows(store.entries(), _policy(arguments), now)
    out.result(backup_tables.list_data(rows, store.folder), backup_tables.list_lines(rows, store.folder))
    return ExitCode.DONE


def show(arguments: argparse.Namespace, out: Output) -> int:
    """All that is known of one backup.

    :raises AnswerIsNo: it is damaged.
    """
    settings = load_settings(arguments, out)
    store = Store(settings.backups_dir.value, out.event)
    entry: Entry
    if arguments.name == names.LATEST:
        entry = store.named(arguments.name, *database_and_engine(settings))
    else:
        entry = store.find(arguments.name)
    if isinstance(entry, Damaged):
        raise entry.error
    if isinstance(entry, Unproven):
        out.result(backup_show.unproven_data(entry), backup_show.unproven_lines(entry, _now()))
        return ExitCode.DONE
    data = backup_show.backup_data(entry) if out.as_json else {}
    out.result(data, [] if out.as_json else backup_show.backup_lines(entry, _now(), verbose=out.verbose))
    return ExitCode.DONE


def prune(arguments: argparse.Namespace, out: Output) -> int:
    """Show what the rules would remove; with --yes, remove it.

    :raises UsageError: no rule is given.
    """
    store, now = _store(arguments, out), _now()
    policy = retention.check(_policy(arguments))
    carry_out = arguments.yes and not arguments.dry_run
    if carry_out:
        store.sweep()
    decisions = retention.plan(store.entries(), policy, now, include_unproven=arguments.include_unproven)
    going = [decision for decision in decisions if not decision.keep]
    removed, in_use = _remove(store, going, out) if carry_out else ([], [])
    out.result(
        backup_tables.prune_data(decisions, removed, in_use, store.folder),
        backup_tables.prune_lines(decisions, removed, store.folder, now, carried_out=carry_out),
    )
    return ExitCode.DONE


def _remove(store: Store, going: list[Decision], out: Output) -> tuple[list[str], list[str]]:
    """The names of what was removed, and of what somebody is reading; what was removed before a failure is told."""
    removed: list[str] = []
    in_use: list[str] = []
    for decision in going:
        if store.remove(decision.entry):
            removed.append(decision.entry.name)
            out.event(Note(f"removed {decision.entry.name}"))
        else:
            in_use.append(decision.entry.name)
            out.event(Warned(f"{decision.entry.name} stays: a restore or a verify is reading it"))
    return removed, in_use


def _store(arguments: argparse.Namespace, out: Output) -> Store:
    return Store(load_settings(arguments, out).backups_dir.value, out.event)


def _policy(arguments: argparse.Namespace) -> Policy:
    given = {name: getattr(arguments, f"keep_{name}", None) or 0 for name in _KEEP}
    within = getattr(arguments, "keep_within", None)
    return Policy(**given, within=None if within is None else retention.within(within))


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


# -- options -----------------------------------------------------------------------------------------------------------


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 6:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of backups")
    return int(text)


def _keep_options(verb: argparse.ArgumentParser) -> None:
    group = verb.add_argument_group("rules, each for itself; proven backups only, times in UTC")
    group.add_argument("--keep-last", type=_count, metavar="N", help="the newest N")
    for name, word in (
        ("hourly", "hours"), ("daily", "days"), ("weekly", "weeks"), ("monthly", "months"), ("yearly", "years"),
    ):  # fmt: skip
        group.add_argument(
            f"--keep-{name}",
            type=_count,
            metavar="N",
            help=f"the newest of each of the last N {word} that have one",
        )
    group.add_argument("--keep-within", metavar="TIME", help="all that are younger than 12h, 30d, 8w, 2y")


VERBS: dict[str, tuple[str, tuple[AddOption, ...]]] = {
    "list": ("what is in the folder of backups; with --keep-... also why each would stay", (_keep_options,)),
    "show": (
        "all that is known of one backup; -v shows every table",
        (option("name", metavar="NAME", help="as list shows it, or latest"),),
    ),
    "prune": (
        "show which backups the rules would remove; remove them with --yes",
        (
            _keep_options,
            option(
                "--include-unproven",
                action="store_true",
                help="remove backups without a good proof, too, where a newer one is proven",
            ),
        ),
    ),
}
FUNCTIONS: dict[str, Callable[[argparse.Namespace, Output], int]] = {
    "list": list_,
    "show": show,
    "prune": prune,
}
