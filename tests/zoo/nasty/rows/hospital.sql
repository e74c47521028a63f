SET search_path = hospital;
INSERT INTO wards VALUES ('W-01', 'Surgery', 1, DEFAULT), ('W-02', 'Paediatrics', -1, '[20,23]');
INSERT INTO rooms (ward, number, kind, beds) VALUES ('W-01', 1, 'theatre', 0), ('W-01', 2, 'bedroom', 2), ('W-02', 1, 'office', 0);
INSERT INTO staff (ward, licence, last_name, emergency, languages, hired_on, left_on) VALUES
    ('W-01', 'MD-000001', 'Abel', ROW('Eva', '+49 30 1234567'), '{de,en}', '2020-01-01', NULL),
    (NULL, NULL, 'Bach', NULL, '{fr}', '2019-05-01', '2021-01-01');
INSERT INTO patients VALUES
    ('00000000-0000-4000-8000-000000000001', 'A123456789', 'Ida', 'Ost', '1980-02-03', NULL, 'A+'),
    ('00000000-0000-4000-8000-000000000002', 'B123456789', 'Udo', 'West', '1931-02-03', '2025-01-01', NULL);
INSERT INTO patient_records VALUES ('00000000-0000-4000-8000-000000000001', '{pollen}', '{J45-0}', 170, 65.5, DEFAULT);
INSERT INTO consents (patient_id, given_at, signature) VALUES
    ('00000000-0000-4000-8000-000000000001', '2026-01-01', decode(repeat('ab', 20), 'hex'));
INSERT INTO lead_physicians VALUES ('00000000-0000-4000-8000-000000000001', 1000), ('00000000-0000-4000-8000-000000000002', 1010);
INSERT INTO bookings (room_id, ward, staff_id, during) VALUES
    (1, 'W-01', 1000, '[2026-03-01 08:00+00,2026-03-01 12:00+00)'), (1, 'W-01', 1010, '[2026-03-01 12:00+00,2026-03-01 14:00+00)');
INSERT INTO shifts VALUES
    (1000, '2026-03-01 06:00+00', '2026-03-01 14:00+00', false), (1000, '2026-03-01 07:00+00', '2026-03-01 15:00+00', true),
    (1010, '2026-03-01 06:00+00', '2026-03-01 14:00+00', false);
INSERT INTO chapel_hours VALUES ('[2026-03-01 10:00,2026-03-01 11:00)', 'service'), ('[2026-03-01 11:00,2026-03-01 12:00)', 'silence');
INSERT INTO admissions (patient_id, room_id, bed, stay, main_diagnosis, other_diagnoses, arrival_pain, pain) VALUES
    ('00000000-0000-4000-8000-000000000001', 2, 1, '[2026-02-20,2026-03-05)', 'J45-0', '{K35,E11-9}', 7, '{1,2,3}'),
    ('00000000-0000-4000-8000-000000000002', 2, 2, '[2026-02-20,)', 'I50', DEFAULT, NULL, NULL);
INSERT INTO tariffs VALUES (1, '[2025-01-01,2026-01-01)', 100, DEFAULT), (1, '[2026-01-01,)', 110, '{[2026-12-24,2026-12-27)}');
INSERT INTO device_networks VALUES ('10.1.0.0/16', 'W-01'), ('10.2.0.0/16', 'W-02');
INSERT INTO vital_signs VALUES (1, '2026-02-21 08:00+00', 72, 120, 80, 36.6), (1, '2026-02-21 12:00+00', NULL, NULL, NULL, 37.0);
RESET search_path;
