"""SQL from elsewhere on its way into psql: nothing in it may run a program, and it must be whole.

psql forbids all of its own commands under `\\restrict`, but the one that ends that, `\\unrestrict`, evaluates its
argument first, backquotes included (CVE-2026-18408): so no such command comes through, but for the dump's own last
line, which is blanked.  A COPY whose data just ends is no error for psql, so the end of a dump is looked for here.

https://www.postgresql.org/docs/current/app-psql.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dbops.backups.tocbytes import Damaged
from dbops.errors import Refused

_UNRESTRICT = b"unrestrict"
_HELD = 256  # bytes that wait for what follows them; more than a line with a key is long
_LONGEST_PREAMBLE = 64 * 1024
_TAIL = 4096
_MADE_BY_PG_DUMP = b"-- PostgreSQL database dump\n"
_WHOLE = b"-- PostgreSQL database dump complete"
_TIMEOUT = b"SET transaction_timeout = 0;"
_BLANK, _BACKSLASH, _NEWLINE = b" ", 0x5C, 0x0A


class SqlFeed:
    """Passes SQL on in portions of bounded size; every line stays in its place, so that psql's line numbers hold.

    :param name: what errors call it.
    :param server_major: decides whether `SET transaction_timeout` at the beginning of a dump is dropped.
    """

    def __init__(self, name: str, server_major: int) -> None:
        self._name = name
        self._drop_timeout = server_major < 17  # https://www.postgresql.org/docs/17/release-17.html
        self._keys: set[bytes] = set()
        self._by_pg_dump = False
        self._lines = 1
        self._odd_run = False
        self._tail = b""
        self.bytes_read = 0

    def portions(self, source: Iterable[bytes | memoryview], *, check_end: bool = True) -> Iterator[bytes]:
        """What psql is given.

        :param check_end: False where the program that writes it says by its exit code whether it is whole.
        :raises Damaged: at its end, a dump of pg_dump's that is cut short.
        :raises Refused: it has an `\\unrestrict` of its own.
        """
        held = b""
        begun = False
        for portion in source:
            self.bytes_read += len(portion)
            held += portion
            if not begun:
                if len(held) < _LONGEST_PREAMBLE:
                    continue
                held, begun = self._preamble(held), True
            if len(held) > _HELD:
                yield self._passed(held, len(held) - _HELD)
                held = held[-_HELD:]
        if not begun:
            held = self._preamble(held)
        yield self._passed(held, len(held))
        if check_end and self._by_pg_dump and _WHOLE not in self._tail:
            raise Damaged(
                f"{self._name} is cut short: it does not end as pg_dump ends a dump",
                hint="restore another dump; this one is not whole",
            )

    def _preamble(self, data: bytes) -> bytes:
        """The beginning, up to the first line that does more than set, without what must not come through."""
        lines = data.split(b"\n")
        for number, line in enumerate(lines):
            bare = line.strip()
            self._by_pg_dump = self._by_pg_dump or line + b"\n" == _MADE_BY_PG_DUMP
            if bare.startswith(b"\\restrict "):
                self._keys.add(bare.split()[1])
                lines[number] = b""
            elif bare == _TIMEOUT and self._drop_timeout:
                lines[number] = b""
            elif bare and not bare.startswith((b"--", b"SET ", b"SELECT pg_catalog.set_config(")):
                break
        return b"\n".join(lines)

    def _passed(self, data: bytes, count: int) -> bytes:
        """The first bytes of what is held; a command that begins in them is seen whole."""
        at = data.find(_UNRESTRICT)
        while 0 <= at <= count:
            if self._is_command(data, at):
                data = self._blanked(data, at)
            at = data.find(_UNRESTRICT, at + 1)
        passed = data[:count]
        self._odd_run = self._run_before(data, count)
        self._lines += passed.count(b"\n")
        self._tail = (self._tail + passed[-_TAIL:])[-_TAIL:]
        return passed

    def _is_command(self, data: bytes, at: int) -> bool:
        """After an odd number of backslashes: an even one is text, as COPY writes a backslash."""
        return self._run_before(data, at)

    def _run_before(self, data: bytes, at: int) -> bool:
        """Whether an odd number of backslashes stands before a place."""
        start = at
        while start and data[start - 1] == _BACKSLASH:
            start -= 1
        return ((at - start) % 2 == 1) != (start == 0 and self._odd_run)

    def _blanked(self, data: bytes, at: int) -> bytes:
        """The dump's own last command, replaced by spaces."""
        start, end = at - 1, data.find(b"\n", at)
        end = len(data) if end < 0 else end
        begins_line = start == 0 or (start > 0 and data[start - 1] == _NEWLINE)
        words = data[max(start, 0) : end].split()
        if start < 0 or not begins_line or len(words) != 2 or words[1] not in self._keys:
            line = self._lines + data.count(b"\n", 0, at)
            raise Refused(
                f"{self._name} has an \\unrestrict in line {line:,}, which could make psql run programs",
                hint="look at that line; a dump of pg_dump's has one only at its end, with its own key",
            )
        return data[:start] + _BLANK * (end - start) + data[end:]
