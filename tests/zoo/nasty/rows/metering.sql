SET search_path = metering;
INSERT INTO sites (name, lat, lon, altitude, timezone, installed_on) VALUES
    ('North', 52.5, 13.4, 30, 'Europe/Berlin', '2020-01-01'), ('South', 38.7, -9.1, NULL, 'Europe/Lisbon', '2021-01-01');
INSERT INTO gateways (site_id, mac, address, subnet, firmware, public_key, uptime) VALUES
    (1, '08:00:2b:01:02:03', '10.0.0.1', '10.0.0.0/24', '1.2.34', sha256('k'), '3 days');
INSERT INTO meters (gateway_id, serial, medium, factor) VALUES (1, 'AB0000000001', 'power', 1), (NULL, 'AB0000000002', 'gas', 0.5), (1, 'AB0000000003', 'power', 100);
INSERT INTO readings (meter_id, medium, read_at, value, quality, raw) VALUES
    (1, 'power', '2026-01-05', 1.5, 100, NULL), (2, 'gas', '2026-01-06', 2, 100, NULL), (1, 'power', '2026-02-05', -3, 50, -4), (2, 'gas', '2026-02-28', 9, 100, NULL),
    (2, 'gas', '2026-03-31 23:59+00', 999.99, 0, 5), (3, 'power', '2026-01-31', 7, 100, 0);
INSERT INTO reading_flags VALUES (1, 'power', '2026-01-05', 'manual', NULL), (1, 'power', '2026-01-05', 'estimated', 'twice');
INSERT INTO alarms (site_id, severity, raised_at, cleared_at) VALUES (1, 'major', '2026-01-01', NULL), (1, NULL, '2026-01-01', '2026-01-02');
INSERT INTO yearly VALUES (2024, 1, 'gas', 5), (2025, 2, 'power', 7);
INSERT INTO tariff_events VALUES ('Axy', '2026-01-01', 0.3), ('zzz', '2026-01-01', 0.9);
INSERT INTO sessions VALUES (1, '2026-01-01 10:00', '2026-01-01 11:00', 5, 6);
INSERT INTO session_errors VALUES (1, '2026-01-01 10:00', 1, 404), (1, '2026-01-01 10:00', 7, 503);
INSERT INTO countdown (said_at) VALUES ('2026-01-01'), ('2026-01-02');
RESET search_path;
