"""Which client loads which archive into which server."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from dbops.backups import clients, toc
from dbops.errors import ProgramFailed
from dbops.programs import Client
from tests.unit.backups.archives import archive


def header(version: tuple[int, int], server: str = "15.18") -> toc.Header:
    """The header of an archive."""
    return toc.read(io.BytesIO(archive([], version, server=server))).header


def here(*versions: str) -> list[Client]:
    """Installed clients."""
    return [Client(Path(f"/{version}/bin"), version) for version in versions]


@pytest.mark.parametrize(
    ("version", "major", "installed", "chosen", "through_psql"),
    [
        ((1, 14), 15, ["18.4", "16.14", "15.18"], "15.18", False),
        ((1, 14), 18, ["18.4", "16.14", "15.18"], "18.4", False),
        ((1, 14), 18, ["16.14", "15.18"], "16.14", False),
        ((1, 15), 15, ["18.4", "16.14", "15.18"], "16.14", False),
        ((1, 16), 15, ["18.4", "17.6", "16.14"], "17.6", True),
        ((1, 16), 18, ["18.4", "17.6", "16.14"], "18.4", False),
        ((1, 14), 14, ["18.4"], "18.4", True),
        ((1, 16), 17, ["18.4"], "18.4", False),
        ((1, 12), 15, ["9.6.24", "15.18"], "15.18", False),
    ],
)
def test_choice(
    version: tuple[int, int], major: int, installed: list[str], chosen: str, *, through_psql: bool
) -> None:
    """The server's own version, else the newest before it, else the oldest after it."""
    choice = clients.can_go(header(version), major, here(*installed))
    assert (choice.client.version, choice.through_psql) == (chosen, through_psql)


@pytest.mark.parametrize("installed", [[], ["15.18"], ["16.14", "15.18"]])
def test_cannot_go_back(installed: list[str]) -> None:
    """Where no client reads the archive, the refusal names what it needs and what is here."""
    with pytest.raises(ProgramFailed, match="cannot go back to this server") as raised:
        clients.can_go(header((1, 16)), 15, here(*installed))
    assert "PostgreSQL 17 or later" in raised.value.message
    assert all(version in raised.value.message for version in installed)


def test_compression_that_none_can_unpack() -> None:
    """A client that was built without the archive's compression is passed over; without any, that is the reason."""
    installed = here("18.4", "16.14")
    choice = clients.can_go(header((1, 15)), 16, installed, able=lambda client: client.major == 18)
    assert choice.client.version == "18.4"
    with pytest.raises(ProgramFailed, match="compressed by gzip"):
        clients.can_go(header((1, 15)), 16, installed, able=lambda client: False)


def test_newer_server_is_a_warning() -> None:
    """What goes back to an older server is said to be allowed to fail."""
    assert "PostgreSQL 18 server" in str(clients.can_go(header((1, 16), "18.4"), 15, here("18.4")).warning)
    assert clients.can_go(header((1, 14)), 15, here("18.4")).warning is None


@pytest.mark.parametrize(
    ("version", "safe"),
    [("15.14", True), ("15.13", False), ("17.5", False), ("18.0", True), ("12.22", False), ("19", True)],
)
def test_psql_that_restricts(version: str, *, safe: bool) -> None:
    """Versions before August 2025 would run programs."""
    assert clients.restricts(version) is safe


def test_sql_needs_a_safe_psql() -> None:
    """The nearest safe one from the server's version on; none is a refusal that names the versions that do."""
    assert clients.sql_client(16, here("18.4", "16.14", "15.18")).version == "16.14"
    assert clients.sql_client(16, here("18.4", "16.9", "15.18")).version == "18.4"
    with pytest.raises(ProgramFailed, match=r"16\.9") as raised:
        clients.sql_client(16, here("16.9"))
    assert "15.14" in str(raised.value.hint)
