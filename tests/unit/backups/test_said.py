"""What programs say on stderr, as errors for people."""

from __future__ import annotations

import pytest

from dbops.backups.said import LoadFailed, Said
from dbops.backups.tocbytes import Damaged
from dbops.errors import DbopsError
from dbops.events import ignore
from dbops.process import Completed


@pytest.mark.parametrize(
    ("line", "kind", "hint"),
    [
        ("psql:<stdin>:7: ERROR:  out of shared memory", LoadFailed, "max_locks_per_transaction"),
        ("pg_restore: error: could not read from input file: end of file", Damaged, "bin/restore"),
        ("psql:<stdin>:7: ERROR:  unexpected end of file", LoadFailed, None),
    ],
)
def test_kinds_of_failure(line: str, kind: type[DbopsError], hint: str | None) -> None:
    """Too many locks have a remedy; an archive that pg_restore finds cut short is damaged; all else is a failed load."""
    said = Said(ignore)
    said.line(line)
    error = said.failure(Completed(("program",), 1, "", ""))
    assert type(error) is kind
    assert (hint is None and error.hint is None) or (hint or "") in (error.hint or "")
