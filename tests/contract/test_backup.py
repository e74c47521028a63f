"""bin/backup: the same scenarios on both engines."""

from __future__ import annotations

import stat

import pytest

from tests.contract.storing import ROWS, Shop


def test_a_backup_and_what_is_known_of_it(shop: Shop) -> None:
    """It is made, listed as proven, shown with its tables, and the second `latest` is the newer one."""
    made = shop.ran("backup", "one", "--json").json
    assert (made["name"], made["proof"]) == ("one", {"level": "full", "tables": 2, "rows": ROWS + 1})
    (row,) = shop.listed()
    assert (row["name"], row["state"], row["proven"], row["is_proven"]) == (
        "one",
        "backup",
        "at backup",
        True,
    )
    shown = shop.ran("backup", "show", "one").stdout
    assert f"{ROWS}" in shown
    assert "items" in shown
    shop.ran("backup", "two")
    assert shop.ran("backup", "show", "latest", "--json").json["name"] == "two"


def test_only_its_owner_reads_it(shop: Shop) -> None:
    """Folders have mode 0700, files 0600, and nothing else is in the folder."""
    shop.ran("backup", "one")
    for path in (shop.folder / "one").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    assert {path.name for path in shop.folder.iterdir()} == {"one", ".lock"}


@pytest.mark.parametrize(
    ("name", "code"), [("one", 13), ("a/b", 2), (".hidden", 2), ("latest", 2), ("x" * 300, 2)]
)
def test_refused_names(shop: Shop, name: str, code: int) -> None:
    """A name that is taken is refused to protect data, one that cannot be one as wrong usage; nothing is made."""
    shop.ran("backup", "one")
    outcome = shop.run("backup", "create", name)
    assert outcome.code == code, outcome
    assert [row["name"] for row in shop.listed()] == ["one"]


def test_a_dry_run_makes_nothing(shop: Shop) -> None:
    """It tells the format and the space."""
    outcome = shop.ran("backup", "one", "--dry-run", "--json")
    assert outcome.json["dry_run"]
    assert outcome.json["expected_bytes"] > 0
    assert not shop.folder.exists()


@pytest.mark.parametrize("compress", ["zstd:3", "gzip", "none"])
def test_every_compression_is_read_back(shop: Shop, compress: str) -> None:
    """As one file, verified and restored."""
    form = "file" if shop.site.engine.url.startswith("sqlite") else "custom"
    shop.ran("backup", "one", "--format", form, "--compress", compress)
    assert shop.ran("backup", "verify", "one", "--checksums-only", "--json").json["outcome"] == "passed"
    shop.become("spoilt")
    shop.ran("restore", "one", *shop.confirmed)
    assert shop.what() == "first"


@pytest.mark.parametrize("level", ["counts", "none"])
def test_less_proof(shop: Shop, level: str) -> None:
    """What was not proven is not said to be."""
    made = shop.ran("backup", "one", "--proof", level, "--json").json
    assert (made["proof"] or {"level": "none"})["level"] == level
    (row,) = shop.listed()
    assert row["proven"] == {"counts": "counts only", "none": "no"}[level]


def test_verify_restores_it(shop: Shop) -> None:
    """Where that is safe it is restored, and equal to its proof; the list says so."""
    shop.site.engine.mark()
    shop.ran("backup", "one")
    assert shop.ran("backup", "verify", "one", "--json").json["how"] == "restored"
    assert shop.listed()[0]["proven"].startswith("restored ")
    assert shop.what() == "first"


def test_a_flipped_bit(shop: Shop) -> None:
    """Verify names the file and writes it down, restore refuses it, and live is untouched."""
    shop.ran("backup", "one")
    shop.spoil()
    verified = shop.run("backup", "verify", "one")
    assert verified.code == 3, verified
    assert "archive" in verified.stderr
    assert shop.listed()[0]["proven"].startswith("FAILED verify")
    shop.become("second")
    assert shop.run("restore", "one", *shop.confirmed).code == 3
    assert shop.what() == "second"
    assert shop.displaced() == []


def test_prune(shop: Shop) -> None:
    """Shown first, removed with --yes; the newest proven one stays."""
    for name in ("one", "two", "three"):
        shop.ran("backup", name)
    assert "would remove 2 of 3" in shop.ran("backup", "prune", "--keep-last", "1").stdout
    shop.ran("backup", "prune", "--keep-last", "1", "--yes")
    assert [row["name"] for row in shop.listed()] == ["three"]


def test_what_the_other_engine_has_is_refused(shop: Shop) -> None:
    """A format of the other engine: wrong usage, before anything is made."""
    form = "directory" if shop.site.engine.url.startswith("sqlite") else "file"
    outcome = shop.run("backup", "one", "--format", form)
    assert outcome.code == 2, outcome
    assert "SQLite" in outcome.stderr
    assert not shop.folder.exists()
