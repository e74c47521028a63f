"""Comparing what was restored with the proof."""

from __future__ import annotations

import dataclasses
from typing import Protocol

from dbops.backups import proof as proofs
from dbops.backups.proof import Proof
from dbops.config.model import Target
from dbops.engines.contents import Name
from dbops.engines.postgres import fingerprint
from dbops.events import Listener, Note


class Proven(Protocol):
    """What has a proof."""

    @property
    def expected(self) -> Proof | None:
        """What the restored database must hold; None where nothing is known of it."""

    @property
    def only(self) -> frozenset[Name] | None:
        """The tables whose rows are compared; None for all."""


def differences(content: Proven, target: Target, jobs: int, listen: Listener) -> list[str]:
    """How a database differs from the proof, as sentences; none where it is equal, or nothing is known.

    :raises DbopsError: it could not be measured.
    """
    expected, only = content.expected, content.only
    if expected is None:
        return []
    contents = fingerprint.measure(target, None, expected.level, jobs, listen, only)
    if only is not None and not expected.contents.sequences:
        contents = dataclasses.replace(contents, sequences=())
    found = Proof(expected.level, contents)
    for sentence in proofs.notes(expected, found):
        listen(Note(sentence))
    return [one.sentence() for one in proofs.compare(expected, found)]
