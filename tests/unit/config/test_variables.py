"""What is taken out of the environment, and what loading settings leaves alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from psycopg import pq

from dbops.config import neutralise
from dbops.config.model import Setting, Target
from dbops.config.variables import FILE_VARIABLES, PART_VARIABLES, shielded

KEPT = (
    *("PGPASSFILE", "PGSERVICEFILE", "PGSYSCONFDIR", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY", "PGSSLCRL"),
    *("PGTZ", "PGDATESTYLE", "PGREQUIREAUTH", "PGCHANNELBINDING", "PGREQUIREPEER", "PGSSLMINPROTOCOLVERSION"),
    *("PATH", "DB_HOST", "DATABASE_URL"),
)
REMOVED = (
    *("PGHOST", "PGHOSTADDR", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSERVICE", "PGOPTIONS"),
    *("PGSSLMODE", "PGAPPNAME", "PGCLIENTENCODING", "PGCONNECT_TIMEOUT", "PGTARGETSESSIONATTRS"),
)


def test_neutralise() -> None:
    """Every variable set: those that choose the server and the session are gone, files and rules stay."""
    environ = dict.fromkeys((*KEPT, *REMOVED), "x")
    neutralise(environ)
    assert set(environ) == set(KEPT)


def test_nothing_to_neutralise() -> None:
    """An empty environment: stays as it is."""
    environ: dict[str, str] = {}
    neutralise(environ)
    assert environ == {}


def test_shielded() -> None:
    """Parts that libpq would take from the environment get a value, others none; those that are given stay."""
    target = Target({"host": Setting("h"), "password": Setting("p")})
    environ = {"PGHOST": "x", "PGUSER": "x", "PGSSLMODE": "x", "PGSERVICE": "x", "PGPORT": "", "DB_NAME": "x"}
    assert shielded(target, environ).keywords() == {
        "host": "h",
        "password": "p",
        "user": "",
        "sslmode": "prefer",
    }
    assert shielded(target, {}).keywords() == {"host": "h", "password": "p"}
    by_service = Target({"service": Setting("s")})
    assert shielded(by_service, environ) is by_service


def test_what_libpq_does_without_variables() -> None:
    """The values that stand for an unset variable are libpq's own defaults."""
    defaults = {
        option.keyword.decode(): (option.compiled or b"").decode() for option in pq.Conninfo.get_defaults()
    }
    every = {name: "x" for name in PART_VARIABLES if name.startswith("PG")}
    given = shielded(Target({}), every).keywords()
    assert {part: given[part] for part in ("sslmode", "target_session_attrs", "load_balance_hosts")} == {
        part: defaults[part] for part in ("sslmode", "target_session_attrs", "load_balance_hosts")
    }
    assert given["sslnegotiation"] == defaults.get("sslnegotiation", "postgres")


def test_variables_are_those_of_libpq() -> None:
    """Each PG variable means the keyword that libpq itself gives it."""
    known = {
        option.envvar.decode(): option.keyword.decode()
        for option in pq.Conninfo.get_defaults()
        if option.envvar
    }
    mine = {name: key for name, key in {**PART_VARIABLES, **FILE_VARIABLES}.items() if name.startswith("PG")}
    # An older libpq may lack the newer ones.
    assert {name: known.get(name, key) for name, key in mine.items()} == mine


def _imported(project: Path, environ: str) -> set[str]:
    code = (
        "import sys, pathlib, dbops.config as c\n"
        f"c.load(c.Options(), {environ}, pathlib.Path({str(project)!r}))\n"
        "print(*sys.modules)"
    )
    root = Path(__file__).parents[3]
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=root,
        env={"PYTHONPATH": str(root)},
    )
    return set(ran.stdout.split())


def test_imports_only_what_is_needed(project: Path) -> None:
    """Only DATABASE_URL set, or nothing: no dotenv, no tomllib, and without a URL no psycopg either."""
    late = {"dotenv", "tomllib", "difflib", "subprocess", "psycopg"}
    assert (
        _imported(project, "{'DATABASE_URL': 'postgresql://u:p@h/d'}") & (late - {"psycopg", "subprocess"})
        == set()
    )
    assert _imported(project, "{'DB_HOST': 'h', 'PGPASSWORD': 'p'}") & late == set()
    (project / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert _imported(project, "{}") & late == set()
    (project / ".env").write_text("A=1\n")
    assert _imported(project, "{}") & late == {"dotenv"}
