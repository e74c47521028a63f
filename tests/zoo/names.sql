-- Names that break what puts SQL, file names and lists together by hand.
CREATE SCHEMA "Schéma; DROP TABLE ""x"" -- '$$\";
CREATE TABLE "Schéma; DROP TABLE ""x"" -- '$$\"."a.b" ("c.d" integer, "SELECT" text, "%s %(x)s {}" text, t text, "row" integer);
INSERT INTO "Schéma; DROP TABLE ""x"" -- '$$\"."a.b" VALUES (1, 'x', 'y', 'z', 2);
CREATE TABLE "Schéma; DROP TABLE ""x"" -- '$$\"."new
line" ("co
lumn" text DEFAULT E'\n', CONSTRAINT "con
straint" CHECK ("co
lumn" <> ''));
INSERT INTO "Schéma; DROP TABLE ""x"" -- '$$\"."new
line" VALUES (E'a\nb');
CREATE INDEX "in
dex" ON "Schéma; DROP TABLE ""x"" -- '$$\"."new
line" ("co
lumn");
COMMENT ON TABLE "Schéma; DROP TABLE ""x"" -- '$$\"."new
line" IS E'; -- \n\\! echo a comment that is a command\n';
CREATE TABLE zoo."   " (" " integer);
INSERT INTO zoo."   " VALUES (1);
CREATE TABLE zoo."*" ("*" integer, "?" integer, "[a-z]" text);
CREATE TABLE zoo."TABLE DATA" ("TABLE" integer);
CREATE TABLE zoo."NUMBERS" (id integer);
INSERT INTO zoo."NUMBERS" VALUES (42);
CREATE TABLE zoo."numbers " (id integer);
INSERT INTO zoo."numbers " VALUES (43), (44);
CREATE TABLE zoo."-- comment" (a integer);
CREATE TABLE zoo.""""  ("""" integer);
CREATE TABLE zoo."'" ("'" integer);
CREATE TABLE zoo."\" ("\" integer);
CREATE TABLE zoo."a	tab" ("a	tab" integer);
CREATE TABLE zoo."漢字🐘" ("ключ" integer PRIMARY KEY, U&"\00e9" text, U&"e\0301" text);
INSERT INTO zoo."漢字🐘" VALUES (1, 'composed', 'decomposed');
CREATE TABLE zoo.a23456789_123456789_123456789_123456789_123456789_123456789_123 (
    b23456789_123456789_123456789_123456789_123456789_123456789_123 serial UNIQUE);
INSERT INTO zoo.a23456789_123456789_123456789_123456789_123456789_123456789_123 DEFAULT VALUES;
CREATE TABLE zoo."öööööööööööööööööööööööööööööööx" (n integer);
INSERT INTO zoo."öööööööööööööööööööööööööööööööx" VALUES (1);
CREATE SEQUENCE zoo."Quoted ""sequence""; --";
SELECT nextval('zoo."Quoted ""sequence""; --"');
CREATE TYPE zoo."Ty""pe" AS ENUM ('a,b', '{', '"', 'NULL');
CREATE TABLE zoo."table with everything odd" (t zoo."Ty""pe"[], "text" text, "public" integer, oid text, "xmin " integer);
INSERT INTO zoo."table with everything odd" VALUES ('{"a,b","{","\"","NULL",NULL}', 'NULL', 1, 'an oid', 2);
-- what hides the catalogs' and the aliases' names
CREATE TABLE public.pg_class (oid integer, relname text);
INSERT INTO public.pg_class VALUES (1, 'not the catalog');
CREATE TABLE public.t (t integer, count integer, "ROW" integer, ctid_ integer);
INSERT INTO public.t VALUES (1, 2, 3, 4);
CREATE FUNCTION public.count(integer) RETURNS integer LANGUAGE sql AS 'SELECT -1';
CREATE FUNCTION public.hash_record_extended(integer, integer) RETURNS integer LANGUAGE sql AS 'SELECT -1';
