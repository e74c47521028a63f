"""Writing what leads to the database: `.env` for the application, and a service file for psql.

`.env` is made only where there is none.  Its values are URLs with everything
special percent-encoded, in single quotes: a shell that sources the file and
python-dotenv read them alike.
"""

from __future__ import annotations

import os
from pathlib import Path

from dbops.config.model import SECRET_PARTS, SQLITE_FILE, Target
from dbops.devdb import record

SERVICE_FILE = "pg_service.conf"
_HIDDEN = "***"
_HEAD = """\
# Written by bin/setup-dev-db; yours to edit from now on: it is never written again.
# Not for git: it may hold a password.
"""


def content(target: Target, test_target: Target) -> str:
    """The text of `.env`.  The twin's URL is what `--env test` reads."""
    named = (("DATABASE_URL", target), ("TEST_DATABASE_URL", test_target))
    return _HEAD + "".join(f"{name}='{url(to)}'\n" for name, to in named)


def url(target: Target) -> str:
    """The target as a URL of plain characters, everything special percent-encoded; holds the password."""
    return _spelled(target.keywords())


def shown_url(target: Target) -> str:
    """The target as a URL for people: secrets are starred out."""
    parts = {key: _HIDDEN if key in SECRET_PARTS else value for key, value in target.keywords().items()}
    return _spelled(parts).replace(_quote(_HIDDEN), _HIDDEN)


def write(path: Path, text: str) -> bool:
    """Make the file, mode 0600, whole or not at all; False where there is one already, which stays as it is.

    Written under another name and linked to its own, which fails where that is taken.
    """
    partial = path.with_name(f"{path.name}.dbops-partial")
    partial.unlink(missing_ok=True)
    try:
        _write_new(partial, text)
        try:
            os.link(partial, path, follow_symlinks=False)
        except FileExistsError:
            return False
        except OSError:  # a file system without links
            if os.path.lexists(path):
                return False
            os.rename(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return True


def remove(path: Path, text: str) -> None:
    """Take back what `write` made: the file is removed only while it says exactly this."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        path.unlink()


def write_service(folder: Path, target: Target, test_target: Target) -> None:
    """Write the services `dev` and `test` to `.dbops/pg_service.conf`, unless it leads to the same server already.

    A run for another database (DB_NAME=...) leaves `dev` what it was.

    psql reads the password there, so that it stands in no command line.
    https://www.postgresql.org/docs/current/libpq-pgservice.html
    """
    text = "".join(_service(name, named) for name, named in (("dev", target), ("test", test_target)))
    path = folder / SERVICE_FILE
    if not path.exists() or _without_database(path.read_text(encoding="utf-8")) != _without_database(text):
        record.write_private(path, text)


def _without_database(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("dbname=")]


def _spelled(keywords: dict[str, str]) -> str:
    rest = {key: value for key, value in keywords.items() if value}
    if file := rest.get(SQLITE_FILE):
        from urllib.parse import quote

        return f"sqlite:///{quote(file)}"
    login = _quote(rest.pop("user", ""))
    if "password" in rest:
        login += ":" + _quote(rest.pop("password"))
    address = f"{login}@" if login else ""
    # only a plain host stands before the slash: a socket's folder, IPv6 and several hosts are queries
    if not set(rest.get("host", "")) & set("/,:@"):
        address += _quote(rest.pop("host", ""))
        address += f":{rest.pop('port')}" if "port" in rest else ""
    name = _quote(rest.pop("dbname", ""))
    query = "&".join(f"{key}={_quote(value)}" for key, value in sorted(rest.items()))
    return f"postgresql://{address}/{name}" + (f"?{query}" if query else "")


def _quote(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


def _service(name: str, target: Target) -> str:
    lines = (f"{key}={value}\n" for key, value in sorted(target.keywords().items()) if value)
    return f"[{name}]\n" + "".join(lines)


def _write_new(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
