"""Restoring without a side database, for servers on which the role may not create any: emptied and loaded in one transaction.

What is weaker than a swap is said before: clients wait, or are in the way, for as long as it takes; nothing is kept to
go back to; and the proof can be compared only when the transaction is through.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from dbops.engines.postgres import analyze, databases
from dbops.errors import AnswerIsNo, DbopsError
from dbops.events import StepDone, Warned
from dbops.restore import preflight, record
from dbops.restore.compare import differences
from dbops.restore.holding import COMMAND, described, hold_inside

if TYPE_CHECKING:
    from dbops.restore.restore import Work

WARNING = (
    "in place: everything in the database that this role owns is dropped and the archive is loaded, in one transaction "
    "that locks clients out meanwhile; a failure takes all of it back, but after its end there is no former database "
    "to go back to"
)

# Runs first in the transaction of the load.  Schemas go as a whole, but for `public` and those that hold an extension:
# of these what is in them, unless it belongs to an extension.  What others own stays; where it is in the way, the load
# fails, and the transaction with it.
EMPTY = """
DO $dbops$
DECLARE
    command text;
    commands text[];
BEGIN
    PERFORM pg_catalog.set_config('lock_timeout', '{milliseconds}', true);
    PERFORM pg_catalog.set_config('client_min_messages', 'warning', true);
    SELECT pg_catalog.array_agg(pg_catalog.format('DROP SCHEMA IF EXISTS %I CASCADE', n.nspname)) INTO commands
    FROM pg_catalog.pg_namespace AS n
    WHERE n.nspname NOT IN ('public', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
        AND pg_catalog.pg_has_role(n.nspowner, 'USAGE')
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_extension AS e WHERE e.extnamespace = n.oid)
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.deptype = 'e'
            AND d.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND d.objid = n.oid);
    FOREACH command IN ARRAY coalesce(commands, '{{}}') LOOP EXECUTE command; END LOOP;

    WITH objects (classid, oid, namespace, owner) AS (
        SELECT tableoid, oid, relnamespace, relowner FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        UNION ALL SELECT tableoid, oid, pronamespace, proowner FROM pg_catalog.pg_proc
        UNION ALL SELECT tableoid, oid, typnamespace, typowner FROM pg_catalog.pg_type AS t WHERE typtype IN ('e', 'd', 'r')
            OR typtype = 'c' AND EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = t.typrelid AND c.relkind = 'c')
        UNION ALL SELECT tableoid, oid, oprnamespace, oprowner FROM pg_catalog.pg_operator
        UNION ALL SELECT tableoid, oid, opfnamespace, opfowner FROM pg_catalog.pg_opfamily
        UNION ALL SELECT tableoid, oid, collnamespace, collowner FROM pg_catalog.pg_collation
        UNION ALL SELECT tableoid, oid, connamespace, conowner FROM pg_catalog.pg_conversion
        UNION ALL SELECT tableoid, oid, cfgnamespace, cfgowner FROM pg_catalog.pg_ts_config
        UNION ALL SELECT tableoid, oid, dictnamespace, dictowner FROM pg_catalog.pg_ts_dict
        UNION ALL SELECT tableoid, oid, NULL, pubowner FROM pg_catalog.pg_publication
        UNION ALL SELECT tableoid, oid, NULL, srvowner FROM pg_catalog.pg_foreign_server
        UNION ALL SELECT tableoid, oid, NULL, evtowner FROM pg_catalog.pg_event_trigger
    )
    SELECT pg_catalog.array_agg(pg_catalog.format('DROP %s IF EXISTS %s CASCADE', i.type, i.identity)) INTO commands
    FROM objects, LATERAL pg_catalog.pg_identify_object(classid, oid, 0) AS i
    WHERE pg_catalog.pg_has_role(owner, 'USAGE')
        AND (namespace IS NULL OR namespace IN (SELECT n.oid FROM pg_catalog.pg_namespace AS n
            WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'))
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d
            WHERE d.deptype IN ('e', 'i') AND d.classid = objects.classid AND d.objid = objects.oid);
    FOREACH command IN ARRAY coalesce(commands, '{{}}') LOOP EXECUTE command; END LOOP;

    PERFORM pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata WHERE pg_catalog.pg_has_role(lomowner, 'USAGE');
    PERFORM pg_catalog.set_config('lock_timeout', '0', true);
END
$dbops$
"""


def emptying(deadline: float) -> str:
    """The SQL that empties a database, waiting for each lock no longer than that many seconds."""
    return EMPTY.format(milliseconds=round(deadline * 1000))


def restore_in_place(work: Work, confirm: Callable[[str, str | None], None]) -> str | None:
    """Empty the live database and load the archive, in one transaction; then analyze and compare.  The proof's summary.

    :param confirm: asks for consent, given the server and the database's comment; raises to stop.
    :raises AnswerIsNo: it is through, and differs from the proof.
    :raises DbopsError: the load failed; the database is as it was.
    """
    with hold_inside(work.target, work.live, work.listen, work.deadline) as connection:
        there = databases.existing(connection, [work.live])[work.live]
        work.listen(Warned(WARNING))
        confirm(described(connection), there.comment)
        with _step(work, f"checked {work.content.label}"):
            preflight.refuse(work.content.check(connection), work.live)
        if work.wishes.pre_backup and work.pre_backup is not None:
            with _step(work, f"backed {work.live} up"):
                work.pre_backup()
        with _step(work, f"emptied {work.live} and loaded {work.content.label}"):
            try:
                work.content.load(work.target)
            except BaseException:
                work.content.abandon(work.target)
                raise
        return _finish(work)


def _finish(work: Work) -> str | None:
    with _step(work, "analyzed"):
        analyze.analyze(work.target, COMMAND, work.wishes.jobs, work.listen)
    expected = work.content.expected
    if expected is not None:
        with _step(work, f"compared with the proof: {expected.summary()}"):
            different = differences(work.content, work.target, work.wishes.jobs, work.listen)
        if different:
            raise AnswerIsNo(
                f"{work.live} now holds what was in {work.content.label}, which differs from its proof",
                detail="\n".join(f"  - {sentence}" for sentence in different[:20]),
                hint="restore another backup; the former content is gone",
            )
    if work.wishes.migrate and work.migrate is not None:
        with _step(work, "ran the pending migrations"):
            work.migrate(work.target)
    try:
        record.restored(
            work.target, work.tracking_table, label=work.content.label, displaced=None, listen=work.listen
        )
    except DbopsError as error:
        work.listen(Warned(f"the event log has no entry of this restore: {error.message}"))
    return None if expected is None else expected.summary()


@contextlib.contextmanager
def _step(work: Work, done: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    work.listen(StepDone(done, time.monotonic() - began))
