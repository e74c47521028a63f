"""On which server scratch databases are made."""

from __future__ import annotations

import dataclasses
import enum

from dbops.errors import Refused

_ANOTHER = "name another server: --scratch-url postgresql://user@host:port/postgres"


class Place(enum.Enum):
    """The words are part of the JSON contract."""

    BESIDE = "beside"
    """On the server of the database itself."""
    PRIVATE = "private"
    """On the private server of the project."""
    NAMED = "named"
    """Where --scratch-url says."""


@dataclasses.dataclass(frozen=True)
class Facts:
    """What is known of a database and its server.

    :param remedy: the statement with which a superuser lets the role make databases.
    """

    database: str
    role: str
    major: int
    may_create: bool
    is_standby: bool
    is_production: bool
    remedy: str


def hindrance(facts: Facts) -> str | None:
    """Why no scratch database is made beside the database; None where nothing is in the way."""
    if facts.is_production:
        return f"{facts.database} is marked as production"
    if facts.is_standby:
        return f"the server of {facts.database} is a standby"
    if not facts.may_create:
        return f"{facts.role} may make no databases on the server of {facts.database}"
    return None


def decide(facts: Facts, private: int | None, what: str) -> Place:
    """Where they are made, unless somebody says where.

    The private server has to be of the same major version: what runs on another one says too little of this one.

    :param private: the major version of the project's private server; None where there is none to be used.
    :param what: the verb that needs them, for messages.
    :raises Refused: there is no place for them.
    """
    why = hindrance(facts)
    if why is None:
        return Place.BESIDE
    if private == facts.major:
        return Place.PRIVATE
    other = "the project has no private server"
    if private is not None:
        other = f"the private server is of PostgreSQL {private}, not {facts.major}"
    only_the_role = not (facts.is_production or facts.is_standby)
    remedy = f"; or as a superuser: {facts.remedy}" * only_the_role
    raise Refused(f"{what} runs in scratch databases, and {why}; {other}", hint=_ANOTHER + remedy)
