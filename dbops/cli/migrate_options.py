"""The verbs of `bin/migrate` and their options."""

from __future__ import annotations

import argparse

from dbops.cli import migrate_common_options as common
from dbops.cli.options import AddOption, option

VERBS: dict[str, tuple[str, tuple[AddOption, ...]]] = {
    "init": ("make the tracking tables", ()),
    "up": (
        "apply pending migrations",
        (
            common.count("all"),
            common.UP_TO,
            common.ONLY,
            common.OUT_OF_ORDER,
            common.SINGLE,
            common.CHECK_PENDING,
            common.FAIL_ON_DRIFT,
            common.STARTED,
            common.REHEARSAL,
            common.BACKUP,
            common.BACKUPS_DIR,
            common.analyze,
            common.TERMINATE,
        ),
    ),
    "down": (
        "undo applied migrations, the newest first",
        (
            common.count("1"),
            option("--to", metavar="VERSION", help="all above this version; 0 is all"),
            common.THROUGH,
            common.STARTED,
            common.analyze,
            common.TERMINATE,
        ),
    ),
    "goto": (
        "go up or down until a version is the current one",
        (
            option("to", metavar="VERSION"),
            common.OUT_OF_ORDER,
            common.SINGLE,
            common.STARTED,
            common.BACKUP,
            common.BACKUPS_DIR,
            common.analyze,
            common.TERMINATE,
        ),
    ),
    "redo": (
        "undo the newest migrations and apply them again",
        (common.count("1"), common.THROUGH, common.STARTED, common.analyze, common.TERMINATE),
    ),
    "plan": (
        "what up would run, and what each statement locks, reads, writes anew and destroys",
        (
            common.count("all"),
            common.UP_TO,
            common.ONLY,
            common.OUT_OF_ORDER,
            common.SINGLE,
            option("--check", action="store_true", help="exit 3 if something is pending"),
            option(
                "--fail-on",
                choices=["safe", "brief", "blocking", "destructive"],
                help="with --check: exit 3 only if a statement is as risky as that",
            ),
            option("--markdown", action="store_true", help="as a table for a pull request"),
            option(
                "--trace",
                action="store_true",
                help="run them on a scratch database, and tell what each statement really locks and writes anew",
            ),
            option(
                "--from-backup",
                metavar="NAME",
                help="with --trace: on a backup, or on the latest (default: a copy of the schema, without rows)",
            ),
            common.SCRATCH,
            common.BACKUPS_DIR,
        ),
    ),
    "status": (
        "every migration and how it stands",
        (
            option("--check", action="store_true", help="exit 3 unless all are applied"),
            option(
                "--drift",
                action="store_true",
                help="tell, too, whether the schema is as the last migration left it; with --check, exit 3 if not",
            ),
        ),
    ),
    "drift": (
        "whether the schema still is what the last migration left, and what differs",
        (option("--accept", action="store_true", help="take the schema as it is now for what is right"),),
    ),
    "schema": (
        "write the schema as SQL into a file beside the migrations, for reviews",
        (
            option(
                "--output",
                metavar="FILE",
                help="another file; - prints it (default: schema.sql of the folder)",
            ),
            option(
                "--check",
                action="store_true",
                help="write nothing; exit 3 with the difference if there is one",
            ),
        ),
    ),
    "diff": (
        "write the migration that leads from the database's schema to another one",
        (
            option(
                "--to",
                metavar="TARGET",
                help="a file with the schema, the URL of a database, git:REV, or models:package.module:Base.metadata",
            ),
            option("name", nargs="?", metavar="NAME", help="of the migration (default: change_schema)"),
            option(
                "--rename",
                action="append",
                metavar="OLD=NEW",
                help="this was renamed, as public.orders.note=remark; several times for several",
            ),
            option(
                "--no-rename", action="store_true", help="nothing else was renamed: what is gone is dropped"
            ),
            option("--check", action="store_true", help="write nothing; exit 3 if there is a difference"),
            common.SCRATCH,
        ),
    ),
    "diagram": (
        "draw the tables and what refers to what: Mermaid for a README, or SVG",
        (
            option(
                "--output", metavar="FILE", help="into a file; in a .md between its marks (default: print it)"
            ),
            option(
                "--format-out",
                choices=["mermaid", "svg"],
                help="what it is written as (default: svg for a FILE.svg, else mermaid)",
            ),
            option(
                "--schema",
                dest="schemas",
                metavar="NAME",
                action="append",
                help="only this schema; several times for several",
            ),
            option(
                "--table",
                dest="tables",
                metavar="NAME",
                action="append",
                help="only this table; several times for several",
            ),
            option(
                "--check",
                action="store_true",
                help="write nothing; exit 3 with the difference if FILE is not what it would be",
            ),
        ),
    ),
    "current": (
        "the newest applied version",
        (option("--check", action="store_true", help="exit 3 unless it is the newest of the folder"),),
    ),
    "heads": ("the newest version of the folder", ()),
    "verify": (
        "run migrations up, down and up again on a scratch database; or the verify sections of what is applied",
        (
            option("--all", action="store_true", help="the applied ones, too (default: what is pending)"),
            option("--empty", action="store_true", help="with empty tables (default: with generated rows)"),
            option("--twice", action="store_true", help="run each up a second time: it must change nothing"),
            common.SCRATCH,
            option(
                "--applied",
                nargs="?",
                const="",
                metavar="VERSION",
                help="run the verify sections of all applied migrations, or of one; changes nothing",
            ),
        ),
    ),
    "history": (
        "what was done, when, by whom",
        (option("--markdown", action="store_true", help="as a table for a deployment log"),),
    ),
    "new": (
        "write the files of a new migration",
        (
            option("words", nargs="+", metavar="[VERSION] NAME"),
            option("--timestamp", action="store_true", help="number it with the present time"),
        ),
    ),
    "renumber": (
        "give a migration another number, where two branches took the same one",
        (
            option(
                "which", nargs="?", metavar="VERSION|FILE", help="which one (default: all that came second)"
            ),
            option("--to", metavar="VERSION", help="its new number (default: the next free one)"),
        ),
    ),
    "force": ("record exactly the versions up to this one as applied; runs no SQL", (common.VERSION,)),
    "baseline": (
        "record all up to this version on a database without history; runs no SQL",
        (common.VERSION,),
    ),
    "mark": (
        "record one version as applied, or not; runs no SQL",
        (common.VERSION, option("--not-applied", action="store_true", help="take the record away")),
    ),
    "repair": (
        "accept applied files that were changed, by taking over their checksums",
        (option("version", nargs="?", metavar="VERSION", help="of one version (default: of all)"),),
    ),
    "adopt": (
        "take over the history that another tool has recorded; runs no SQL of migrations",
        (
            option(
                "--from",
                dest="tool",
                default="auto",
                metavar="TOOL",
                help="whose history it is (default: auto, what the tables of the database look like)",
            ),
            option(
                "--table", metavar="SCHEMA.NAME", help="the tool's table, where it was given another name"
            ),
            option(
                "--dirty-applied",
                nargs="+",
                action="extend",
                metavar="VERSION",
                help="of a row that the tool itself is not sure of: the migration is applied",
            ),
            option(
                "--dirty-reverted",
                nargs="+",
                action="extend",
                metavar="VERSION",
                help="of a row that the tool itself is not sure of: nothing of the migration is left",
            ),
            option(
                "--accept-changed",
                action="store_true",
                help="take files as they are whose checksums the tool has otherwise",
            ),
            option(
                "--mirror",
                action=argparse.BooleanOptionalAction,
                help="from now on write the tool's table, too, or no longer (default: as it is, at first not)",
            ),
        ),
    ),
    "validate": (
        "look for what is wrong with the database, or with one migration before it runs or is undone",
        (
            option(
                "words",
                nargs="*",
                metavar="[schema | migration VERSION | rollback VERSION]",
                help="what to look at (default: schema, the whole database)",
            ),
            option(
                "--free-space",
                metavar="SIZE",
                help="what is free on the server's disk, as 20GB, where dbops cannot see it",
            ),
        ),
    ),
    "lint": (
        "look for what is wrong with migration files: squawk's rules, and what only dbops can know",
        (
            option(
                "versions", nargs="*", metavar="VERSION", help="which ones (default: all that are pending)"
            ),
            option("--all", action="store_true", help="the applied ones, too"),
            option(
                "--level",
                choices=["note", "warning", "error"],
                default="warning",
                help="show what is as bad as that, and exit 3 if there is any (default: warning)",
            ),
            option(
                "--format-out",
                choices=["terminal", "json", "github", "sarif"],
                help="how to write it: for people, as --json does, as annotations of GitHub, as SARIF 2.1.0",
            ),
            option(
                "--no-database",
                action="store_true",
                help="ask no database; without VERSION, look at all files",
            ),
        ),
    ),
    "unlock": ("end the dbops session that holds the migration lock", ()),
}
