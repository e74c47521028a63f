"""On which server scratch databases are made: every case of the decision."""

from __future__ import annotations

import dataclasses

import pytest

from dbops.errors import Refused
from dbops.safety.ground import Facts, Place, decide

FREE = Facts(
    database="shop",
    role="app",
    major=15,
    may_create=True,
    is_standby=False,
    is_production=False,
    remedy="ALTER ROLE app CREATEDB",
)
BARRED = {
    "app may make no databases on the server of shop": {"may_create": False},
    "shop is marked as production": {"is_production": True},
    "the server of shop is a standby": {"is_standby": True},
}


@pytest.mark.parametrize("private", [None, 15, 18])
def test_beside_the_database(private: int | None) -> None:
    """Where nothing is in the way, whatever private server there is."""
    assert decide(FREE, private, "verify") is Place.BESIDE


@pytest.mark.parametrize("why", BARRED)
def test_on_the_private_server(why: str) -> None:
    """Where the database's own is not for it: only on one of the same major version; else refused, with the way out."""
    barred = dataclasses.replace(FREE, **BARRED[why])  # type: ignore[arg-type]
    assert decide(barred, 15, "verify") is Place.PRIVATE
    for private, other in ((None, "no private server"), (16, "is of PostgreSQL 16, not 15")):
        with pytest.raises(Refused) as refused:
            decide(barred, private, "verify")
        assert why in refused.value.message
        assert other in refused.value.message
        assert refused.value.hint is not None
        assert refused.value.hint.startswith("name another server: --scratch-url")
        assert ("CREATEDB" in refused.value.hint) is (not barred.may_create)
