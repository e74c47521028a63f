"""A schema as pieces, each with the statement that makes it and the one that undoes it, and two of them compared."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, LiteralString

from dbops.engines.postgres.schema.reader import over_common
from dbops.safety.diff.made import comments, others, tables

if TYPE_CHECKING:
    import psycopg

UNKNOWN = (*others.UNKNOWN, *tables.UNKNOWN, *comments.UNKNOWN)
"""What the library does not see, or not well."""
FIRST = tuple(one for one in UNKNOWN if one not in (*others.IN_THE_WAY, *tables.IN_THE_WAY))
"""What of that must be there, and may be, before tables change that something else holds fast."""
EVERY = (*others.UNKNOWN, *others.KNOWN, *tables.UNKNOWN, *tables.KNOWN, *comments.UNKNOWN)
"""All that is made here."""


@dataclasses.dataclass(frozen=True)
class Piece:
    """An object, or one aspect of it.

    :param how: "replace": undone and made anew where it is another.  "or replace": made over what is there, else undone
        and made anew.  "set": made over what is there.  "exists": made where it is missing; what it is made of
        is in its aspects.
    :param make: None where it can only come with what it belongs to.
    :param undo: None where it only goes with it.
    """

    object: str
    aspect: str
    how: str
    make: str | None
    undo: str | None


Queries = tuple[LiteralString, ...]
Pieces = Mapping[tuple[str, str], Piece]


def read(connection: psycopg.Connection[Any], queries: Queries) -> Pieces:
    """What there is, by object and aspect; the search path has to be pinned."""
    every = " union all ".join(f"select * from ({query}) as one" for query in queries)  # noqa: S608  # our own words
    query = f"""
        every(classid, objid, subid, aspect, how, make, undo) as ({every})
        select named.type || ' ' || named.identity, aspect, how, make, undo
        from every cross join lateral pg_identify_object(classid, objid, subid) as named
        where named.identity is not null and not exists (
            select from of_extension as e where e.classid = every.classid and e.objid = every.objid)
    """  # noqa: S608  # our own words
    rows = connection.execute(over_common(others.ATTRIBUTES, query)).fetchall()
    return {(one.object, one.aspect): one for one in (Piece(*row) for row in rows)}


def steps(here: Pieces, there: Pieces) -> Iterator[str]:
    """What is to be run: what goes, and then what comes; an object's aspects go with it."""
    gone = {name for name, aspect in here if not aspect} - {name for name, aspect in there if not aspect}
    coming = {name for name, aspect in there if not aspect} - {name for name, aspect in here if not aspect}
    for key, piece in here.items():
        if (not piece.aspect or piece.object not in gone) and _goes(piece, there.get(key)) and piece.undo:
            yield piece.undo
    for key, piece in there.items():
        if (not piece.aspect or piece.object not in coming) and _comes(piece, here.get(key)) and piece.make:
            yield piece.make


def _goes(piece: Piece, there: Piece | None) -> bool:
    return there is None or (piece.how == "replace" and piece.make != there.make)


def _comes(piece: Piece, here: Piece | None) -> bool:
    return here is None or (piece.how != "exists" and piece.make != here.make)
