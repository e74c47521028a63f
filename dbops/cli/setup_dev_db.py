"""`setup-dev-db`: from a bare machine to a migrated development database."""

from __future__ import annotations

import argparse
import dataclasses
import os
from pathlib import Path
from types import ModuleType
from typing import Any

from dbops.cli import options, streams
from dbops.cli.confirm import ask
from dbops.cli.output import Output
from dbops.config import Settings, Target, load, neutralise
from dbops.devdb import files, lifecycle, setup, setup_model, summary
from dbops.devdb.server import Machine
from dbops.errors import DbopsError, ExitCode, UsageError
from dbops.events import Event, Level, Listener, Warned

EXAMPLES = """\
examples:
  bin/setup-dev-db                                  set up; says so when there is nothing to do
  bin/setup-dev-db --dry-run                        what it would do
  DB_HOST=db.test DB_USER=me bin/setup-dev-db       set up on that server; starts nothing
  bin/setup-dev-db --reset                          drop the development databases and make them again
  bin/setup-dev-db --reset --confirm trading_engine the same for one that is not marked as development
  bin/setup-dev-db status                           where the server is and what is on it
  bin/setup-dev-db destroy                          remove the private server with its data
"""

VERBS = {
    "status": "where the server is, whether it runs, and what is on it",
    "start": "start the private server",
    "stop": "stop the private server; its data stays",
    "destroy": "remove the private server with its data, and its record; .env stays",
}


def main(argv: list[str], out: Output) -> int:
    """Run the command; returns the exit code.

    :raises DbopsError: see `dbops.devdb.setup.set_up` and `dbops.devdb.lifecycle`.
    """
    arguments = _parser().parse_args(argv)
    out.as_json, out.quiet, out.verbose = arguments.json, arguments.quiet, arguments.verbose
    for flag in ("reset", "seed"):
        if arguments.verb and getattr(arguments, flag):
            raise UsageError(
                f"--{flag} is for setting up, not for {arguments.verb}", hint=f"bin/setup-dev-db --{flag}"
            )
    environ = dict(os.environ)
    settings = load(options.settings_options(arguments), environ, Path.cwd())
    neutralise(os.environ)
    streams.quiet_libraries()
    for warning in settings.warnings:
        out.event(Warned(warning))
    verbs = {"status": _status, "start": _start, "stop": _stop, "destroy": _destroy}
    if arguments.verb:
        verbs[arguments.verb](arguments, settings, out)
    else:
        _set_up(arguments, settings, environ, out)
    return ExitCode.DONE


def _parser() -> options.Parser:
    parser = options.Parser(
        prog="bin/setup-dev-db",
        description="Set up the development database: server, databases, migrations, .env.",
        epilog=EXAMPLES,
        parents=[options.shared(after_verb=False), _own(after_verb=False)],
    )
    options.add_version(parser)
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", title="verbs (without one: set up)")
    parents = [options.shared(after_verb=True), _own(after_verb=True)]
    for name, text in VERBS.items():
        verbs.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.", parents=parents)
    return parser


def _own(*, after_verb: bool) -> options.Parser:
    """The options of this command, accepted before and after the verb."""
    flag: Any = argparse.SUPPRESS if after_verb else False
    value: Any = argparse.SUPPRESS if after_verb else None
    parser = options.Parser(add_help=False)
    group = parser.add_argument_group("options of setup-dev-db")
    group.add_argument(
        "--reset", action="store_true", default=flag, help="drop both databases and make them again"
    )
    group.add_argument(
        "--seed", action="store_true", default=flag, help="load the fixture set dev into the database, too"
    )
    group.add_argument(
        "--server", metavar="WHICH", default=value,
        help="auto (the default), configured (never make one), or private (whatever is configured)",
    )  # fmt: skip
    group.add_argument("--migrations-dir", metavar="DIR", default=value, help="where the migrations are")
    group.add_argument(
        "--seeds-dir", metavar="DIR", default=value, help="where the fixture sets are, for --seed"
    )
    return parser


def _set_up(arguments: argparse.Namespace, settings: Settings, environ: dict[str, str], out: Output) -> None:
    listen = _listener(out)
    again = "run bin/setup-dev-db --reset again" if arguments.reset else "run bin/setup-dev-db again"
    work = setup_model.Work(
        settings, Machine.real(environ), lambda target: _migrate(settings, target, listen, again),
        lambda question: ask(question, out), listen, arguments.reset,
    )  # fmt: skip
    seeding = _Seeding(settings) if arguments.seed else None
    if arguments.dry_run:
        steps = _engine(settings).preview(work)
        if seeding is not None:
            steps.append(f"load the fixture set {seeding.sets[-1].name} into {settings.database.value}")
        out.result({"dry_run": True, "steps": steps}, ["Would do:", *(f"  - {step}" for step in steps)])
        return
    result = _engine(settings).set_up(work)
    psql = None
    if settings.target.engine == "postgresql":
        psql = summary.psql_command(result.target, settings.project, Path.cwd(), environ.get("PATH", ""))
    data = summary.as_json(result, psql)
    if seeding is None:
        out.result(data, summary.lines(result, settings, psql, changed=result.changed))
        return
    data["seeded"], changed, (seeded, *notices) = seeding.seed(result.target, out, listen)
    changed = changed or result.changed
    out.result(data, [*summary.lines(result, settings, psql, seeded, changed=changed), *notices])


