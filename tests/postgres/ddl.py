"""A schema, and the statements that what is said of locks and rewrites is held against, on every version."""

from __future__ import annotations

SCHEMA = """
create table parent (id int primary key, name text);
insert into parent select i, 'p' from generate_series(1, 50) as i;
create table t (
    id int primary key, a int, s varchar(20), txt text, n numeric(10,2), at timestamp(3), big bigint not null default 0,
    checked int, parent_id int constraint t_parent references parent (id),
    constraint positive check (a > 0) not valid, constraint checked_is_there check (checked is not null)
);
insert into t select i, i, 's', 't', 1, now(), 0, 1, 1 from generate_series(1, 100) as i;
create index t_a on t (a);
create unique index t_unique on t (id, a);
create table child (id int, t_id int);
alter table child add constraint child_t foreign key (t_id) references t (id) not valid;
create table parted (id int, at date) partition by range (at);
create table parted_1 partition of parted for values from ('2024-01-01') to ('2025-01-01');
create table loose (id int, at date);
create materialized view m as select id, name from parent;
create unique index m_id on m (id);
create view v as select id from t;
create sequence s;
create function touch() returns trigger language plpgsql as 'begin return new; end';
create trigger touch before insert on t for each row execute function touch();
create policy p on t;
create domain positive_int as int;
create table checked_by_domain (d positive_int);
analyze;
"""
# Every statement is held against the server of every version: what it locks, and which tables get a new file.
STATEMENTS = [
    "alter table t add column x int",
    "alter table t add column x int not null default 7",
    "alter table t add column x timestamptz default now()",
    "alter table t add column x float default random()",
    "alter table t add column x bigserial",
    "alter table t add column x int generated always as identity",
    "alter table t add column x int generated always as (a + 1) stored",
    "alter table t add column x int references parent (id)",
    "alter table t drop column txt",
    "alter table t alter a type bigint",
    "alter table t alter s type varchar(50)",
    "alter table t alter s type varchar(10)",
    "alter table t alter s type text",
    "alter table t alter txt type varchar",
    "alter table t alter txt type varchar(100)",
    "alter table t alter n type numeric(12,2)",
    "alter table t alter n type numeric(12,3)",
    "alter table t alter n type numeric",
    "alter table t alter at type timestamp(6)",
    "alter table t alter s type text using upper(s)",
    "alter table t alter a set default 1",
    "alter table t alter a set not null",
    "alter table t alter checked set not null",
    "alter table t alter big drop not null",
    "alter table t alter a set statistics 100",
    "alter table t add constraint c check (a > 0)",
    "alter table t add constraint c check (a > 0) not valid",
    "alter table t validate constraint positive",
    "alter table child validate constraint child_t",
    "alter table t add constraint c unique (a)",
    "alter table t add constraint c unique using index t_unique",
    "alter table child add constraint c foreign key (t_id) references t (id)",
    "alter table child add constraint c foreign key (t_id) references t (id) not valid",
    "alter table t drop constraint t_parent",
    "alter table t drop constraint positive",
    "alter table t set (fillfactor = 70)",
    "alter table loose set unlogged",
    "alter table t disable trigger touch",
    "alter table t enable row level security",
    "alter table t replica identity full",
    "alter table t rename to t2",
    "alter table t rename column a to b",
    "alter table t rename constraint positive to c",
    "alter index t_a rename to t_b",
    "alter table parted attach partition loose for values from ('2025-01-01') to ('2026-01-01')",
    "alter table parted detach partition parted_1",
    "create table parted_2 partition of parted for values from ('2026-01-01') to ('2027-01-01')",
    "create table x (id int references parent (id))",
    "create table x (like parent)",
    "create table x as select * from parent",
    "create index on t (a, s)",
    "create index on parted (id)",
    "drop index t_a",
    "reindex table t",
    "reindex index t_a",
    "create trigger again before update on t for each row execute function touch()",
    "drop trigger touch on t",
    "create policy p2 on t",
    "drop policy p on t",
    "create view v2 as select * from parent",
    "create or replace view v as select id from t where id > 0",
    "drop view v",
    "create materialized view m2 as select * from parent",
    "refresh materialized view m",
    "refresh materialized view concurrently m",
    "create statistics st on a, s from t",
    "comment on table t is 'x'",
    "comment on column t.a is 'x'",
    "alter sequence s restart with 5",
    "truncate loose",
    "drop table child",
    "drop table loose",
    "cluster t using t_a",
    "analyze t",
    "lock table t in share mode",
    "insert into t (id, checked) values (1000, 1)",
    "insert into loose select id, '2024-01-01' from parent",
    "update t set a = 2",
    "update t set a = p.id from parent p where p.id = t.id",
    "delete from t where id = 3",
    "select count(*) from t",
    "select * from t where id = 1 for update",
    "grant select on t to public",
    "alter domain positive_int add constraint c check (value > 0)",
    "alter domain positive_int add constraint c check (value > 0) not valid",
    "alter domain positive_int set not null",
    "alter domain positive_int set default 1",
    "with gone as (delete from child returning id) select * from gone",
    "alter type positive_int owner to current_user",
]
