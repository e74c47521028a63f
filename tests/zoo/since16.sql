CREATE TABLE zoo.since16 (a text STORAGE EXTERNAL, b integer);
CREATE VIEW zoo.json16 AS SELECT JSON_OBJECT('a' : 1, 'b' : NULL ABSENT ON NULL) AS o, JSON_ARRAY(1, 2, 'c') AS l,
    '{}' IS JSON OBJECT WITH UNIQUE KEYS AS ok, JSON_ARRAYAGG(b ORDER BY b) AS g FROM zoo.since16;
CREATE VIEW zoo.any16 AS SELECT any_value(b) AS v, 0x1F + 1_000 AS n FROM zoo.since16;
