"""Sets that hold a `generate.toml`, as `seed-test-data generate --write-set` writes it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

from dbops.cli import seed_generate, seed_options, seed_sets
from dbops.cli.output import Output
from dbops.config.model import Settings
from dbops.errors import ExitCode
from dbops.events import Listener
from dbops.seeding.engine import SeedingEngine
from dbops.seeding.fill import FillOptions
from dbops.seeding.fill.model import label
from dbops.seeding.fixtures import FixtureSet, Options
from dbops.seeding.fixtures.truncate import referring, truncate
from dbops.seeding.generate.filling import Outcome, generate
from dbops.seeding.generate.model import GeneratePlan
from dbops.seeding.generate.toml.reading import read_set


@dataclasses.dataclass(frozen=True)
class Generated:
    """What came of a set's `generate.toml`.

    :param outcome: None where nothing was made, since tables hold rows already: `held`.
    """

    name: str
    outcome: Outcome | None
    seconds: float
    held: tuple[str, ...] = ()
    dry_run: bool = False

    def data(self) -> dict[str, object]:
        """For --json."""
        if self.outcome is None:
            return {"set": self.name, "tables": [], "rows": 0, "held": list(self.held)}
        return {"set": self.name, **seed_generate.outcome_data(self.outcome, self.seconds)}

    def lines(self) -> list[str]:
        """For people."""
        if self.outcome is None:
            return [f"{self.name}: nothing generated, since there are rows in {', '.join(self.held)} already"]
        lines = seed_generate.outcome_lines(self.outcome, self.seconds)
        return [f"would make with the set {self.name}:", *lines] if self.dry_run else lines


def load(
    engine: SeedingEngine, settings: Settings, sets: Sequence[FixtureSet], how: Options, out: Output
) -> int:
    """Load sets of which some are generated; of these, none whose tables hold rows: loading again changes nothing.

    With `how.truncate` their tables are emptied first.

    :raises AnswerIsNo: tables were left empty; the rest is there.
    """
    with engine.transaction(keep=not how.dry_run):
        summary = seed_sets.load_sets(engine, sets, how, out.event)
        generated = [_load(engine, settings, one, how, out.event) for one in sets if one.generates]
    outcomes = [one.outcome for one in generated if one.outcome is not None]
    if outcomes and not how.dry_run:
        seed_generate.analyze(engine, [table.table for one in outcomes for table in one.tables], out.event)
    out.result(
        {
            "dry_run": how.dry_run,
            "database": engine.database,
            **seed_sets.summary_data(summary),
            "changed": summary.changed or any(outcome.tables for outcome in outcomes),
            "generated": [one.data() for one in generated],
        },
        [
            *(
                seed_sets.summary_lines(summary, dry_run=how.dry_run)
                if summary.tables or summary.scripts
                else ()
            ),
            *(line for one in generated for line in one.lines()),
        ],
    )
    for outcome in outcomes:
        seed_generate.require_all(outcome)
    return ExitCode.DONE


def _load(
    engine: SeedingEngine, settings: Settings, one: FixtureSet, how: Options, listen: Listener
) -> Generated:
    found = engine.catalog(seed_generate.tracking_tables(settings))
    probe = engine.probe()
    planned = read_set(one.folder, found, probe)
    if how.truncate:
        _empty(engine, planned, how, seed_options.patience(settings), listen)
        planned = read_set(one.folder, found, probe)  # which looks at what the tables hold
    held = tuple(label(table.table) for table in planned.tables if probe.count(table.table))
    if held:
        return Generated(one.name, None, 0.0, held)
    began = time.monotonic()
    outcome = generate(engine, planned, FillOptions(patience=seed_options.patience(settings)), listen)
    return Generated(one.name, outcome, time.monotonic() - began, dry_run=how.dry_run)


def _empty(
    engine: SeedingEngine, planned: GeneratePlan, how: Options, patience: float, listen: Listener
) -> None:
    tables = [planned.catalog.by_id[one.table] for one in planned.tables]
    others = referring(planned.catalog, {table.id for table in tables})
    names = sorted(table.id for table in (*tables, *others))
    engine.lock(names, patience, listen, alone=True)
    truncate(engine, tables, others, listen, cascade=how.cascade)
