"""Demo data for `bin/seed-test-data --scale N`, and `bin/seed-test-data check`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from dbops.cli import seed_options, seed_sets
from dbops.cli.connect import located
from dbops.cli.hooks import Hooks
from dbops.cli.output import Output, table
from dbops.cli.seed_session import opened_postgres, require_consent, require_demo
from dbops.config.model import Settings
from dbops.engines.postgres.committed import committed
from dbops.engines.postgres.session import Session
from dbops.errors import AnswerIsNo, ExitCode, UsageError
from dbops.events import plural
from dbops.seeding import demo
from dbops.seeding.demo.making import Made, make
from dbops.seeding.fill import FillOptions, Report
from dbops.seeding.fill.model import label
from dbops.seeding.fixtures import FixtureSet, Summary
from dbops.seeding.postgres.engine import Postgres


def request(arguments: argparse.Namespace) -> demo.Request:
    """What the command line asks for.

    :raises UsageError: a value makes no sense.
    """
    for_all, of_tables = seed_options.rows(arguments.rows or ())
    if for_all is not None:
        raise UsageError(
            f"--rows {for_all} names no table", hint=f"--rows orders={for_all}, or --scale 1 for all of them"
        )
    scale = arguments.scale
    wanted = demo.Request(
        as_of=int(seed_options.as_of(arguments).timestamp()) * 1_000_000,
        scale=None if scale is None else seed_options.number(scale, "--scale", 1),
        rows=of_tables,
        seed=seed_options.random_seed(arguments),
        locales=tuple(filter(None, (arguments.locale or "").split(","))),
        fast=arguments.fast,
    )
    demo.check_request(wanted)
    return wanted


def seed(arguments: argparse.Namespace, out: Output, hook: Hooks) -> int:
    """Load the sets and make demo data on top of them, then prove that these add up.

    :raises AnswerIsNo: they do not; the data are there.
    """
    wanted = request(arguments)
    with opened_postgres(arguments, out) as (session, settings):
        sets = seed_sets.chosen(settings, arguments.sets)
        if not arguments.dry_run:
            require_consent(Postgres(session.connection), settings, out)
            hook.before(settings, session.identity.database, seed_sets=[one.name for one in sets])
        return _seed(session, settings, sets, wanted, arguments, out)


def _seed(
    session: Session,
    settings: Settings,
    sets: Sequence[FixtureSet],
    wanted: demo.Request,
    arguments: argparse.Namespace,
    out: Output,
) -> int:
    loaded: list[Summary] = []

    def load_sets() -> None:
        loaded.append(
            seed_sets.load_sets(Postgres(session.connection), sets, seed_sets.options(settings), out.event)
        )

    options = FillOptions(
        jobs=seed_options.jobs(arguments), fast=wanted.fast, patience=seed_options.patience(settings)
    )
    made = make(
        session.connection,
        wanted,
        load_sets,
        options,
        out.event,
        empties=arguments.truncate,
        cascade=arguments.cascade,
        dry_run=arguments.dry_run,
    )
    return _told(session, loaded[0], made, arguments.dry_run, out)


def _told(session: Session, sets: Summary, made: Made, dry_run: bool, out: Output) -> int:
    """The result, with what the checks find in the data that were made.

    :raises AnswerIsNo: a rule does not hold.
    """
    data = {"dry_run": dry_run, "database": session.identity.database, **seed_sets.summary_data(sets)}
    lines = seed_sets.summary_lines(sets, dry_run=dry_run)
    if made.report is None:
        planned = {"emptied": _emptied_data(made), "rows": made.plan.rows}
        lines = [*_emptied_lines(made, "would empty"), *lines, *_plan_lines(made)]
        out.result({**data, "demo": planned}, lines)
        return ExitCode.DONE
    with committed():
        findings = demo.check(session.connection)
    done = {
        "emptied": _emptied_data(made), "login": made.login, "tables": _report_data(made.report),
        "rows": made.report.rows, "seconds": round(made.report.seconds, 3), "checks": _findings_data(findings),
    }  # fmt: skip
    lines = [
        *_emptied_lines(made, "emptied"), *lines, *_login_lines(made), *_report_lines(made.report),
        *_finding_lines(findings),
    ]  # fmt: skip
    out.result({**data, "demo": done}, lines)
    _require_holding(findings)
    return ExitCode.DONE


def check(arguments: argparse.Namespace, out: Output) -> int:
    """Whether balances, positions and fills add up.

    :raises AnswerIsNo: they do not.
    """
    settings = located(arguments, out)
    require_demo(settings)
    with Session.open(settings, "seed-test-data check", out.event) as session:
        findings = demo.check(session.connection)
        out.result({"checks": _findings_data(findings)}, _finding_lines(findings))
        _require_holding(findings)
    return ExitCode.DONE


def _require_holding(findings: Sequence[demo.Finding]) -> None:
    broken = [finding for finding in findings if not finding.holds]
    if broken:
        raise AnswerIsNo(
            f"{plural(len(broken), 'rule')} of {len(findings)} broken: {broken[0].rule}",
            hint="bin/seed-test-data --scale 1 --truncate makes the data anew",
        )


def _emptied_lines(made: Made, verb: str) -> list[str]:
    if not made.emptied:
        return []
    said = ", ".join(f"{label(table)} ({rows:,})" for table, rows in made.emptied.items())
    rows = sum(made.emptied.values())
    return [f"{verb} {plural(len(made.emptied), 'table')} of {rows:,} rows: {said}"]


def _emptied_data(made: Made) -> dict[str, int]:
    return {label(table): rows for table, rows in made.emptied.items()}


def _login_lines(made: Made) -> list[str]:
    if made.login is None:
        return []
    return [f"Log in as {made.login}, the client with the most orders, with the same password as demo"]


def _plan_lines(made: Made) -> list[str]:
    rows = made.plan.rows
    cells = [[name, f"{count:,}"] for name, count in rows.items()]
    return [f"would make about {sum(rows.values()):,} rows of demo data", *table(["table", "rows"], cells)]


def _report_lines(report: Report) -> list[str]:
    cells = [
        [one.table[1], f"{one.rows:,}", f"{one.seconds:.1f} s", f"{one.rate:,.0f} rows/s"]
        for one in report.tables
    ]
    total = f"demo data: {report.rows:,} rows in {report.seconds:.1f} s ({report.rate:,.0f} rows/s)"
    return [*table(["table", "rows", "time", "rate"], cells), total]


def _finding_lines(findings: Sequence[demo.Finding]) -> list[str]:
    broken = [
        f"broken: {finding.rule}: {plural(finding.violations, 'row')}, for instance {finding.sample}"
        for finding in findings
        if not finding.holds
    ]
    holding = [f"holds: {finding.rule}" for finding in findings if finding.holds]
    return [*holding, *broken]


def _findings_data(findings: Sequence[demo.Finding]) -> list[dict[str, object]]:
    return [
        {"rule": one.rule, "holds": one.holds, "violations": one.violations, "sample": one.sample}
        for one in findings
    ]


def _report_data(report: Report) -> list[dict[str, object]]:
    return [
        {"table": one.table[1], "rows": one.rows, "seconds": round(one.seconds, 3), "rate": round(one.rate)}
        for one in report.tables
    ]
