-- Meters and their readings, in schema metering. What is nasty in it:
--   range partitions by month, below them list and hash partitions, a default partition in some places and none in
--   others: a row that fits no partition is refused;
--   partitions by two columns, by an expression and by a generated-looking day; an attached partition with its columns
--   in another order and a check of its own; a partition in another schema;
--   foreign keys from a partitioned table, to one, and from one partitioned table to another;
--   GENERATED ALWAYS AS IDENTITY as key of what is referred to; a sequence that counts down;
--   numeric(5,2) with narrow ranges, negative scale, real and double precision with checks;
--   inet, cidr, macaddr, bit, bit varying, interval and bytea columns, unique and checked.

CREATE SCHEMA metering;
CREATE SCHEMA metering_archive;
SET search_path = metering;

CREATE TYPE medium AS ENUM ('power', 'gas', 'water');

CREATE TABLE sites (
    id integer GENERATED ALWAYS AS IDENTITY (MINVALUE 1 MAXVALUE 30000) PRIMARY KEY,
    name text NOT NULL UNIQUE,
    lat numeric(8,6) NOT NULL CHECK (abs(lat) <= 90),
    lon numeric(9,6) NOT NULL CHECK (abs(lon) <= 180),
    altitude numeric(3,-1) CHECK (altitude BETWEEN -400 AND 8800),
    timezone text NOT NULL CHECK (timezone IN ('Europe/Berlin', 'Europe/Lisbon', 'UTC')),
    installed_on date NOT NULL
);

CREATE TABLE gateways (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    site_id integer NOT NULL REFERENCES sites,
    mac macaddr NOT NULL UNIQUE,
    address inet NOT NULL CHECK (address <<= inet '10.0.0.0/8'),
    subnet cidr NOT NULL CHECK (masklen(subnet) BETWEEN 16 AND 30),
    firmware text NOT NULL CHECK (firmware ~ '^\d{1,2}\.\d{1,2}\.\d{1,3}$'),
    flags bit(8) NOT NULL DEFAULT B'00000000',
    tags bit varying(16),
    public_key bytea UNIQUE CHECK (length(public_key) = 32),
    uptime interval NOT NULL CHECK (uptime >= interval '0 seconds' AND uptime < interval '10 years')
);

CREATE TABLE meters (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gateway_id bigint REFERENCES gateways,
    serial char(12) NOT NULL UNIQUE CHECK (serial ~ '^[A-Z]{2}[0-9]{10}$'),
    medium medium NOT NULL,
    factor numeric(5,2) NOT NULL CHECK (factor > 0 AND factor <= 100.00),
    tolerance real NOT NULL DEFAULT 0.5 CHECK (tolerance >= 0.1 AND tolerance <= 2.5),
    UNIQUE (id, medium)
);

-- By month, below by medium, below that by hash; rows outside the three months have no place
CREATE TABLE readings (
    meter_id integer NOT NULL,
    medium medium NOT NULL,
    read_at timestamptz NOT NULL,
    value numeric(5,2) NOT NULL CONSTRAINT value_range CHECK (value BETWEEN -50 AND 999.99),
    quality smallint NOT NULL DEFAULT 100 CONSTRAINT quality_known CHECK (quality IN (0, 50, 100)),
    raw double precision CONSTRAINT raw_range CHECK (raw > -1e6 AND raw < 1e6),
    PRIMARY KEY (meter_id, medium, read_at),
    FOREIGN KEY (meter_id, medium) REFERENCES meters (id, medium)
) PARTITION BY RANGE (read_at);

CREATE TABLE readings_2026_01 PARTITION OF readings
    FOR VALUES FROM ('2026-01-01 00:00+00') TO ('2026-02-01 00:00+00') PARTITION BY LIST (medium);
CREATE TABLE readings_2026_01_power PARTITION OF readings_2026_01 FOR VALUES IN ('power') PARTITION BY HASH (meter_id);
CREATE TABLE readings_2026_01_power_0 PARTITION OF readings_2026_01_power FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE readings_2026_01_power_1 PARTITION OF readings_2026_01_power FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE readings_2026_01_power_2 PARTITION OF readings_2026_01_power FOR VALUES WITH (MODULUS 3, REMAINDER 2);
CREATE TABLE readings_2026_01_rest PARTITION OF readings_2026_01 DEFAULT;
CREATE TABLE readings_2026_02 PARTITION OF readings
    FOR VALUES FROM ('2026-02-01 00:00+00') TO ('2026-03-01 00:00+00') PARTITION BY LIST (medium);
