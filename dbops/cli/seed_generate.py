"""`bin/seed-test-data generate`: rows for any schema; and sets that such a decision was written to."""

from __future__ import annotations

import argparse
import datetime
import time
from collections.abc import Iterable, Mapping, Sequence

from dbops.cli import hooks, seed_options
from dbops.cli.hooks import Hooks
from dbops.cli.output import Output, table
from dbops.cli.seed_session import opened, require_consent
from dbops.config.model import Settings
from dbops.engines.catalog import Catalog, TableName
from dbops.engines.postgres.tracking import Tables
from dbops.errors import AnswerIsNo, DbopsError, ExitCode, UsageError
from dbops.events import Listener, StepDone, plural
from dbops.seeding.engine import SeedingEngine
from dbops.seeding.fill import FillOptions
from dbops.seeding.fill.model import label
from dbops.seeding.generate.filling import Outcome
from dbops.seeding.generate.filling import generate as fill_tables
from dbops.seeding.generate.model import GeneratePlan, Request
from dbops.seeding.generate.planner import plan
from dbops.seeding.generate.toml.writing import write_set

_ROWS = 1000


def generate(arguments: argparse.Namespace, out: Output) -> int:
    """Fill every table; or write what was decided as a set.

    :raises AnswerIsNo: tables were left empty; the others are filled.
    """
    with hooks.around("seed", "seed-test-data generate", arguments, out) as hook:
        return _generate(arguments, out, hook)


def _generate(arguments: argparse.Namespace, out: Output, hook: Hooks) -> int:
    if arguments.truncate or arguments.cascade:
        raise UsageError("--truncate is for sets and demo data; generate adds rows to what is there",
                         hint="bin/setup-dev-db --reset makes the database anew")  # fmt: skip
    jobs = seed_options.jobs(arguments)
    seed_options.rows(arguments.rows or ())
    seed, as_of = seed_options.random_seed(arguments), seed_options.as_of(arguments)
    writes = not (arguments.dry_run or arguments.write_set)
    with opened(arguments, out) as (engine, settings):
        if writes:
            require_consent(engine, settings, out)
            hook.before(settings, engine.database)
        with engine.transaction(keep=writes):
            found = engine.catalog(tracking_tables(settings))
            if not found.tables:
                raise DbopsError(f"{engine.database} has no tables to fill", hint="bin/migrate up makes them")
            wanted = _request(arguments, found, seed, as_of)
            planned = plan(found, wanted, engine.probe())
            if not writes:
                return _told(planned, arguments, settings, out)
            began = time.monotonic()
            options = FillOptions(jobs, fast=arguments.fast, patience=seed_options.patience(settings))
            outcome = fill_tables(engine, planned, options, out.event)
        seconds = time.monotonic() - began
        analyze(engine, [one.table for one in outcome.tables], out.event)
        out.result(outcome_data(outcome, seconds), outcome_lines(outcome, seconds))
        require_all(outcome)
    return ExitCode.DONE


def tracking_tables(settings: Settings) -> Sequence[TableName]:
    """Where dbops keeps its records of migrations, which take no data."""
    tables = Tables.named(settings.tracking_table.value)
    return [(tables.schema, tables.table), (tables.schema, f"{tables.table}_events")]


def analyze(engine: SeedingEngine, tables: Iterable[TableName], listen: Listener) -> None:
    """Tell the planner of the rows."""
    began = time.monotonic()
    engine.analyze(tables, listen)
    listen(StepDone("analyzed", time.monotonic() - began))


def require_all(outcome: Outcome) -> None:
    """:raises AnswerIsNo: a table got no rows."""
    if outcome.unfilled:
        raise AnswerIsNo(
            f"{plural(len(outcome.unfilled), 'table')} got no rows: "
            + ", ".join(label(one.table) for one in outcome.unfilled),
            hint="--skip leaves a table out; --write-set writes what was decided, to be edited",
        )


def _request(arguments: argparse.Namespace, found: Catalog, seed: int, as_of: datetime.datetime) -> Request:
    for_all, of_tables = seed_options.rows(arguments.rows or ())
    return Request(
        rows=_ROWS if for_all is None else for_all,
        per_table={_table(name, found): count for name, count in of_tables.items()},
        only=tuple(_table(name, found) for name in arguments.table or ()),
        skip=tuple(_table(name, found) for name in arguments.skip or ()),
        seed=seed,
        as_of=as_of.replace(tzinfo=None),
    )


