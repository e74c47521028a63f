"""Tables whose triggers and rules have a say in what is loaded."""

from __future__ import annotations

import pytest

from dbops.errors import DbopsError
from tests.postgres.seeding import Seeds

pytestmark = pytest.mark.one_major

_TABLE = "create table t (id int primary key, name text unique);"
_NOTHING = """
create function nothing() returns trigger language plpgsql as 'begin if new.id < 2 then return new; end if; return null; end';
create trigger nothing before {} on t for each row execute function nothing();
"""


def test_a_row_that_a_trigger_keeps_out(seeds: Seeds) -> None:
    """It is told with its line, for nothing is unchanged where nothing is; nor are other rows written."""
    seeds.connection.execute(f"{_TABLE}{_NOTHING.format('insert')}".encode())
    seeds.write("t.csv", "id,name\n1,a\n2,b\n3,c\n")
    with pytest.raises(
        DbopsError, match=r"^seeds/dev/t.csv line 3: t took .* is not there: a trigger .* 1 other row of"
    ):
        seeds.load()
    assert seeds.rows("select * from t") == []
    with pytest.raises(DbopsError, match="line 3"):
        seeds.load(truncate=True)
    seeds.connection.execute("alter table t drop constraint t_pkey, drop constraint t_name_key")
    with pytest.raises(DbopsError, match=r"^a row of seeds/dev/t.csv: t took"):
        seeds.load(truncate=True)


def test_a_change_that_a_trigger_keeps_out(seeds: Seeds) -> None:
    """It is told, since the row is not as the file has it."""
    seeds.connection.execute(
        f"{_TABLE}{_NOTHING.format('update')} insert into t values (1, 'x'), (2, 'y')".encode()
    )
    seeds.write("t.csv", "id,name\n1,a\n2,b\n")
    with pytest.raises(DbopsError, match=r"^seeds/dev/t.csv line 3: .* is not as the file has it"):
        seeds.load()
    assert seeds.rows("select name from t order by 1") == [("x",), ("y",)]


def test_a_rule_instead(seeds: Seeds) -> None:
    """A rule keeps rows out as a trigger does."""
    seeds.connection.execute(f"{_TABLE} create rule r as on insert to t do instead nothing".encode())
    seeds.write("t.csv", "id,name\n1,a\n")
    with pytest.raises(DbopsError, match=r"line 2: .* a rule refused it$"):
        seeds.load()


def test_a_trigger_that_writes_elsewhere(seeds: Seeds) -> None:
    """Partitions as they were made before there were any: the rows are there, so all is well, and counted."""
    seeds.connection.execute(f"""{_TABLE} create table heir (primary key (id)) inherits (t);
        create function elsewhere() returns trigger language plpgsql as
            'begin insert into heir values (new.*); return null; end';
        create trigger elsewhere before insert on t for each row execute function elsewhere()""".encode())  # fmt: skip
    seeds.write("t.csv", "id,name\n1,a\n2,b\n")
    assert seeds.counts() == {"t": (2, 0, 0)}
    assert seeds.counts() == {"t": (0, 0, 2)}
