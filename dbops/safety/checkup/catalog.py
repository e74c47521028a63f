"""The checks that read the catalog alone (PostgreSQL manual, "System Catalogs"); a row each: what, what is wrong, what mends it."""

from __future__ import annotations

import dataclasses

from dbops.engines.postgres.catalog_queries import USERS_TRIGGER
from dbops.safety.checkup.model import Check, Level

# What OURS stands for in the queries: schemas of the server itself and members of extensions are left out.
_OURS = """n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%' and not exists (
    select from pg_catalog.pg_depend as d
    where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')"""

_CHECKS = (
    Check(
        "invalid-index",
        Level.PROBLEM,
        """
select i.indexrelid::regclass::text,
    case when left_over then 'is invalid: an interrupted REINDEX CONCURRENTLY left it, and no query uses it'
        when i.indisunique then 'is invalid: a CREATE INDEX CONCURRENTLY that was interrupted, or met duplicate rows, left it'
        else 'is invalid: an interrupted CREATE INDEX CONCURRENTLY left it, and no query uses it' end,
    format('%s INDEX CONCURRENTLY %s;', case when left_over then 'DROP' else 'REINDEX' end, i.indexrelid::regclass)
from pg_catalog.pg_index as i join pg_catalog.pg_class as c on c.oid = i.indexrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
cross join lateral (select c.relname ~ '_cc(new|old)[0-9]*$' as left_over) as named
where not i.indisvalid and c.relkind = 'i' and OURS order by 1
""",
    ),
    Check(
        "not-validated",
        Level.PROBLEM,
        """
select format('%s on %s', quote_ident(k.conname), k.conrelid::regclass), 'is NOT VALID: rows from before it may break it',
    format('ALTER TABLE %s VALIDATE CONSTRAINT %I;', k.conrelid::regclass, k.conname)
from pg_catalog.pg_constraint as k join pg_catalog.pg_class as c on c.oid = k.conrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where not k.convalidated and OURS order by 1
""",
    ),
    Check(
        "disabled-trigger",
        Level.PROBLEM,
        """
select format('%s on %s', quote_ident(t.tgname), t.tgrelid::regclass), 'is a disabled trigger',
    format('ALTER TABLE %s ENABLE TRIGGER %I;', t.tgrelid::regclass, t.tgname)
from pg_catalog.pg_trigger as t join pg_catalog.pg_class as c on c.oid = t.tgrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where t.tgenabled = 'D' and USERS_TRIGGER and OURS
union
select format('%s on %s', quote_ident(k.conname), k.conrelid::regclass),
    format('is not enforced: its triggers on %s are disabled (only a superuser can enable them)', t.tgrelid::regclass),
    format('ALTER TABLE %s ENABLE TRIGGER ALL;', t.tgrelid::regclass)
from pg_catalog.pg_trigger as t join pg_catalog.pg_constraint as k on k.oid = t.tgconstraint
join pg_catalog.pg_class as c on c.oid = t.tgrelid join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where t.tgenabled = 'D' and t.tgisinternal and OURS order by 1
""",
    ),
    Check(
        "sequence-near-its-end",
        Level.PROBLEM,
        """
select c.oid::regclass::text,
    format('has used %s %% of its numbers%s', round(100.0 * s.last_value / last.number),
        case when of_column.name is not null then format(' (%s.%I is %s)', of_column.relation, of_column.name, of_column.type) else '' end),
    case when of_column.type in ('smallint', 'integer') then
        format('ALTER TABLE %s ALTER COLUMN %I TYPE bigint; ', of_column.relation, of_column.name) else '' end
    || case when s.data_type <> 'bigint'::regtype then format('ALTER SEQUENCE %s AS bigint;', c.oid::regclass) else '' end
from pg_catalog.pg_sequences as s join pg_catalog.pg_namespace as n on n.nspname = s.schemaname
join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = s.sequencename
left join lateral (
    select a.attrelid::regclass as relation, a.attname as name, pg_catalog.format_type(a.atttypid, null) as type,
        case a.atttypid when 'int2'::regtype then 32767 when 'int4'::regtype then 2147483647 end as most
    from pg_catalog.pg_depend as d join pg_catalog.pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
    where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i') limit 1
) as of_column on true
cross join lateral (select case when s.increment_by > 0 then least(s.max_value, of_column.most)
    else greatest(s.min_value, -of_column.most) end as number) as last
where not s.cycle and last.number <> 0 and s.last_value::numeric / last.number > 0.8 and OURS order by 1
""",
    ),
    Check(
        "foreign-key-without-index",
        Level.HINT,
        """
select format('%s on %s', quote_ident(k.conname), k.conrelid::regclass),
    format('has no index on %s: deleting from %s reads all of %s', columns.list, k.confrelid::regclass, k.conrelid::regclass),
    format('CREATE INDEX %sON %s (%s);', case when c.relkind <> 'p' then 'CONCURRENTLY ' end, k.conrelid::regclass, columns.list)
from pg_catalog.pg_constraint as k join pg_catalog.pg_class as c on c.oid = k.conrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
cross join lateral (
    select string_agg(quote_ident(a.attname), ', ' order by place.number) as list
    from unnest(k.conkey) with ordinality as place (attnum, number)
    join pg_catalog.pg_attribute as a on a.attrelid = k.conrelid and a.attnum = place.attnum
) as columns
where k.contype = 'f' and k.conparentid = 0 and OURS and not exists (
    select from pg_catalog.pg_index as i where i.indrelid = k.conrelid and i.indisvalid and i.indpred is null
        and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)
order by 1
""",
    ),
    Check(
        "no-primary-key",
        Level.HINT,
        """
select c.oid::regclass::text, 'has no primary key: its rows cannot be told apart, and logical replication cannot update them', null
from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence <> 't' and OURS
    and not exists (select from pg_catalog.pg_index as i where i.indrelid = c.oid and i.indisprimary)
order by 1
""",
    ),
    Check(
        "stale-statistics",
        Level.HINT,
        """
select c.oid::regclass::text,
    case when s.last_analyze is null and s.last_autoanalyze is null then 'was never analyzed, so the planner guesses'
        else format('has changed %s rows since it was analyzed, of about %s', s.n_mod_since_analyze, greatest(c.reltuples, 0)::bigint) end,
    format('ANALYZE %s;', c.oid::regclass)
from pg_catalog.pg_stat_user_tables as s join pg_catalog.pg_class as c on c.oid = s.relid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where OURS and pg_catalog.pg_relation_size(c.oid) > 100000
    and (s.last_analyze is null and s.last_autoanalyze is null or s.n_mod_since_analyze > 1000 + 0.2 * greatest(c.reltuples, 0))
order by 1
""",
    ),
    Check(
        "unused-index",
        Level.HINT,
        """
select s.indexrelid::regclass::text,
    format('was not used since the statistics began%s, and takes %s', coalesce(' (' || d.stats_reset::date || ')', ''),
        pg_catalog.pg_size_pretty(pg_catalog.pg_relation_size(s.indexrelid))),
    format('DROP INDEX CONCURRENTLY %s;', s.indexrelid::regclass)
from pg_catalog.pg_stat_user_indexes as s join pg_catalog.pg_index as i on i.indexrelid = s.indexrelid
join pg_catalog.pg_class as c on c.oid = i.indexrelid join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_stat_database as d on d.datname = pg_catalog.current_database()
where s.idx_scan = 0 and not i.indisunique and i.indisvalid and pg_catalog.pg_relation_size(s.indexrelid) > 1000000 and OURS
order by pg_catalog.pg_relation_size(s.indexrelid) desc
""",
    ),
    Check(
        "duplicate-index",
        Level.HINT,
        """
select i.indexrelid::regclass::text, format('is the same index as %s', other.indexrelid::regclass),
    format('DROP INDEX CONCURRENTLY %s;', i.indexrelid::regclass)
from pg_catalog.pg_index as i join pg_catalog.pg_index as other on other.indrelid = i.indrelid and other.indexrelid < i.indexrelid
    and other.indkey::text = i.indkey::text and other.indclass::text = i.indclass::text
    and other.indoption::text = i.indoption::text and other.indcollation::text = i.indcollation::text
    and coalesce(other.indexprs::text, '') = coalesce(i.indexprs::text, '')
    and coalesce(other.indpred::text, '') = coalesce(i.indpred::text, '')
join pg_catalog.pg_class as c on c.oid = i.indexrelid join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where not i.indisunique and i.indisvalid and other.indisvalid and OURS order by 1
""",
    ),
    Check(
        "bloated-index",
        Level.HINT,
        """
select sized.index::text,
    format('takes %s where about %s would do', pg_catalog.pg_size_pretty(sized.size), pg_catalog.pg_size_pretty(sized.expected::bigint)),
    format('REINDEX INDEX CONCURRENTLY %s;', sized.index)
from (
    select c.oid::regclass as index, pg_catalog.pg_relation_size(c.oid) as size,
        c.reltuples * (16 + sum(coalesce(w.stawidth, 8))) / 0.85 as expected
    from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_index as i on i.indexrelid = c.oid join pg_catalog.pg_am as m on m.oid = c.relam and m.amname = 'btree'
    cross join lateral unnest(i.indkey::int2[]) as key
    left join lateral (
        select avg_width as stawidth from pg_catalog.pg_stats as p join pg_catalog.pg_class as t on t.oid = i.indrelid
        join pg_catalog.pg_attribute as a on a.attrelid = t.oid and a.attnum = key
        join pg_catalog.pg_namespace as tn on tn.oid = t.relnamespace
        where p.schemaname = tn.nspname and p.tablename = t.relname and p.attname = a.attname limit 1
    ) as w on true
    where c.relkind = 'i' and c.reltuples > 0 and OURS group by c.oid, c.reltuples
) as sized
where sized.size > 10000000 and sized.size > 2.5 * sized.expected order by sized.size desc
""",
    ),
)

CHECKS = tuple(
    dataclasses.replace(
        check, query=check.query.replace("OURS", _OURS).replace("USERS_TRIGGER", USERS_TRIGGER)
    )
    for check in _CHECKS
)
"""All of them, in the order in which they are told."""