def _table(name: str, found: Catalog) -> TableName:
    """:raises UsageError: there is no such table, or several."""
    if (one := found.find(name)) is not None:
        return one.id
    import difflib

    near = difflib.get_close_matches(name, [table.label for table in found.tables], n=1)
    raise UsageError(
        f"there is no table {name!r} to fill",
        hint=f"did you mean {near[0]}?" if near else "bin/seed-test-data generate --dry-run shows the tables",
    )


def _told(planned: GeneratePlan, arguments: argparse.Namespace, settings: Settings, out: Output) -> int:
    """What was decided: shown, or written as a set."""
    reasons = {one.table: one.reason for one in planned.unfilled}
    tables = [
        {"table": label(one.table), "rows": one.rows, "wanted": one.wanted, "notes": list(one.notes)}
        for one in planned.tables
    ]
    data = {"dry_run": arguments.dry_run, "tables": tables, "unfilled": _unfilled_data(reasons)}
    if arguments.write_set and not arguments.dry_run:
        name = _set_name(arguments.write_set)
        path = write_set(planned, settings.seeds_dir.value / name)
        said = (
            f"wrote {path} ({plural(len(planned.tables), 'table')}); load it with: bin/seed-test-data {name}"
        )
        out.result({**data, "written": str(path)}, [said, *_unfilled_lines(reasons)])
        return ExitCode.DONE
    cells = [[label(one.table), _of(one.rows, one.wanted), "; ".join(one.notes)] for one in planned.tables]
    rows = table(["table", "rows", "notes"], cells, optional=["notes"])
    out.result(data, [*rows, *_unfilled_lines(reasons)])
    return ExitCode.DONE


def _set_name(name: str) -> str:
    """:raises UsageError: it is not the name of a folder."""
    if not name or name[0] in "._-" or any(sign in name for sign in "/\\\0") or not name.isprintable():
        raise UsageError(f"{name!r} is no name for a set", hint="letters, digits, _ and -: --write-set start")
    return name


def outcome_data(outcome: Outcome, seconds: float) -> dict[str, object]:
    """For --json."""
    fewer = {one.table: one for one in outcome.fewer}
    tables = []
    for one in outcome.tables:
        short = fewer.get(one.table)
        tables.append(
            {
                "table": label(one.table),
                "rows": one.rows,
                "wanted": short.wanted if short else one.rows,
                "notes": [short.reason] if short else [],
            }
        )
    return {
        "dry_run": False,
        "tables": tables,
        "rows": sum(one.rows for one in outcome.tables),
        "seconds": round(seconds, 3),
        "unfilled": _unfilled_data({one.table: one.reason for one in outcome.unfilled}),
    }


def outcome_lines(outcome: Outcome, seconds: float) -> list[str]:
    """For people: each table, then the sum, then what got fewer rows than were asked for, and what got none."""
    wanted = {one.table: one.wanted for one in outcome.fewer}
    cells = [
        [label(one.table), _of(one.rows, wanted.get(one.table, one.rows)), f"{one.rate:,.0f} rows/s"]
        for one in outcome.tables
    ]
    rows = sum(one.rows for one in outcome.tables)
    rate = rows / seconds if seconds else 0
    total = f"generated {rows:,} rows in {plural(len(outcome.tables), 'table')}, {seconds:.1f} s ({rate:,.0f} rows/s)"
    unfilled = _unfilled_lines({one.table: one.reason for one in outcome.unfilled})
    fewer = [
        f"fewer rows: {label(one.table)}: {_of(one.rows, one.wanted)}: {one.reason}" for one in outcome.fewer
    ]
    return [*table(["table", "rows", "rate"], cells), total, *fewer, *unfilled]


def _of(rows: int, wanted: int) -> str:
    return f"{rows:,}" if rows >= wanted else f"{rows:,} of {wanted:,}"


def _unfilled_lines(reasons: Mapping[TableName, str]) -> list[str]:
    return [f"no rows: {label(name)}: {reason}" for name, reason in reasons.items()]


def _unfilled_data(reasons: Mapping[TableName, str]) -> list[dict[str, str]]:
    return [{"table": label(name), "reason": reason} for name, reason in reasons.items()]
