"""What is no table: types, routines, text search and so on; queries as those of `tables`."""

from __future__ import annotations

from typing import LiteralString

_SCHEMAS: LiteralString = """
select 'pg_namespace'::regclass, n.oid, 0, '', 'exists', format('CREATE SCHEMA %I', n.nspname),
    format('DROP SCHEMA %I', n.nspname)
from own_schema as n
"""

_DOMAINS: LiteralString = """
select 'pg_type'::regclass, t.oid, 0, '', 'exists', concat_ws(' ', 'CREATE DOMAIN', t.oid::regtype, 'AS',
    format_type(t.typbasetype, t.typtypmod),
    (select 'COLLATE ' || t.typcollation::regcollation from pg_type as b
        where b.oid = t.typbasetype and t.typcollation not in (0, b.typcollation)),
    'DEFAULT ' || t.typdefault, case when t.typnotnull then 'NOT NULL' end,
    (select string_agg(format('CONSTRAINT %I %s', conname, pg_get_constraintdef(oid)), ' ' order by conname)
        from pg_constraint where contypid = t.oid and contype = 'c' and convalidated)), 'DROP DOMAIN ' || t.oid::regtype
from own_type as t where t.typtype = 'd'
union all
select 'pg_type'::regclass, t.oid, 0, 'default', 'set', format('ALTER DOMAIN %s SET DEFAULT %s', t.oid::regtype,
    t.typdefault), format('ALTER DOMAIN %s DROP DEFAULT', t.oid::regtype)
from own_type as t where t.typtype = 'd' and t.typdefault is not null
union all
select 'pg_type'::regclass, t.oid, 0, 'not null', 'set', format('ALTER DOMAIN %s SET NOT NULL', t.oid::regtype),
    format('ALTER DOMAIN %s DROP NOT NULL', t.oid::regtype)
from own_type as t where t.typtype = 'd' and t.typnotnull
union all
select 'pg_type'::regclass, t.oid, 0, 'constraint ' || k.conname, 'replace',
    format('ALTER DOMAIN %s ADD CONSTRAINT %I %s', t.oid::regtype, k.conname, pg_get_constraintdef(k.oid)),
    format('ALTER DOMAIN %s DROP CONSTRAINT %I', t.oid::regtype, k.conname)
from own_type as t join pg_constraint as k on k.contypid = t.oid where k.contype = 'c'
"""

# Of other values: see `enums`.
_ENUMS: LiteralString = """
select 'pg_type'::regclass, t.oid, 0, '', 'exists', format('CREATE TYPE %s AS ENUM (%s)', t.oid::regtype,
    (select string_agg(quote_literal(enumlabel), ', ' order by enumsortorder) from pg_enum where enumtypid = t.oid)),
    'DROP TYPE ' || t.oid::regtype
from own_type as t where t.typtype = 'e'
"""

_COMPOSITES: LiteralString = """
select 'pg_class'::regclass, c.oid, 0, '', 'exists', format('CREATE TYPE %s AS (%s)', c.reltype::regtype, (
    select string_agg(definition, ', ' order by number) from attribute where attribute.oid = c.oid)),
    'DROP TYPE ' || c.reltype::regtype
from relation as c where c.relkind = 'c'
union all
select 'pg_class'::regclass, c.oid, 0, 'attribute ' || name, 'replace',
    format('ALTER TYPE %s ADD ATTRIBUTE %s', c.reltype::regtype, definition),
    format('ALTER TYPE %s DROP ATTRIBUTE %s', c.reltype::regtype, name)
from relation as c join attribute on attribute.oid = c.oid where c.relkind = 'c'
"""

ATTRIBUTES: LiteralString = """
attribute(oid, number, name, definition) as (
    select a.attrelid, a.attnum, quote_ident(a.attname), concat_ws(' ', quote_ident(a.attname),
        format_type(a.atttypid, a.atttypmod),
        case when a.attcollation not in (0, t.typcollation) then 'COLLATE ' || a.attcollation::regcollation end)
    from pg_attribute as a join pg_type as t on t.oid = a.atttypid where a.attnum > 0 and not a.attisdropped)
"""

_RANGES: LiteralString = """
select 'pg_type'::regclass, r.rngtypid, 0, '', 'replace', format('CREATE TYPE %s AS RANGE (%s)', r.rngtypid::regtype,
    concat_ws(', ', 'SUBTYPE = ' || format_type(r.rngsubtype, null), 'MULTIRANGE_TYPE_NAME = ' || r.rngmultitypid::regtype,
        (select format('SUBTYPE_OPCLASS = %I.%I', nspname, opcname) from pg_opclass
            join pg_namespace as n on n.oid = opcnamespace where pg_opclass.oid = r.rngsubopc),
        'COLLATION = ' || case when r.rngcollation <> 0 then r.rngcollation::regcollation::text end,
        'SUBTYPE_DIFF = ' || case when r.rngsubdiff <> 0 then r.rngsubdiff::regproc::text end)),
    'DROP TYPE ' || r.rngtypid::regtype
from pg_range as r join own_type as t on t.oid = r.rngtypid where r.rngcanonical = 0
"""

