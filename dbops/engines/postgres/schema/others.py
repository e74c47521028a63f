"""Queries for what is no table: schemas, types, routines, and the rarer kinds; as those of `relations`."""

from __future__ import annotations

from typing import LiteralString

_SCHEMAS: LiteralString = """
select 'pg_namespace'::regclass, n.oid, 0, '' from own_schema as n
"""
_EXTENSIONS: LiteralString = """
select 'pg_extension'::regclass, e.oid, 0, format('VERSION %s SCHEMA %I', e.extversion, n.nspname)
from pg_extension as e join pg_namespace as n on n.oid = e.extnamespace
"""

_TYPES: LiteralString = """
select 'pg_type'::regclass, t.oid, 0, case t.typtype
    when 'e' then 'ENUM (' || coalesce((select string_agg(quote_literal(enumlabel), ', ' order by enumsortorder)
        from pg_enum where enumtypid = t.oid), '') || ')'
    when 'd' then concat_ws(' ', 'DOMAIN', format_type(t.typbasetype, t.typtypmod),
        (select 'COLLATE ' || t.typcollation::regcollation from pg_type as b
            where b.oid = t.typbasetype and t.typcollation not in (0, b.typcollation)),
        'DEFAULT ' || t.typdefault, case when t.typnotnull then 'NOT NULL' end)
    when 'r' then (select concat_ws(' ', 'RANGE', format_type(rngsubtype, null),
            'MULTIRANGE ' || rngmultitypid::regtype,
            (select 'OPCLASS ' || quote_ident(opcname) from pg_opclass where pg_opclass.oid = rngsubopc),
            'COLLATE ' || case when rngcollation <> 0 then rngcollation::regcollation::text end,
            'CANONICAL ' || case when rngcanonical <> 0 then rngcanonical::regproc::text end,
            'SUBTYPE_DIFF ' || case when rngsubdiff <> 0 then rngsubdiff::regproc::text end)
        from pg_range where rngtypid = t.oid)
    when 'b' then format('BASE %s %s %s %s %s %s %s %s %s %s %s %s %s', t.typinput, t.typoutput, t.typreceive,
        t.typsend, t.typmodin, t.typmodout, t.typlen, t.typalign, t.typstorage, t.typcategory, t.typdelim,
        t.typispreferred, t.typdefault)
    else 'SHELL' end
from own_type as t
"""

# The functions that come with a range type belong to it.
_ROUTINES: LiteralString = """
select 'pg_proc'::regclass, p.oid, 0, case when p.prokind <> 'a' then pg_get_functiondef(p.oid) else (
    select concat_ws(E'\\n', 'RETURNS ' || pg_get_function_result(p.oid), 'KIND ' || aggkind::text,
        'SFUNC ' || aggtransfn, 'STYPE ' || format_type(aggtranstype, null) || ' ' || aggtransspace,
        'INITCOND ' || agginitval, 'FINALFUNC ' || aggfinalfn || ' ' || aggfinalextra || aggfinalmodify::text,
        'COMBINEFUNC ' || aggcombinefn, 'SERIALFUNC ' || aggserialfn, 'DESERIALFUNC ' || aggdeserialfn,
        'MSFUNC ' || aggmtransfn || ' ' || aggminvtransfn || ' ' || format_type(aggmtranstype, null),
        'MINITCOND ' || aggminitval, 'MFINALFUNC ' || aggmfinalfn || ' ' || aggmfinalextra || aggmfinalmodify::text,
        'SORTOP ' || case when aggsortop <> 0 then aggsortop::regoperator::text end,
        'PARALLEL ' || p.proparallel::text)
    from pg_aggregate where aggfnoid = p.oid) end
from pg_proc as p
where p.pronamespace in (select oid from own_schema) and not exists (
    select from pg_depend where classid = 'pg_proc'::regclass and objid = p.oid and deptype = 'i')
"""

_OPERATORS: LiteralString = """
select 'pg_operator'::regclass, o.oid, 0, format('%s %s %s %s %s %s %s', o.oprcode, o.oprcom::regoperator,
    o.oprnegate::regoperator, o.oprrest, o.oprjoin, o.oprcanmerge, o.oprcanhash)
from pg_operator as o where o.oprnamespace in (select oid from own_schema)
union all
select 'pg_opfamily'::regclass, f.oid, 0, '' from own_family as f
union all
select 'pg_opclass'::regclass, c.oid, 0, concat_ws(' ', 'FOR', format_type(c.opcintype, null),
    'FAMILY ' || (pg_identify_object('pg_opfamily'::regclass, c.opcfamily, 0)).identity,
    'STORAGE ' || case when c.opckeytype <> 0 then format_type(c.opckeytype, null) end,
    case when c.opcdefault then 'DEFAULT' end)
from pg_opclass as c where c.opcnamespace in (select oid from own_schema)
union all
select 'pg_amop'::regclass, a.oid, 0, a.amopopr::regoperator::text
from pg_amop as a join own_family as f on f.oid = a.amopfamily
union all
select 'pg_amproc'::regclass, a.oid, 0, a.amproc::regprocedure::text
from pg_amproc as a join own_family as f on f.oid = a.amprocfamily
union all
select 'pg_cast'::regclass, c.oid, 0, format('%s %s %s', c.castfunc::regprocedure, c.castcontext, c.castmethod)
from pg_cast as c where c.oid >= 16384
"""

