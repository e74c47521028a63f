"""What a fingerprint notices, what it does not mind, and that it is the same on every version."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.postgres.proving import contents_of, fingerprints, superuser
from tests.servers import Database

Connect = Callable[..., psycopg.Connection[Any]]

# What makes two values different although PostgreSQL calls many of them equal, or hashes them alike.
CHANGES = {
    "values that change places": ("a int, b int", "(1, 2), (3, 4)", "(1, 4), (3, 2)"),
    "values that change columns": ("a int, b int", "(1, 2)", "(2, 1)"),
    "texts that change places": ("a text, b text", "('x', 'y'), ('z', 'w')", "('x', 'w'), ('z', 'y')"),
    "scale of a numeric": ("a numeric", "(1.50)", "(1.5)"),
    "null and empty": ("a text", "(null)", "('')"),
    "null in the other column": ("a text, b text", "(null, 'x')", "('x', null)"),
    "null and zero": ("a int", "(null)", "(0)"),
    "one bit of a bytea": ("a bytea", r"('\x00ff00')", r"('\x00fe00')"),
    "one row doubled, another gone": ("a int, b text", "(1,'a'),(2,'b'),(1,'a')", "(1,'a'),(2,'b'),(2,'b')"),
    "a row twice, another twice": ("a int", "(1), (1)", "(2), (2)"),
    "folded bigint": ("a bigint", "(1)", "(4294967296)"),
    "folded negative bigint": ("a bigint", "(-1)", "(-4294967297)"),
    "a microsecond": ("a timestamptz", "('2026-01-01 00:00:00.000001Z')", "('2026-01-01 00:00:00Z')"),
    "folded timestamps": (
        "a timestamp",
        "('2000-01-01 00:00:00.000001')",
        "('2000-01-01 01:11:34.967296')",
    ),
    "sign of zero": ("a float8", "(0)", "(-0.0::float8)"),
    "last digit of a float": ("a float8", "(0.1)", "(0.10000000000000002)"),
    "infinity": ("a float4", "('infinity')", "('-infinity')"),
    "blanks of char(n)": ("a bpchar", "('x')", "('x  ')"),
    "an interval's unit": ("a interval", "('1 month')", "('30 days')"),
    "a day's hours": ("a interval", "('1 day')", "('24 hours')"),
    "key order of json": ("a json", '(\'{"a":1,"b":2}\')', '(\'{"b":2,"a":1}\')'),
    "scale within jsonb": ("a jsonb", "('[1.0]')", "('[1.00]')"),
    "bounds of an array": ("a int[]", "('{1,2}')", "('[0:1]={1,2}')"),
    "scale within an array": ("a numeric[]", "('{1.0}')", "('{1.00}')"),
    "null within an array": ("a text[]", "('{NULL}')", "('{\"NULL\"}')"),
    "scale within a range": ("a numrange", "('[1.0,2]')", "('[1,2]')"),
    "a time zone": ("a timetz", "('12:00+00')", "('14:00+02')"),
    "case of text": ("a text", "('A')", "('a')"),
    "composed letters": ("a text", "('\u00e9')", "('e\u0301')"),
    "netmask": ("a inet", "('10.0.0.1/24')", "('10.0.0.1/8')"),
    "length of bits": ("a varbit", "('1')", "('10')"),
    "no rows": ("a int", "(null)", None),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.one_major
def test_it_notices(change: str, database: Database, connect: Connect) -> None:
    """Two tables that differ in one way only have different fingerprints; two equal ones have the same."""
    columns, before, after = CHANGES[change]
    connection = connect(database)
    for name, values in (("one", before), ("same", before), ("two", after)):
        connection.execute(f"create table {name} ({columns})")
        if values:
            connection.execute(f"insert into {name} values {values}")
    found = fingerprints(database)
    assert found["one"] == found["same"]
    assert found["one"] != found["two"]


# Every kind of type, with values on its edges.  Each is one column; rows are filled up with nulls.
TYPES: dict[str, list[str]] = {
    "smallint": ["-32768", "32767", "0"],
    "int": ["-2147483648", "2147483647"],
    "bigint": ["-9223372036854775808", "9223372036854775807", "4294967296"],
    "oid": ["4294967295", "0"],
    "bool": ["t", "f"],
    "numeric": ["NaN", "1.50", "1.5", "-0.000", "1e-40", "123456789012345678901234567890.123", "Infinity"],
    "numeric(20,8)": ["0.00000001", "1000"],
    "float4": ["NaN", "infinity", "-0", "1e-38", "0.1"],
    "float8": ["NaN", "-infinity", "-0", "4.9e-324", "0.1", "1e300"],
    "money": ["$1,234.56", "-$0.01"],
    "text": ["", "plain", "Grüße \u2603 \U0001f600", "a\\\\b", "x" * 9000, "NULL"],
    "varchar(20)": ["", "trailing  "],
    "char(5)": ["ab", ""],
    "bpchar": ["ab  "],
    "name": ["a name"],
    '"char"': ["a", "Z"],
    "bytea": ["\\\\x", "\\\\x00ff", "\\\\x" + "ab" * 5000],
    "date": ["infinity", "4713-01-01 BC", "2026-02-28"],
    "time": ["24:00:00", "12:34:56.789012"],
    "timetz": ["12:00:00+02", "00:00:00.000001-11:30"],
    "timestamp": ["infinity", "-infinity", "294276-12-31 23:59:59.999999", "0001-01-01 BC"],
    "timestamptz": ["infinity", "2026-03-29 02:30:00+02", "1970-01-01 00:00:00.000001+00"],
    "interval": ["1 mon -1 days +00:00:00.000001", "-178000000 years", "00:00:00"],
    "uuid": ["00112233-4455-6677-8899-aabbccddeeff"],
    "json": ['{"b": 1.0,  "a": [null]}', '"\\\\u00e9"'],
    "jsonb": ['{"b": 1.0,  "a": [null]}', "1e3"],
    "jsonpath": ["$.a[*] ? (@ > 1)"],
    "xid": ["4294967295"],
    "inet": ["10.0.0.1/24", "::1"],
    "cidr": ["10.0.0.0/8"],
    "macaddr": ["08:00:2b:01:02:03"],
    "macaddr8": ["08:00:2b:01:02:03:04:05"],
    "bit(3)": ["101"],
    "varbit": ["", "1011"],
    "point": ["(1.5,-0)"],
    "polygon": ["((0,0),(1,1),(2,0))"],
    "circle": ["<(1,2),0.1>"],
    "tsvector": ["a:1A fat:2B,4C cat:5"],
    "tsquery": ["fat & (rat | cat)"],
    "pg_lsn": ["16/B374D848"],
    "regclass": ["pg_catalog.pg_class", "kept"],
    "regtype": ["int4", "mood"],
    "int4range": ["[1,5)", "empty"],
    "numrange": ["[1.0,2.00]", "(,3)"],
    "tstzrange": ['["2026-01-01 00:00:00+00","infinity")'],
    "int4multirange": ["{[1,2),[5,7)}"],
    "int[]": ["{}", "{1,NULL,3}", "[2:3]={7,8}"],
    "float8[]": ["{NaN,0.1,-0}"],
    "text[]": ['{"","NULL",NULL,"a,b","ü"}'],
    "timestamptz[]": ['{"2026-01-01 00:00:00+05"}'],
    "bytea[]": ['{"\\\\\\\\x00"}'],
    "mood": ["sad", "Happy!"],
    "mood[]": ["{sad}"],
    "pair": ["(1,x)", '(,"")', "(1,y)"],
    "pair[]": ['{"(1,x)"}'],
    "amount": ["1.50"],
    "deep": ["1.500"],
    "words": ["{a,b}"],
    "pairs": ["(2,z)"],
    "cased": ["MiXed"],
    "span": ["[0.5,1.5)"],
}

DEFINITIONS = """
create table kept ();
create type mood as enum ('sad', 'Happy!');
create type pair as (a int, b text);
create function pair_text(pair) returns text language sql as $$ select 'all the same' $$;
create cast (pair as text) with function pair_text as implicit;
create function mood_text(mood) returns text language sql as $$ select 'all the same' $$;
create cast (mood as text) with function mood_text as implicit;
create domain amount as numeric check (value is not null);
create domain deep as amount;
create domain words as text[];
create domain pairs as pair;
create type cased;
create function cased_in(cstring) returns cased language internal immutable strict as 'textin';
create function cased_out(cased) returns cstring language internal immutable strict as 'textout';
create type cased (input = cased_in, output = cased_out, like = text);
create type span as range (subtype = float8);
"""


def _fill(connection: psycopg.Connection[Any]) -> None:
    """A table for each type, with the values of that type and a null."""
    connection.execute(DEFINITIONS)
    for number, (type_name, values) in enumerate(TYPES.items()):
        connection.execute(f'create table t{number} (k serial, "v" {type_name})')
        with connection.cursor().copy(f"copy t{number} (v) from stdin") as copy:
            nulls = [] if type_name in {"amount", "deep"} else ["\\N"]
            copy.write("".join(f"{value}\n" for value in [*values, *nulls]))


def test_it_is_the_same_on_every_version(everywhere: tuple[Database, ...], connect: Connect) -> None:
    """Rows of all types, copied into every server with other settings in each, have the same fingerprints."""
    found = []
    settings = [
        {"timezone": "Asia/Kolkata", "datestyle": "German", "extra_float_digits": "-3"},
        {"intervalstyle": "iso_8601", "bytea_output": "escape", "quote_all_identifiers": "on"},
        {"timezone": "America/New_York", "datestyle": "SQL, DMY", "extra_float_digits": "0"},
    ]
    for number, database in enumerate(everywhere):
        connection = connect(database, **superuser(database))
        _fill(connection)
        for name, value in settings[number % len(settings)].items():
            connection.execute(f"alter database {database.name} set {name} = '{value}'")
        found.append(fingerprints(database))
    assert all(one == found[0] for one in found)
    assert len(set(found[0].values())) == len(TYPES) + 1


@pytest.mark.one_major
def test_every_value_of_every_type_counts(database: Database, connect: Connect) -> None:
    """Of each type, tables with one of its values each have fingerprints of their own, and so has a null."""
    connection = connect(database, **superuser(database))
    _fill(connection)
    for number, values in enumerate(TYPES.values()):
        for key in range(1, len(values) + 2):
            connection.execute(f"create table v{number}_{key} as select v from t{number} where k = {key}")
    found = fingerprints(database)
    for number, (type_name, values) in enumerate(TYPES.items()):
        of_type = {found[f"v{number}_{key}"] for key in range(1, len(values) + 2)}
        assert len(of_type) == len(values) + 1, type_name


@pytest.mark.one_major
def test_what_it_does_not_mind(database: Database, connect: Connect) -> None:
    """Order of rows and columns, dead rows, dropped columns, fill factor, a column that is computed: all the same."""
    connection = connect(database)
    connection.execute(
        """
        create schema a; create schema b;
        create table a.one (id int, b text, c numeric(10,2), d int generated always as (id * 2) stored);
        insert into a.one select i, 'b' || i, i / 4.0 from generate_series(1, 500) as i;
        create table b.one (gone int, "c" numeric(10,2), b text) with (fillfactor = 10);
        alter table b.one drop column gone, add column id int;
        insert into b.one select i / 4.0, 'b' || i, -i from generate_series(500, 1, -1) as i;
        update b.one set id = -id;
        create index on b.one (id);
        cluster b.one using one_id_idx;
        """
    )
    one, two = contents_of(database).tables
    assert (one.fingerprint, one.columns) == (two.fingerprint, ("b", "c", "id"))
    assert (one.rows, two.rows) == (500, 500)


@pytest.mark.one_major
def test_names_of_all_kinds(database: Database, connect: Connect) -> None:
    """A column called like the alias, quotes, percent signs, braces and non-ASCII letters in names change nothing."""
    connection = connect(database)
    names = [
        "t",
        "T",
        "row",
        "ctid2",
        'quo"te',
        "per%cent",
        "%s",
        "bra{}ce",
        "grüß",
        "select",
        "a b",
        "t.t",
        "$1",
    ]
    quoted = [f'"{name.replace(chr(34), chr(34) * 2)}"' for name in names]
    columns = ", ".join(f"{name} int" for name in quoted)
    values = ", ".join(str(at) for at in range(len(names)))
    for table in quoted:
        connection.execute(f"create table {table} ({columns}); insert into {table} default values")
        connection.execute(f"insert into {table} values ({values})")
    found = fingerprints(database)
    assert found.keys() == set(names)
    assert len(set(found.values())) == 1
    connection.execute('update "t" set "T" = 99 where "t" = 0')
    assert fingerprints(database)["t"] != found["T"]


@pytest.mark.one_major
def test_no_column_and_very_many(database: Database, connect: Connect) -> None:
    """Tables of no, of 200 and of 1600 columns are measured, and the last column counts."""
    connection = connect(database)
    connection.execute(
        """
        create table none (); insert into none default values; insert into none default values;
        create table computed (a int generated always as (1) stored); insert into computed default values
        """
    )
    for width in (200, 1600):
        columns = ", ".join(f"c{at} bool default true" for at in range(width))
        connection.execute(f"create table w{width} ({columns}); insert into w{width} default values")
        connection.execute(f"create table x{width} as select * from w{width}")
        connection.execute(f"update x{width} set c{width - 1} = false")
    tables = contents_of(database).tables
    assert {table.name: table.rows for table in tables} == {
        "none": 2, "computed": 1, "w200": 1, "w1600": 1, "x200": 1, "x1600": 1
    }  # fmt: skip
    found = {table.name: table.fingerprint for table in tables}
    assert found["w200"] != found["x200"]
    assert found["w1600"] != found["x1600"]


@pytest.mark.one_major
def test_types_that_resolve_in_other_schemas(database: Database, connect: Connect) -> None:
    """Functions and operators of the user's that are called like PostgreSQL's own are not taken for them."""
    connection = connect(database)
    connection.execute("create table t (a bigint, f float8, j jsonb); insert into t values (1, 0.5, '[1]')")
    before = fingerprints(database)
    connection.execute(
        """
        create function public.int8send(bigint) returns bytea language sql as $$ select 'same'::bytea $$;
        create function public.always(float8, float8) returns bool language sql as $$ select true $$;
        create operator public.= (leftarg = float8, rightarg = float8, procedure = public.always);
        """
    )
    assert fingerprints(database) == before
