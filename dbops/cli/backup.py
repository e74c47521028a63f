"""`bin/backup`: the command line."""

from __future__ import annotations

import argparse
import difflib
import shlex
from collections.abc import Callable

from dbops.backups.plan import FORMATS, PROOFS
from dbops.cli import backup_read
from dbops.cli.backup_options import SELECTING, SWITCHES
from dbops.cli.options import AddOption, Parser, add_verbs, add_version, option, shared, with_verb
from dbops.cli.output import Output
from dbops.errors import UsageError

EXAMPLES = """\
examples:
  bin/backup                                   back the database up, as backup_20260118_120000
  bin/backup before_release_7                  the same under a name
  bin/backup --dry-run                         what would be done, and whether it fits
  bin/backup reports --table 'report_*'        a part of it
  bin/backup list                              the backups, and how each was proven
  bin/backup verify before_release_7           read it whole, and restore it where that is safe
  bin/backup prune --keep-last 3 --keep-daily 7      what would go; with --yes it goes
"""

CREATE = "create"


def main(argv: list[str], out: Output) -> int:
    """Run one verb; without one, make a backup.  Returns the exit code.

    :raises DbopsError: what the verb raises.
    """
    main_parser = parser()
    words = with_verb(argv, main_parser, VERBS, CREATE)
    arguments = main_parser.parse_args(words)
    out.quiet, out.verbose = arguments.quiet, arguments.verbose
    if len(words) > len(argv):
        _refuse_mistyped_verb(arguments.name)
    if arguments.verb != CREATE:
        _refuse_options_of_create(arguments)
    if arguments.verb in backup_read.FUNCTIONS:
        return backup_read.FUNCTIONS[arguments.verb](arguments, out)
    if arguments.verb == "verify":
        from dbops.cli.backup_verify import verify

        return verify(arguments, out)
    from dbops.cli import backup_verbs

    verb: Callable[[argparse.Namespace, Output], int] = getattr(backup_verbs, arguments.verb)
    return verb(arguments, out)


def parser() -> Parser:
    """The parser; `verb` is the verb's name.  What making a backup takes stands before a verb, too."""
    main_parser = Parser(
        prog="bin/backup",
        description="Back the database up, with the proof of what is in it; or look after the backups.",
        epilog=EXAMPLES,
        usage="bin/backup [NAME] [options]\n       bin/backup VERB [options]",
        parents=[shared(after_verb=False), _folder(after_verb=False), _making(after_verb=False)],
    )
    add_version(main_parser)
    common = [shared(after_verb=True), _folder(after_verb=True)]
    whole = [*common, _making(after_verb=True)]
    add_verbs(main_parser, VERBS, lambda verb: whole if verb == CREATE else common)
    return main_parser


def _folder(*, after_verb: bool) -> Parser:
    default = argparse.SUPPRESS if after_verb else None
    options = Parser(add_help=False, argument_default=default)
    options.add_argument("--backups-dir", metavar="DIR", help="where the backups are (default: backups)")
    options.add_argument("--deadline", metavar="TIME", help="how long to wait for locks (default: 60s)")
    return options


def _making(*, after_verb: bool) -> Parser:
    default = argparse.SUPPRESS if after_verb else None
    options = Parser(add_help=False, argument_default=default)
    group = options.add_argument_group("options of making a backup")
    group.add_argument(
        "--format", metavar="FORMAT", choices=FORMATS, help=f"{', '.join(FORMATS)} (default: auto)"
    )
    group.add_argument(
        "--compress", metavar="METHOD", help="zstd, gzip or none, with :LEVEL (default: zstd; gzip for plain)"
    )
    group.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="how many tables at once (default: one per processor, at most 8)",
    )
    group.add_argument(
        "--proof", metavar="LEVEL", choices=PROOFS, help=f"{', '.join(PROOFS)} (default: full)"
    )
    for flag, text in SELECTING.items():
        group.add_argument(flag, metavar="PATTERN", action="append", help=f"{text}; may be given again")
    for flag, text in SWITCHES.items():
        off = argparse.SUPPRESS if after_verb else False
        group.add_argument(flag, action="store_true", default=off, help=text)
    return options


def _refuse_mistyped_verb(name: str | None) -> None:
    """Nobody wants a backup called `lst`.

    :raises UsageError: a name without the verb create is nearly a verb.
    """
    if name and name not in VERBS and (near := _near(name)) is not None:
        raise UsageError(
            f"{name!r} is no verb",
            hint=f"did you mean bin/backup {near}? to call a backup so: bin/backup {CREATE} {shlex.quote(name)}",
        )


def _near(name: str) -> str | None:
    """The verb that somebody who typed this may have meant: a letter missing, or two that changed places."""
    swapped = [verb for verb in VERBS if sorted(verb) == sorted(name)]
    return next(iter(swapped or difflib.get_close_matches(name, VERBS, n=1, cutoff=0.8)), None)


def _refuse_options_of_create(arguments: argparse.Namespace) -> None:
    """Options stand before the verb too, where the parser cannot know which verb follows.

    :raises UsageError: for one that another verb would leave unused.
    """
    for flag in (*SELECTING, *SWITCHES, "--format", "--compress", "--jobs", "--proof"):
        if getattr(arguments, flag[2:].replace("-", "_"), None):
            raise UsageError(
                f"{flag} is for making a backup, not for {arguments.verb}",
                hint=f"bin/backup {arguments.verb} --help",
            )


_NAME = option("name", metavar="NAME", help="the backup; `latest` is the newest of this database")
VERBS: dict[str, tuple[str, tuple[AddOption, ...]]] = {
    CREATE: (
        "make a backup (what happens without a verb, too)",
        (option("name", nargs="?", metavar="NAME", help="its name (default: backup_ and the time in UTC)"),),
    ),
    "verify": (
        "read a backup whole, and restore it into a scratch database where that is safe",
        (
            _NAME,
            option("--restore-on", metavar="URL", help="restore it there, whatever that server is"),
            option("--checksums-only", action="store_true", help="read it, restore nothing"),
        ),
    ),
    **backup_read.VERBS,
}
