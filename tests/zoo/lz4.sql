CREATE TABLE zoo.with_lz4 (t text COMPRESSION lz4);
INSERT INTO zoo.with_lz4 VALUES (repeat('lz4 ', 5000));
