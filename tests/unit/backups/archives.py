"""Tables of contents as pg_dump writes them, made by hand: for every format version, and wrong on purpose."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

SECTIONS = {"": 1, "pre": 2, "data": 3, "post": 4}


@dataclasses.dataclass(frozen=True)
class Item:
    """An entry of a table of contents."""

    dump_id: int
    desc: str
    tag: str
    defn: str = ""
    namespace: str = ""
    owner: str = ""
    section: str = "pre"
    copy_stmt: str | None = None
    dependencies: tuple[int, ...] = ()
    data_file: str | None = None
    oid: int = 0
    table_oid: int = 0


def integer(value: int, size: int = 4) -> bytes:
    """A sign, and the value from its lowest byte on."""
    return bytes([value < 0]) + abs(value).to_bytes(size, "little")


def string(text: str | None) -> bytes:
    """Its length and its bytes; a null pointer is of length -1."""
    if text is None:
        return integer(-1)
    data = text.encode("utf-8", "surrogateescape")
    return integer(len(data)) + data


def head(version: tuple[int, int], *, custom: bool, server: str = "15.18") -> bytes:
    """Up to the number of entries; compressed with gzip."""
    compression = b"\x01" if version >= (1, 15) else integer(-1)
    created = b"".join(integer(number) for number in (16, 3, 13, 21, 10, 126, 0))
    names = string("shop") + string(server) + string(server)
    return b"PGDMP" + bytes([*version, 0, 4, 8, 1 if custom else 3]) + compression + created + names


def entry(item: Item, version: tuple[int, int], *, custom: bool) -> bytes:
    """One entry with the fields that the version has."""
    parts = [
        integer(item.dump_id), integer(item.section == "data"), string(str(item.table_oid)), string(str(item.oid)),
        string(item.tag), string(item.desc), integer(SECTIONS[item.section]), string(item.defn), string("DROP"),
        string(item.copy_stmt), string(item.namespace or None), string(""),
    ]  # fmt: skip
    if version >= (1, 14):
        parts.append(string("heap"))
    if version >= (1, 16):
        parts.append(integer(ord("r")))
    parts += [
        string(item.owner),
        string("false"),
        *(string(str(one)) for one in item.dependencies),
        string(None),
    ]
    if custom:
        parts.append(bytes([2 if item.section == "data" else 3]) + bytes(8))
    else:
        parts.append(string(item.data_file or ""))
    return b"".join(parts)


def archive(
    items: Sequence[Item], version: tuple[int, int] = (1, 14), *, custom: bool = True, server: str = "15.18"
) -> bytes:
    """A whole table of contents."""
    body = b"".join(entry(item, version, custom=custom) for item in items)
    return head(version, custom=custom, server=server) + integer(len(items)) + body
