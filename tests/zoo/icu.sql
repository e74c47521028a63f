-- Collations of ICU, which not every build has.
CREATE COLLATION zoo.no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION zoo.numeric_order (provider = icu, locale = 'de-u-kn-true');
CREATE TABLE zoo.caseless (t text COLLATE zoo.no_case PRIMARY KEY, n text COLLATE zoo.numeric_order);
INSERT INTO zoo.caseless VALUES ('Äpfel', 'a10'), ('b', 'a9');
CREATE INDEX caseless_n ON zoo.caseless (n COLLATE "de-x-icu" DESC);
