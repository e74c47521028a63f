-- Types of one's own, and tables that hold every kind of value.
-- Words in angle brackets stand for the roles and the tablespace of this zoo.
CREATE SCHEMA zoo;
COMMENT ON SCHEMA zoo IS E'every kind of thing; a quote '' , a backslash \\ , and\na second line';

CREATE TYPE zoo.mood AS ENUM ('sad', 'ok', 'so "so"', 'glücklich', '', 'it''s');
ALTER TYPE zoo.mood ADD VALUE 'first of all' BEFORE 'sad';
COMMIT;
COMMENT ON TYPE zoo.mood IS 'an enum whose order is not that of its making';

CREATE DOMAIN zoo.positive AS numeric(20, 4) DEFAULT 1 CONSTRAINT above_zero CHECK (VALUE > 0);
CREATE DOMAIN zoo.positives AS zoo.positive[] CONSTRAINT not_many CHECK (cardinality(VALUE) < 10);
CREATE DOMAIN zoo.required AS text COLLATE "C" NOT NULL;
CREATE DOMAIN zoo.upper_case AS zoo.required;
ALTER DOMAIN zoo.upper_case ADD CHECK (VALUE = upper(VALUE)) NOT VALID;
COMMENT ON DOMAIN zoo.positive IS 'a domain';
COMMENT ON CONSTRAINT above_zero ON DOMAIN zoo.positive IS 'a constraint of a domain';

CREATE TYPE zoo.point3 AS (x double precision, y double precision, "Z ""quoted""" numeric);
COMMENT ON TYPE zoo.point3 IS 'a composite type';
COMMENT ON COLUMN zoo.point3.x IS 'an attribute of a composite type';
CREATE TYPE zoo.nested AS (name text COLLATE "C", corners zoo.point3[], feels zoo.mood);
CREATE TYPE zoo.empty_type AS ();

CREATE FUNCTION zoo.float_difference(double precision, double precision) RETURNS double precision
    LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $1 - $2';
CREATE TYPE zoo.floats AS RANGE (subtype = double precision, subtype_diff = zoo.float_difference,
    multirange_type_name = zoo.many_floats);
CREATE TYPE zoo.words AS RANGE (subtype = text, collation = "C");

CREATE COLLATION zoo.bytewise (locale = 'C');
COMMENT ON COLLATION zoo.bytewise IS 'a collation';

