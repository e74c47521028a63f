"""Why something blocks or destroys, and the safer way: one entry per kind of effect."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Advice:
    """`why` completes "it ..."; `safer` is what to write instead."""

    why: str
    safer: str


ADVICE: dict[str, Advice] = {
    "index": Advice(
        "lets nobody write while the index is built",
        "CREATE INDEX CONCURRENTLY, in a file of its own (it runs outside a transaction)",
    ),
    "index-partitioned": Advice(
        "lets nobody write to any partition while the indexes are built",
        "CREATE INDEX ON ONLY the parent, then CONCURRENTLY on each partition, then ALTER INDEX ... ATTACH PARTITION",
    ),
    "drop-index": Advice(
        "waits for every query on the table, and others wait behind it", "DROP INDEX CONCURRENTLY"
    ),
    "reindex": Advice("lets nobody write meanwhile", "REINDEX CONCURRENTLY"),
    "refresh": Advice(
        "lets nobody read the view meanwhile",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index on the view",
    ),
    "volatile-default": Advice(
        "writes every row anew, since each gets a value of its own",
        "add the column without a default, set the default, fill the rows in batches, then SET NOT NULL",
    ),
    "alter-type": Advice(
        "writes every row and every index of the table anew",
        "add a column of the new type, keep both in step by a trigger, fill it in batches, then change names",
    ),
    "set-not-null": Advice(
        "reads the whole table while nobody can use it",
        "ADD CONSTRAINT ... CHECK (column IS NOT NULL) NOT VALID; VALIDATE CONSTRAINT; SET NOT NULL; DROP CONSTRAINT",
    ),
    "check": Advice(
        "reads the whole table while nobody can use it",
        "ADD CONSTRAINT ... NOT VALID, then VALIDATE CONSTRAINT in a migration of its own",
    ),
    "foreign-key": Advice(
        "reads the whole table while nobody can write to either",
        "ADD CONSTRAINT ... NOT VALID, then VALIDATE CONSTRAINT in a migration of its own",
    ),
    "unique": Advice(
        "builds an index while nobody can use the table",
        "CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT ... UNIQUE (or PRIMARY KEY) USING INDEX",
    ),
    "attach-partition": Advice(
        "reads the whole new partition while nobody can use it",
        "add a CHECK with the partition's bounds to it first, NOT VALID and then validated: then nothing is read",
    ),
    "create-partition": Advice(
        "waits for every query on the partitioned table, and others wait behind it",
        "CREATE TABLE ... (LIKE parent), then ALTER TABLE parent ATTACH PARTITION",
    ),
    "detach-partition": Advice(
        "waits for every query on the partitioned table, and others wait behind it",
        "DETACH PARTITION ... CONCURRENTLY",
    ),
    "move": Advice(
        "writes the whole table anew while nobody can use it", "at a time when nobody uses the table"
    ),
    "vacuum-full": Advice(
        "writes the whole table anew while nobody can use it",
        "VACUUM, or pg_repack where space must come back",
    ),
    "rename": Advice(
        "is felt by every query of the release that still runs, which uses the old name",
        "a new name beside the old one (a view, or a column kept in step) until that release is gone",
    ),
    "drop-column": Advice(
        "takes its values with it, and the release that still runs may use it",
        "release first what does without it; a backup (--require-fresh-backup) brings the values back",
    ),
    "drop-table": Advice(
        "takes its rows with it",
        "rename it first and drop it a release later; a backup (--require-fresh-backup) before",
    ),
    "truncate": Advice("takes all rows away", "a backup (--require-fresh-backup) before"),
    "delete": Advice(
        "takes rows away", "a backup (--require-fresh-backup) before; in batches where they are many"
    ),
    "update-all": Advice(
        "locks every row until the commit, and leaves as many dead ones behind",
        "in batches with a commit after each, in a file with -- dbops: no-transaction or a Python module (db.batched)",
    ),
    "file-index": Advice(
        "lets nobody write to the file while the index is built",
        "when little is written; PRAGMA busy_timeout in the application lets it wait",
    ),
    "file-rewrite": Advice(
        "writes the rows anew while nobody can write to the file",
        "when little is written; PRAGMA busy_timeout in the application lets it wait",
    ),
    "file-scan": Advice(
        "reads all rows while nobody can write to the file",
        "when little is written; PRAGMA busy_timeout in the application lets it wait",
    ),
    "file-rows": Advice(
        "lets nobody write to the file until the commit",
        "in batches with a commit after each: a Python module (db.batched)",
    ),
    "file-vacuum": Advice(
        "writes the whole file anew, and needs as much room again",
        "when little is written; or PRAGMA incremental_vacuum, a few pages at a time",
    ),
}