_COLLATIONS: LiteralString = """
select 'pg_collation'::regclass, c.oid, 0, '', 'replace', format('CREATE COLLATION %s (%s)', c.oid::regcollation,
    concat_ws(', ', 'PROVIDER = ' || case c.collprovider when 'i' then 'icu' when 'b' then 'builtin' else 'libc' end,
        'LC_COLLATE = ' || quote_literal(c.collcollate), 'LC_CTYPE = ' || quote_literal(c.collctype),
        'LOCALE = ' || quote_literal(coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale')),
        'RULES = ' || quote_literal(to_jsonb(c) ->> 'collicurules'),
        case when not c.collisdeterministic then 'DETERMINISTIC = false' end)),
    'DROP COLLATION ' || c.oid::regcollation
from pg_collation as c where c.collnamespace in (select oid from own_schema)
"""

_OPERATORS: LiteralString = """
select 'pg_operator'::regclass, o.oid, 0, '', 'replace', format('CREATE OPERATOR %I.%s (%s)', n.nspname, o.oprname,
    concat_ws(', ', 'FUNCTION = ' || o.oprcode, 'LEFTARG = ' || nullif(o.oprleft, 0)::regtype,
        'RIGHTARG = ' || nullif(o.oprright, 0)::regtype,
        (select format('COMMUTATOR = OPERATOR(%I.%s)', s.nspname, other.oprname) from pg_operator as other
            join pg_namespace as s on s.oid = other.oprnamespace where other.oid = o.oprcom),
        (select format('NEGATOR = OPERATOR(%I.%s)', s.nspname, other.oprname) from pg_operator as other
            join pg_namespace as s on s.oid = other.oprnamespace where other.oid = o.oprnegate),
        'RESTRICT = ' || nullif(o.oprrest, 0)::regproc, 'JOIN = ' || nullif(o.oprjoin, 0)::regproc,
        case when o.oprcanhash then 'HASHES' end, case when o.oprcanmerge then 'MERGES' end)),
    format('DROP OPERATOR %I.%s (%s, %s)', n.nspname, o.oprname, coalesce(nullif(o.oprleft, 0)::regtype::text, 'NONE'),
        coalesce(nullif(o.oprright, 0)::regtype::text, 'NONE'))
from pg_operator as o join own_schema as n on n.oid = o.oprnamespace where o.oprcode <> 0
"""

_CASTS: LiteralString = """
select 'pg_cast'::regclass, c.oid, 0, '', 'replace', concat_ws(' ', 'CREATE CAST', types.pair, case c.castmethod
        when 'f' then 'WITH FUNCTION ' || c.castfunc::regprocedure when 'i' then 'WITH INOUT' else 'WITHOUT FUNCTION' end,
    case c.castcontext when 'a' then 'AS ASSIGNMENT' when 'i' then 'AS IMPLICIT' end), 'DROP CAST ' || types.pair
from pg_cast as c cross join lateral (values (
    format('(%s AS %s)', format_type(c.castsource, null), format_type(c.casttarget, null)))) as types(pair)
where c.oid >= 16384 and not exists (
    select from pg_depend where classid = 'pg_cast'::regclass and objid = c.oid and deptype = 'i')
"""

_AGGREGATES: LiteralString = """
select 'pg_proc'::regclass, p.oid, 0, '', 'replace', format('CREATE AGGREGATE %s (%s)', named.signature,
    concat_ws(', ', 'SFUNC = ' || a.aggtransfn, 'STYPE = ' || format_type(a.aggtranstype, null),
        'SSPACE = ' || nullif(a.aggtransspace, 0), 'FINALFUNC = ' || nullif(a.aggfinalfn, 0)::regproc,
        case when a.aggfinalextra then 'FINALFUNC_EXTRA' end, 'COMBINEFUNC = ' || nullif(a.aggcombinefn, 0)::regproc,
        'SERIALFUNC = ' || nullif(a.aggserialfn, 0)::regproc, 'DESERIALFUNC = ' || nullif(a.aggdeserialfn, 0)::regproc,
        'INITCOND = ' || quote_literal(a.agginitval), 'MSFUNC = ' || nullif(a.aggmtransfn, 0)::regproc,
        'MINVFUNC = ' || nullif(a.aggminvtransfn, 0)::regproc,
        'MSTYPE = ' || format_type(nullif(a.aggmtranstype, 0), null),
        'MFINALFUNC = ' || nullif(a.aggmfinalfn, 0)::regproc, 'MINITCOND = ' || quote_literal(a.aggminitval),
        'PARALLEL = ' || case p.proparallel when 's' then 'SAFE' when 'r' then 'RESTRICTED' end)),
    'DROP AGGREGATE ' || named.signature
from pg_aggregate as a join pg_proc as p on p.oid = a.aggfnoid join own_schema as n on n.oid = p.pronamespace
cross join lateral (values (
    format('%I.%I(%s)', n.nspname, p.proname, coalesce(nullif(pg_get_function_arguments(p.oid), ''), '*')))
) as named(signature)
where a.aggkind = 'n'
"""