CREATE TABLE readings_2026_02_power PARTITION OF readings_2026_02 FOR VALUES IN ('power');
CREATE TABLE readings_2026_02_pipes PARTITION OF readings_2026_02 FOR VALUES IN ('gas', 'water');
-- Columns in another order, a check of its own, in another schema
CREATE TABLE metering_archive.readings_2026_03 (
    quality smallint NOT NULL DEFAULT 100 CONSTRAINT quality_known CHECK (quality IN (0, 50, 100)),
    raw double precision CONSTRAINT raw_range CHECK (raw > -1e6 AND raw < 1e6),
    value numeric(5,2) NOT NULL CONSTRAINT value_range CHECK (value BETWEEN -50 AND 999.99),
    read_at timestamptz NOT NULL,
    medium medium NOT NULL,
    meter_id integer NOT NULL
);
ALTER TABLE readings ATTACH PARTITION metering_archive.readings_2026_03
    FOR VALUES FROM ('2026-03-01 00:00+00') TO ('2026-04-01 00:00+00');
ALTER TABLE metering_archive.readings_2026_03 ADD CONSTRAINT calibrated CHECK (raw IS NULL OR raw >= 0);

-- Refers to a partitioned table
CREATE TABLE reading_flags (
    meter_id integer NOT NULL,
    medium medium NOT NULL,
    read_at timestamptz NOT NULL,
    flag text NOT NULL CHECK (flag IN ('estimated', 'manual', 'replaced')),
    note varchar(80),
    PRIMARY KEY (meter_id, medium, read_at, flag),
    FOREIGN KEY (meter_id, medium, read_at) REFERENCES readings
);

-- A list with NULL among its values, and no default partition
CREATE TABLE alarms (
    id bigint GENERATED ALWAYS AS IDENTITY,
    site_id integer NOT NULL REFERENCES sites,
    severity text,
    raised_at timestamptz NOT NULL,
    cleared_at timestamptz,
    UNIQUE (id, severity),
    CHECK (cleared_at > raised_at)
) PARTITION BY LIST (severity);
CREATE TABLE alarms_high PARTITION OF alarms FOR VALUES IN ('critical', 'major');
CREATE TABLE alarms_low PARTITION OF alarms FOR VALUES IN ('minor', NULL);

-- By two columns; the years have bounds, the sites not
CREATE TABLE yearly (
    year smallint NOT NULL,
    site_id integer NOT NULL REFERENCES sites,
    medium medium NOT NULL,
    consumed bigint NOT NULL CHECK (consumed >= 0),
    PRIMARY KEY (year, site_id, medium)
) PARTITION BY RANGE (year, site_id);
CREATE TABLE yearly_2024 PARTITION OF yearly FOR VALUES FROM (2024, MINVALUE) TO (2025, MINVALUE);
CREATE TABLE yearly_2025_low PARTITION OF yearly FOR VALUES FROM (2025, MINVALUE) TO (2025, 100);
CREATE TABLE yearly_2025_high PARTITION OF yearly FOR VALUES FROM (2025, 100) TO (2026, MINVALUE);

-- By an expression; hash over all, with moduli that differ
CREATE TABLE tariff_events (
    tariff text NOT NULL CHECK (length(tariff) = 3),
    happened_on date NOT NULL,
    price numeric(5,4) NOT NULL CHECK (price > 0.0100 AND price < 0.9500)
) PARTITION BY LIST (lower(left(tariff, 1)));
CREATE TABLE tariff_events_a PARTITION OF tariff_events FOR VALUES IN ('a', 'b');
CREATE TABLE tariff_events_other PARTITION OF tariff_events DEFAULT;

CREATE TABLE sessions (
    gateway_id bigint NOT NULL REFERENCES gateways,
    started_at timestamp NOT NULL,
    ended_at timestamp,
    bytes_in bigint NOT NULL DEFAULT 0,
    bytes_out bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (gateway_id, started_at),
    CHECK (ended_at BETWEEN started_at AND started_at + interval '1 day'),
    CHECK (bytes_in >= 0 AND bytes_out >= 0 AND bytes_in + bytes_out < 1000000000000)
) PARTITION BY HASH (gateway_id);
CREATE TABLE sessions_0 PARTITION OF sessions FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE sessions_1 PARTITION OF sessions FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE sessions_3 PARTITION OF sessions FOR VALUES WITH (MODULUS 4, REMAINDER 3);

-- From one partitioned table to another
CREATE TABLE session_errors (
    gateway_id bigint NOT NULL,
    started_at timestamp NOT NULL,
    error_no smallint NOT NULL CHECK (error_no BETWEEN 1 AND 20),
    http_status smallint NOT NULL CHECK (http_status BETWEEN 400 AND 599),
    PRIMARY KEY (gateway_id, started_at, error_no),
    FOREIGN KEY (gateway_id, started_at) REFERENCES sessions
) PARTITION BY RANGE (error_no);
CREATE TABLE session_errors_first PARTITION OF session_errors FOR VALUES FROM (1) TO (2);
CREATE TABLE session_errors_more PARTITION OF session_errors DEFAULT;

CREATE TABLE countdown (
    left_over integer GENERATED ALWAYS AS IDENTITY (START WITH 100000 INCREMENT BY -1 MINVALUE 1 MAXVALUE 100000) PRIMARY KEY,
    said_at timestamp(0) with time zone NOT NULL DEFAULT now()
);

RESET search_path;
