-- Bookings with extensions of contrib (btree_gist, citext, ltree, hstore), in schema booking. What is nasty in it:
--   exclusion by plain equality beside ranges: text, uuid, bigint and enum; by inequality (an aircraft flies one route
--   at a time); citext as unique key; ltree paths with a check on their depth; hstore with a key that must be there;
--   a domain over citext.

CREATE SCHEMA booking;
CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS ltree WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS hstore WITH SCHEMA public;
SET search_path = booking, public;

CREATE DOMAIN mail AS citext CHECK (VALUE ~ '^[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}$');
CREATE TYPE court AS ENUM ('clay', 'grass', 'hard');

CREATE TABLE members (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    mail mail NOT NULL UNIQUE,
    nickname citext UNIQUE CHECK (length(nickname) BETWEEN 2 AND 20)
);

CREATE TABLE courts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind court NOT NULL,
    place ltree NOT NULL UNIQUE CHECK (nlevel(place) BETWEEN 2 AND 4),
    features hstore NOT NULL DEFAULT 'lights => no' CHECK (features ? 'lights')
);

CREATE TABLE reservations (
    court_id bigint NOT NULL REFERENCES courts,
    member_id uuid NOT NULL REFERENCES members,
    during tstzrange NOT NULL CHECK (NOT isempty(during)),
    EXCLUDE USING gist (court_id WITH =, during WITH &&),
    EXCLUDE USING gist (member_id WITH =, during WITH &&)
);

CREATE TABLE lessons (
    id bigserial PRIMARY KEY,
    trainer text NOT NULL,
    kind court NOT NULL,
    first_day date NOT NULL,
    last_day date NOT NULL,
    cancelled boolean NOT NULL DEFAULT false,
    CHECK (last_day >= first_day),
    EXCLUDE USING gist (trainer WITH =, kind WITH =, daterange(first_day, last_day, '[]') WITH &&) WHERE (NOT cancelled)
);

CREATE TABLE aircraft_days (
    aircraft text NOT NULL CHECK (aircraft ~ '^[A-Z]{2}-[A-Z]{3}$'),
    flown_on date NOT NULL,
    route integer NOT NULL,
    leg smallint NOT NULL CHECK (leg BETWEEN 1 AND 8),
    PRIMARY KEY (aircraft, flown_on, leg),
    EXCLUDE USING gist (aircraft WITH =, flown_on WITH =, route WITH <>)
);

RESET search_path;