_TEXT_SEARCH: LiteralString = """
select 'pg_ts_dict'::regclass, d.oid, 0, '', 'replace', format('CREATE TEXT SEARCH DICTIONARY %s (%s)',
    d.oid::regdictionary, concat_ws(', ',
        'TEMPLATE = ' || (pg_identify_object('pg_ts_template'::regclass, d.dicttemplate, 0)).identity, d.dictinitoption)),
    'DROP TEXT SEARCH DICTIONARY ' || d.oid::regdictionary
from pg_ts_dict as d where d.dictnamespace in (select oid from own_schema)
union all
select 'pg_ts_config'::regclass, c.oid, 0, '', 'replace', format('CREATE TEXT SEARCH CONFIGURATION %s (PARSER = %s)',
    c.oid::regconfig, (pg_identify_object('pg_ts_parser'::regclass, c.cfgparser, 0)).identity),
    'DROP TEXT SEARCH CONFIGURATION ' || c.oid::regconfig
from pg_ts_config as c where c.cfgnamespace in (select oid from own_schema)
union all
select 'pg_ts_config'::regclass, cfg, 0, 'mapping ' || dictionaries, 'replace',
    format('ALTER TEXT SEARCH CONFIGURATION %s ADD MAPPING FOR %s WITH %s', cfg::regconfig, tokens, dictionaries),
    format('ALTER TEXT SEARCH CONFIGURATION %s DROP MAPPING FOR %s', cfg::regconfig, tokens)
from (
    select cfg, dictionaries, string_agg(alias, ', ' order by alias) as tokens
    from (
        select c.oid as cfg, token.alias, string_agg(m.mapdict::regdictionary::text, ', ' order by mapseqno) as dictionaries
        from pg_ts_config as c join pg_ts_config_map as m on m.mapcfg = c.oid
        join lateral ts_token_type(c.cfgparser) as token on token.tokid = m.maptokentype
        where c.cfgnamespace in (select oid from own_schema) group by c.oid, token.alias) as mapped
    group by cfg, dictionaries) as grouped
"""

# Columns that a server before 15 lacks are found in the list beside the table.
_PUBLICATIONS: LiteralString = """
select 'pg_publication'::regclass, p.oid, 0, '', 'exists', concat_ws(' ', 'CREATE PUBLICATION', quote_ident(p.pubname),
    case when p.puballtables then 'FOR ALL TABLES' end, options.text), 'DROP PUBLICATION ' || quote_ident(p.pubname)
from pg_publication as p cross join lateral (values (format('WITH (publish = %L, publish_via_partition_root = %s)',
    concat_ws(', ', case when pubinsert then 'insert' end, case when pubupdate then 'update' end,
        case when pubdelete then 'delete' end, case when pubtruncate then 'truncate' end), pubviaroot::text))) as options(text)
union all
select 'pg_publication'::regclass, p.oid, 0, 'table ' || r.prrelid::regclass, 'replace', concat_ws(' ',
    format('ALTER PUBLICATION %I ADD TABLE %s', p.pubname, r.prrelid::regclass),
    '(' || (select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
        where attrelid = r.prrelid and attnum = any(r.prattrs)) || ')',
    'WHERE (' || pg_get_expr(r.prqual, r.prrelid) || ')'),
    format('ALTER PUBLICATION %I DROP TABLE %s', p.pubname, r.prrelid::regclass)
from (values (null::int2vector, null::pg_node_tree)) as before_15 (prattrs, prqual)
cross join lateral (select prpubid, prrelid, prattrs, prqual from pg_publication_rel) as r
join pg_publication as p on p.oid = r.prpubid
"""

UNKNOWN = (
    _SCHEMAS, _DOMAINS, _ENUMS, _COMPOSITES, _RANGES, _COLLATIONS, _OPERATORS, _CASTS, _AGGREGATES, _TEXT_SEARCH, _PUBLICATIONS,
)  # fmt: skip
"""What the library does not see, or not well."""

# `replace`: a function that is used cannot be dropped, but what it does can be replaced.
_ROUTINES: LiteralString = """
select 'pg_proc'::regclass, p.oid, 0, '', 'or replace', rtrim(pg_get_functiondef(p.oid), E'\\n'),
    format('DROP ROUTINE %s', p.oid::regprocedure)
from pg_proc as p where p.pronamespace in (select oid from own_schema) and p.prokind <> 'a' and not exists (
    select from pg_depend where classid = 'pg_proc'::regclass and objid = p.oid and deptype = 'i')
"""

_SEQUENCES: LiteralString = """
select 'pg_class'::regclass, c.oid, 0, 'range', 'set', format(
    'ALTER SEQUENCE %s AS %s START %s INCREMENT %s MINVALUE %s MAXVALUE %s CACHE %s %s', c.oid::regclass,
    format_type(s.seqtypid, null), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache,
    case when s.seqcycle then 'CYCLE' else 'NO CYCLE' end), null
from relation as c join pg_sequence as s on s.seqrelid = c.oid
"""

KNOWN = (_ROUTINES, _SEQUENCES)
"""What the library sees, to put right what it left otherwise."""
