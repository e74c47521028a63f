INSERT INTO content."user" VALUES
    ('00000000-0000-4000-8000-000000000001', 'Ann.A', '{author,"Editor in Chief"}', 'https://ann.example', repeat('ab', 32), 'ann@cms.example'),
    ('00000000-0000-4000-8000-000000000002', 'bob', DEFAULT, NULL, repeat('cd', 32), 'bob@cms.example');
INSERT INTO "Web Site"."user" VALUES ('00000000-0000-4000-8000-000000000002', false);
INSERT INTO content."Page" ("ID", "Parent Page", slug, path, "The Author", state, "Published At", "Withdrawn At", created, tags) VALUES
    (1, NULL, 'home', 'home', '00000000-0000-4000-8000-000000000001', 'published', '2026-01-02', NULL, '2026-01-01', '{news,blog}'),
    (2, 1, 'about-us', 'home.about_us', '00000000-0000-4000-8000-000000000001', 'withdrawn', '2026-01-02', '2026-02-01', '2026-01-01', '{}');
SELECT setval('content."Page_ID_seq"', 2);
INSERT INTO content.translations (page, locale, title, body, blocks, seo) VALUES
    (1, 'en', 'Home', 'Welcome home', '[{"kind": "text"}]', '{"robots": "index"}'), (1, 'de-AT', 'Servus', DEFAULT, DEFAULT, NULL);
INSERT INTO content.menus VALUES ('main'), ('footer');
INSERT INTO content."order" VALUES ('main', 0, 1, 'en', NULL), ('main', 1, NULL, NULL, 'Contact');
INSERT INTO content."table" ("to", "where", "limit", "offset") VALUES ('a', NULL, 20, 5), ('a', NULL, NULL, 50), ('a', 'b', DEFAULT, NULL);
INSERT INTO "Web Site"."Redirect ""301"" [old→new]" VALUES ('/old', '/new', 99.5, 2);
INSERT INTO "Web Site"."a_name_of_sixty_three_bytes_is_the_longest_that_postgresql_take" VALUES (1, 2), (2, 1);
INSERT INTO "Web Site".visits VALUES (1, '2026-01-03', 'phone', 10, 7, NULL);
INSERT INTO content.single VALUES (NULL), ('x');
INSERT INTO content.counters VALUES (7), (8);
INSERT INTO content.teasers (page, position, starts, expires, clicks, likes) VALUES (1, 3, '2026-01-01', '2026-02-01', 5, 6), (2, 12, NULL, NULL, NULL, NULL);