def _engine(settings: Settings) -> ModuleType:
    """What plans and sets up, by the target's engine."""
    return files if settings.target.engine == "sqlite" else setup


class _Seeding:
    """The set `dev`, found before anything is set up.

    :raises DbopsError: it is not there, or wrong.
    """

    def __init__(self, settings: Settings) -> None:
        from dbops.cli import seed_sets

        self._settings = settings
        self.sets = seed_sets.chosen(settings, [])

    def seed(self, target: Target, out: Output, listen: Listener) -> tuple[dict[str, Any], bool, list[str]]:
        """Load it into the database that has just been set up: for JSON, whether it changed anything, and in words.

        :raises DbopsError: nothing was loaded; what was set up stays.
        """
        from dbops.cli import seed_sets
        from dbops.cli.seed_session import require_consent, seeded

        settings = dataclasses.replace(self._settings, target=target)
        with seeded(settings, "setup-dev-db --seed", listen) as engine:
            require_consent(engine, settings, out)
            loaded = seed_sets.load_sets(engine, self.sets, seed_sets.options(settings), listen)
        return seed_sets.summary_data(loaded), loaded.changed, seed_sets.summary_lines(loaded)


def _status(arguments: argparse.Namespace, settings: Settings, out: Output) -> None:
    found = files.status(settings) if settings.target.engine == "sqlite" else lifecycle.status(settings)
    out.result(found.as_json(), found.lines())


def _start(arguments: argparse.Namespace, settings: Settings, out: Output) -> None:
    if arguments.dry_run:
        return _status(arguments, settings, out)
    if settings.target.engine == "sqlite":
        files.refuse_server(settings, "start")
    started = lifecycle.start(settings, _listener(out))
    text = "started the private server" if started else "nothing to do: the private server is running"
    out.result({"started": started}, [text])
    return None


def _stop(arguments: argparse.Namespace, settings: Settings, out: Output) -> None:
    if arguments.dry_run:
        return _status(arguments, settings, out)
    if settings.target.engine == "sqlite":
        files.refuse_server(settings, "stop")
    stopped = lifecycle.stop(settings, _listener(out))
    text = "stopped the private server" if stopped else "nothing to do: no private server is running"
    out.result({"stopped": stopped}, [text])
    return None


def _destroy(arguments: argparse.Namespace, settings: Settings, out: Output) -> None:
    if arguments.dry_run:
        return _status(arguments, settings, out)
    if settings.target.engine == "sqlite":
        removed = files.destroy(settings, lambda question: ask(question, out), _listener(out))
        text = "removed the database and its twin" if removed else "nothing to do: no database"
        return out.result({"destroyed": removed}, [text])
    destroyed = lifecycle.destroy(settings, lambda question: ask(question, out), _listener(out))
    lines = [
        "removed the private server, its data and its record"
        if destroyed
        else "nothing to do: no private server"
    ]
    if destroyed and (settings.project / ".env").exists():
        lines.append(
            "kept .env, which may still name that server: remove it before the next bin/setup-dev-db"
        )
    out.result({"destroyed": destroyed}, lines)
    return None


def _listener(out: Output) -> Listener:
    """What is done is narrated; each migration in each of two databases, and each table loaded, is detail here."""

    def listen(event: Event) -> None:
        if (
            event.level is Level.INFO
            and type(event).__module__.startswith(("dbops.migrations", "dbops.seeding"))
            and not out.verbose
        ):
            return
        out.event(event)

    return listen


def _migrate(settings: Settings, target: Target, listen: Listener, again: str) -> setup_model.Migrated:
    """Run all pending migrations in one database; the lock is taken only where some are pending.

    `again` is what completes the set-up after a failure, which `migrate up` alone would not.
    """
    try:
        return _migrated(settings, target, listen)
    except DbopsError as error:
        hint = (error.hint or again).replace("run bin/migrate up again", again)
        error.hint = hint if again in hint else f"{hint}; then {again}"
        raise


def _migrated(settings: Settings, target: Target, listen: Listener) -> setup_model.Migrated:
    from dbops.engines.session import open_session
    from dbops.migrations.migrator import Migrator
    from dbops.migrations.planner import plan_up

    settings = dataclasses.replace(settings, target=target)
    with open_session(settings, "setup-dev-db", listen) as session:
        migrator = Migrator(session, settings, listen)
        prepared = migrator.prepare(plan_up)
        applied = len(migrator.change(prepared, plan_up).steps) if prepared.plan.steps else 0
        newest = migrator.newest()
    return setup_model.Migrated(applied, newest.version if newest else None)
