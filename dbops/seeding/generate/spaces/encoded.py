"""Types whose values are made from a number by a formula: networks, bits, documents, shapes, and the odd ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

_MIX = 0x9E3779B97F4A7C15F39CC0605CEDC835  # odd: a product with it, cut to its bits, is one to one


class Formula(NamedTuple):
    """How many values there are for a type's length, and the value of a number."""

    size: Callable[[int], int]
    make: Callable[[int, int], str]


def _fixed(size: int, make: Callable[[int], str]) -> Formula:
    return Formula(lambda _: size, lambda number, _: make(number))


def _one_of(*values: str) -> Formula:
    return _fixed(len(values), values.__getitem__)


def _mixed(number: int, bits: int) -> int:
    return number * (_MIX & (1 << bits) - 1) & (1 << bits) - 1


def _address(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _mac(number: int, octets: int) -> str:
    digits = f"{_mixed(number, 8 * octets):0{2 * octets}x}"
    return ":".join(digits[place : place + 2] for place in range(0, len(digits), 2))


def _time_of_day(number: int) -> str:
    return f"{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}"


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_STATES = ("new", "open", "done")
_BIG = 1 << 40

_BANKS = (
    ("DE", 18),
    ("NL", 0),
    ("ES", 20),
    ("AT", 16),
    ("BE", 12),
    ("PL", 24),
    ("CH", 17),
    ("PT", 21),
    ("SE", 20),
)


def _iban(number: int) -> str:
    """Of several countries, the check digits right."""
    country, digits = _BANKS[number % len(_BANKS)]
    account = (
        f"BANK{_mixed(number, 33):010}" if country == "NL" else f"{_mixed(number, 37):0{digits}}"[:digits]
    )
    whole = "".join(str(int(sign, 36)) for sign in f"{account}{country}00")
    return f"{country}{98 - int(whole) % 97:02}{account}"


def _card(number: int) -> str:
    """In the range that payment firms keep for tests, the last digit as Luhn has it."""
    digits = f"4242{_mixed(number, 36) % 10**11:011}"
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(digits))
    total = sum(part // 10 + part % 10 for part in doubled)
    return f"{digits}{-total % 10}"


ENCODED: dict[str, Formula] = {
    "bool": _one_of("t", "f"),
    "inet": _fixed(1 << 24, _address),
    "cidr": _fixed(1 << 24, lambda number: f"{_address(number)}/32"),
    "subnet": _fixed(1 << 16, lambda number: f"10.{number >> 8 & 255}.{number & 255}.0/24"),
    "macaddr": _fixed(1 << 48, lambda number: _mac(number, 6)),
    "macaddr8": _fixed(1 << 60, lambda number: _mac(number, 8)),
    "bit": Formula(lambda length: 1 << max(length, 1), lambda number, length: f"{number:0{max(length, 1)}b}"),
    "varbit": Formula(
        lambda length: 1 << min(length or 16, 16),
        lambda number, length: f"{number:0{min(length or 16, 16)}b}",
    ),
    "bytea": Formula(
        lambda length: 1 << min(8 * (length or 16), 60),
        lambda number, length: f"\\x{_mixed(number, 8 * (length or 16)):0{2 * (length or 16)}x}",
    ),
    "hex": Formula(
        lambda length: 1 << min(4 * length, 60),
        lambda number, length: f"{_mixed(number, 4 * length):0{length}x}",
    ),
    "json": _fixed(_BIG, lambda number: f'{{"number": {number}, "state": "{_STATES[number % 3]}"}}'),
    "jsonb": _fixed(_BIG, lambda number: f'{{"number": {number}, "state": "{_STATES[number % 3]}"}}'),
    "jsonpath": _fixed(_BIG, lambda number: f"$.item{number}"),
    "xml": _fixed(
        _BIG, lambda number: f'<item number="{number}"><state>{_STATES[number % 3]}</state></item>'
    ),
    "tsvector": _fixed(_BIG, lambda number: f"'{_STATES[number % 3]}':1 'item{number}':2"),
    "tsquery": _fixed(_BIG, lambda number: f"'item{number}' & '{_STATES[number % 3]}'"),
    "point": _fixed(_BIG, lambda number: f"({number % 1000},{number // 1000})"),
    "lseg": _fixed(_BIG, lambda number: f"[({number},0),({number},1)]"),
    "line": _fixed(_BIG, lambda number: f"{{1,-1,{number}}}"),
    "box": _fixed(_BIG, lambda number: f"({2 * number + 1},1),({2 * number},0)"),
    "path": _fixed(_BIG, lambda number: f"[({number},0),({number},1),({number + 1},1)]"),
    "polygon": _fixed(_BIG, lambda number: f"(({2 * number},0),({2 * number},1),({2 * number + 1},1))"),
    "circle": _fixed(_BIG, lambda number: f"<({4 * number},0),1>"),
    "interval": _fixed(1 << 24, lambda number: f"{number + 1} minutes"),
    "time": _fixed(86_400, _time_of_day),
    "quarters": _fixed(192, lambda number: f"{15 * (number + 1)} minutes"),
    "iban": _fixed(1 << 33, _iban),
    "card": _fixed(1 << 24, _card),
    "timetz": _fixed(86_400, lambda number: f"{_time_of_day(number)}+00"),
    "char": _fixed(len(_LETTERS), _LETTERS.__getitem__),
    "name": _fixed(_BIG, lambda number: f"name_{number}"),
    "oid": _fixed(1 << 31, lambda number: str(number + 1)),
    "xid": _fixed(1 << 31, lambda number: str(number + 3)),
    "xid8": _fixed(1 << 40, lambda number: str(number + 3)),
    "cid": _fixed(1 << 31, str),
    "tid": _fixed(_BIG, lambda number: f"({number >> 8},{(number & 255) + 1})"),
    "pg_lsn": _fixed(1 << 60, lambda number: f"{number >> 32:X}/{number & 0xFFFFFFFF:X}"),
    "pg_snapshot": _fixed(1 << 31, lambda number: f"{number + 1}:{number + 1}:"),
    "txid_snapshot": _fixed(1 << 31, lambda number: f"{number + 1}:{number + 1}:"),
    "regclass": _one_of("pg_class", "pg_type", "pg_attribute", "pg_namespace", "pg_index", "pg_constraint"),
    "regtype": _one_of("integer", "text", "boolean", "numeric", "uuid", "date", "bytea"),
    "regproc": _one_of("now", "pg_backend_pid", "pg_postmaster_start_time", "version"),
    "regprocedure": _one_of("now()", "pg_backend_pid()", "version()"),
    "regoper": _one_of("pg_catalog.~<=~", "pg_catalog.!~~*", "pg_catalog.@@@"),
    "regoperator": _one_of("+(integer,integer)", "=(text,text)"),
    "regnamespace": _one_of("pg_catalog", "information_schema"),
    "regconfig": _one_of("simple", "english"),
    "regdictionary": _one_of("simple", "english_stem"),
    "regcollation": _one_of('"C"', '"POSIX"'),
    "regrole": _one_of("pg_monitor", "pg_signal_backend", "pg_read_all_stats"),
    "aclitem": _one_of("=r/pg_monitor", "=a/pg_monitor"),
    "hstore": _fixed(_BIG, lambda number: f'"number"=>"{number}", "state"=>"{_STATES[number % 3]}"'),
    "ltree": _fixed(_BIG, lambda number: f"top.group{number % 7}.item{number}"),
    "lquery": _fixed(_BIG, lambda number: f"top.*.item{number}"),
    "ltxtquery": _fixed(_BIG, lambda number: f"item{number}"),
    "cube": _fixed(_BIG, lambda number: f"({number},1,2)"),
    "seg": _fixed(_BIG, lambda number: f"{number}..{number + 1}"),
    "vector": Formula(
        lambda _: 1 << 24,
        lambda number, length: "[" + ",".join(["1"] * ((length or 3) - 1) + [str(number)]) + "]",
    ),
}
