SET search_path = booking, public;
INSERT INTO members VALUES ('00000000-0000-4000-8000-000000000001', 'Ann@club.example', 'Ann'), ('00000000-0000-4000-8000-000000000002', 'bob@club.example', NULL);
INSERT INTO courts (kind, place, features) VALUES ('clay', 'north.first', 'lights => yes'), ('hard', 'hall.upper.one', DEFAULT);
INSERT INTO reservations VALUES
    (1, '00000000-0000-4000-8000-000000000001', '[2026-03-01 08:00+00,2026-03-01 09:00+00)'),
    (2, '00000000-0000-4000-8000-000000000002', '[2026-03-01 08:00+00,2026-03-01 09:00+00)');
INSERT INTO lessons (trainer, kind, first_day, last_day, cancelled) VALUES
    ('Zoe', 'clay', '2026-03-01', '2026-03-05', false), ('Zoe', 'hard', '2026-03-01', '2026-03-05', false),
    ('Zoe', 'clay', '2026-03-01', '2026-03-05', true);
INSERT INTO aircraft_days VALUES ('DE-ABC', '2026-03-01', 7, 1), ('DE-ABC', '2026-03-01', 7, 2), ('DE-ABC', '2026-03-02', 8, 1);
RESET search_path;