_TEXT_SEARCH: LiteralString = """
select 'pg_ts_config'::regclass, c.oid, 0, concat_ws(E'\\n',
    'PARSER ' || (pg_identify_object('pg_ts_parser'::regclass, c.cfgparser, 0)).identity,
    (select string_agg(format('%s %s', maptokentype, mapdict::regdictionary), E'\\n' order by maptokentype, mapseqno)
        from pg_ts_config_map where mapcfg = c.oid))
from pg_ts_config as c where c.cfgnamespace in (select oid from own_schema)
union all
select 'pg_ts_dict'::regclass, d.oid, 0, concat_ws(E'\\n',
    'TEMPLATE ' || (pg_identify_object('pg_ts_template'::regclass, d.dicttemplate, 0)).identity, d.dictinitoption)
from pg_ts_dict as d where d.dictnamespace in (select oid from own_schema)
union all
select 'pg_ts_parser'::regclass, p.oid, 0, (to_jsonb(p) - '{oid,prsname,prsnamespace}'::text[])::text
from pg_ts_parser as p where p.prsnamespace in (select oid from own_schema)
union all
select 'pg_ts_template'::regclass, t.oid, 0, format('%s %s', t.tmplinit, t.tmpllexize)
from pg_ts_template as t where t.tmplnamespace in (select oid from own_schema)
union all
select 'pg_collation'::regclass, c.oid, 0,
    (to_jsonb(c) - '{oid,collname,collnamespace,collowner,collversion}'::text[])::text
from pg_collation as c where c.collnamespace in (select oid from own_schema)
union all
select 'pg_conversion'::regclass, c.oid, 0, format('%s %s %s %s', c.conforencoding, c.contoencoding, c.conproc,
    c.condefault)
from pg_conversion as c where c.connamespace in (select oid from own_schema)
"""

# What a user mapping says may hold a password, and is not for every role to see.
_OF_THE_DATABASE: LiteralString = """
select 'pg_event_trigger'::regclass, e.oid, 0, concat_ws(E'\\n', 'ON ' || e.evtevent, 'EXECUTE ' || e.evtfoid::regproc,
    'WHEN TAG IN (' || array_to_string(e.evttags, ', ') || ')', case when e.evtenabled <> 'O' then e.evtenabled::text end)
from pg_event_trigger as e
union all
select 'pg_language'::regclass, l.oid, 0, format('%s %s %s %s', l.lanpltrusted, l.lanplcallfoid::regproc,
    l.laninline::regproc, l.lanvalidator::regproc)
from pg_language as l where l.oid >= 16384
union all
select 'pg_am'::regclass, a.oid, 0, format('%s %s', a.amtype, a.amhandler) from pg_am as a where a.oid >= 16384
union all
select 'pg_transform'::regclass, t.oid, 0, format('%s %s', t.trffromsql, t.trftosql) from pg_transform as t
union all
select 'pg_foreign_data_wrapper'::regclass, w.oid, 0, concat_ws(E'\\n', w.fdwhandler::regproc, w.fdwvalidator::regproc,
    'OPTIONS (' || array_to_string(w.fdwoptions, ', ') || ')')
from pg_foreign_data_wrapper as w
union all
select 'pg_foreign_server'::regclass, s.oid, 0, concat_ws(E'\\n', 'TYPE ' || s.srvtype, 'VERSION ' || s.srvversion,
    (select 'WRAPPER ' || fdwname from pg_foreign_data_wrapper as w where w.oid = s.srvfdw),
    'OPTIONS (' || array_to_string(s.srvoptions, ', ') || ')')
from pg_foreign_server as s
union all
select 'pg_user_mapping'::regclass, m.umid, 0, '' from pg_user_mappings as m
union all
select 'pg_publication'::regclass, p.oid, 0, (to_jsonb(p) - '{oid,pubname,pubowner}'::text[])::text
from pg_publication as p
union all
select 'pg_subscription'::regclass, s.oid, 0, format('PUBLICATION %s ENABLED %s', s.subpublications, s.subenabled)
from pg_subscription as s where s.subdbid = (select oid from pg_database where datname = current_database())
union all
select 'pg_default_acl'::regclass, d.oid, 0, (select string_agg(concat_ws(' ',
        case when grantee = 0 then 'PUBLIC' else quote_ident(pg_get_userbyid(grantee)) end, privilege_type,
        case when is_grantable then 'WITH GRANT OPTION' end), E'\\n' order by grantee <> 0, grantee::regrole::text,
        privilege_type) from aclexplode(d.defaclacl))
from pg_default_acl as d
"""

SINCE_15: LiteralString = """
select 'pg_publication_rel'::regclass, r.oid, 0, concat_ws(E'\\n',
    (select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
        where attrelid = r.prrelid and attnum = any(r.prattrs)),
    'WHERE ' || pg_get_expr(r.prqual, r.prrelid))
from pg_publication_rel as r
union all
select 'pg_publication_namespace'::regclass, n.oid, 0, '' from pg_publication_namespace as n
"""

QUERIES = (
    _SCHEMAS,
    _EXTENSIONS,
    _TYPES,
    _ROUTINES,
    _OPERATORS,
    _TEXT_SEARCH,
    _OF_THE_DATABASE,
)
"""What there is beside relations."""
