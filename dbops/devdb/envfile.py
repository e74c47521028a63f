"""Writing what leads to the database: `.env` for the application, and a service file for psql.

`.env` is made only where there is none.  A value in it stands in single
quotes and holds neither quotes nor backslashes nor `$`, so a shell that
sources the file and python-dotenv read it alike.
"""

from __future__ import annotations

import os
from pathlib import Path

from dbops.config.model import Target
from dbops.devdb import record
from dbops.devdb.private import SERVICE_FILE

_HEAD = """\
# Written by bin/setup-dev-db; yours to edit from now on: it is never written again.
# Not for git: it holds a password.
"""


def content(target: Target, test_target: Target) -> str:
    """The text of `.env`.  The twin's URL is what `--env test` reads."""
    lines = (("DATABASE_URL", target), ("TEST_DATABASE_URL", test_target))
    return _HEAD + "".join(f"{name}='{url(named)}'\n" for name, named in lines)


def url(target: Target, *, hide_password: bool = False) -> str:
    """The target as a URL of plain characters: everything special is percent-encoded."""
    from urllib.parse import quote

    parts = {key: value for key, value in target.keywords().items() if value}
    if hide_password and "password" in parts:
        parts["password"] = "***"  # noqa: S105  # what is shown instead of one
    plain_host = "," not in parts.get("host", "/") and not parts.get("host", "/").startswith(("/", "@"))
    login = "".join(
        (quote(parts.pop("user", ""), safe=""), *(":" + quote(word, safe="*") for word in _popped(parts, "password")))
    )
    address = _address(parts) if plain_host else ""
    name = quote(parts.pop("dbname", ""), safe="")
    query = "&".join(f"{key}={quote(value, safe='')}" for key, value in sorted(parts.items()))
    return f"postgresql://{login}{'@' if login else ''}{address}/{name}{'?' if query else ''}{query}"


def write(path: Path, text: str) -> bool:
    """Make the file, mode 0600, whole or not at all; False where there is one already, which stays as it is.

    Written under another name and linked to its own, which fails where that is taken.
    """
    partial = path.with_name(f"{path.name}.dbops-partial")
    partial.unlink(missing_ok=True)
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(partial, path, follow_symlinks=False)
    except FileExistsError:
        return False
    finally:
        partial.unlink(missing_ok=True)
    return True


def write_service(folder: Path, target: Target, test_target: Target) -> bool:
    """Write `.dbops/pg_service.conf` with the services `dev` and `test`; False where it said the same already.

    psql reads the password there, so that it stands in no command line.
    https://www.postgresql.org/docs/current/libpq-pgservice.html
    """
    text = "".join(
        f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in sorted(named.keywords().items()) if value)
        for name, named in (("dev", target), ("test", test_target))
    )
    path = folder / SERVICE_FILE
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    record.write_private(path, text)
    return True


def _popped(parts: dict[str, str], key: str) -> list[str]:
    return [parts.pop(key)] if key in parts else []


def _address(parts: dict[str, str]) -> str:
    from urllib.parse import quote

    host = parts.pop("host", "")
    shown = f"[{host}]" if ":" in host else quote(host, safe="")
    return shown + (f":{parts.pop('port')}" if "port" in parts else "")