CREATE TABLE zoo.numbers (
    id integer PRIMARY KEY, tiny smallint, whole integer, big bigint, exact numeric, scaled numeric(30, 10),
    single real, double double precision, cash money
);
INSERT INTO zoo.numbers VALUES
    (1, -32768, -2147483648, -9223372036854775808, 'NaN', 0, 'NaN', 'NaN', -1.5),
    (2, 32767, 2147483647, 9223372036854775807, 'Infinity', -1e-10, 'Infinity', 'Infinity', 0),
    (3, 0, 0, 4294967296, '-Infinity', 'NaN', '-Infinity', '-Infinity', 92233720368547758.07),
    (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (5, 1, 1, 1, 1.10, 1.1, 1e-45, 5e-324, 1),
    (6, 1, 1, 1, 1.1000, 1.1, 3.4028235e38, 1.7976931348623157e308, 1),
    (7, 1, 1, 1, 1e400, 12345678901234567890.0123456789, 0.1, 0.30000000000000004, 1),
    (8, 1, 1, 1, -1e-400, 0, '-0', '-0', 1);

CREATE TABLE zoo.moments (
    id integer PRIMARY KEY, at timestamptz, wall timestamp, day date, clock time, zoned timetz,
    span interval, span_months interval year to month, rough timestamptz(0), rough_clock time(3)
);
INSERT INTO zoo.moments VALUES
    (1, 'infinity', 'infinity', 'infinity', '24:00', '24:00+00', '1 year -2 mons 3 days 04:05:06.789', '13 mons', 'infinity', '0:0'),
    (2, '-infinity', '-infinity', '-infinity', '00:00', '00:00-15:59', '-178000000 years', '-1 year', '-infinity', '0:0:0.0005'),
    (3, '4713-01-01 00:00+00 BC', '4713-01-01 BC', '4713-01-01 BC', '12:34:56.789012', '12:34:56.789012+05:45', '178000000 years', '0', 'epoch', '0:0'),
    (4, '294276-12-31 23:59:59.999999+00', '294276-12-31 23:59:59.999999', '5874897-12-31', '1:2', '1:2+14', '24:00:00', '0', '2024-02-29 0:0+0', '0:0'),
    (5, '2025-03-30 01:30:00+00', '2025-03-30 02:30:00', '2025-03-30', '2:30', '2:30+01', '1 day', '0', '1883-11-18 12:03:58-04:56:02', '0:0'),
    (6, '0044-03-15 12:00+00 BC', '0044-03-15 12:00 BC', '0044-03-15 BC', NULL, NULL, '-00:00:00.000001', NULL, NULL, NULL),
    (7, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE zoo.texts (
    id integer PRIMARY KEY, free text, limited varchar(12), padded char(6), single "char", label name,
    bytewise text COLLATE "C", bytes bytea, bits bit(5), more_bits bit varying, vector tsvector, query tsquery
);
INSERT INTO zoo.texts VALUES
    (1, '', '', '', '', '', '', '', B'00000', B'', '', ''),
    (2, E'tab\t newline\n return\r backslash \\ quote '' double " \\. \\N', E'\\.', E'\\N', '"', 'n', E'\\.',
        '\x00ff5c2e0a0d275c4e', B'10101', B'1', 'a:1A fat:2 ''it''''s'':3', '!fat & (cat | ''it''''s'')'),
    (3, E'\\.', E'\n\n', E'\n', E'\n', E'\n', E'\n\\.\n', '\x5c2e', B'11111', B'1111111111', NULL, NULL),
    (4, 'Ünïcödé 漢字 🐘 e' || U&'\0301' || ' ' || U&'\FEFF' || ' zero' || U&'\200B' || 'width', '漢字', 'äö', 'x',
        repeat('n', 63), 'ÄÖ', NULL, NULL, NULL, NULL, NULL),
    (5, E'\x01\x02\x1b[31m\x7f', 'trailing  ', 'pad   ', ' ', ' ', '  spaces  ', '\x20', NULL, NULL, NULL, NULL),
    (6, '$1 $$ $body$ -- /* */ ; \q :name :''name'' %s {}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE zoo.oddments (
    id uuid PRIMARY KEY, j json, b jsonb, path jsonpath, x xml, host inet, network cidr, mac macaddr,
    long_mac macaddr8, yes boolean, place point, wire line, segment lseg, square box, route path,
    shape polygon, round circle, lsn pg_lsn, xid8 xid8, tid tid, plain_oid oid, class regclass, routine regprocedure
);
INSERT INTO zoo.oddments (id, j, b, path, host, network, mac, long_mac, yes, place, wire, segment, square, route,
    shape, round, lsn, xid8, tid, plain_oid, class, routine) VALUES
    ('00000000-0000-0000-0000-000000000000', '{"a":1,  "a":2, "\u00e4": "\\u0000"}', '{"a": [1.10, 1e3, null, "ä\n"], "": {}}',
     '$.a[*] ? (@ > 1)', '::1/64', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', true, '(NaN,Infinity)',
     '{1,-1,0.1}', '((0,0),(1e-300,1))', '((0,0),(1,1))', '[(0,0),(1,1)]', '((0,0),(1,1),(1,0))', '<(0,0),1.5>', 'FFFFFFFF/FFFFFFFF',
     '18446744073709551615', '(4294967295,65535)', 4294967295, 'zoo.numbers', 'zoo.float_difference(double precision,double precision)'),
    ('ffffffff-ffff-ffff-ffff-ffffffffffff', NULL, 'null', NULL, NULL, NULL, NULL, NULL, false, NULL, NULL, NULL,
     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

CREATE TABLE zoo.compounds (
    id integer PRIMARY KEY, numbers integer[], matrix text[][], from_five integer[], moods zoo.mood[], feels zoo.mood,
    amount zoo.positive, amounts zoo.positives, title zoo.required, shout zoo.upper_case, place zoo.point3, things zoo.nested[],
    nothing zoo.empty_type, ints int4range, days daterange, spans tstzmultirange, exact nummultirange, floats zoo.floats, many zoo.many_floats,
    words zoo.words, ranges int8range[], whole zoo.numbers
);
INSERT INTO zoo.compounds VALUES
    (1, '{}', '{{a,"b,c"},{"d\"e",NULL}}', '[5:7]={1,2,3}', '{sad,"so \"so\"",""}', 'first of all', 0.0001, '{1,2.5}', '', '',
     ROW('NaN', '-0', 'NaN'), ARRAY[ROW('a "name"', ARRAY[ROW(1, 2, 3)::zoo.point3, NULL], 'ok')::zoo.nested], ROW(),
     'empty', '[2024-01-01,infinity)', '{[-infinity,2024-01-01),(2024-06-01 12:00+00,)}', '{(,1.10],[1.2,NaN]}', '[-Infinity,0.1)', '{[0,1),[2,3)}',
     '["a ""b"", c",z)', '{"[1,2)",empty,"(,)"}', (SELECT n FROM zoo.numbers n WHERE id = 3)),
    (2, '{NULL,1,NULL}', NULL, NULL, '{}', NULL, NULL, NULL, 'x', 'X', NULL, NULL, NULL, '(,)', 'empty', '{}', '{}', '(,)', '{}', 'empty', '{}', NULL);
