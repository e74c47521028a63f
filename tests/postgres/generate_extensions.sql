-- The same of what needs extensions.
CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION ltree; CREATE EXTENSION btree_gist;
CREATE TABLE tenant (id int primary key, name text not null);
CREATE TABLE kept (id int primary key, a citext unique, b hstore, c ltree, d citext[]);
CREATE TABLE booking (room int not null references tenant, during tstzrange not null, EXCLUDE USING gist (room WITH =, during WITH &&));
CREATE TABLE booking2 (room text, starts timestamptz not null, ends timestamptz not null, check (starts < ends), EXCLUDE USING gist (room WITH =, tstzrange(starts, ends, '[]') WITH &&));
CREATE TABLE zoo (cage int, animal text, EXCLUDE USING gist (cage WITH =, animal WITH <>));
